"""Why no stock levels keep all limits, and the least change that lets them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimization.arrays import FloatArray
from optimization.segments import FILL, HOLD, SegmentProgram, solve


@dataclass(frozen=True)
class RowChange:
    """The least change of one row, all others kept.

    Attributes:
        row: Number of the row.
        side: "least" or "most".
        limit: Where its limit would have to be.
    """

    row: int
    side: str
    limit: float


@dataclass(frozen=True)
class Conflict:
    """Attributes:
    rows: Numbers of rows that cannot be kept together, none of which can be left out of the quarrel.
    changes: For each of them that can settle the quarrel alone, the least change; other rows may still be in the way.
    """

    rows: tuple[int, ...]
    changes: tuple[RowChange, ...]


def conflict_of(program: SegmentProgram) -> Conflict:
    """An irreducible set of rows that contradict each other (deletion filter), and what would settle it.

    Args:
        program: One whose rows cannot all be kept.
    """
    rows = _sides(program)
    quarrel = list(rows)
    for one in rows:
        fewer = [other for other in quarrel if other != one]
        if not _can_be_kept(_only(program, fewer)):
            quarrel = fewer
    alone = _only(program, quarrel)
    changes = [change for row, side in quarrel if (change := least_change(alone, row, side)) is not None]
    return Conflict(tuple(dict.fromkeys(row for row, _ in quarrel)), tuple(changes))


def least_change(program: SegmentProgram, row: int, side: str) -> RowChange | None:
    """Where one side of a row would have to be so that all other limits can be kept; None where nothing helps."""
    rest = _only(program, [one for one in _sides(program) if one != (row, side)])
    sign = 1.0 if side == "most" else -1.0
    cost = np.zeros_like(program.cost)
    measure = int(program.measure[row])
    cost[measure] = sign * program.weight[row]
    if (measure == HOLD and sign < 0) or (measure == FILL and sign > 0):
        return None
    extreme = solve(replace(rest, cost=cost))
    if extreme.violation > 0:
        return None
    return RowChange(row, side, float(program.weight[row] @ _gains(program, extreme.taken, measure)))


def _gains(program: SegmentProgram, taken: FloatArray, measure: int) -> FloatArray:
    return np.asarray(
        np.bincount(program.sku(), taken * program.gain(measure), minlength=len(program.offsets) - 1), dtype=np.float64
    )


def _sides(program: SegmentProgram) -> list[tuple[int, str]]:
    return [
        (row, side)
        for row in range(len(program.least))
        for side, limit in (("least", program.least[row]), ("most", program.most[row]))
        if np.isfinite(limit)
    ]


def _only(program: SegmentProgram, kept: list[tuple[int, str]]) -> SegmentProgram:
    rows = np.arange(len(program.least))
    has_least = np.isin(rows, [row for row, side in kept if side == "least"])
    has_most = np.isin(rows, [row for row, side in kept if side == "most"])
    return replace(
        program,
        least=np.where(has_least, program.least, -np.inf),
        most=np.where(has_most, program.most, np.inf),
    )


def _can_be_kept(program: SegmentProgram) -> bool:
    return solve(replace(program, cost=np.zeros_like(program.cost))).violation == 0
