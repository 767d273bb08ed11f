"""Linear programs handed to HiGHS as whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.arrays import FloatArray

TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class LpAnswer:
    """Attributes:
    x: One per column.
    dual: Change of the objective per unit by which a row's limit rises, one per row.
    objective: cost · x.
    """

    x: FloatArray
    dual: FloatArray
    objective: float


def solve_lp(
    *, cost: FloatArray, upper: FloatArray, matrix: FloatArray, least: FloatArray, most: FloatArray
) -> LpAnswer:
    """Minimise cost · x with least ≤ matrix · x ≤ most and 0 ≤ x ≤ upper, by the dual simplex method.

    Args:
        cost: Shape (column,).
        upper: Shape (column,), inf where there is none.
        matrix: Dense, shape (row, column): few rows.
        least: Shape (row,), −inf where there is none.
        most: Shape (row,), inf where there is none.

    Raises:
        RuntimeError: The solver ends without an optimum.
    """
    import highspy

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cost), len(matrix)
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(len(cost)), upper
    model.row_lower_, model.row_upper_ = least, most
    rows, columns = np.nonzero(matrix)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.searchsorted(rows, np.arange(len(matrix) + 1)).astype(np.int32)
    model.a_matrix_.index_ = columns.astype(np.int32)
    model.a_matrix_.value_ = matrix[rows, columns]
    solver = silent_solver()
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS must end with an optimum, got {solver.modelStatusToString(status)}")
    solution = solver.getSolution()
    return LpAnswer(
        x=np.array(solution.col_value),
        dual=np.array(solution.row_dual),
        objective=float(solver.getInfo().objective_function_value),
    )


def silent_solver() -> Any:
    """A `highspy.Highs` on one thread that prints nothing and holds its tolerances tight."""
    import highspy

    class Silent(highspy.Highs):
        def enableCallbacks(self) -> None:  # noqa: N802 - called while it is made, and would print a banner
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()  # type: ignore[no-untyped-call]

    solver = Silent()  # type: ignore[no-untyped-call]
    for name, value in (
        ("threads", 1),
        ("primal_feasibility_tolerance", TOLERANCE),
        ("dual_feasibility_tolerance", TOLERANCE),
    ):
        solver.setOptionValue(name, value)
    return solver
