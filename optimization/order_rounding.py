"""From a relaxed order to a whole one: what each SKU may do near it, and the limits that suppliers' orders set."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.mixed_program import MixedProgram
from optimization.order_exchange import Choices, Limits, exchanged
from optimization.replenishment_columns import OrderProgram, OrderRound

AROUND = 2
CORE_GAP = 1e-5
CORES = (1000, 4000, 10000)


@dataclass(frozen=True)
class Rounded:
    """Attributes:
    packs: Whole, per mode of the program.
    cost: What the order costs more than ordering nothing.
    """

    packs: FloatArray
    cost: float


@dataclass(frozen=True)
class _Neighbourhood:
    """All that SKUs may do near a relaxed order whose supplier orders are whole.

    Attributes:
        choices: As the exchange has them.
        start: Likeliest choice of each SKU.
        limits: That the supplier orders set.
        mode: Of each choice, −1 for nothing.
        packs: Of each choice.
        fixed_cost: Of the supplier orders.
        relaxed_toll: What the relaxed order takes of each supplier's limits, at its prices.
        relaxed_round_toll: What it takes of the round's.
    """

    choices: Choices
    start: IntArray
    limits: Limits
    mode: IntArray
    packs: FloatArray
    fixed_cost: float
    relaxed_toll: FloatArray
    relaxed_round_toll: float


def rounded_orders(
    round_: OrderRound,
    full: OrderProgram,
    values: FloatArray,
    row_price: FloatArray,
    *,
    cores: tuple[int, ...],
    end: float,
) -> Iterator[Rounded]:
    """Cheaper and cheaper whole orders near a relaxed one, with its suppliers' orders; none if none is found.

    First by exchange, then by a program in which each SKU chooses among what it likes nearly best at the relaxation's
    prices, ever more widely.

    Args:
        round_: Without SKUs that are split among suppliers.
        full: Its program with whole packs.
        values: Of the program's first columns in the relaxation; suppliers' columns are whole.
        row_price: Dual value of the program's first rows.
        cores: How many choices more than one per SKU, those of least regret, each program has.
        end: When to stop, by the monotonic clock.
    """
    near = _neighbourhood(round_, full, values, row_price)
    if near is None:
        return
    chosen = exchanged(
        near.choices,
        near.start,
        near.limits,
        relaxed_toll=near.relaxed_toll,
        relaxed_round_toll=near.relaxed_round_toll,
    )
    if chosen is not None:
        yield _order(near, chosen, len(full.modes.offer))
    for size in cores:
        left = end - time.monotonic()
        if left <= 0:
            return
        better = _best_in_core(near, chosen, size=size, time_limit=max(left / 3, 0.1))
        if better is not None:
            chosen = better
            yield _order(near, chosen, len(full.modes.offer))


def _order(near: _Neighbourhood, chosen: IntArray, modes: int) -> Rounded:
    packs = np.zeros(modes)
    some = chosen[near.mode[chosen] >= 0]
    packs[near.mode[some]] = near.packs[some]
    return Rounded(packs, float(near.choices.cost[chosen].sum()) + near.fixed_cost)


def _best_in_core(near: _Neighbourhood, chosen: IntArray | None, *, size: int, time_limit: float) -> IntArray | None:
    """The cheapest choices that keep all limits, of those already chosen and so many of the least regret."""
    choices, limits = near.choices, near.limits
    core = np.zeros(len(choices.regret), dtype=np.bool_)
    core[np.argsort(choices.regret, kind="stable")[: len(near.start) + size]] = True
    core[near.start if chosen is None else chosen] = True
    inside = np.flatnonzero(core)
    sku = np.repeat(np.arange(len(near.start)), np.diff(choices.begins))[inside]
    supplier, load = choices.supplier[inside], choices.load[inside]
    program = MixedProgram()
    taken = program.add_columns(len(inside), cost=choices.cost[inside], upper=1.0, whole=True)
    program.add_rows(len(near.start), [(sku, taken, 1.0)], lower=1.0, upper=1.0)
    for measure in range(load.shape[1]):
        least, most = limits.least[:, measure], limits.most[:, measure]
        limited = (least > 0) | np.isfinite(most)
        row = np.append(np.where(limited, np.cumsum(limited) - 1, -1), -1)[supplier]
        if limited.any():
            entries = [(row[row >= 0], taken[row >= 0], load[row >= 0, measure])]
            program.add_rows(int(limited.sum()), entries, lower=least[limited], upper=most[limited])
        if np.isfinite(limits.round_most[measure]):
            program.add_rows(1, [(0, taken, load[:, measure])], upper=limits.round_most[measure])
    start = None if chosen is None else np.isin(inside, chosen).astype(np.float64)
    found = program.arrays().solve(offset=near.fixed_cost, relative_gap=CORE_GAP, time_limit=time_limit, start=start)
    if found.values is None:
        return None
    best = inside[found.values > 0.5]
    return best if chosen is None or choices.cost[best].sum() < choices.cost[chosen].sum() else None


def _neighbourhood(
    round_: OrderRound, full: OrderProgram, values: FloatArray, row_price: FloatArray
) -> _Neighbourhood | None:
    """None where a SKU that must be ordered has no choice left."""
    offers, modes, needs = round_.offers, full.modes, round_.needs
    weight = np.maximum(values[: len(full.corners.packs)], 0.0)
    used = np.bincount(full.corners.mode, weight, minlength=len(modes.offer)).astype(np.float64)
    mean = np.bincount(full.corners.mode, weight * full.corners.packs, minlength=len(modes.offer)).astype(np.float64)
    mean = np.divide(mean, used, out=modes.low.copy(), where=used > 1e-9)
    ordered = _ordered(full, values, len(round_.suppliers.names))
    mode, packs = _packs_near(full, used, mean)
    possible = ordered[offers.supplier[modes.offer[mode]]]
    mode, packs = mode[possible], packs[possible]
    optional = np.flatnonzero(needs.least == 0)
    none = np.zeros(len(optional))
    sku = np.concatenate([optional, offers.sku[modes.offer[mode]]])
    load = np.vstack([np.zeros((len(optional), 4)), _load(round_, full, mode, packs)])
    cost = load[:, 0] - needs.worth(sku, load[:, 1:2])[:, 0]
    at_corners = _corner_tolls(full, row_price)
    toll = np.vstack([np.zeros((len(optional), 2)), _between_corners(full, at_corners, mode, packs)])
    priced = cost - toll.sum(axis=1)
    order = np.lexsort((priced, sku))
    begins = np.searchsorted(sku[order], np.arange(len(needs.names) + 1))
    if (np.diff(begins) == 0).any():
        return None
    likely = used[mode] - 1e-6 * np.abs(packs - mean[mode]) / (1 + mean[mode])
    unused = 1 - np.bincount(offers.sku[modes.offer], used, minlength=len(needs.names))
    share = np.concatenate([unused[optional], likely])[order]
    start = np.array([begin + int(np.argmax(share[begin:end])) for begin, end in pairwise(begins.tolist())])
    supplier = np.concatenate([np.full(len(optional), -1), offers.supplier[modes.offer[mode]]])
    limits, fixed_cost = _limits(round_, full, values, ordered)
    relaxed = at_corners * weight[:, None]
    owner = offers.supplier[modes.offer[full.corners.mode]]
    choices = Choices(
        begins=begins,
        supplier=supplier[order],
        cost=cost[order],
        load=np.ascontiguousarray(load[order]),
        regret=priced[order] - np.repeat(priced[order][begins[:-1]], np.diff(begins)),
        toll=np.ascontiguousarray(toll[order]),
    )
    return _Neighbourhood(
        choices=choices,
        start=start,
        limits=limits,
        mode=np.concatenate([none.astype(np.int64) - 1, mode])[order],
        packs=np.concatenate([none, packs])[order],
        fixed_cost=fixed_cost,
        relaxed_toll=np.bincount(owner, relaxed[:, 0], minlength=len(ordered)).astype(np.float64),
        relaxed_round_toll=float(relaxed[:, 1].sum()),
    )


def _ordered(full: OrderProgram, values: FloatArray, suppliers: int) -> BoolArray:
    ordered = np.ones(suppliers, dtype=np.bool_)
    there = full.ordered >= 0
    ordered[there] = values[full.ordered[there]] > 0.5
    return ordered


def _packs_near(full: OrderProgram, used: FloatArray, mean: FloatArray) -> tuple[IntArray, FloatArray]:
    """Modes and packs: all corners, and in modes that are used the packs around their mean."""
    corners, modes = full.corners, full.modes
    taken = np.flatnonzero(used > 1e-9)
    around = np.floor(mean[taken])[:, None] + np.arange(-AROUND, AROUND + 2)
    around = np.clip(around, modes.low[taken, None], modes.high[taken, None])
    mode = np.concatenate([corners.mode, np.repeat(taken, around.shape[1])])
    pair = np.unique(np.column_stack([mode, np.concatenate([corners.packs, around.ravel()])]), axis=0)
    return pair[:, 0].astype(np.int64), np.asarray(pair[:, 1], dtype=np.float64)


def _load(round_: OrderRound, full: OrderProgram, mode: IntArray, packs: FloatArray) -> FloatArray:
    """Value, units, volume and weight of each choice."""
    offers, needs, modes = round_.offers, round_.needs, full.modes
    offer = modes.offer[mode]
    sku, units = offers.sku[offer], packs * offers.pack_size[offer]
    spend = modes.intercept[mode] + modes.price[mode] * units
    return np.column_stack([spend, units, needs.volume[sku] * units, needs.weight[sku] * units])


def _corner_tolls(full: OrderProgram, row_price: FloatArray) -> FloatArray:
    """What each corner takes of its supplier's and of the round's limits, at the relaxation's prices."""
    program = full.program
    row = np.repeat(np.arange(len(program.row_lower)), np.diff(np.append(program.begins, len(program.column))))
    own, shared = np.zeros(len(program.row_lower)), np.zeros(len(program.row_lower))
    own[: len(row_price)] = row_price
    own[full.choice_rows] = 0.0
    shared[full.round_rows], own[full.round_rows] = own[full.round_rows], 0.0
    tolls = [np.bincount(program.column, price[row] * program.factor) for price in (own, shared)]
    return np.column_stack(tolls)[: len(full.corners.packs)].astype(np.float64)


def _between_corners(full: OrderProgram, at_corners: FloatArray, mode: IntArray, packs: FloatArray) -> FloatArray:
    """Tolls of choices: straight between corners."""
    corners = full.corners
    apart = 2 * float(full.modes.high.max(initial=0.0)) + 1
    at, known = mode * apart + packs, corners.mode * apart + corners.packs
    return np.column_stack([np.interp(at, known, toll) for toll in at_corners.T]).astype(np.float64)


def _limits(round_: OrderRound, full: OrderProgram, values: FloatArray, ordered: BoolArray) -> tuple[Limits, float]:
    """Limits of value, units, volume and weight that supplier orders set, and what these cost as such."""
    suppliers = round_.suppliers
    counts = np.zeros((2, len(ordered)))
    for fill, (number, column) in enumerate(full.containers):
        counts[fill, number] = np.rint(values[column])
    containers = counts.sum(axis=0)
    by_container = suppliers.by_container
    rooms = (suppliers.container_volume, suppliers.container_weight)
    least, most = np.zeros((len(ordered), 4)), np.full((len(ordered), 4), np.inf)
    least[:, 0] = np.maximum(suppliers.required_value, np.where(ordered, suppliers.minimum_value, 0.0))
    least[:, 1] = np.where(ordered, suppliers.minimum_units, 0.0)
    most[:, 0] = suppliers.maximum_value
    for measure, room in enumerate(rooms, start=2):
        limited = np.isfinite(room) & by_container
        most[limited, measure] = containers[limited] * room[limited]
        filled = np.isfinite(room) & (counts[measure - 2] > 0)
        least[filled, measure] = (suppliers.minimum_fill * counts[measure - 2] * np.where(filled, room, 0.0))[filled]
    fixed_cost = float(
        (suppliers.order_cost * (ordered & (full.ordered >= 0)) + suppliers.container_cost * containers).sum()
    )
    round_most = np.array([round_.budget - fixed_cost, np.inf, round_.volume_capacity, round_.weight_capacity])
    return Limits(least, most, round_most), fixed_cost
