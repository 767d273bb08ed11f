"""A mixed-integer program as arrays, collected block by block and handed to HiGHS at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.highs import silent_solver

Status = Literal["optimal", "time limit", "infeasible"]
LARGEST_COEFFICIENT = 1024.0


@dataclass(frozen=True)
class Solution:
    """Attributes:
    status: "optimal" is proven to the gap asked for.
    values: One per column; None where nothing was found.
    objective: Of those values; infinite where nothing was found.
    bound: No values can have an objective below.
    """

    status: Status
    values: FloatArray | None
    objective: float
    bound: float


class MixedProgram:
    """Minimise cost · x subject to lower ≤ A·x ≤ upper, some x whole. Columns and rows come in blocks."""

    def __init__(self) -> None:
        self._columns: list[tuple[FloatArray, FloatArray, FloatArray, IntArray]] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._bounds: list[tuple[FloatArray, FloatArray]] = []
        self.columns = 0
        self.rows = 0

    def add_columns(
        self, count: int, *, cost: ArrayLike = 0.0, lower: ArrayLike = 0.0, upper: ArrayLike = np.inf, whole: bool
    ) -> IntArray:
        """Positions of so many new columns."""
        block = [np.broadcast_to(np.asarray(one, dtype=np.float64), (count,)) for one in (cost, lower, upper)]
        self._columns.append((block[0], block[1], block[2], np.full(count, int(whole), dtype=np.int64)))
        self.columns += count
        return np.arange(self.columns - count, self.columns)

    def add_rows(
        self,
        count: int,
        entries: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
        *,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
    ) -> None:
        """So many rows; each entry holds rows (from 0, within the block), columns and coefficients.

        A row is scaled by a power of two, so that the solver's absolute tolerances mean the same everywhere.
        """
        blocks = [
            np.broadcast_arrays(np.asarray(row), np.asarray(column), np.asarray(factor, dtype=np.float64))
            for row, column, factor in entries
        ]
        row = np.concatenate([block[0].ravel() for block in blocks]).astype(np.int64)
        column = np.concatenate([block[1].ravel() for block in blocks]).astype(np.int64)
        factor = np.concatenate([block[2].ravel() for block in blocks])
        largest = np.zeros(count)
        np.maximum.at(largest, row, np.abs(factor))
        scale = np.exp2(np.round(np.log2(LARGEST_COEFFICIENT / np.where(largest > 0, largest, LARGEST_COEFFICIENT))))
        scale = np.where(largest > LARGEST_COEFFICIENT, scale, np.maximum(scale, 1.0))
        self._entries.append((row + self.rows, column, factor * scale[row]))
        limits = [np.broadcast_to(np.asarray(one, dtype=np.float64), (count,)) * scale for one in (lower, upper)]
        self._bounds.append((limits[0], limits[1]))
        self.rows += count

    def arrays(self) -> "ProgramArrays":
        """The program as HiGHS takes it."""
        cost, lower, upper, whole = (np.concatenate(block) for block in zip(*self._columns, strict=True))
        row, column, factor = (np.concatenate(block) for block in zip(*self._entries, strict=True))
        row_lower, row_upper = (np.concatenate(block) for block in zip(*self._bounds, strict=True))
        order = np.lexsort((column, row))
        begins = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=self.rows))])
        return ProgramArrays(
            cost, lower, upper, whole > 0, row_lower, row_upper, begins[:-1], column[order], factor[order]
        )


@dataclass(frozen=True)
class ProgramArrays:
    """Minimise cost · x subject to row_lower ≤ A·x ≤ row_upper and lower ≤ x ≤ upper; A is held by rows.

    Attributes:
        cost, lower, upper: Shape (column,).
        whole: Which columns must be whole, shape (column,).
        row_lower, row_upper: Shape (row,).
        begins: Where each row's entries begin, shape (row,).
        column, factor: Of each entry of A.
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    whole: BoolArray
    row_lower: FloatArray
    row_upper: FloatArray
    begins: IntArray
    column: IntArray
    factor: FloatArray

    def within(self, columns: IntArray, *, lower: FloatArray, upper: FloatArray) -> "ProgramArrays":
        """The same program with other bounds on some columns."""
        low, high = self.lower.copy(), self.upper.copy()
        low[columns], high[columns] = lower, upper
        return replace(self, lower=low, upper=high)

    def opened(self, *, offset: float, whole: bool, **options: Any) -> Any:
        """A HiGHS object on one thread that holds the program, with whole columns or without."""
        import highspy

        highs = silent_solver()
        tolerances = {"primal_feasibility_tolerance": 1e-8, "dual_feasibility_tolerance": 1e-8}
        for name, value in {"parallel": "off", **tolerances, **options}.items():
            highs.setOptionValue(name, value)
        passed = highs.passModel(
            len(self.cost),
            len(self.row_lower),
            len(self.column),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            float(offset),
            self.cost,
            self.lower,
            self.upper,
            self.row_lower,
            self.row_upper,
            self.begins.astype(np.int32),
            self.column.astype(np.int32),
            self.factor,
            (self.whole & whole).astype(np.int32),
        )
        if passed == highspy.HighsStatus.kError:
            raise RuntimeError("HiGHS refused the program")
        return highs

    def solve(
        self, *, offset: float, relative_gap: float, time_limit: float, start: FloatArray | None = None
    ) -> Solution:
        """Least cost plus offset by HiGHS' branch and bound, started from a solution (NaN: unknown) if given."""
        import highspy

        if not len(self.cost):
            return self._of_nothing(offset)
        limits = {"time_limit": float(time_limit), "mip_rel_gap": float(relative_gap), "mip_abs_gap": 1e-9}
        highs = self.opened(offset=offset, whole=True, **limits)
        if start is not None:
            known = np.flatnonzero(~np.isnan(start)).astype(np.int32)
            highs.setSolution(len(known), known, start[known])
        highs.run()
        return _solution(highs, highspy)

    def _of_nothing(self, offset: float) -> Solution:
        """Without columns every row is 0."""
        if ((self.row_lower > 0) | (self.row_upper < 0)).any():
            return Solution("infeasible", None, np.inf, np.inf)
        return Solution("optimal", np.zeros(0), offset, offset)


def _solution(highs: Any, highspy: Any) -> Solution:
    ended, info = highs.getModelStatus(), highs.getInfo()
    statuses = highspy.HighsModelStatus
    if ended in {statuses.kInfeasible, statuses.kUnboundedOrInfeasible}:
        return Solution("infeasible", None, np.inf, np.inf)
    if ended not in {statuses.kOptimal, statuses.kTimeLimit}:
        raise RuntimeError(f"HiGHS must end with an optimum, a proof that there is none or out of time, got {ended}")
    found = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    return Solution(
        status="optimal" if ended == statuses.kOptimal else "time limit",
        values=np.asarray(highs.getSolution().col_value) if found else None,
        objective=float(info.objective_function_value) if found else np.inf,
        bound=float(info.mip_dual_bound),
    )
