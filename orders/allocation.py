"""Which location serves which line of an order, and which lots leave the shelf: pure decisions, nothing is written.

`route` serves as many units as can be served now and then looks for the least cost: for each location used one
parcel, the days that it comes late, and every unit taken that the location is expected to need itself. It is
exact, because the problem falls into two parts:

* Which locations send. There are finitely many sets, and `_Sets` passes over only those that provably cannot be the
  best. How many units can be served does not depend on that choice beyond "enough": for a SKU of which d
  units are ordered and a are held everywhere, T = min(d, a) units are served, so a set is fit when it holds T of
  every SKU.
* What each of them sends. Once the set is fixed, parcels and lateness are spent and SKUs do not touch each other.
  Of one SKU a location's first units are free (more than it needs itself), the next one is partly needed, all
  others cost the full scarcity. The cost of one more unit from a location never falls, so the T cheapest units of
  the set can be taken in the order in which each location gives them, and no other choice of T units costs less:
  filling greedily is optimal.

All costs are whole minor units, so equal costs are equal and ties are decided by rule instead of by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, product
from math import inf, isfinite


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a SKU that a line of the order asks for; several lines may ask for one SKU.

    Attributes:
        line: The caller's handle, different for each line.
        quantity: Units, ≥ 0.
    """

    line: int
    sku: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a location holds of a SKU, at most one per SKU and location.

    Attributes:
        available: Saleable, unexpired, unreserved units; a negative number counts as none.
        expected_demand: Units that the location itself is expected to be asked for before its next receipt, ≥ 0.
    """

    sku: int
    location: int
    available: int
    expected_demand: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """A location that may serve the order.

    Attributes:
        code: What people call it; codes decide between routes that are otherwise equal.
        parcel_cost_minor: Sending one parcel from there to the order's destination, minor units, ≥ 0.
        transit_days: From the decision to the delivery, ≥ 0; may be a fraction.
    """

    location: int
    code: str
    parcel_cost_minor: int
    transit_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What parcels are weighed against, in minor units of the company's currency.

    The defaults are a convention for currencies with cents, to be set to the company's own costs.

    Attributes:
        scarcity_minor: Cost of taking a unit that its location is expected to need itself, ≥ 0.
        late_day_minor: Cost of each day that a parcel comes after the promised one, ≥ 0.
    """

    scarcity_minor: int = 150
    late_day_minor: int = 300

    def __post_init__(self) -> None:
        for name in ("scarcity_minor", "late_day_minor"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


DEFAULT_WEIGHTS = Weights()
MOST_WAYS = 512


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one line that one location sends."""

    line: int
    location: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Route:
    """Who sends what, and what it costs in minor units.

    Attributes:
        parts: In the order of the lines, those of one line by location code.
        short: (line, units) that no location can give now; lines that came first are served first.
        locations: Those that send, by code; each sends one parcel.
        cost_minor: The sum of the three that follow.
        parcel_minor: For the parcels.
        late_minor: For their days after the promised one.
        scarcity_minor: For units that their locations are expected to need themselves.
    """

    parts: tuple[Part, ...]
    short: tuple[tuple[int, int], ...]
    locations: tuple[int, ...]
    parcels: int
    cost_minor: int
    parcel_minor: int
    late_minor: int
    scarcity_minor: int


@dataclass(frozen=True, slots=True)
class Routing:
    """The route chosen and what it was chosen over.

    Attributes:
        next_best: Of the routes that serve as many units from another set of locations, the one with the least
            cost, then the fewest parcels; None where there is none.
        reason: One clause or two for people.
        proven: No route that serves as many units costs less than `chosen`.
        next_proven: Nor does one from another set of locations cost less than `next_best`.
    """

    chosen: Route
    next_best: Route | None
    reason: str
    proven: bool = True
    next_proven: bool = True


def route(
    needs: Sequence[Need],
    shelves: Iterable[Shelf],
    sites: Sequence[Site],
    *,
    weights: Weights = DEFAULT_WEIGHTS,
    promised_in_days: float | None = None,
    money: Callable[[int], str] = str,
    effort: int = 5_000,
) -> Routing:
    """The least costly way to serve as many units of the order as can be served now.

    A unit short is worse than any cost. Routes of equal cost are told apart by fewer parcels, then fewer parts (a
    line is split only where that pays), then the location codes that come first. Several lines of one SKU share
    its stock: earlier lines are served first, and none is split where all can come whole; where one must be,
    parts are few but not proven to be the fewest.

    Args:
        needs: The lines of the order.
        shelves: What is held; SKUs that nobody asked for and locations that are no site are passed over.
        sites: The locations that may send.
        weights: What a parcel is weighed against.
        promised_in_days: Days from the decision to the promised delivery; None where nothing was promised.
        money: Writes an amount of minor units in the reason.
        effort: Sets of locations to look at before the best found is taken unproven.

    Raises:
        ValueError: a line, a site or a shelf is given twice, or a number is out of range.

    >>> sites = [Site(1, "EAST", 450), Site(2, "WEST", 600)]
    >>> shelves = [Shelf(7, 1, 2), Shelf(7, 2, 9), Shelf(8, 2, 9)]
    >>> route([Need(1, 7, 1), Need(2, 8, 1)], shelves, sites).reason
    'one parcel from WEST; the next best, 2 parcels from EAST and WEST, costs 450 more'
    """
    if promised_in_days is not None and not isfinite(promised_in_days):
        raise ValueError(f"promised_in_days must be finite, got {promised_in_days}")
    if effort < 1:
        raise ValueError(f"effort must be at least 1, got {effort}")
    order = _Order(needs, shelves, sites, weights, promised_in_days)
    if len(order.places) < 2:
        chosen = order.route(len(order.places))
        return Routing(chosen, None, order.reason(chosen, None, money))
    sets = _Sets(order, effort)
    best = sets.least()
    other = sets.least_other(best.mask)
    proven, next_proven = best.proven, best.proven and other.proven
    if other.key < best.key:  # the search was cut short before it came upon what the other one found
        best, other = other, best
    chosen = order.route(best.mask, best.forced)
    next_best = order.route(other.mask, other.forced) if other.mask else None
    reason = order.reason(chosen, next_best, money, proven=proven)
    return Routing(chosen, next_best, reason, proven, next_proven)


def pick_lots(lots: Iterable[tuple[int, date | None, int]], quantity: int) -> list[tuple[int, int]]:
    """Lots to take a quantity from, first expiring first out.

    Lots without an expiry go last, ties by lot id. Which lots are too near their expiry is the caller's to say.

    Args:
        lots: (lot id, expiry or None, available units); a negative number counts as none.
        quantity: Units, ≥ 0.

    Returns:
        (lot id, units > 0) in the order of picking; the units sum to the quantity.

    Raises:
        ValueError: quantity is negative, or the lots do not hold it.

    >>> pick_lots([(1, None, 5), (2, date(2025, 3, 1), 2)], 3)
    [(2, 2), (1, 1)]
    """
    if quantity < 0:
        raise ValueError(f"quantity must not be negative, got {quantity}")
    picked = []
    left = quantity
    for lot, _, available in sorted(lots, key=_by_expiry):
        if not left:
            break
        if available > 0:
            picked.append((lot, min(available, left)))
            left -= picked[-1][1]
    if left:
        raise ValueError(f"lots must hold at least {quantity} units, got {quantity - left}")
    return picked


def _by_expiry(lot: tuple[int, date | None, int]) -> tuple[date, bool, int]:
    return lot[1] or date.max, lot[1] is None, lot[0]


# What one location can give of one SKU: units, how many of these are free, and what the first unit beyond the
# free ones costs; each further unit costs the full scarcity.
_Offer = tuple[int, int, int]
# (line, units to serve) of one SKU, in the order of the lines.
_Lines = list[tuple[int, int]]
# Per line the (place, units) that serve it.
_Given = dict[int, list[tuple[int, int]]]
# Of a set of places its mask, its key without scarcity and parts, and the packed units that it holds and has free.
_Set = tuple[int, int, int, int]
# (SKU, place) where the place must send at least one unit of the SKU.
_Forced = tuple[int, int]


@dataclass(slots=True)
class _Place:
    """A site that holds something of the order, and what it offers of each SKU."""

    site: Site
    late_minor: int
    offers: dict[int, _Offer]


class _Order:
    """What of an order can be served now, and the places that can do it, in the order of their codes.

    A set of places is a mask: bit i stands for places[i].

    Attributes:
        lines: Per SKU its lines, without the units that nobody can give.
        units: Per SKU the sum of its lines.
        short: (line, units) that nobody can give.
    """

    __slots__ = ("lines", "needs", "places", "scarcity_minor", "short", "units")

    def __init__(
        self,
        needs: Sequence[Need],
        shelves: Iterable[Shelf],
        sites: Sequence[Site],
        weights: Weights,
        promised_in_days: float | None,
    ) -> None:
        self.needs = needs
        self.scarcity_minor = weights.scarcity_minor
        wanted = _lines_by_sku(needs)
        stock = _stock_by_location(shelves, sites, wanted)
        self.lines: dict[int, _Lines] = {}
        self.units: dict[int, int] = {}
        self.short = self._serve(wanted, stock)
        self.places: list[_Place] = []
        for site in sorted(sites, key=_by_code):
            late_minor = _late_minor(site, weights, promised_in_days)
            if of_site := stock[site.location]:
                self.places.append(_Place(site, late_minor, {sku: self._offer(of_site[sku]) for sku in of_site}))

    def _serve(self, wanted: dict[int, _Lines], stock: dict[int, dict[int, Shelf]]) -> tuple[tuple[int, int], ...]:
        """Keep the units that are held somewhere, earlier lines first; returns what lines are short of."""
        held = dict.fromkeys(wanted, 0)
        for of_site in stock.values():
            for sku, shelf in of_site.items():
                held[sku] += shelf.available
        missing = {}
        for sku, lines in wanted.items():
            left = held[sku]
            for line, units in lines:
                if units > left:
                    missing[line] = units - left
                left -= min(units, left)
            if held[sku]:
                self.units[sku] = held[sku] - left
                self.lines[sku] = (
                    [(line, served) for line, units in lines if (served := units - missing.get(line, 0))]
                    if missing
                    else lines
                )
        return tuple([(need.line, missing[need.line]) for need in self.needs if need.line in missing])

    def _offer(self, shelf: Shelf) -> _Offer:
        """The unit that is free in part is charged the other part, rounded to a whole minor unit."""
        wanted, full = self.units[shelf.sku], self.scarcity_minor
        units = min(shelf.available, wanted)
        spare = shelf.available - shelf.expected_demand
        if spare >= wanted or not full:
            return units, units, full
        if spare <= 0:
            return units, 0, full
        free = int(spare)
        first = full - round((spare - free) * full)
        return (units, free, first) if first else (units, free + 1, full)

    def give(self, mask: int, forced: _Forced | None = None) -> tuple[_Given, int]:
        """The least costly split among places that together hold everything, and its cost of scarcity."""
        members = _members(mask)
        if len(members) == 1:
            return self._give_alone(members[0])
        given: _Given = {}
        scarcity_minor = 0
        for sku, lines in self.lines.items():
            units = self.units[sku]
            offers = {place: offer for place in members if (offer := self.places[place].offers.get(sku))}
            if forced and forced[0] == sku:
                taken = self._cheapest_with(forced[1], units, offers)
            else:
                taken = self._cheapest(units, offers)
            scarcity_minor += self._split_minor(offers, taken)
            if len(taken) == 1:
                (place,) = taken
                for line, of_line in lines:
                    given[line] = [(place, of_line)]
            else:
                of_sku = _split_lines(lines, taken)
                if len(lines) > 1 and not forced and any(len(of_line) > 1 for of_line in of_sku.values()):
                    of_sku = _whole_lines(lines, self._limits(units, offers)) or of_sku
                given.update(of_sku)
        return given, scarcity_minor

    def _give_alone(self, place: int) -> tuple[_Given, int]:
        offers = self.places[place].offers
        given = {line: [(place, units)] for lines in self.lines.values() for line, units in lines}
        return given, self._split_minor(offers, self.units)

    def _cheapest(self, units: int, offers: dict[int, _Offer]) -> dict[int, int]:
        """Units per place at the least cost, from as few places as that cost allows.

        While free units last, the largest offers of them need the fewest places. Beyond, every free unit is
        taken; partly needed ones follow by cost, then those that the places need in full: at equal cost first
        from places that send already, then from those that have most.
        """
        place = max(offers, key=lambda place: offers[place][1])
        if offers[place][1] >= units or len(offers) == 1:
            return {place: units}
        taken: dict[int, int] = {}
        for _, place in sorted([(-free, place) for place, (_, free, _) in offers.items() if free]):
            taken[place] = min(offers[place][1], units)
            units -= taken[place]
            if not units:
                return taken
        partly_free = [
            (first, place not in taken, place)
            for place, (held, free, first) in offers.items()
            if held > free and first < self.scarcity_minor
        ]
        for _, _, place in sorted(partly_free)[:units]:
            taken[place] = taken.get(place, 0) + 1
            units -= 1
        needed_there = [
            (place not in taken, taken.get(place, 0) - held, place) for place, (held, _, _) in offers.items()
        ]
        for _, negative, place in sorted(needed_there):
            if units and negative:
                taken[place] = taken.get(place, 0) + min(-negative, units)
                units -= min(-negative, units)
        return taken

    def _limits(self, units: int, offers: dict[int, _Offer]) -> dict[int, tuple[int, int]]:
        """The least and the most that each place sends in any split of least cost.

        Units that cost less than the dearest one taken are all taken, those that cost more are not.
        """
        lacking = units - sum([free for _, free, _ in offers.values()])
        if lacking <= 0:
            return {place: (0, free) for place, (_, free, _) in offers.items()}
        firsts = sorted([first for held, free, first in offers.values() if held > free and first < self.scarcity_minor])
        if lacking > len(firsts):
            return {
                place: (free + (held > free and first < self.scarcity_minor), held)
                for place, (held, free, first) in offers.items()
            }
        dearest = firsts[lacking - 1]
        return {
            place: (free + (held > free and first < dearest), free + (held > free and first <= dearest))
            for place, (held, free, first) in offers.items()
        }

    def _cheapest_with(self, place: int, units: int, offers: dict[int, _Offer]) -> dict[int, int]:
        """The same where the place sends at least one unit: all that it can spare, or else its cheapest unit."""
        held, free, _ = offers[place]
        own = min(free, units) or 1
        if own == units:
            return {place: units}
        left = (held - own, free - own, offers[place][2]) if free else (held - 1, 0, self.scarcity_minor)
        taken = self._cheapest(units - own, offers | {place: left})
        taken[place] = taken.get(place, 0) + own
        return taken

    def _split_minor(self, offers: dict[int, _Offer], taken: dict[int, int]) -> int:
        """The cost of scarcity of units taken, both per place of one SKU or per SKU of one place."""
        scarcity_minor = 0
        for place, units in taken.items():
            _, free, first = offers[place]
            if units > free:
                scarcity_minor += first + (units - free - 1) * self.scarcity_minor
        return scarcity_minor

    def least_forced(self, mask: int, place: int) -> tuple[int, int]:
        """What it costs more at least, and by which SKU, that a place of the mask must send something."""
        offers = self.places[place].offers
        can_spare = [sku for sku, (_, free, _) in offers.items() if free]
        if can_spare:
            return 0, min(can_spare)
        return min([(self._forced_minor(mask, (sku, place)), sku) for sku in offers])

    def _forced_minor(self, mask: int, forced: _Forced) -> int:
        sku, place = forced
        units = self.units[sku]
        offers = {other: offer for other in _members(mask) if (offer := self.places[other].offers.get(sku))}
        return self._split_minor(offers, self._cheapest_with(place, units, offers)) - self._split_minor(
            offers, self._cheapest(units, offers)
        )

    def route(self, mask: int, forced: _Forced | None = None) -> Route:
        """The least costly route in which the places of the mask send."""
        given, scarcity_minor = self.give(mask, forced)
        sites = [place.site for place in self.places]
        parts = [
            Part(need.line, sites[place].location, units)
            for need in self.needs
            for place, units in given.get(need.line, ())
        ]
        used = sorted({place for taken in given.values() for place, _ in taken})
        parcel_minor = sum([sites[place].parcel_cost_minor for place in used])
        late_minor = sum([self.places[place].late_minor for place in used])
        return Route(
            parts=tuple(parts),
            short=self.short,
            locations=tuple([sites[place].location for place in used]),
            parcels=len(used),
            cost_minor=parcel_minor + late_minor + scarcity_minor,
            parcel_minor=parcel_minor,
            late_minor=late_minor,
            scarcity_minor=scarcity_minor,
        )

    def reason(
        self, chosen: Route, next_best: Route | None, money: Callable[[int], str], *, proven: bool = True
    ) -> str:
        """Why this route, for people."""
        codes = {place.site.location: place.site.code for place in self.places}
        clauses = [_parcels_from(chosen, codes)]
        if next_best:
            clauses.append(f"the next best, {_parcels_from(next_best, codes)}, {_dearer(chosen, next_best, money)}")
        elif chosen.parcels:
            clauses.append("no other choice of locations serves as much")
        if units := sum([units for _, units in self.short]):
            clauses.append(f"{units} {'unit is' if units == 1 else 'units are'} short everywhere")
        if not proven:
            clauses.append("there were too many choices to prove it the cheapest")
        return "; ".join(clauses)


@dataclass(slots=True)
class _Best:
    """The set of least key found, 0 where none was, and whether it is proven that no other has a lesser key."""

    key: int
    mask: int = 0
    forced: _Forced | None = None
    proven: bool = False


class _Sets:
    """The sets of places that hold everything, told apart by one number.

    The key of a set counts, from its highest digits down, cost, parcels, parts beyond one a line, and codes, so
    that the least key is the best route and no two sets share one. Parcel costs, parcels and codes are sums over
    the places of a set: place i of n adds 2**n − 2**(n−1−i), which is least, among sets of one size, where the
    codes come first. Scarcity and parts depend on the set as a whole.

    Units are added up for all SKUs at once: SKU number i owns `width` bits of a long integer, where
    2**(width−1) − T + (units of the set) sets the highest bit once the set holds T. SKUs of which every place has
    T units free cannot tell sets apart and are left out.

    Attributes:
        fixed: What each place adds to the key by sending anything.
        bound, reduced: For every set, key ≥ bound + Σ reduced over its places. At first 0 and fixed.
        needed: The places without which not everything can be served.
        floor: What scarcity adds to the key at least: what it adds where all places send.
    """

    FEW = 256

    def __init__(self, order: _Order, effort: int) -> None:
        self.order, self.effort = order, effort
        places = order.places
        count = len(places)
        self.skus = [
            sku
            for sku, units in order.units.items()
            if any(sku not in place.offers or place.offers[sku][1] < units for place in places)
        ]
        self._make_keys(count)
        self._pack_units(count)
        everything = self.start + sum(self.held)
        self.needed = sum([1 << place for place in range(count) if not self._enough(everything - self.held[place])])
        self.floor = self._scarcity_key((1 << count) - 1, self.start + sum(self.free))
        self.bound, self.reduced = 0, self.fixed

    def _make_keys(self, count: int) -> None:
        order = self.order
        self.lines = sum([len(of_sku) for of_sku in order.lines.values()])
        self.part = 1 << (count + count.bit_length())
        self.parcel = self.part << (self.lines * count).bit_length()
        self.minor = self.parcel << count.bit_length()
        self.fixed = [
            (place.site.parcel_cost_minor + place.late_minor) * self.minor
            + self.parcel
            + (1 << count)
            - (1 << count >> rank)
            for rank, place in enumerate(order.places, start=1)
        ]
        worst_minor = sum(order.units.values()) * order.scarcity_minor + 1
        self.worst = sum(self.fixed) + worst_minor * self.minor

    def _pack_units(self, count: int) -> None:
        units = [self.order.units[sku] for sku in self.skus]
        self.width = (count * max(units, default=0)).bit_length() + 1
        top = 1 << (self.width - 1)
        self.enough = self._packed([top for _ in units])
        self.start = self._packed([top - of_sku for of_sku in units])
        offers = [[place.offers.get(sku, (0, 0, 0)) for sku in self.skus] for place in self.order.places]
        self.held = [self._packed([offer[0] for offer in of_place]) for of_place in offers]
        self.free = [self._packed([offer[1] for offer in of_place]) for of_place in offers]
        full = self.order.scarcity_minor
        self.partly_free: list[list[tuple[int, int]]] = [[] for _ in self.skus]
        for place, of_place in enumerate(offers):
            for number, (held, free, first) in enumerate(of_place):
                if held > free and first < full:
                    self.partly_free[number].append((1 << place, first))

    def _packed(self, numbers: list[int]) -> int:
        packed = 0
        for number in reversed(numbers):
            packed = packed << self.width | number
        return packed

    def _enough(self, held: int) -> bool:
        return held & self.enough == self.enough

    def _scarcity_key(self, mask: int, free: int) -> int:
        """What scarcity adds to the key of a set that holds everything, from the packed sum of its free units."""
        lacking = self.enough & ~free
        full, width = self.order.scarcity_minor, self.width
        top = 1 << (width - 1)
        scarcity_minor = 0
        while lacking:
            lowest = lacking & -lacking
            lacking ^= lowest
            number = lowest.bit_length() // width - 1
            units = top - (free >> (number * width) & (top - 1))
            firsts = [first for bit, first in self.partly_free[number] if bit & mask]
            if len(firsts) > units:
                firsts = sorted(firsts)[:units]
            scarcity_minor += sum(firsts) + (units - len(firsts)) * full
        return scarcity_minor * self.minor

    def _parts_key(self, mask: int, forced: _Forced | None = None) -> int:
        """What parts beyond one a line add to the key."""
        if not forced and not mask & (mask - 1):
            return 0
        given, _ = self.order.give(mask, forced)
        return (sum([len(taken) for taken in given.values()]) - self.lines) * self.part

    def least(self) -> _Best:
        """The set of least key."""
        best = self._search(0, _Best(self.worst), min(self.FEW, self.effort))
        return best if best.proven else self._search_long(0, best)

    def least_other(self, chosen: int) -> _Best:
        """The set of least key other than `chosen`, where every place must send something.

        Either it lacks a place of `chosen`; `_search` finds these. Or it has all of them and more, and then one
        more is enough to look at, if `chosen` has the least key of all. What a place saves is the fall in the sum
        of the T cheapest units of each SKU. That fall is no larger where more units are offered already, and no
        larger where fewer units are left to choose because another place must send one. Next to `chosen` alone
        no place saves more than its sending costs, so a second one more does not either, forced or not.
        """
        best = self._search(chosen, _Best(self.worst), min(self.FEW, self.effort))
        proven = best.proven
        for place in range(len(self.fixed)):
            if not chosen >> place & 1:
                best = self._with_one_more(chosen, place, best)
        best.proven = proven
        return best if proven else self._search_long(chosen, best)

    def _with_one_more(self, chosen: int, place: int, best: _Best) -> _Best:
        """The better of `best` and the set `chosen` with a place that must send something."""
        mask = chosen | 1 << place
        members = _members(mask)
        key = sum([self.fixed[member] for member in members])
        if key + self.floor >= best.key:
            return best
        extra_minor, sku = self.order.least_forced(mask, place)
        free = self.start + sum([self.free[member] for member in members])
        key += self._scarcity_key(mask, free) + extra_minor * self.minor + self._parts_key(mask, (sku, place))
        return _Best(key, mask, (sku, place)) if key < best.key else best

    def _search_long(self, avoid: int, best: _Best) -> _Best:
        """The search where a few looks did not do: with a higher bound and a better set to begin with."""
        self._raise_bound()
        best = self._search(avoid, self._improved(avoid, best), self.effort)
        return best if best.proven else self._improved(avoid, best)

    def _search(self, avoid: int, best: _Best, effort: int) -> _Best:
        """The set of least key below `best` that does not contain all of `avoid` (0 avoids nothing).

        Sets grow place by place, each taken and then passed over. A branch ends where the places left cannot hold
        everything, where the bound is not below the best key, and where no further parcel saves anything.
        """
        if avoid and self.needed & avoid == avoid:
            return _Best(best.key, best.mask, best.forced, proven=True)
        reduced, fixed, held_by, free_by = self.reduced, self.fixed, self.held, self.free
        enough, floor, least = self.enough, self.floor, best.key
        places = [place for place in range(len(fixed)) if not self.needed >> place & 1]
        places.sort(key=reduced.__getitem__)
        ahead = [0]
        for place in reversed(places):
            ahead.append(ahead[-1] + held_by[place])
        ahead.reverse()
        own, held, free = self._sums(self.needed)
        bound = self.bound + sum([reduced[place] for place in _members(self.needed)])
        if self.needed and held & enough == enough:
            key, more = self._look(self.needed, own, free, least)
            if key < least:
                best, least = _Best(key, self.needed), key
            if not more:
                return _Best(least, best.mask, best.forced, proven=True)
        looks = 0
        branches = [(0, self.needed, bound, own, held, free)]
        while branches:
            position, mask, bound, own, held, free = branches.pop()
            if position == len(places) or (held + ahead[position]) & enough != enough:
                continue
            place = places[position]
            position += 1
            if bound + reduced[place] >= least:  # and so with all places after it
                continue
            branches.append((position, mask, bound, own, held, free))
            mask |= 1 << place
            own += fixed[place]
            if own + floor >= least or (avoid and mask & avoid == avoid):
                continue
            if looks == effort:
                return best
            looks += 1
            held += held_by[place]
            free += free_by[place]
            if held & enough == enough:
                key, more = self._look(mask, own, free, least)
                if key < least:
                    best, least = _Best(key, mask), key
                if not more:
                    continue
            branches.append((position, mask, bound + reduced[place], own, held, free))
        return _Best(least, best.mask, best.forced, proven=True)

    def _sums(self, mask: int) -> tuple[int, int, int]:
        """The key of a set without scarcity and parts, and its packed units held and free."""
        own, held, free = 0, self.start, self.start
        for place in _members(mask):
            own += self.fixed[place]
            held += self.held[place]
            free += self.free[place]
        return own, held, free

    def _look(self, mask: int, own: int, free: int, least: int) -> tuple[int, bool]:
        """The key of a set that holds everything, and whether more places can lower its scarcity.

        Parts are counted only where that tells whether the key is below `least`.
        """
        scarcity = self._scarcity_key(mask, free) if free & self.enough != self.enough else 0
        key = own + scarcity
        return key + self._parts_key(mask) if key < least else key, scarcity > self.floor

    def _raise_bound(self) -> None:
        """A bound from the dual of the linear relaxation, by one ascent.

        A unit of each SKU is given a price. A place that sends can gain at most what the prices exceed its units'
        scarcity by; as long as that is not more than what its sending costs, the prices of all units together are
        a bound for any set, and what a place's costs exceed its gain by is added for each place that is in the
        set. SKUs with few holders are priced first, each as high as the places allow.
        """
        if self.bound:
            return
        self.reduced = list(self.fixed)
        offers = [
            [
                (place, of_place.offers[sku])
                for place, of_place in enumerate(self.order.places)
                if sku in of_place.offers
            ]
            for sku in self.skus
        ]
        for sku, holders in sorted(zip(self.skus, offers, strict=True), key=lambda of_sku: len(of_sku[1])):
            price = min([self._highest_price(offer, self.reduced[place]) for place, offer in holders])
            self.bound += price * self.order.units[sku]
            for place, offer in holders:
                self.reduced[place] -= self._gain(offer, price)

    def _gain(self, offer: _Offer, price: int) -> int:
        """What a price exceeds the scarcity of the units offered by, in all."""
        held, free, first = offer
        gain = price * free
        if held > free:
            gain += max(price - first * self.minor, 0)
            gain += max(price - self.order.scarcity_minor * self.minor, 0) * (held - free - 1)
        return gain

    def _highest_price(self, offer: _Offer, gain: int) -> int:
        """The highest price at which the gain from an offer is at most `gain`."""
        held, free, first = offer[0], offer[1], offer[2] * self.minor
        full = self.order.scarcity_minor * self.minor
        if free:
            price = gain // free
            if price <= first or held == free:
                return price
        price = (gain + first) // (free + 1)
        if price <= full or held == free + 1:
            return price
        return (gain + first + full * (held - free - 1)) // held

    def _improved(self, avoid: int, best: _Best) -> _Best:
        """The best set that dropping, adding or swapping one place at a time leads to, each by a parcel at least."""
        if not best.mask:
            best = self._thinned(avoid)
        current = (best.mask, *self._sums(best.mask))
        looks, moved = 0, True
        while moved:
            moved = False
            for place in range(len(self.fixed)):
                for neighbour in self._neighbours(current, place):
                    if looks == self.effort:
                        return best
                    looks += 1
                    mask, own, held, free = neighbour
                    enough_saved = best.key - self.parcel
                    if own < enough_saved and self._enough(held) and not (avoid and mask & avoid == avoid):
                        key, _ = self._look(mask, own, free, enough_saved)
                        if key < enough_saved:
                            best, current, moved = _Best(key, mask), neighbour, True
                            break
        return best

    def _neighbours(self, current: _Set, place: int) -> Iterator[_Set]:
        """The set without the place; or with it, alone or instead of another."""
        if self.needed >> place & 1 or current[0] == 1 << place:
            return
        changed = self._toggled(current, place)
        yield changed
        if not current[0] >> place & 1:
            for other in _members(current[0] & ~self.needed):
                yield self._toggled(changed, other)

    def _toggled(self, current: _Set, place: int) -> _Set:
        mask, own, held, free = current
        sign = -1 if mask >> place & 1 else 1
        return (
            mask ^ (1 << place),
            own + sign * self.fixed[place],
            held + sign * self.held[place],
            free + sign * self.free[place],
        )

    def _thinned(self, avoid: int) -> _Best:
        """A set that holds everything and not all of `avoid`: all places without the dearest that can go."""
        everywhere = (1 << len(self.fixed)) - 1
        current = (everywhere, *self._sums(everywhere))
        for place in sorted(range(len(self.fixed)), key=lambda place: (not avoid >> place & 1, -self.fixed[place])):
            without = self._toggled(current, place)
            if without[0] and self._enough(without[2]):
                current = without
        mask, own, _, free = current
        return _Best(self._look(mask, own, free, self.worst)[0], mask)


def _members(mask: int) -> list[int]:
    members = []
    while mask:
        lowest = mask & -mask
        members.append(lowest.bit_length() - 1)
        mask ^= lowest
    return members


def _lines_by_sku(needs: Sequence[Need]) -> dict[int, _Lines]:
    lines: dict[int, _Lines] = {}
    for need in needs:
        if need.quantity > 0:
            lines.setdefault(need.sku, []).append((need.line, need.quantity))
        elif need.quantity < 0:
            raise ValueError(f"quantity must not be negative, got {need.quantity} on line {need.line}")
    if len({need.line for need in needs}) < len(needs):
        raise ValueError("every line must differ, got one twice")
    return lines


def _stock_by_location(
    shelves: Iterable[Shelf], sites: Sequence[Site], wanted: dict[int, _Lines]
) -> dict[int, dict[int, Shelf]]:
    """The shelves that matter, by location and SKU."""
    stock: dict[int, dict[int, Shelf]] = {site.location: {} for site in sites}
    if len(stock) < len(sites):
        raise ValueError("every site must be another location, got one twice")
    for shelf in shelves:
        of_site = stock.get(shelf.location)
        if of_site is None or shelf.sku not in wanted or shelf.available <= 0:
            continue
        if shelf.sku in of_site:
            raise ValueError(
                "stock must come as one shelf per SKU and location, "
                f"got two of SKU {shelf.sku} at location {shelf.location}"
            )
        if not shelf.expected_demand >= 0:
            raise ValueError(f"expected_demand must not be negative, got {shelf.expected_demand}")
        of_site[shelf.sku] = shelf
    return stock


def _by_code(site: Site) -> tuple[str, int]:
    return site.code, site.location


def _late_minor(site: Site, weights: Weights, promised_in_days: float | None) -> int:
    if site.parcel_cost_minor < 0:
        raise ValueError(f"parcel_cost_minor must not be negative, got {site.parcel_cost_minor} for {site.code}")
    if not 0 <= site.transit_days < inf:
        raise ValueError(f"transit_days must be finite and not negative, got {site.transit_days} for {site.code}")
    if promised_in_days is None or site.transit_days <= promised_in_days:
        return 0
    return round(weights.late_day_minor * (site.transit_days - promised_in_days))


def _whole_lines(lines: _Lines, limits: dict[int, tuple[int, int]]) -> _Given | None:
    """Each line from one place, so that every place sends what its limits say; None where that cannot be found.

    Tried are all ways up to MOST_WAYS, which is more than an order's few lines of one SKU come to.
    """
    places = sorted(limits)
    for way in islice(product(places, repeat=len(lines)), MOST_WAYS):
        sent = dict.fromkeys(places, 0)
        for place, (_, units) in zip(way, lines, strict=True):
            sent[place] += units
        if all(limits[place][0] <= sent[place] <= limits[place][1] for place in places):
            return {line: [(place, units)] for place, (line, units) in zip(way, lines, strict=True)}
    return None


def _split_lines(lines: _Lines, sent: dict[int, int]) -> _Given:
    """Whole lines first, the largest first, each where it leaves the least over; what remains is split."""
    given: _Given = {}
    left = dict(sorted(sent.items()))
    to_split = []
    for line, units in sorted(lines, key=lambda line: -line[1]):
        fitting = [place for place in left if left[place] >= units]
        if fitting:
            place = min(fitting, key=left.__getitem__)
            left[place] -= units
            given[line] = [(place, units)]
        else:
            to_split.append((line, units))
    for line, units in to_split:
        given[line] = []
        for place in sorted(left, key=lambda place: -left[place]):
            if taken := min(units, left[place]):
                given[line].append((place, taken))
                left[place] -= taken
                units -= taken
        given[line].sort()
    return given


def _parcels_from(route: Route, codes: dict[int, str]) -> str:
    names = [codes[location] for location in route.locations]
    if not names:
        return "nothing can be sent"
    if len(names) == 1:
        return f"one parcel from {names[0]}"
    return f"{len(names)} parcels from {', '.join(names[:-1])} and {names[-1]}"


def _dearer(chosen: Route, other: Route, money: Callable[[int], str]) -> str:
    """What another route costs more, item by item where more than one of them differs."""
    items = (
        ("parcels", other.parcel_minor - chosen.parcel_minor),
        ("lateness", other.late_minor - chosen.late_minor),
        ("stock needed there", other.scarcity_minor - chosen.scarcity_minor),
    )
    differing = [f"{name} {money(abs(more))} {'more' if more > 0 else 'less'}" for name, more in items if more]
    more = other.cost_minor - chosen.cost_minor
    return (f"costs {money(more)} more" if more else "costs the same") + (
        f" ({', '.join(differing)})" if len(differing) > 1 else ""
    )
