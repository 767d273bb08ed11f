"""What each place of a given set sends: the cheapest units of every SKU, and whole lines where that costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import inf

from orders.routing.routes import Need, Part, Route, Shelf, Site, Weights

MOST_WAYS = 512

# What one location can give of one SKU: units, how many of these are free, and what the first unit beyond the
# free ones costs; each further unit costs the full scarcity.
Offer = tuple[int, int, int]
# (line, units to serve) of one SKU, in the order of the lines.
Lines = list[tuple[int, int]]
# Per line the (place, units) that serve it.
Given = dict[int, list[tuple[int, int]]]
# (SKU, place) where the place must send at least one unit of the SKU.
Forced = tuple[int, int]


@dataclass(slots=True)
class Place:
    """A site that holds something of the order, and what it offers of each SKU."""

    site: Site
    late_minor: int
    offers: dict[int, Offer]


class Filling:
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
        self.lines: dict[int, Lines] = {}
        self.units: dict[int, int] = {}
        self.short = self._serve(wanted, stock)
        self.places: list[Place] = []
        for site in sorted(sites, key=_by_code):
            late_minor = _late_minor(site, weights, promised_in_days)
            if of_site := stock[site.location]:
                self.places.append(Place(site, late_minor, {sku: self._offer(of_site[sku]) for sku in of_site}))

    def _serve(self, wanted: dict[int, Lines], stock: dict[int, dict[int, Shelf]]) -> tuple[tuple[int, int], ...]:
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

    def _offer(self, shelf: Shelf) -> Offer:
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

    def give(self, mask: int, forced: Forced | None = None) -> tuple[Given, int]:
        """The least costly split among places that together hold everything, and its cost of scarcity."""
        members = members_of(mask)
        if len(members) == 1:
            return self._give_alone(members[0])
        given: Given = {}
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

    def _give_alone(self, place: int) -> tuple[Given, int]:
        offers = self.places[place].offers
        given = {line: [(place, units)] for lines in self.lines.values() for line, units in lines}
        return given, self._split_minor(offers, self.units)

    def _cheapest(self, units: int, offers: dict[int, Offer]) -> dict[int, int]:
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

    def _limits(self, units: int, offers: dict[int, Offer]) -> dict[int, tuple[int, int]]:
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

    def _cheapest_with(self, place: int, units: int, offers: dict[int, Offer]) -> dict[int, int]:
        """The same where the place sends at least one unit: all that it can spare, or else its cheapest unit."""
        held, free, _ = offers[place]
        own = min(free, units) or 1
        if own == units:
            return {place: units}
        left = (held - own, free - own, offers[place][2]) if free else (held - 1, 0, self.scarcity_minor)
        taken = self._cheapest(units - own, offers | {place: left})
        taken[place] = taken.get(place, 0) + own
        return taken

    def _split_minor(self, offers: dict[int, Offer], taken: dict[int, int]) -> int:
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

    def _forced_minor(self, mask: int, forced: Forced) -> int:
        sku, place = forced
        units = self.units[sku]
        offers = {other: offer for other in members_of(mask) if (offer := self.places[other].offers.get(sku))}
        return self._split_minor(offers, self._cheapest_with(place, units, offers)) - self._split_minor(
            offers, self._cheapest(units, offers)
        )

    def route(self, mask: int, forced: Forced | None = None) -> Route:
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


def members_of(mask: int) -> list[int]:
    members = []
    while mask:
        lowest = mask & -mask
        members.append(lowest.bit_length() - 1)
        mask ^= lowest
    return members


def _lines_by_sku(needs: Sequence[Need]) -> dict[int, Lines]:
    lines: dict[int, Lines] = {}
    for need in needs:
        if need.quantity > 0:
            lines.setdefault(need.sku, []).append((need.line, need.quantity))
        elif need.quantity < 0:
            raise ValueError(f"quantity must not be negative, got {need.quantity} on line {need.line}")
    if len({need.line for need in needs}) < len(needs):
        raise ValueError("every line must differ, got one twice")
    return lines


def _stock_by_location(
    shelves: Iterable[Shelf], sites: Sequence[Site], wanted: dict[int, Lines]
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


def _whole_lines(lines: Lines, limits: dict[int, tuple[int, int]]) -> Given | None:
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


def _split_lines(lines: Lines, sent: dict[int, int]) -> Given:
    """Whole lines first, the largest first, each where it leaves the least over; what remains is split."""
    given: Given = {}
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
