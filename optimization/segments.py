"""Many SKUs whose levels rise by segments, under a few rows that they share: the program and its optimum.

Every SKU's reorder point starts at a lowest level and rises through segments of ever smaller worth: a segment's units
meet `fill` demand each and leave `hold` units on hand each, and `fill` never rises, `hold` never falls along a SKU.
A row sums what one measure gains over the SKUs, each with a weight:

    fill    what demand is newly met        (a service target: at least)
    hold    what comes to be on hand        (a budget, a volume: at most)
    level   the units themselves            (a supplier's minimum or maximum)

so the linear program  min Σ cost·x,  least ≤ Σ weight·gain·x ≤ most,  0 ≤ x ≤ width  needs no binaries.

`solve` uses the structure (sifting): given a price for every row, each segment says by itself whether it is worth
its cost. Only the few thousand nearest to indifference enter a master program, which HiGHS solves; its prices are
tried on all segments, and what they contradict enters in turn. The prices give a lower bound on any answer's cost
(the Lagrangian), so that the answer carries its own certificate: the gap between the two.

Source: Dantzig & Wolfe (1960); sifting as in Bixby, Gregory, Lustig, Marsten & Shanno, Operations Research 40 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.highs import solve_lp

FILL, HOLD, LEVEL = 0, 1, 2
MASTER_COLUMNS = 2_000
BUNDLES = 32
PATTERNS = 12
REMEMBERED = 32
SAMPLED_WORTHS = 200_000
SAMPLE_SKUS = 200
MOST_ROUNDS = 60
ROUNDS_BEFORE_WIDER = 4
GAP = 1e-10
PENALTY = 1e4


@dataclass(frozen=True, eq=False)
class SegmentProgram:
    """Attributes:
    offsets: Where each SKU's segments begin, shape (sku + 1,).
    width: Units, > 0, shape (segment,).
    fill: Demand met per unit, ≥ 0, never rising along a SKU, shape (segment,).
    hold: Units on hand per unit, ≥ 0, never falling along a SKU, shape (segment,).
    cost: What the objective charges per unit of each measure, shape (measure, sku): on fill at most 0, on hold
        at least 0.
    measure: FILL, HOLD or LEVEL of each row, shape (row,).
    weight: ≥ 0, shape (row, sku).
    least: Shape (row,); −inf where there is none, and on HOLD rows.
    most: Shape (row,); inf where there is none, and on FILL rows.
    """

    offsets: IntArray
    width: FloatArray
    fill: FloatArray
    hold: FloatArray
    cost: FloatArray
    measure: IntArray
    weight: FloatArray
    least: FloatArray
    most: FloatArray

    def sku(self) -> IntArray:
        """The SKU of each segment, shape (segment,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def gain(self, measure: int) -> FloatArray:
        """What a unit of each segment gains of a measure, shape (segment,)."""
        if measure == LEVEL:
            return np.ones(len(self.width))
        return self.fill if measure == FILL else self.hold

    def costs(self) -> FloatArray:
        """Objective per unit of each segment, shape (segment,)."""
        sku = self.sku()
        total: FloatArray = sum(
            (self.cost[one][sku] * self.gain(one) for one in (FILL, HOLD, LEVEL)), np.zeros(len(sku))
        )
        return total

    def coefficients(self, row: int) -> FloatArray:
        """A row's coefficient per unit of each segment, shape (segment,)."""
        return np.asarray(self.weight[row][self.sku()] * self.gain(int(self.measure[row])))

    def activity(self, x: FloatArray) -> FloatArray:
        """What each row comes to, shape (row,)."""
        totals = _measures(self, x)
        return np.array([self.weight[row] @ totals[one] for row, one in enumerate(self.measure.tolist())])

    def of_skus(self, chosen: IntArray) -> SegmentProgram:
        """The program of some SKUs alone, with the rows' limits as they are."""
        counts = np.diff(self.offsets)[chosen]
        taken = np.concatenate([np.arange(self.offsets[i], self.offsets[i + 1]) for i in chosen] or [np.arange(0)])
        return replace(
            self,
            offsets=np.concatenate(([0], np.cumsum(counts))),
            width=self.width[taken],
            fill=self.fill[taken],
            hold=self.hold[taken],
            cost=self.cost[:, chosen],
            weight=self.weight[:, chosen],
        )


@dataclass(frozen=True)
class Certificate:
    """Proof of how good an answer is, kept with it.

    Attributes:
        method: What found it: "sifting", "highs" or "cbc".
        objective: What the answer costs, without what is the same for every answer.
        bound: No answer costs less: the Lagrangian of the prices.
        gap: (objective − bound) relative to the cost of the segments taken.
        rounds: Master programs solved.
        columns: Segments in the last of them.
    """

    method: str
    objective: float
    bound: float
    gap: float
    rounds: int
    columns: int


@dataclass(frozen=True, eq=False)
class SegmentOptimum:
    """Attributes:
    taken: Units of each segment, shape (segment,).
    price: Objective per unit by which a row's limit rises, shape (row,): ≥ 0 where a `least` binds, ≤ 0 where a
        `most` does, 0 where neither.
    certificate: How good it is.
    violation: What the rows miss, each in units of its mean coefficient; 0 where the limits can be kept. Else no
        answer misses less in sum, and `taken` is one that misses so much.
    """

    taken: FloatArray
    price: FloatArray
    certificate: Certificate
    violation: float


def solve(program: SegmentProgram) -> SegmentOptimum:
    """The cheapest segments within all rows, or those that break the rows least where no choice keeps them."""
    scaled = _Scaled.of(program)
    penalised = _sift(scaled, penalty=PENALTY)
    if penalised.missed <= _negligible(scaled):
        return _optimum(scaled, penalised, violation=0.0)
    free = replace(scaled, program=replace(program, cost=np.zeros_like(program.cost)))
    least = _sift(free, penalty=1.0)
    if least.missed > _negligible(scaled):
        return _optimum(scaled, least, violation=least.missed)
    penalty = PENALTY
    while penalised.missed > _negligible(scaled) and penalty < 1e12:
        penalty *= 1e3
        penalised = _sift(scaled, penalty=penalty)
    return _optimum(scaled, penalised, violation=0.0)


def lower_bound(program: SegmentProgram, price: FloatArray) -> float:
    """What every answer costs at least, by the rows' prices (weak duality), whatever these are."""
    reduced = np.empty(len(program.width))
    _price(program, np.asarray(price, dtype=np.float64), reduced)
    return _bound(program, np.asarray(price, dtype=np.float64), reduced)


def reduced_costs(program: SegmentProgram, price: FloatArray) -> FloatArray:
    """What a unit of each segment costs beyond what the rows' prices say it is worth, shape (segment,)."""
    reduced = np.empty(len(program.width))
    _price(program, np.asarray(price, dtype=np.float64), reduced)
    return np.asarray(np.divide(reduced, program.width, out=reduced, where=program.width > 0))


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A program with the size of its rows and its objective, since a solver's tolerances are absolute."""

    program: SegmentProgram
    row: FloatArray
    objective: float

    @classmethod
    def of(cls, program: SegmentProgram) -> _Scaled:
        rows = [
            _mean_size(program.weight[row], program, int(program.measure[row])) for row in range(len(program.least))
        ]
        each = [_mean_size(np.abs(program.cost[measure]), program, measure) for measure in (FILL, HOLD, LEVEL)]
        return cls(program, np.array(rows), sum(each) or 1.0)


def _mean_size(weight: FloatArray, program: SegmentProgram, measure: int) -> float:
    """Mean coefficient of the full segments that have one."""
    total, count = _sum_of_coefficients(program.offsets, program.width, program.gain(measure), weight)
    return total / count if total > 0 else 1.0


@dataclass(frozen=True, eq=False)
class _Sifted:
    taken: FloatArray
    price: FloatArray
    missed: float
    rounds: int
    columns: int


def _negligible(scaled: _Scaled) -> float:
    sizes = np.abs(np.concatenate((scaled.program.least, scaled.program.most)))
    largest = (sizes / np.tile(scaled.row, 2))[np.isfinite(sizes)]
    return 1e-9 * max(1.0, float(largest.max()) if len(largest) else 1.0)


def _sift(scaled: _Scaled, *, penalty: float) -> _Sifted:
    """Master programs round ever better prices, until the prices suit all segments.

    A master holds the segments nearest to indifference one by one and all others in bundles of like worth, each of
    which is taken by one share, so that it can always do what any choice can, if coarsely.
    """
    program = scaled.program
    segments = len(program.width)
    price = _first_prices(scaled, penalty) if segments > MASTER_COLUMNS else np.zeros(len(program.least))
    reduced = np.empty(segments)
    pattern = _patterns(program)
    history = np.zeros(segments, dtype=np.int64)
    best: _Sifted | None = None
    best_objective, best_bound, most = np.inf, -np.inf, MASTER_COLUMNS
    for rounds in range(1, MOST_ROUNDS + 1):
        member = _members(program, price, pattern, history, most)
        taken, price, missed = _master(scaled, member, penalty)
        _price(program, price, reduced)
        objective = _objective(program, taken) + penalty * scaled.objective * missed
        bound = _bound(program, price, reduced)
        if best is None or objective < best_objective or (objective == best_objective and bound > best_bound):
            best = _Sifted(taken, price, missed, rounds, int(member.max(initial=-1)) + 1)
            best_objective = objective
        if bound > best_bound:
            best_bound = bound
            best = replace(best, price=price)
        size = _size(program, best.taken, scaled) + penalty * scaled.objective * best.missed
        if best_objective - best_bound <= GAP * size or most >= 2 * segments:
            break
        if rounds % ROUNDS_BEFORE_WIDER == 0:
            most *= 2
    if best is None:
        raise RuntimeError("no master program was solved")
    return replace(best, rounds=rounds)


def _size(program: SegmentProgram, taken: FloatArray, scaled: _Scaled) -> float:
    totals = _measures(program, taken)
    return float(sum(np.abs(program.cost[one]) @ totals[one] for one in (FILL, HOLD, LEVEL))) + scaled.objective


def _objective(program: SegmentProgram, taken: FloatArray) -> float:
    totals = _measures(program, taken)
    return float(sum(program.cost[one] @ totals[one] for one in (FILL, HOLD, LEVEL)))


def _first_prices(scaled: _Scaled, penalty: float) -> FloatArray:
    """Prices of a sample of the SKUs, the limits shared out as the full segments are."""
    program = scaled.program
    skus = len(program.offsets) - 1
    chosen = np.unique(np.linspace(0, skus - 1, min(SAMPLE_SKUS, skus)).astype(np.int64))
    sample = program.of_skus(chosen)
    share = np.empty(len(program.least))
    for row in range(len(share)):
        gain = int(program.measure[row])
        whole, _ = _sum_of_coefficients(program.offsets, program.width, program.gain(gain), program.weight[row])
        part, _ = _sum_of_coefficients(sample.offsets, sample.width, sample.gain(gain), sample.weight[row])
        share[row] = part / whole if whole > 0 else 0.0
    limited = replace(sample, least=_times(sample.least, share), most=_times(sample.most, share))
    every = np.arange(len(sample.width))
    return _master(_Scaled.of(limited), every, penalty)[1]


def _times(limits: FloatArray, share: FloatArray) -> FloatArray:
    return np.where(np.isfinite(limits), np.where(np.isfinite(limits), limits, 0.0) * share, limits)


def _patterns(program: SegmentProgram) -> IntArray:
    """Number of each SKU's set of rows, at most `PATTERNS`, shape (sku,): bundles hold SKUs of the same rows."""
    code = np.zeros(len(program.offsets) - 1, dtype=np.int64)
    for weight in program.weight:
        code = (code * 2 + (weight > 0)) % (2**31 - 1)
    return np.asarray(np.unique(code, return_inverse=True)[1] % PATTERNS, dtype=np.int64)


def _members(program: SegmentProgram, price: FloatArray, pattern: IntArray, history: IntArray, most: int) -> IntArray:
    """The column of the master that each segment belongs to, shape (segment,).

    The `most` segments that the least change of prices would turn have columns of their own; the others share
    theirs with those of like worth that were worth their cost at the same of the last prices. `history` (a bit for
    each of these) is brought up to date, so that prices that swing to and fro find their ways separated.
    """
    segments = len(program.width)
    if segments <= most:
        return np.arange(segments)
    worth = np.empty(segments)
    _relative_worth(program.offsets, program.fill, program.hold, net_costs(program, price), worth)
    near = np.argpartition(np.abs(worth), most)[:most]
    member = _bundles(program.offsets, worth, _bundle_edges(worth, most), pattern, history)
    member += most
    member[near] = np.arange(most)
    present = np.zeros(int(member.max()) + 1, dtype=np.bool_)
    present[member] = True
    return np.asarray((np.cumsum(present) - 1)[member])


def _bundle_edges(worth: FloatArray, most: int) -> FloatArray:
    """Worths between which segments share a column, ever closer towards 0, where the next prices will lie."""
    distances = np.sort(np.abs(worth[:: max(1, len(worth) // SAMPLED_WORTHS)]))
    ranks = np.geomspace(min(most / len(worth), 1.0), 1.0, BUNDLES // 2) * (len(distances) - 1)
    edges = distances[ranks.astype(np.int64)]
    return np.unique(np.concatenate((-edges, [0.0], edges)))


def _master(scaled: _Scaled, member: IntArray, penalty: float) -> tuple[FloatArray, FloatArray, float]:
    """Units of every segment, the rows' prices, and what the rows miss.

    A column is taken by a share between 0 and 1, and each row may miss its limit at the penalty.
    """
    program, rows = scaled.program, len(scaled.program.least)
    columns = int(member.max(initial=-1)) + 1
    if columns + rows == 0:
        return np.zeros(0), np.zeros(0), 0.0
    matrix = np.zeros((rows, columns + 2 * rows))
    cost = np.zeros(columns)
    _column_sums(
        program.offsets, program.width, program.fill, program.hold, program.measure, program.weight, program.cost,
        member, matrix, cost,
    )  # fmt: skip
    matrix /= scaled.row[:, None]
    matrix[:, columns:] = np.hstack((np.eye(rows), -np.eye(rows)))
    answer = solve_lp(
        cost=np.concatenate((cost / scaled.objective, np.full(2 * rows, penalty))),
        upper=np.concatenate((np.ones(columns), np.full(2 * rows, np.inf))),
        matrix=matrix,
        least=program.least / scaled.row,
        most=program.most / scaled.row,
    )
    share = np.clip(answer.x[:columns], 0.0, 1.0)
    return program.width * share[member], answer.dual * scaled.objective / scaled.row, float(answer.x[columns:].sum())


def _optimum(scaled: _Scaled, sifted: _Sifted, *, violation: float) -> SegmentOptimum:
    program = scaled.program
    taken = sifted.taken
    objective = float(program.costs() @ taken)
    size = float(np.abs(program.costs()) @ taken)
    bound = lower_bound(program, sifted.price)
    gap = (objective - bound) / size if size > 0 else 0.0
    certificate = Certificate("sifting", objective, bound, max(gap, 0.0), sifted.rounds, sifted.columns)
    return SegmentOptimum(taken, sifted.price, certificate, violation)


def net_costs(program: SegmentProgram, price: FloatArray) -> FloatArray:
    """What a unit of each measure costs net of the rows' prices, shape (measure, sku)."""
    worth = program.cost.astype(np.float64, copy=True)
    for row, measure in enumerate(program.measure.tolist()):
        if price[row]:
            worth[measure] -= price[row] * program.weight[row]
    return np.asarray(worth)


def _bound(program: SegmentProgram, price: FloatArray, reduced: FloatArray) -> float:
    limit = np.where(price > 0, program.least, np.where(price < 0, program.most, 0.0))
    if not np.isfinite(limit).all():
        return -np.inf
    return float(price @ limit + np.minimum(reduced, 0.0).sum())


def _measures(program: SegmentProgram, x: FloatArray) -> FloatArray:
    """What each SKU gains of each measure, shape (measure, sku)."""
    totals = np.empty((3, len(program.offsets) - 1))
    _totals(program.offsets, x, program.fill, program.hold, totals)
    return totals


def _price(program: SegmentProgram, price: FloatArray, reduced: FloatArray) -> None:
    """Fill in the reduced cost of each full segment at the rows' prices."""
    _reduced_costs(program.offsets, program.width, program.fill, program.hold, net_costs(program, price), reduced)


@kernel
def _totals(offsets: IntArray, x: FloatArray, fill: FloatArray, hold: FloatArray, totals: FloatArray) -> None:
    for sku in range(len(offsets) - 1):
        filled = held = units = 0.0
        for one in range(offsets[sku], offsets[sku + 1]):
            filled += fill[one] * x[one]
            held += hold[one] * x[one]
            units += x[one]
        totals[0, sku] = filled
        totals[1, sku] = held
        totals[2, sku] = units


@kernel
def _reduced_costs(
    offsets: IntArray, width: FloatArray, fill: FloatArray, hold: FloatArray, worth: FloatArray, reduced: FloatArray
) -> None:
    """Reduced cost of each full segment."""
    for sku in range(len(offsets) - 1):
        of_fill, of_hold, of_level = worth[0, sku], worth[1, sku], worth[2, sku]
        for one in range(offsets[sku], offsets[sku + 1]):
            reduced[one] = width[one] * (of_fill * fill[one] + of_hold * hold[one] + of_level)


@kernel
def _sum_of_coefficients(
    offsets: IntArray, width: FloatArray, gain: FloatArray, weight: FloatArray
) -> tuple[float, int]:
    total, count = 0.0, 0
    for sku in range(len(offsets) - 1):
        if weight[sku] > 0:
            for one in range(offsets[sku], offsets[sku + 1]):
                total += weight[sku] * gain[one] * width[one]
                count += 1
    return total, count


@kernel
def _relative_worth(
    offsets: IntArray, fill: FloatArray, hold: FloatArray, worth: FloatArray, relative: FloatArray
) -> None:
    """Reduced cost relative to its parts without their signs, in [−1, 1]: how far prices are from turning it."""
    for sku in range(len(offsets) - 1):
        of_fill, of_hold, of_level = worth[0, sku], worth[1, sku], worth[2, sku]
        for one in range(offsets[sku], offsets[sku + 1]):
            parts = abs(of_fill) * fill[one] + abs(of_hold) * hold[one] + abs(of_level)
            net = of_fill * fill[one] + of_hold * hold[one] + of_level
            relative[one] = net / parts if parts > 0 else 0.0


@kernel
def _bundles(offsets: IntArray, worth: FloatArray, edges: FloatArray, pattern: IntArray, history: IntArray) -> IntArray:
    bundle = np.empty(len(worth), dtype=np.int64)
    for sku in range(len(offsets) - 1):
        for one in range(offsets[sku], offsets[sku + 1]):
            cell = pattern[sku] * REMEMBERED + history[one]
            bundle[one] = cell * (len(edges) + 1) + np.searchsorted(edges, worth[one], side="right")
            history[one] = (2 * history[one] + (1 if worth[one] < 0 else 0)) % REMEMBERED
    return bundle


@kernel
def _column_sums(
    offsets: IntArray,
    width: FloatArray,
    fill: FloatArray,
    hold: FloatArray,
    measure: IntArray,
    weight: FloatArray,
    costs: FloatArray,
    member: IntArray,
    matrix: FloatArray,
    cost: FloatArray,
) -> None:
    """Add each full segment to its column."""
    for sku in range(len(offsets) - 1):
        for one in range(offsets[sku], offsets[sku + 1]):
            column = member[one]
            gains = (fill[one] * width[one], hold[one] * width[one], width[one])
            cost[column] += costs[0, sku] * gains[0] + costs[1, sku] * gains[1] + costs[2, sku] * gains[2]
            for row in range(len(measure)):
                if weight[row, sku] > 0:
                    matrix[row, column] += weight[row, sku] * gains[measure[row]]
