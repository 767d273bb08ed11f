"""The segment program written out in PuLP, for audit and for other solvers, and HiGHS fed with whole arrays.

The model has one variable per segment, so that an .lp or .mps file says exactly what was solved. PuLP calls back into
Python for each variable that is made, hashed, named or registered, and sorts them by name whenever it lists them. Here
expressions are made of pairs at once, and variables and problem spare those calls (their names already come in order),
so that writing the model out and handing it over take less time than HiGHS does to solve it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pulp
from numpy.typing import NDArray

from optimization.arrays import FloatArray, IntArray
from optimization.highs import silent_solver
from optimization.segments import Certificate, SegmentOptimum, SegmentProgram, lower_bound

Solver = Literal["highs", "cbc"]


class HighsArrays(pulp.LpSolver):  # type: ignore[misc]
    """HiGHS for PuLP models, the model handed over in one piece instead of column by column.

    Integer variables are honoured unless mip=False. Reads back values, reduced costs, prices and slacks.
    """

    name = "HighsArrays"

    def __init__(self, *, mip: bool = True, gap: float | None = None, time_limit: float | None = None) -> None:
        super().__init__(mip=mip, msg=False, timeLimit=time_limit)
        self.gap = gap

    def available(self) -> bool:
        return True

    def actualSolve(self, lp: Any, **_: Any) -> int:  # noqa: N802 - PuLP's name
        """Solve a PuLP problem in place and return PuLP's status."""
        import highspy

        solver = silent_solver()
        if self.gap is not None:
            solver.setOptionValue("mip_rel_gap", self.gap)
        if self.timeLimit is not None:
            solver.setOptionValue("time_limit", float(self.timeLimit))
        variables, rows = lp.variables(), list(lp.constraints())
        solver.passModel(_arrays(lp, variables, rows, integers=self.mip))
        solver.run()
        status = solver.getModelStatus()
        known = {
            highspy.HighsModelStatus.kOptimal: pulp.LpStatusOptimal,
            highspy.HighsModelStatus.kModelEmpty: pulp.LpStatusOptimal,
            highspy.HighsModelStatus.kInfeasible: pulp.LpStatusInfeasible,
            highspy.HighsModelStatus.kUnboundedOrInfeasible: pulp.LpStatusInfeasible,
            highspy.HighsModelStatus.kUnbounded: pulp.LpStatusUnbounded,
        }
        answer = known.get(status, pulp.LpStatusNotSolved)
        if answer == pulp.LpStatusOptimal:
            _read_back(variables, rows, solver.getSolution())
        lp.assignStatus(answer)
        return int(answer)


def _arrays(lp: Any, variables: list[Any], rows: list[Any], *, integers: bool) -> Any:
    """The problem as HiGHS wants it: columns in the order of its variables, rows in that of its constraints."""
    import highspy

    column = dict(zip(map(id, variables), range(len(variables)), strict=True))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(variables), len(rows)
    model.sense_ = highspy.ObjSense.kMaximize if lp.sense == pulp.LpMaximize else highspy.ObjSense.kMinimize
    cost = np.zeros(len(variables))
    cost[_columns(lp.objective, column)] = _coefficients(lp.objective)
    model.col_cost_ = cost
    model.col_lower_ = np.array([-np.inf if one.lowBound is None else one.lowBound for one in variables])
    model.col_upper_ = np.array([np.inf if one.upBound is None else one.upBound for one in variables])
    model.row_lower_ = np.array([-np.inf if row.getLb() is None else row.getLb() for row in rows])
    model.row_upper_ = np.array([np.inf if row.getUb() is None else row.getUb() for row in rows])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.cumsum([0, *(len(row.expr) for row in rows)]).astype(np.int32)
    model.a_matrix_.index_ = np.concatenate([np.zeros(0, np.int32), *(_columns(row.expr, column) for row in rows)])
    model.a_matrix_.value_ = np.concatenate([np.zeros(0), *(_coefficients(row.expr) for row in rows)])
    if integers and any(one.cat == pulp.LpInteger for one in variables):
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[one.cat == pulp.LpInteger] for one in variables]
    return model


def _columns(expression: Any, column: dict[int, int]) -> NDArray[np.int32]:
    return np.fromiter(map(column.__getitem__, map(id, expression)), dtype=np.int32, count=len(expression))


def _coefficients(expression: Any) -> FloatArray:
    return np.fromiter(expression.values(), dtype=np.float64, count=len(expression))


def _read_back(variables: list[Any], rows: list[Any], solution: Any) -> None:
    for one, value, reduced in zip(variables, solution.col_value, solution.col_dual, strict=True):
        one.varValue, one.dj = value, reduced
    for row, value, price in zip(rows, solution.row_value, solution.row_dual, strict=True):
        row.slack, row.pi = row.constant + value, price


class _Segment(pulp.LpVariable):  # type: ignore[misc]
    """A variable from 0 to 1 that costs no more to make and to look up than any object."""

    name = None
    __hash__ = object.__hash__
    modified = True
    lowBound = _lowbound_original = 0.0  # noqa: N815 - PuLP's name
    upBound = _upbound_original = 1.0  # noqa: N815 - PuLP's name
    cat = pulp.LpContinuous
    varValue = dj = None  # noqa: N815 - PuLP's name

    def __init__(self, name: str) -> None:
        self.name, self.hash = name, id(self)


class _Problem(pulp.LpProblem):  # type: ignore[misc]
    def _add_variables(self, variables: Iterable[Any]) -> None:
        """As PuLP's, without a call for each variable."""
        known = self._variable_ids
        for one in variables:
            if one.hash not in known:
                known[one.hash] = one
                self._variables.append(one)


@dataclass(frozen=True, eq=False)
class PulpProgram:
    """Attributes:
    problem: The `pulp.LpProblem`.
    segments: Its variables, one per segment: units as a share of the segment's width.
    size: What each row was divided by, shape (row,).
    objective_size: What the objective was divided by.
    """

    problem: Any
    segments: list[Any]
    size: FloatArray
    objective_size: float

    def write(self, path: Path) -> None:
        """Write the model where the path ends in .lp or .mps.

        Raises:
            ValueError: Another ending.
        """
        if path.suffix not in (".lp", ".mps"):
            raise ValueError(f"path must end in .lp or .mps, got {path.name}")
        (self.problem.writeLP if path.suffix == ".lp" else self.problem.writeMPS)(str(path))


def pulp_program(program: SegmentProgram, *, row_names: Sequence[str] = ()) -> PulpProgram:
    """The program in PuLP, rows and objective divided by their mean coefficient, as solvers' tolerances are absolute.

    Args:
        program: The segments and rows.
        row_names: What rows are called, without blanks; row1, row2 … where not given.
    """
    problem = _Problem("stock_levels", pulp.LpMinimize)
    segments = [_Segment(name) for name in _segment_names(program.offsets)]
    cost = program.costs() * program.width
    objective_size = _size(cost)
    problem.setObjective(_expression(segments, cost / objective_size))
    sizes = np.ones(len(program.least))
    for row in range(len(sizes)):
        coefficients = program.coefficients(row) * program.width
        sizes[row] = _size(coefficients)
        name = row_names[row] if row < len(row_names) else f"row{row + 1}"
        expression = _expression(segments, coefficients / sizes[row])
        for limit, sense, end in (
            (program.least[row], pulp.LpConstraintGE, "_least"),
            (program.most[row], pulp.LpConstraintLE, "_most"),
        ):
            if np.isfinite(limit):
                one = pulp.LpConstraint(expression, sense, rhs=float(limit / sizes[row]))
                problem.addConstraint(one, name + end)
    return PulpProgram(problem, segments, sizes, objective_size)


def solve_in_pulp(program: SegmentProgram, solver: Solver) -> SegmentOptimum | None:
    """The optimum by PuLP and a general solver; None where the rows cannot be kept.

    Raises:
        RuntimeError: The solver ends without an optimum or a proof that there is none.
    """
    model = pulp_program(program)
    if solver == "cbc":
        engine = pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, mip=False, msg=False)
    else:
        engine = HighsArrays(mip=False)
    status = model.problem.solve(engine)
    if status == pulp.LpStatusInfeasible:
        return None
    if status != pulp.LpStatusOptimal:
        raise RuntimeError(f"{solver} must end with an optimum or a proof that there is none, got {status}")
    taken = np.array([one.varValue or 0.0 for one in model.segments]) * program.width
    price = np.zeros(len(program.least))
    for row in model.problem.constraints():
        number = int(_row_of(row.name))
        price[number] += (row.pi or 0.0) * model.objective_size / model.size[number]
    price = np.where(price > 0, np.where(np.isfinite(program.least), price, 0.0), price)
    price = np.where(price < 0, np.where(np.isfinite(program.most), price, 0.0), price)
    objective, bound = float(program.costs() @ taken), lower_bound(program, price)
    size = float(np.abs(program.costs()) @ taken)
    gap = max(objective - bound, 0.0) / size if size > 0 else 0.0
    certificate = Certificate(solver, objective, bound, gap, 1, len(taken))
    return SegmentOptimum(taken, price, certificate, 0.0)


def _row_of(name: str) -> int:
    return int(name.removeprefix("row").partition("_")[0]) - 1


def _segment_names(offsets: IntArray) -> Iterable[str]:
    """s, SKU, _ and segment, padded so that their alphabetical order, which is PuLP's, is that of the segments."""
    counts = np.diff(offsets)
    digits, places = len(str(max(len(counts) - 1, 0))), len(str(max(int(counts.max(initial=1)) - 1, 0)))
    ends = [f"_{one:0{places}}" for one in range(int(counts.max(initial=0)))]
    return chain.from_iterable(
        [f"s{sku:0{digits}}{end}" for end in ends[:count]] for sku, count in enumerate(counts.tolist())
    )


def _expression(segments: list[Any], coefficients: FloatArray) -> Any:
    present = coefficients != 0
    values = coefficients[present].tolist()
    return pulp.LpAffineExpression(zip(compress(segments, present.tolist()), values, strict=True))


def _size(coefficients: FloatArray) -> float:
    present = np.abs(coefficients[coefficients != 0])
    return float(present.mean()) if len(present) else 1.0
