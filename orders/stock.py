"""The trade's quantities as plain numbers: what can be promised and when, and where an item stands. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

DatedUnits = Iterable[tuple[date, int]]


@dataclass(frozen=True)
class AvailableToPromise:
    """Units that can be promised for delivery from us on a day, without breaking an earlier or later promise.

    Attributes:
        from_day: The first day that is spoken of.
        days: `from_day` and every later day on which something changes, ascending.
        units: What can be promised for each of `days` and the days up to the next, never negative. It grows
            from day to day, but for goods that expire.
    """

    from_day: date
    days: tuple[date, ...]
    units: tuple[int, ...]

    def units_on(self, day: date) -> int:
        """What can be promised for a day; nothing for one before `from_day`."""
        place = bisect_right(self.days, day)
        return self.units[place - 1] if place else 0

    def earliest_date(self, quantity: int) -> date | None:
        """The first day for which so many units can be promised at once, None when there is none.

        Raises:
            ValueError: the quantity is not positive.
        """
        if quantity < 1:
            raise ValueError(f"quantity must be at least 1, got {quantity}")
        return next((day for day, units in zip(self.days, self.units, strict=True) if units >= quantity), None)


def available_to_promise(
    on_hand: int,
    allocated: int,
    *,
    from_day: date,
    inbound: DatedUnits = (),
    promised: DatedUnits = (),
    expiring: DatedUnits = (),
) -> AvailableToPromise:
    """The cumulative available-to-promise with look-ahead.

    Of what is on hand and not allocated, plus what comes until a day, less what is promised until then, one
    more promise may take as much as every later day can spare. A day on which older promises are more than
    the supply can spare nothing, and the days after it are judged by themselves, when supply has caught up.

    Goods that expire serve the promises that fall due before, first to expire first. What no promise takes
    is lost on the day of expiry, and can be promised up to the day before without breaking any.

    Args:
        on_hand: Units at hand that can be sold on `from_day`.
        allocated: Units of these that are set aside for orders.
        from_day: The day on which promises are made; what is dated earlier counts as of this day.
        inbound: Day of arrival and units, in any order; a day may occur again.
        promised: Due day and units that are promised and not allocated.
        expiring: The first day on which units, of those on hand and not allocated, can no longer be sold.

    Raises:
        ValueError: units are negative, more is allocated than on hand, or more expires than is free.
    """
    arrives, due, expires = (_by_day(from_day, dated) for dated in (inbound, promised, expiring))
    _check(on_hand, allocated, sum(expires.values()))
    days = sorted({from_day} | arrives.keys() | due.keys() | expires.keys())
    lost = list(accumulate(_lost_by_day(days, due, expires)))
    changes = (arrives.get(day, 0) - due.get(day, 0) for day in days)
    _, *unclaimed = accumulate(changes, initial=on_hand - allocated)
    # What one more promise takes on a day it takes from what would be lost later, before it touches a promise.
    reach = [max(0, left - gone) + gone for left, gone in zip(unclaimed, lost, strict=True)]
    tightest = list(accumulate(reversed(reach), min))[::-1]
    return AvailableToPromise(
        from_day, tuple(days), tuple(reached - gone for reached, gone in zip(tightest, lost, strict=True))
    )


def inventory_position(*, on_hand: int, allocated: int, on_order: int, backordered: int) -> int:
    """Units on hand and coming that no customer has claimed; negative when more is claimed.

    Each unit of unshipped demand is subtracted once: it is either allocated or backordered.
    """
    return on_hand - allocated + on_order - backordered


def _by_day(from_day: date, dated: DatedUnits) -> Mapping[date, int]:
    units: defaultdict[date, int] = defaultdict(int)
    for day, count in dated:
        if count < 0:
            raise ValueError(f"units must not be negative, got {count} on {day.isoformat()}")
        units[max(day, from_day)] += count
    return units


def _check(on_hand: int, allocated: int, expiring: int) -> None:
    if not 0 <= allocated <= on_hand:
        raise ValueError(f"allocated must lie between 0 and on_hand {on_hand}, got {allocated}")
    if expiring > on_hand - allocated:
        raise ValueError(f"no more than the {on_hand - allocated} free units can expire, got {expiring}")


def _lost_by_day(days: Iterable[date], due: Mapping[date, int], expires: Mapping[date, int]) -> list[int]:
    """Units that expire on each day because no promise due before took them, first expired first out."""
    perishable, lost = dict(sorted(expires.items())), []
    for day in days:
        lost.append(perishable.pop(day, 0))
        wanted = due.get(day, 0)
        for expiry, units in perishable.items():
            taken = min(wanted, units)
            perishable[expiry] = units - taken
            wanted -= taken
    return lost
