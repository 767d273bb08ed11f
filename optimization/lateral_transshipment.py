"""Which units to move between locations before the next replenishment arrives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.figures import figures, require

TOLERANCE = 1e-10
SUM_OF_PROBABILITIES = 1e-6


@dataclass(frozen=True)
class Transshipment:
    """Attributes, with a first axis of SKUs where net_stock had one:
    transfer: Units to send now, from each location (row) to each (column).
    net_stock_after: Units per location when all transfers have arrived and nothing is sold meanwhile.
    expected_shortage: Units short at the end of each period, summed over the periods, per location.
    expected_shortage_before: The same were nothing moved.
    transfer_cost: Money for moving, in-transit stock included.
    shortage_cost: Money for expected shortage.
    holding_cost: Money for expected stock on hand.
    total_cost: The three together, over all periods.
    total_cost_before: The same were nothing moved.
    """

    transfer: IntArray
    net_stock_after: IntArray
    expected_shortage: FloatArray
    expected_shortage_before: FloatArray
    transfer_cost: FloatArray
    shortage_cost: FloatArray
    holding_cost: FloatArray
    total_cost: FloatArray
    total_cost_before: FloatArray


def lateral_transshipment(
    *,
    net_stock: ArrayLike,
    demand_pmf: ArrayLike,
    transfer_cost: ArrayLike,
    transfer_time: ArrayLike = 0,
    shortage_cost: ArrayLike,
    holding_cost: ArrayLike = 0.0,
) -> Transshipment:
    """Transfers with the least expected cost until replenishment, exactly.

    A location starts with x units, sends some of those it has on hand and receives others t periods later.
    With D(u) demand from now to the end of period u and X(u) the units it has had for it by then,

        cost = Σ c·sent + Σ over locations and periods  p·E[(D(u) − X(u))+] + h·E[(X(u) − D(u))+]

    Customers wait (a shortage counts in every period it lasts), transfers are decided once, and what has
    arrived is not sent on. Each term is convex and piecewise linear in X(u), and X(u) flows from period to
    period, so this is a flow of least convex cost: its linear program has whole corners. Among plans of
    equal cost the one that moves fewest units is taken, up to the tenth digit. Each SKU is solved by itself.

    Args:
        net_stock: x, whole units on hand less units backordered, shape (location,) or (sku, location).
        demand_pmf: P(D(u) = d) for d = 0, 1, …, demand from now to the end of period u, shape
            (location, period, d) or (sku, location, period, d); see `cumulative_demand_pmf`.
        transfer_cost: c, money per unit from each location (row) to each (column), ≥ 0; infinite where none
            goes. The diagonal is not read. Shape (location, location) or (sku, location, location).
        transfer_time: t, whole periods: 0 serves the first period's demand. One that is not over within
            the periods given is never used. Shapes as for transfer_cost, or one number.
        shortage_cost: p, money per unit short and period, ≥ 0.
        holding_cost: h, money per unit on hand and period, ≥ 0; units under way cost their receiver's. Both
            one number or of a shape that broadcasts to that of net_stock.

    Raises:
        ValueError: A shape or figure that is wrong, or probabilities that do not sum to 1.

    Source: expected shortage as a separable convex flow is the usual model of rebalancing before a season's
        or cycle's demand is known; see Paterson, Kiesmüller, Teunter & Glazebrook, Inventory models with
        lateral transshipments: a review, European Journal of Operational Research 210(2), 2011.

    >>> demand = cumulative_demand_pmf([[[2], [3], [4]], [[5], [6], [10]]])  # location, equally likely path, period
    >>> plan = lateral_transshipment(
    ...     net_stock=[9, 4], demand_pmf=demand, transfer_cost=[[0, 1.0], [1.0, 0]], shortage_cost=5.0
    ... )
    >>> plan.transfer
    array([[0, 5],
           [0, 0]])
    >>> print(plan.total_cost_before.round(2), plan.total_cost.round(2))
    15.0 6.67
    """
    stock = figures(net_stock, "net_stock")
    require(stock == np.rint(stock), "net_stock must be whole units", stock)
    if stock.ndim not in (1, 2) or stock.size == 0:
        raise ValueError(f"net_stock must have shape (location,) or (sku, location), got shape {stock.shape}")
    skus, places = (1, *stock.shape)[-2:]
    pmf = _probabilities(demand_pmf, stock.shape)
    lanes = (skus, places, places)
    cost = _lane_costs(transfer_cost, (*stock.shape, places)).reshape(lanes)
    time = _spread(figures(transfer_time, "transfer_time", least=0), "transfer_time", (*stock.shape, places))
    require(time == np.rint(time), "transfer_time must be whole periods", time)
    short = _spread(figures(shortage_cost, "shortage_cost", least=0), "shortage_cost", stock.shape)
    hold = _spread(figures(holding_cost, "holding_cost", least=0), "holding_cost", stock.shape)
    problems = [
        _Problem(*given)
        for given in zip(
            stock.reshape(skus, places).astype(np.int64),
            pmf.reshape(skus, places, *pmf.shape[-2:]),
            cost,
            time.reshape(lanes).astype(np.int64),
            short.reshape(skus, places),
            hold.reshape(skus, places),
            strict=True,
        )
    ]
    transfers = [problem.transfers() for problem in problems]
    before = [problem.costs(np.zeros_like(transfer)) for problem, transfer in zip(problems, transfers, strict=True)]
    after = [problem.costs(transfer) for problem, transfer in zip(problems, transfers, strict=True)]
    sent = np.array(transfers, dtype=np.int64).reshape(*stock.shape, places)
    shape = stock.shape[:-1]

    def money(field: str) -> FloatArray:
        return np.array([getattr(one, field) for one in after]).reshape(shape)

    return Transshipment(
        transfer=sent,
        net_stock_after=stock.astype(np.int64) + sent.sum(axis=-2) - sent.sum(axis=-1),
        expected_shortage=np.array([one.short for one in after]).reshape(stock.shape),
        expected_shortage_before=np.array([one.short for one in before]).reshape(stock.shape),
        transfer_cost=money("transfer"),
        shortage_cost=money("shortage"),
        holding_cost=money("holding"),
        total_cost=money("total"),
        total_cost_before=np.array([one.total for one in before]).reshape(shape),
    )


def cumulative_demand_pmf(demand_paths: ArrayLike) -> FloatArray:
    """Probabilities of demand from now to the end of each period, from equally likely paths.

    Args:
        demand_paths: Whole units per period, shape (…, path, period). Quantiles at evenly spread levels
            serve as well, with one period.

    Returns:
        P(D(u) = d), shape (…, period, d) with d from 0 to the largest total.

    Raises:
        ValueError: Demand that is negative or not whole, or no path or period.

    >>> cumulative_demand_pmf([[0, 1], [2, 0]])
    array([[0.5, 0. , 0.5],
           [0. , 0.5, 0.5]])
    """
    paths = figures(demand_paths, "demand_paths", least=0)
    require(paths == np.rint(paths), "demand_paths must be whole units", paths)
    if paths.ndim < 2 or paths.size == 0:
        raise ValueError(f"demand_paths must have shape (…, path, period), got shape {paths.shape}")
    totals = np.moveaxis(paths.cumsum(axis=-1).astype(np.int64), -2, -1)
    rows = totals.reshape(-1, totals.shape[-1])
    width = int(rows.max()) + 1
    places = rows + width * np.arange(len(rows))[:, None]
    counts = np.bincount(places.ravel(), minlength=width * len(rows))
    return np.asarray(counts.reshape(*totals.shape[:-1], width) / totals.shape[-1])


def _probabilities(demand_pmf: ArrayLike, stocks: tuple[int, ...]) -> FloatArray:
    pmf = figures(demand_pmf, "demand_pmf", least=0)
    if pmf.ndim != len(stocks) + 2 or pmf.shape[:-2] != stocks or 0 in pmf.shape:
        wanted = ", ".join([*map(str, stocks), "period", "d"])
        raise ValueError(f"demand_pmf must have shape ({wanted}), got shape {pmf.shape}")
    total = pmf.sum(axis=-1)
    require(np.abs(total - 1) <= SUM_OF_PROBABILITIES, "demand_pmf must sum to 1 in every period", total)
    return np.asarray(pmf / total[..., None])


def _lane_costs(transfer_cost: ArrayLike, lanes: tuple[int, ...]) -> FloatArray:
    cost = _spread(np.asarray(transfer_cost, dtype=np.float64), "transfer_cost", lanes).copy()
    own = np.arange(lanes[-1])
    cost[..., own, own] = np.inf
    require(cost >= 0, "transfer_cost must be at least 0", cost)
    return cost


def _spread(given: FloatArray, name: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must have a shape that broadcasts to {shape}, got shape {given.shape}") from None


@dataclass(frozen=True)
class _Costs:
    short: FloatArray
    transfer: float
    shortage: float
    holding: float

    @property
    def total(self) -> float:
        return self.transfer + self.shortage + self.holding


@dataclass(frozen=True)
class _Problem:
    """One SKU. Attributes as `lateral_transshipment` has them."""

    stock: IntArray
    pmf: FloatArray
    lane_cost: FloatArray
    lane_time: IntArray
    short: FloatArray
    hold: FloatArray

    @property
    def periods(self) -> int:
        return int(self.pmf.shape[1])

    def costs(self, transfer: IntArray) -> _Costs:
        arrived = self.lane_time[:, :, None] <= np.arange(self.periods)
        units = self.stock[:, None] - transfer.sum(axis=1)[:, None] + (transfer[:, :, None] * arrived).sum(axis=0)
        exceeded = _exceedance(self.pmf)
        beyond = np.cumsum(exceeded[..., ::-1], axis=-1)[..., ::-1]  # E[(D − x)+] for x = 0, 1, …
        known = np.clip(units, 0, beyond.shape[-1] - 1)[..., None]
        short = np.take_along_axis(beyond, known, axis=-1)[..., 0] + np.maximum(-units, 0)
        left = units - beyond[..., 0] + short
        moving = transfer * self._moving_cost() if transfer.any() else np.zeros(transfer.shape)
        return _Costs(
            short=short.sum(axis=1),
            transfer=float(moving[transfer > 0].sum()),
            shortage=float(self.short @ short.sum(axis=1)),
            holding=float(self.hold @ np.maximum(left, 0.0).sum(axis=1)),
        )

    def transfers(self) -> IntArray:
        """Units from each location to each."""
        giver, receiver = self._useful_lanes()
        transfer = np.zeros(self.lane_cost.shape, dtype=np.int64)
        if giver.size:
            transfer[giver, receiver] = self._flow(giver, receiver)
        return transfer

    def _moving_cost(self) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.where(self.lane_cost < np.inf, self.lane_cost + self.lane_time * self.hold, 0.0)

    def _useful_lanes(self) -> tuple[IntArray, IntArray]:
        """Lanes from a location with stock that arrive in time and cost less than a unit can save at most."""
        shorter = self.short * np.maximum(self.periods - self.lane_time, 0)
        saves = shorter + (self.hold * self.periods)[:, None]
        in_time = self.lane_time < self.periods
        giver, receiver = np.nonzero(
            (self.stock > 0)[:, None] & in_time & (self.lane_cost < saves) & (self.lane_cost < np.inf)
        )
        return giver, receiver

    def _flow(self, giver: IntArray, receiver: IntArray) -> IntArray:
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        places, lanes, periods = self.stock.size, giver.size, self.periods
        segments = self._segments()
        moving = self._moving_cost()[giver, receiver]
        scale = float(np.abs(segments.slope).max(initial=0.0)) or 1.0
        columns = lanes + segments.slope.size
        lane = np.arange(lanes)
        row, column, value = (
            [segments.row],
            [lanes + np.arange(segments.slope.size)],
            [np.ones(segments.slope.size)],
        )
        for period in range(periods):
            arrived = self.lane_time[giver, receiver] <= period
            row += [giver * periods + period, receiver[arrived] * periods + period]
            column += [lane, lane[arrived]]
            value += [np.ones(lanes), np.full(int(arrived.sum()), -1.0)]
        units = csr_array(
            (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(places * periods, columns)
        )
        sent = csr_array((np.ones(lanes), (giver, lane)), shape=(places, columns))
        answer: Any = linprog(
            np.concatenate([moving / scale + TOLERANCE, segments.slope / scale]),
            A_ub=sent,
            b_ub=np.maximum(self.stock, 0),
            A_eq=units,
            b_eq=np.repeat(np.maximum(self.stock, 0), periods),
            bounds=np.column_stack([np.zeros(columns), np.concatenate([np.full(lanes, np.inf), segments.width])]),
            method="highs-ds",
            options={"dual_feasibility_tolerance": TOLERANCE, "primal_feasibility_tolerance": TOLERANCE},
        )
        if answer.status != 0:
            raise RuntimeError(f"HiGHS must end with an optimum, got {answer.message}")
        return np.asarray(np.rint(answer.x[:lanes]), dtype=np.int64)

    def _segments(self) -> "_Segments":
        """Cost of one unit more at each location and period, from none (or all backorders) on."""
        most = int(np.maximum(self.stock, 0).sum())
        row, width, slope = [], [], []
        exceeded = _exceedance(self.pmf)
        reached = np.minimum(np.cumsum(self.pmf, axis=-1), 1.0)
        for place in range(self.stock.size):
            waiting = max(-int(self.stock[place]), 0)
            for period in range(self.periods):
                gain = self.hold[place] * reached[place, period] - self.short[place] * exceeded[place, period]
                gain = np.append(gain, self.hold[place])[: most + 1]
                changes = np.flatnonzero(np.diff(gain, prepend=np.nan) != 0)
                ends = np.append(changes[1:], max(most, gain.size))
                count = changes.size + (waiting > 0)
                row.append(np.full(count, place * self.periods + period))
                slope.append(np.concatenate([[-self.short[place]] * (waiting > 0), gain[changes]]))
                width.append(np.concatenate([[waiting] * (waiting > 0), ends - changes]))
        return _Segments(np.concatenate(row), np.concatenate(width).astype(np.float64), np.concatenate(slope))


@dataclass(frozen=True)
class _Segments:
    """Attributes, of shape (segment,):
    row: Location and period.
    width: Units.
    slope: Money per unit.
    """

    row: IntArray
    width: FloatArray
    slope: FloatArray


def _exceedance(pmf: FloatArray) -> FloatArray:
    """P(D > d) for d = 0, 1, …, exact in the far tail."""
    at_least = np.cumsum(pmf[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([np.minimum(at_least[..., 1:], 1.0), np.zeros((*pmf.shape[:-1], 1))], axis=-1)
