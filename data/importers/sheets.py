"""Small files of master data and supply: named columns read by type, every bad cell collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.importers.order_files import utc_from_local
from data.importers.problems import Problems
from data.importers.reading import Coded, Mask, decimals, integers, micros, moments, read_table, texts


@dataclass(frozen=True)
class Sheet:
    """A file whose columns are asked for one by one; `errors` receives the cells that do not fit."""

    columns: Mapping[str, pa.Array]
    rows: int
    errors: Problems

    def text(self, name: str, *, required: bool = False) -> list[str | None]:
        """A text column; blanks around it are cut, None where it is empty."""
        if name not in self.columns:
            return [None] * self.rows
        coded: Coded = texts(self.columns[name])
        if required:
            self.errors.add(f"{name} is missing", positions=np.flatnonzero(coded.missing), column=name)
        return [coded[row] for row in range(self.rows)]

    def code(self, name: str) -> list[str]:
        """A required text column, in upper case."""
        return [(value or "").upper() for value in self.text(name, required=True)]

    def whole(self, name: str, *, least: int, required: bool = False) -> list[int | None]:
        """Whole numbers of at least `least`; None where empty."""
        if name not in self.columns:
            return [None] * self.rows
        empty = self._empty(name)
        values, bad = integers(self.columns[name])
        wanted = f"{name} must be a whole number, {least} or more"
        return self._checked(name, values, (bad | (values < least)) & ~empty, empty, wanted, required)

    def number(self, name: str, *, least: float, required: bool = False) -> list[float | None]:
        """Numbers of at least `least`; None where empty."""
        if name not in self.columns:
            return [None] * self.rows
        empty = self._empty(name)
        values, bad = decimals(self.columns[name])
        wanted = f"{name} must be a number, {least:g} or more"
        return self._checked(name, values, (bad | (values < least)) & ~empty, empty, wanted, required)

    def price(self, name: str, *, required: bool = False) -> list[int | None]:
        """Prices of 0 or more, scaled by 10⁶; None where empty."""
        if name not in self.columns:
            return [None] * self.rows
        empty = self._empty(name)
        values, bad = micros(self.columns[name])
        wanted = f"{name} must be a number, 0 or more"
        return self._checked(name, values, (bad | (values < 0)) & ~empty, empty, wanted, required)

    def moment(self, name: str, time_zone: str, *, required: bool = False) -> NDArray[np.datetime64]:
        """Moments in UTC, whole seconds; NaT where empty."""
        if name not in self.columns:
            return np.full(self.rows, np.datetime64("NaT"), dtype="datetime64[s]")
        written = moments(self.columns[name], name=name)
        missing = np.isnat(written.at) if required else written.bad
        problem = f"{name} must be a date or time"
        self.errors.add(problem, positions=np.flatnonzero(missing), column=name, values=self.columns[name])
        return utc_from_local(written, time_zone)

    def day(self, name: str) -> NDArray[np.datetime64]:
        """Dates as they stand; NaT where empty."""
        if name not in self.columns:
            return np.full(self.rows, np.datetime64("NaT"), dtype="datetime64[D]")
        written = moments(self.columns[name], name=name)
        problem = f"{name} must be a date"
        self.errors.add(problem, positions=np.flatnonzero(written.bad), column=name, values=self.columns[name])
        return written.at.astype("datetime64[D]")

    def refuse_repeats(self, keys: Iterable[object], columns: str) -> None:
        """An error for each row whose key came before."""
        seen: set[object] = set()
        repeated = [row for row, key in enumerate(keys) if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
        self.errors.add(f"{columns} came before in this file", positions=repeated, column=columns)

    def _is_number(self, name: str) -> bool:
        kind = self.columns[name].type
        return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))

    def _empty(self, name: str) -> Mask:
        column = self.columns[name]
        if self._is_number(name):
            values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            return np.asarray(np.isnan(values))
        return texts(column).missing

    def _checked(
        self, name: str, values: NDArray[Any], bad: Mask, empty: Mask, wanted: str, required: bool
    ) -> list[Any]:
        self.errors.add(wanted, positions=np.flatnonzero(bad), column=name, values=self.columns[name])
        if required:
            self.errors.add(f"{name} is missing", positions=np.flatnonzero(empty), column=name)
        return [None if absent else value for value, absent in zip(values.tolist(), empty.tolist(), strict=True)]


def read_sheet(path: Path, names: Iterable[str], *, required: Iterable[str], errors: Problems) -> Sheet:
    """Open a file of the given columns.

    Raises:
        UnreadableFile: the file cannot be read or lacks a required column.
    """
    names = list(names)
    table = read_table(path)
    found = table.renamed(dict.fromkeys(names, ()), {})
    table.require(found, required, layout=", ".join(names))
    return Sheet(found, table.rows, errors)
