"""What is wrong, or odd, in a file: collected as values so that a user sees all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN = 100
HEADER_ROWS = 1
WHOLE_FILE = (-1,)
"""The position that stands for the file as a whole: it is shown as row 1, the header."""


@dataclass(frozen=True)
class RowProblem:
    """One oddity: the file's row (the header is row 1), the column, the value met and what is wrong with it."""

    row: int
    column: str
    value: str | None
    problem: str

    def as_dict(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "value": self.value, "problem": self.problem}


@dataclass
class Problems:
    """Problems by kind, with the first rows of each kind kept as examples and all of them counted."""

    examples: dict[str, list[RowProblem]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(
        self, problem: str, *, positions: NDArray[np.intp] | Sequence[int], column: str, values: Any = None
    ) -> None:
        """Count `problem` at each position (0 = first row below the header).

        Args:
            problem: What is wrong, in words; the kind under which it is counted.
            positions: Indices of the rows concerned.
            column: The column to look at.
            values: Sequence indexed by position, for the value met; None where the value says nothing.
        """
        if len(positions) == 0:
            return
        self.counts[problem] = self.counts.get(problem, 0) + len(positions)
        kept = self.examples.setdefault(problem, [])
        for position in positions[: SHOWN - len(kept)]:
            value = None if values is None else values[int(position)]
            row = int(position) + HEADER_ROWS + 1
            kept.append(RowProblem(row, column, None if value is None else str(value), problem))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def shown(self) -> list[RowProblem]:
        """At most 100 examples in the file's order, every kind having its fair share of them."""
        share = SHOWN // max(len(self.examples), 1)
        first = [problem for kind in self.examples.values() for problem in kind[:share]]
        rest = [problem for kind in self.examples.values() for problem in kind[share:]]
        return sorted(first + rest[: SHOWN - len(first)], key=lambda problem: problem.row)
