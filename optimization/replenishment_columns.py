"""An order round as a tight mixed-integer program: SKUs choose among the corners of their own cost curves.

A SKU's cost (price less worth) over packs is convex within each price tier, and straight between the packs next
to the curve's bends. Weights on these corners that sum to at most one describe the convex hull of all that the SKU
can do by itself (nothing, or at least the minimum order quantity, in whole packs, at the tier's price). What
remains fractional in the relaxation is only what suppliers, budget and location share, which keeps the proven gap
small from the start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.mixed_program import MixedProgram, ProgramArrays
from optimization.order_terms import Needs, Offers, Suppliers


@dataclass(frozen=True)
class OrderRound:
    """All that one decision knows.

    Attributes:
        needs: What more units are worth.
        offers: Who sells them.
        suppliers: How suppliers deliver.
        budget: Money for purchases, order costs and containers together, maybe infinite.
        volume_capacity: Volume the location can take in, maybe infinite.
        weight_capacity: Weight it can take in, maybe infinite.
        split: Whether one SKU may be ordered from several suppliers at once.
    """

    needs: Needs
    offers: Offers
    suppliers: Suppliers
    budget: float
    volume_capacity: float
    weight_capacity: float
    split: bool

    @property
    def shortage_without(self) -> float:
        """Money lost if nothing is ordered."""
        return float((self.needs.width * self.needs.value).sum())


@dataclass(frozen=True)
class Modes:
    """An offer within one price tier: either unused or between two numbers of packs, at cost intercept + price · units.

    Attributes, of shape (mode,):
        offer: Position of the offer.
        low: Fewest packs, ≥ 1.
        high: Most packs.
        intercept: Money.
        price: Money per unit.
    """

    offer: IntArray
    low: FloatArray
    high: FloatArray
    intercept: FloatArray
    price: FloatArray


@dataclass(frozen=True)
class Corners:
    """Numbers of packs between which a mode's cost is straight, rising within a mode; shape (corner,).

    Attributes:
        mode: Position of the mode.
        packs: Whole.
    """

    mode: IntArray
    packs: FloatArray


@dataclass(frozen=True)
class OrderProgram:
    """Attributes:
    program: Its arrays.
    modes: As the corners call them.
    corners: The weights on them are the program's first columns.
    mode_packs: Columns with each mode's packs, the program's last but those of mode_used; empty where only
        suppliers' columns must be whole.
    mode_used: Columns that say whether each mode is used, the program's last.
    ordered: Columns that say whether each supplier is ordered from, −1 where it makes no difference.
    containers: Suppliers and the columns of their containers, once filled by volume, once by weight.
    supplier: Of each column, −1 for what no supplier owns.
    choice_rows: Rows that say how many choices a SKU makes and from whom.
    round_rows: Rows with the limits that all suppliers share. The others hold a supplier's.
    """

    program: ProgramArrays
    modes: Modes
    corners: Corners
    mode_packs: IntArray
    mode_used: IntArray
    ordered: IntArray
    containers: tuple[tuple[IntArray, IntArray], ...]
    supplier: IntArray
    choice_rows: IntArray
    round_rows: IntArray

    def packs(self, values: FloatArray, offers: int) -> IntArray:
        """Packs per offer of a solution."""
        chosen = np.bincount(
            self.modes.offer[self.corners.mode],
            values[: len(self.corners.packs)] * self.corners.packs,
            minlength=offers,
        )
        return np.rint(chosen).astype(np.int64)


def shared_skus(round_: OrderRound) -> BoolArray:
    """SKUs that may be split among several offers, shape (sku,)."""
    count = np.bincount(round_.offers.sku, minlength=len(round_.needs.names))
    return np.asarray((count > 1) & round_.split)


def order_modes(round_: OrderRound) -> Modes:
    """All modes that today's order can use."""
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    first, intercept, price = offers.tiers()
    pack = offers.pack_size
    alone = ~shared_skus(round_)[offers.sku]
    least = np.maximum(1.0, np.ceil(offers.moq / pack))
    least = np.where(alone, np.maximum(least, np.ceil(needs.least[offers.sku] / pack)), least)
    most = np.floor(np.minimum(needs.most[offers.sku], offers.maximum_quantity) / pack)
    most = np.minimum(most, _useful_packs(round_))
    low = np.maximum(np.ceil(first / pack[:, None]), least[:, None])
    next_first = np.column_stack([first[:, 1:], np.full(len(pack), np.inf)])
    high = np.minimum(np.ceil(next_first / pack[:, None]) - 1, most[:, None])
    usable = np.isfinite(first) & (low <= high) & suppliers.may_order[offers.supplier][:, None]
    offer, tier = np.nonzero(usable)
    return Modes(
        offer=offer,
        low=low[offer, tier],
        high=high[offer, tier],
        intercept=intercept[offer, tier],
        price=price[offer, tier],
    )


def _useful_packs(round_: OrderRound) -> FloatArray:
    """Packs per offer that satisfy every need and every minimum alone, so that one more pack only costs more."""
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    first, _, price = offers.tiers()
    sku, supplier = offers.sku, offers.supplier
    exists = np.isfinite(first)
    cheapest = np.where(exists, price, np.inf).min(axis=1)
    last_price = price[np.arange(len(sku)), exists.sum(axis=1) - 1]
    wanted = np.maximum(needs.width.sum(axis=1), needs.least)[sku]
    value = np.maximum(suppliers.minimum_value, suppliers.required_value)[supplier]
    with np.errstate(divide="ignore", invalid="ignore"):
        fill = [
            np.where(each > 0, (1 + np.ceil(_total(each * wanted, supplier, room) / room)) * room / each, 0.0)
            for each, room in (
                (needs.volume[sku], suppliers.container_volume[supplier]),
                (needs.weight[sku], suppliers.container_weight[supplier]),
            )
        ]
        units = [
            wanted,
            offers.moq,
            np.where(exists, first, 0.0).max(axis=1),
            np.where(cheapest > 0, value / cheapest, 0.0),
            suppliers.minimum_units[supplier],
            *(np.where((suppliers.minimum_fill[supplier] > 0) & np.isfinite(one), one, 0.0) for one in fill),
        ]
    packs = np.ceil(np.max(units, axis=0) / offers.pack_size) + 1
    pays = (needs.unit_value - needs.excess_cost)[sku] > last_price
    return np.where(pays, np.inf, packs)


def _total(load: FloatArray, supplier: IntArray, room: FloatArray) -> FloatArray:
    """Load of all the supplier's offers, per offer."""
    total = np.bincount(supplier, load)[supplier] if len(supplier) else load
    return np.where(np.isfinite(room), total, 0.0)


def corners_between(
    needs: Needs, sku: IntArray, step: FloatArray, low: FloatArray, high: FloatArray, *, given: ArrayLike = 0.0
) -> Corners:
    """Whole multiples of step, from low to high, next to the bends of each SKU's curve beyond the units given."""
    bends = (np.cumsum(needs.width, axis=1)[sku] - np.reshape(np.asarray(given), (-1, 1))) / step[:, None]
    around = np.column_stack([low, np.floor(bends), np.ceil(bends), high])
    around = np.sort(np.clip(around, low[:, None], high[:, None]), axis=1)
    new = np.column_stack([np.ones(len(sku), dtype=np.bool_), np.diff(around, axis=1) > 0])
    return Corners(mode=np.nonzero(new)[0], packs=around[new])


def has_minimum(suppliers: Suppliers) -> BoolArray:
    """Suppliers from whom more than the needs may have to be ordered."""
    lower = (suppliers.minimum_value, suppliers.minimum_units, suppliers.required_value, suppliers.minimum_fill)
    return np.asarray(np.sum(lower, axis=0) > 0)


def order_program(round_: OrderRound, *, whole_packs: bool) -> OrderProgram:
    """The program whose least cost, with `shortage_without` added, is the order round's.

    Without whole packs, only what concerns a supplier's order as a whole is whole: the columns are the same up
    to those that the whole packs add at the end, and the least cost is a bound.
    """
    return _Builder(round_).build(whole_packs=whole_packs)


class _Builder:
    """Adds one kind of rule at a time."""

    def __init__(self, round_: OrderRound) -> None:
        self.round = round_
        self.program = MixedProgram()
        self.shared = shared_skus(round_)
        modes = order_modes(round_)
        offers = round_.offers
        corners = corners_between(
            round_.needs, offers.sku[modes.offer], offers.pack_size[modes.offer], modes.low, modes.high
        )
        self.modes, self.corners = self._useful(modes, corners)
        modes, corners = self.modes, self.corners
        self.offer = modes.offer[corners.mode]
        self.sku, self.supplier = offers.sku[self.offer], offers.supplier[self.offer]
        self.units = corners.packs * offers.pack_size[self.offer]
        self.spend = modes.intercept[corners.mode] + modes.price[corners.mode] * self.units

    def _net_cost(self, modes: Modes, corners: Corners) -> FloatArray:
        offers = self.round.offers
        offer = modes.offer[corners.mode]
        sku, units = offers.sku[offer], corners.packs * offers.pack_size[offer]
        worth = self.round.needs.worth(sku, units[:, None])[:, 0]
        paid = modes.intercept[corners.mode] + modes.price[corners.mode] * units
        return np.asarray(paid - np.where(self.shared[sku], 0.0, worth))

    def _useful(self, modes: Modes, corners: Corners) -> tuple[Modes, Corners]:
        """Leave out corners beyond a mode's cheapest, and modes dearer than nothing, where no minimum asks for them."""
        offers = self.round.offers
        free = ~has_minimum(self.round.suppliers)[offers.supplier[modes.offer]] & ~self.shared[offers.sku[modes.offer]]
        cost = self._net_cost(modes, corners)
        least = np.full(len(modes.offer), np.inf)
        np.minimum.at(least, corners.mode, cost)
        tolerance = 1e-12 * np.maximum(1.0, np.abs(least))
        reached = np.where(cost <= (least + tolerance)[corners.mode], corners.packs, np.inf)
        cheapest = np.full(len(modes.offer), np.inf)
        np.minimum.at(cheapest, corners.mode, reached)
        optional = free & (self.round.needs.least[offers.sku[modes.offer]] == 0)
        kept_mode = ~(optional & (least > 0))
        kept = kept_mode[corners.mode] & (~free[corners.mode] | (corners.packs <= cheapest[corners.mode]))
        number = np.cumsum(kept_mode) - 1
        modes = Modes(
            offer=modes.offer[kept_mode],
            low=modes.low[kept_mode],
            high=np.where(free, np.minimum(modes.high, cheapest), modes.high)[kept_mode],
            intercept=modes.intercept[kept_mode],
            price=modes.price[kept_mode],
        )
        return modes, Corners(mode=number[corners.mode[kept]], packs=corners.packs[kept])

    def build(self, *, whole_packs: bool) -> OrderProgram:
        net = self._net_cost(self.modes, self.corners)
        self.weights = self.program.add_columns(len(net), cost=net, upper=1.0, whole=False)
        self.choice_rows: list[IntArray] = []
        self.ordered = self._suppliers_ordered()
        self.choice_rows.append(np.arange(self.program.rows))
        self.containers = self._containers()
        before = self.program.rows
        self._one_choice()
        self.choice_rows.append(np.arange(before, self.program.rows))
        self._shared_needs()
        self._supplier_limits()
        before = self.program.rows
        self._round_limits()
        round_rows = np.arange(before, self.program.rows)
        none = np.zeros(0, dtype=np.int64)
        packs, used = self._whole_packs() if whole_packs else (none, none)
        return OrderProgram(
            program=self.program.arrays(),
            modes=self.modes,
            corners=self.corners,
            mode_packs=packs,
            mode_used=used,
            ordered=self.ordered,
            containers=tuple(self.containers),
            supplier=self._owners(packs, used),
            choice_rows=np.concatenate(self.choice_rows),
            round_rows=round_rows,
        )

    def _owners(self, packs: IntArray, used: IntArray) -> IntArray:
        owner = np.full(self.program.columns, -1, dtype=np.int64)
        owner[self.weights] = self.supplier
        there = self.ordered >= 0
        owner[self.ordered[there]] = np.flatnonzero(there)
        for number, column in (*self.containers, (self.filled_either, self.filled_by_volume)):
            owner[column] = number
        if len(packs):
            owner[packs] = owner[used] = self.round.offers.supplier[self.modes.offer]
        return owner

    def _suppliers_ordered(self) -> IntArray:
        """Columns that say whether each supplier is ordered from; −1 where it makes no difference."""
        suppliers = self.round.suppliers
        matters = (suppliers.order_cost > 0) | (suppliers.minimum_value > 0) | (suppliers.minimum_units > 0)
        matters |= suppliers.by_container & (suppliers.container_cost > 0)
        column = np.full(len(suppliers.names), -1, dtype=np.int64)
        column[matters] = self.program.add_columns(
            int(matters.sum()), cost=suppliers.order_cost[matters], upper=1.0, whole=True
        )
        pairs = self.sku * len(suppliers.names) + self.supplier
        linked = column[self.supplier] >= 0
        pair, row = np.unique(pairs[linked], return_inverse=True)
        if len(pair):
            self.program.add_rows(
                len(pair),
                [
                    (row, self.weights[linked], 1.0),
                    (np.arange(len(pair)), column[pair % len(suppliers.names)], -1.0),
                ],
                upper=0.0,
            )
        return column

    def _containers(self) -> list[tuple[IntArray, IntArray]]:
        """Columns of the containers: suppliers and their columns, once where filled by volume, once by weight."""
        suppliers = self.round.suppliers
        everyone = np.arange(len(suppliers.names))
        loads = self._loads()
        most = np.minimum(suppliers.maximum_containers, self._most_containers(loads))
        by_volume, by_weight = np.isfinite(suppliers.container_volume), np.isfinite(suppliers.container_weight)
        either = by_volume & by_weight & (suppliers.minimum_fill > 0)
        groups = []
        for chosen in (by_volume, (by_weight & ~by_volume) | either):
            number = everyone[chosen]
            cost = suppliers.container_cost[chosen]
            groups.append((number, self.program.add_columns(len(number), cost=cost, upper=most[chosen], whole=True)))
        for load, room, fills in (
            (loads[0], suppliers.container_volume, groups[0]),
            (loads[1], suppliers.container_weight, groups[1]),
        ):
            self._fit_containers(load, room, groups)
            self._fill_containers(load, room, fills)
        self._limit_containers(groups, most, either)
        return groups

    def _loads(self) -> tuple[FloatArray, FloatArray]:
        needs = self.round.needs
        return needs.volume[self.sku] * self.units, needs.weight[self.sku] * self.units

    def _most_containers(self, loads: tuple[FloatArray, FloatArray]) -> FloatArray:
        """As many as all that could be ordered would take."""
        suppliers, offers = self.round.suppliers, self.round.offers
        most = np.ones(len(suppliers.names))
        for load, room in zip(loads, (suppliers.container_volume, suppliers.container_weight), strict=True):
            largest = np.zeros(len(offers.sku))
            np.maximum.at(largest, self.offer, load)
            total = np.bincount(offers.supplier, largest, minlength=len(most))
            most = np.maximum(most, np.ceil(total / room))
        return most

    def _by_supplier(
        self, suppliers: BoolArray, load: FloatArray
    ) -> tuple[int, IntArray, list[tuple[IntArray, IntArray, FloatArray]]]:
        """Rows, which row each supplier has, and the entries of a load summed over each of these suppliers."""
        row_of = np.cumsum(suppliers) - 1
        inside = suppliers[self.supplier]
        return int(suppliers.sum()), row_of, [(row_of[self.supplier[inside]], self.weights[inside], load[inside])]

    def _fit_containers(self, load: FloatArray, room: FloatArray, groups: list[tuple[IntArray, IntArray]]) -> None:
        limited = np.isfinite(room)
        rows, row_of, entries = self._by_supplier(limited, load)
        if not rows:
            return
        for number, column in groups:
            there = limited[number]
            entries.append((row_of[number[there]], column[there], -room[number[there]]))
        self.program.add_rows(rows, entries, upper=0.0)

    def _fill_containers(self, load: FloatArray, room: FloatArray, fills: tuple[IntArray, IntArray]) -> None:
        number, column = fills
        fill = self.round.suppliers.minimum_fill
        asked = np.zeros(len(room), dtype=np.bool_)
        asked[number] = fill[number] > 0
        rows, row_of, entries = self._by_supplier(asked, load)
        if rows:
            there = asked[number]
            size = fill[number[there]] * room[number[there]]
            self.program.add_rows(rows, [*entries, (row_of[number[there]], column[there], -size)], lower=0.0)

    def _limit_containers(self, groups: list[tuple[IntArray, IntArray]], most: FloatArray, either: BoolArray) -> None:
        """Filled by volume or by weight, not each in part; and an order of anything with a size needs a container."""
        suppliers = np.flatnonzero(either)
        by_volume = self.program.add_columns(len(suppliers), upper=1.0, whole=True)
        self.filled_either, self.filled_by_volume = suppliers, by_volume
        if len(suppliers):
            rows = np.arange(len(suppliers))
            columns = [self._columns_of(group, suppliers) for group in groups]
            self.program.add_rows(len(rows), [(rows, columns[0], 1.0), (rows, by_volume, -most[suppliers])], upper=0.0)
            self.program.add_rows(
                len(rows), [(rows, columns[1], 1.0), (rows, by_volume, most[suppliers])], upper=most[suppliers]
            )
        sizeless = np.zeros(len(most), dtype=np.bool_)
        terms = self.round.suppliers
        for load, room in zip(self._loads(), (terms.container_volume, terms.container_weight), strict=True):
            sizeless[self.supplier[(load == 0) & np.isfinite(room)[self.supplier]]] = True
        tied = terms.by_container & ~sizeless & (self.ordered >= 0)
        if tied.any():
            row_of = np.cumsum(tied) - 1
            entries: list[tuple[IntArray, IntArray, float]] = [(row_of[tied], self.ordered[tied], -1.0)]
            entries += [(row_of[number[tied[number]]], column[tied[number]], 1.0) for number, column in groups]
            self.program.add_rows(int(tied.sum()), entries, lower=0.0)

    @staticmethod
    def _columns_of(group: tuple[IntArray, IntArray], suppliers: IntArray) -> IntArray:
        return np.asarray(group[1][np.searchsorted(group[0], suppliers)])

    def _one_choice(self) -> None:
        """One corner per SKU, or per offer where a SKU may be split."""
        needs, offers = self.round.needs, self.round.offers
        alone = ~self.shared
        row_of = np.cumsum(alone) - 1
        inside = alone[self.sku]
        if alone.any():
            self.program.add_rows(
                int(alone.sum()),
                [(row_of[self.sku[inside]], self.weights[inside], 1.0)],
                lower=(needs.least[alone] > 0).astype(np.float64),
                upper=1.0,
            )
        split = self.shared[offers.sku]
        if split.any():
            row_of = np.cumsum(split) - 1
            inside = split[self.offer]
            self.program.add_rows(
                int(split.sum()), [(row_of[self.offer[inside]], self.weights[inside], 1.0)], upper=1.0
            )

    def _whole_packs(self) -> tuple[IntArray, IntArray]:
        """Whole packs, and either nothing or at least the mode's fewest."""
        count = len(self.modes.offer)
        rows = np.arange(count)
        packs = self.program.add_columns(count, upper=self.modes.high, whole=True)
        used = self.program.add_columns(count, upper=1.0, whole=True)
        mode = self.corners.mode
        self.program.add_rows(
            count, [(mode, self.weights, self.corners.packs), (rows, packs, -1.0)], lower=0.0, upper=0.0
        )
        self.program.add_rows(count, [(mode, self.weights, 1.0), (rows, used, -1.0)], lower=0.0, upper=0.0)
        return packs, used

    def _shared_needs(self) -> None:
        """What several offers of one SKU are worth together."""
        skus = np.flatnonzero(self.shared)
        if not len(skus):
            return
        needs, offers = self.round.needs, self.round.offers
        step = np.array([float(np.gcd.reduce(offers.pack_size[offers.sku == sku].astype(np.int64))) for sku in skus])
        largest = np.zeros(len(offers.sku))
        np.maximum.at(largest, self.offer, self.units)
        total = np.bincount(offers.sku, largest, minlength=len(needs.names))[skus]
        most = np.minimum(total / step, np.floor(needs.most[skus] / step))
        corners = corners_between(needs, skus, step, np.zeros(len(skus)), most)
        units = corners.packs * step[corners.mode]
        worth = needs.worth(skus[corners.mode], units[:, None])[:, 0]
        columns = self.program.add_columns(len(units), cost=-worth, upper=1.0, whole=False)
        row_of = np.zeros(len(needs.names), dtype=np.int64)
        row_of[skus] = np.arange(len(skus))
        inside = self.shared[self.sku]
        bought = (row_of[self.sku[inside]], self.weights[inside])
        some = units > 0
        rows = len(skus)
        self.program.add_rows(
            rows, [(corners.mode, columns, units), (*bought, -self.units[inside])], lower=0.0, upper=0.0
        )
        self.program.add_rows(rows, [(corners.mode, columns, 1.0)], lower=1.0, upper=1.0)
        self.program.add_rows(rows, [(corners.mode[some], columns[some], 1.0), (*bought, -1.0)], upper=0.0)
        self.program.add_rows(rows, [(*bought, self.units[inside])], lower=needs.least[skus], upper=needs.most[skus])

    def _supplier_limits(self) -> None:
        suppliers = self.round.suppliers
        for load, least in ((self.spend, suppliers.minimum_value), (self.units, suppliers.minimum_units)):
            asked = least > 0
            rows, row_of, entries = self._by_supplier(asked, load)
            if rows:
                own = np.flatnonzero(asked)
                self.program.add_rows(rows, [*entries, (row_of[own], self.ordered[own], -least[own])], lower=0.0)
        limited = np.isfinite(suppliers.maximum_value) | (suppliers.required_value > 0)
        rows, _, entries = self._by_supplier(limited, self.spend)
        if rows:
            lower, upper = suppliers.required_value[limited], suppliers.maximum_value[limited]
            self.program.add_rows(rows, entries, lower=lower, upper=upper)

    def _round_limits(self) -> None:
        suppliers = self.round.suppliers
        volume, weight = self._loads()
        for load, most in ((volume, self.round.volume_capacity), (weight, self.round.weight_capacity)):
            if np.isfinite(most):
                self.program.add_rows(1, [(0, self.weights, load)], upper=most)
        if np.isfinite(self.round.budget):
            ordered = self.ordered[self.ordered >= 0]
            entries = [(0, self.weights, self.spend), (0, ordered, suppliers.order_cost[self.ordered >= 0])]
            entries += [(0, column, suppliers.container_cost[number]) for number, column in self.containers]
            self.program.add_rows(1, entries, upper=self.round.budget)
