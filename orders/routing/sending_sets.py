"""The search for the set of places that sends at the least cost, and for the best other one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orders.routing.filling import Filling, Forced, Offer, members_of

# Of a set of places its mask, its key without scarcity and parts, and the packed units that it holds and has free.
SetKey = tuple[int, int, int, int]


@dataclass(slots=True)
class Best:
    """The set of least key found, 0 where none was, and whether it is proven that no other has a lesser key."""

    key: int
    mask: int = 0
    forced: Forced | None = None
    proven: bool = False


class SendingSets:
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

    def __init__(self, order: Filling, effort: int) -> None:
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

    def _parts_key(self, mask: int, forced: Forced | None = None) -> int:
        """What parts beyond one a line add to the key."""
        if not forced and not mask & (mask - 1):
            return 0
        given, _ = self.order.give(mask, forced)
        return (sum([len(taken) for taken in given.values()]) - self.lines) * self.part

    def least(self) -> Best:
        """The set of least key."""
        best = self._search(0, Best(self.worst), min(self.FEW, self.effort))
        return best if best.proven else self._search_long(0, best)

    def least_other(self, chosen: int) -> Best:
        """The set of least key other than `chosen`, where every place must send something.

        Either it lacks a place of `chosen`; `_search` finds these. Or it has all of them and more, and then one
        more is enough to look at, if `chosen` has the least key of all. What a place saves is the fall in the sum
        of the T cheapest units of each SKU. That fall is no larger where more units are offered already, and no
        larger where fewer units are left to choose because another place must send one. Next to `chosen` alone
        no place saves more than its sending costs, so a second one more does not either, forced or not.
        """
        best = self._search(chosen, Best(self.worst), min(self.FEW, self.effort))
        proven = best.proven
        for place in range(len(self.fixed)):
            if not chosen >> place & 1:
                best = self._with_one_more(chosen, place, best)
        best.proven = proven
        return best if proven else self._search_long(chosen, best)

    def _with_one_more(self, chosen: int, place: int, best: Best) -> Best:
        """The better of `best` and the set `chosen` with a place that must send something."""
        mask = chosen | 1 << place
        members = members_of(mask)
        key = sum([self.fixed[member] for member in members])
        if key + self.floor >= best.key:
            return best
        extra_minor, sku = self.order.least_forced(mask, place)
        free = self.start + sum([self.free[member] for member in members])
        key += self._scarcity_key(mask, free) + extra_minor * self.minor + self._parts_key(mask, (sku, place))
        return Best(key, mask, (sku, place)) if key < best.key else best

    def _search_long(self, avoid: int, best: Best) -> Best:
        """The search where a few looks did not do: with a higher bound and a better set to begin with."""
        self._raise_bound()
        best = self._search(avoid, self._improved(avoid, best), self.effort)
        return best if best.proven else self._improved(avoid, best)

    def _search(self, avoid: int, best: Best, effort: int) -> Best:
        """The set of least key below `best` that does not contain all of `avoid` (0 avoids nothing).

        Sets grow place by place, each taken and then passed over. A branch ends where the places left cannot hold
        everything, where the bound is not below the best key, and where no further parcel saves anything.
        """
        if avoid and self.needed & avoid == avoid:
            return Best(best.key, best.mask, best.forced, proven=True)
        reduced, fixed, held_by, free_by = self.reduced, self.fixed, self.held, self.free
        enough, floor, least = self.enough, self.floor, best.key
        places = [place for place in range(len(fixed)) if not self.needed >> place & 1]
        places.sort(key=reduced.__getitem__)
        ahead = [0]
        for place in reversed(places):
            ahead.append(ahead[-1] + held_by[place])
        ahead.reverse()
        own, held, free = self._sums(self.needed)
        bound = self.bound + sum([reduced[place] for place in members_of(self.needed)])
        if self.needed and held & enough == enough:
            key, more = self._look(self.needed, own, free, least)
            if key < least:
                best, least = Best(key, self.needed), key
            if not more:
                return Best(least, best.mask, best.forced, proven=True)
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
                    best, least = Best(key, mask), key
                if not more:
                    continue
            branches.append((position, mask, bound + reduced[place], own, held, free))
        return Best(least, best.mask, best.forced, proven=True)

    def _sums(self, mask: int) -> tuple[int, int, int]:
        """The key of a set without scarcity and parts, and its packed units held and free."""
        own, held, free = 0, self.start, self.start
        for place in members_of(mask):
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

    def _gain(self, offer: Offer, price: int) -> int:
        """What a price exceeds the scarcity of the units offered by, in all."""
        held, free, first = offer
        gain = price * free
        if held > free:
            gain += max(price - first * self.minor, 0)
            gain += max(price - self.order.scarcity_minor * self.minor, 0) * (held - free - 1)
        return gain

    def _highest_price(self, offer: Offer, gain: int) -> int:
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

    def _improved(self, avoid: int, best: Best) -> Best:
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
                            best, current, moved = Best(key, mask), neighbour, True
                            break
        return best

    def _neighbours(self, current: SetKey, place: int) -> Iterator[SetKey]:
        """The set without the place; or with it, alone or instead of another."""
        if self.needed >> place & 1 or current[0] == 1 << place:
            return
        changed = self._toggled(current, place)
        yield changed
        if not current[0] >> place & 1:
            for other in members_of(current[0] & ~self.needed):
                yield self._toggled(changed, other)

    def _toggled(self, current: SetKey, place: int) -> SetKey:
        mask, own, held, free = current
        sign = -1 if mask >> place & 1 else 1
        return (
            mask ^ (1 << place),
            own + sign * self.fixed[place],
            held + sign * self.held[place],
            free + sign * self.free[place],
        )

    def _thinned(self, avoid: int) -> Best:
        """A set that holds everything and not all of `avoid`: all places without the dearest that can go."""
        everywhere = (1 << len(self.fixed)) - 1
        current = (everywhere, *self._sums(everywhere))
        for place in sorted(range(len(self.fixed)), key=lambda place: (not avoid >> place & 1, -self.fixed[place])):
            without = self._toggled(current, place)
            if without[0] and self._enough(without[2]):
                current = without
        mask, own, _, free = current
        return Best(self._look(mask, own, free, self.worst)[0], mask)
