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

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from math import isfinite

from orders.routing.filling import Filling
from orders.routing.routes import DEFAULT_WEIGHTS, Need, Part, Route, Routing, Shelf, Site, Weights
from orders.routing.sending_sets import SendingSets

__all__ = ["DEFAULT_WEIGHTS", "Need", "Part", "Route", "Routing", "Shelf", "Site", "Weights", "pick_lots", "route"]


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
    filling = Filling(needs, shelves, sites, weights, promised_in_days)
    if len(filling.places) < 2:
        chosen = filling.route(len(filling.places))
        return Routing(chosen, None, _reason(filling, chosen, None, money))
    sets = SendingSets(filling, effort)
    best = sets.least()
    other = sets.least_other(best.mask)
    proven, next_proven = best.proven, best.proven and other.proven
    if other.key < best.key:  # the search was cut short before it came upon what the other one found
        best, other = other, best
    chosen = filling.route(best.mask, best.forced)
    next_best = filling.route(other.mask, other.forced) if other.mask else None
    reason = _reason(filling, chosen, next_best, money, proven=proven)
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


def _reason(
    filling: Filling, chosen: Route, next_best: Route | None, money: Callable[[int], str], *, proven: bool = True
) -> str:
    """Why this route, for people."""
    codes = {place.site.location: place.site.code for place in filling.places}
    clauses = [_parcels_from(chosen, codes)]
    if next_best:
        clauses.append(f"the next best, {_parcels_from(next_best, codes)}, {_dearer(chosen, next_best, money)}")
    elif chosen.parcels:
        clauses.append("no other choice of locations serves as much")
    if units := sum([units for _, units in filling.short]):
        clauses.append(f"{units} {'unit is' if units == 1 else 'units are'} short everywhere")
    if not proven:
        clauses.append("there were too many choices to prove it the cheapest")
    return "; ".join(clauses)


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
