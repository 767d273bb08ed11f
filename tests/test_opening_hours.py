"""Shifts, outages, breakdowns, pick-ups and promises: to the tick what counting minute by minute gives."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.calendars import (
    NEVER,
    breakdown_intervals,
    first_open,
    next_pickup,
    open_intervals,
    open_ticks,
    outages_of,
    pickup_ticks,
    promise_times,
    promised,
    ticks_of,
    work_ends,
)
from simulation.distributions import constant, exponential, gamma
from simulation.scenario import ALWAYS_OPEN, TICKS_PER_DAY, Breakdowns, Calendar, Outage
from simulation.streams import stream_key, uniform_at

MINUTE = 60_000
MINUTES_PER_DAY = 1_440
DAYS = 10
MINUTES_SEEN = (DAYS + 14) * MINUTES_PER_DAY
OFFICE_HOURS = Calendar(tuple((weekday, 8 / 24, 17 / 24) for weekday in range(5)))


def at(day, hour=0, minute=0):
    return ((day * 24 + hour) * 60 + minute) * MINUTE


def office_hours(first_weekday=0, days=14):
    return open_intervals(OFFICE_HOURS, (), None, first_weekday, days * TICKS_PER_DAY)


@st.composite
def weeks(draw):
    """Shifts on whole minutes that do not overlap, some touching, some across midnight."""
    marks = sorted(draw(st.sets(st.integers(0, 7 * 48), min_size=2, max_size=12)))
    chosen = [span for span in pairwise(marks) if draw(st.booleans())]
    shifts = []
    for start, end in chosen:
        for weekday in range(7):
            opens, closes = max(start, weekday * 48), min(end, weekday * 48 + 48)
            if opens < closes:
                shifts.append((weekday, (opens - weekday * 48) / 48, (closes - weekday * 48) / 48))
    return Calendar(tuple(draw(st.permutations(shifts))))


spans = st.tuples(st.integers(0, 12 * MINUTES_PER_DAY), st.integers(1, 2 * MINUTES_PER_DAY))


def open_minutes(calendar, outages, downtimes, first_weekday):
    """Whether each minute is open: looked up one by one, open after the end of what is seen."""
    minutes = np.ones(MINUTES_SEEN, dtype=bool)
    if calendar.shifts is not None:
        minutes[:] = False
        for day in range(DAYS + 14):
            for weekday, opens, closes in calendar.shifts:
                if weekday == (first_weekday + day) % 7:
                    first = day * MINUTES_PER_DAY
                    minutes[first + round(opens * MINUTES_PER_DAY) : first + round(closes * MINUTES_PER_DAY)] = True
    for start, length in [*outages, *downtimes]:
        minutes[start : start + length] = False
    return minutes


def open_time_of(calendar, outages, downtimes, first_weekday):
    given_outages = [Outage("x", start / 1_440, (start + length) / 1_440) for start, length in outages]
    given_downtimes = np.array([[start, start + length] for start, length in downtimes], dtype=np.int64) * MINUTE
    return open_intervals(calendar, given_outages, given_downtimes.reshape(-1, 2), first_weekday, DAYS * TICKS_PER_DAY)


@settings(max_examples=120, deadline=None)
@given(
    calendar=weeks() | st.just(ALWAYS_OPEN),
    outages=st.lists(spans, max_size=3),
    downtimes=st.lists(spans, max_size=4),
    first_weekday=st.integers(0, 6),
    jobs=st.lists(
        st.tuples(st.integers(0, 10 * MINUTES_PER_DAY), st.integers(0, 4 * MINUTES_PER_DAY)), min_size=1, max_size=12
    ),
)
def test_work_ends_when_counting_open_minutes_says_so(calendar, outages, downtimes, first_weekday, jobs):
    minutes = open_minutes(calendar, outages, downtimes, first_weekday)
    open_time = open_time_of(calendar, outages, downtimes, first_weekday)
    for start, work in jobs:
        begin = start
        while begin < MINUTES_SEEN and not minutes[begin]:
            begin += 1
        assert first_open(open_time, start * MINUTE) == begin * MINUTE
        end, left = begin, work
        while left:
            left -= 1 if end >= MINUTES_SEEN or minutes[end] else 0
            end += 1
        assert work_ends(open_time, start * MINUTE, work * MINUTE) == end * MINUTE
        inside = minutes[start : start + work].sum() + max(start + work - max(start, MINUTES_SEEN), 0)
        assert open_ticks(open_time, start * MINUTE, (start + work) * MINUTE) == inside * MINUTE


@settings(max_examples=60, deadline=None)
@given(
    calendar=weeks() | st.just(ALWAYS_OPEN),
    outages=st.lists(spans, max_size=2),
    start=st.integers(0, 8 * TICKS_PER_DAY),
    works=st.lists(st.integers(1, TICKS_PER_DAY), min_size=2, max_size=5),
)
def test_work_in_pieces_ends_with_the_work_as_a_whole(calendar, outages, start, works):
    """To the tick: so a clock of open time can be read from one arrival to the next."""
    open_time = open_time_of(calendar, outages, [], 0)
    now = start
    for work in works:
        now = work_ends(open_time, now, work)
    assert now == work_ends(open_time, start, sum(works))
    assert open_ticks(open_time, start, now) == sum(works)
    assert open_ticks(open_time, start, now - 1) == sum(works) - 1


def test_a_station_without_hours_outages_or_breakdowns_needs_no_intervals():
    whole_days = Calendar(tuple((weekday, 0.0, 1.0) for weekday in range(7)))
    for calendar in (ALWAYS_OPEN, whole_days):
        open_time = open_intervals(calendar, (), None, 3, 7 * TICKS_PER_DAY)
        assert [len(part) for part in open_time] == [0, 0, 0]
        assert work_ends(open_time, 5, 7) == 12
        assert first_open(open_time, 5) == 5


def test_work_done_at_the_end_of_a_shift_is_done_at_its_closing_tick():
    assert work_ends(office_hours(), at(0, 16), at(0, 1)) == at(0, 17)
    assert work_ends(office_hours(), at(0, 16), at(0, 1) + 1) == at(1, 8) + 1


def test_what_begins_at_closing_time_waits_for_the_next_shift_even_without_work():
    assert first_open(office_hours(), at(4, 17)) == at(7, 8)
    assert first_open(office_hours(), at(4, 17) - 1) == at(4, 17) - 1
    assert work_ends(office_hours(), at(4, 17), 0) == at(7, 8)


def test_a_run_that_begins_on_a_saturday_opens_on_its_third_day():
    assert first_open(office_hours(first_weekday=5), 0) == at(2, 8)


def test_hours_after_the_end_of_the_run_are_still_those_of_the_week():
    assert first_open(office_hours(days=5), at(4, 18)) == at(7, 8)


def test_a_station_that_never_opens_does_not_open_within_the_run():
    closed = open_intervals(Calendar(()), (), None, 0, 5 * TICKS_PER_DAY)
    assert first_open(closed, 0) > 5 * TICKS_PER_DAY


def test_an_outage_closes_from_its_first_moment_until_before_its_last():
    open_time = open_intervals(ALWAYS_OPEN, (Outage("dock", 1.0, 2.5),), None, 0, 5 * TICKS_PER_DAY)
    assert first_open(open_time, at(1) - 1) == at(1) - 1
    assert first_open(open_time, at(1)) == at(2, 12)
    assert first_open(open_time, at(2, 12)) == at(2, 12)


def test_an_outage_without_end_lasts_longer_than_the_run():
    for days in (5, 36_500):
        open_time = open_intervals(ALWAYS_OPEN, (Outage("dock", 3.0, 1e15),), None, 0, at(days))
        assert first_open(open_time, at(4)) > at(days)


def test_each_place_has_its_own_outages():
    outages = (Outage("pick", 1, 2), Outage("pack", 3, 4), Outage("pick", 5, 6))
    assert outages_of("pick", outages) == (outages[0], outages[2])


@pytest.mark.parametrize(
    ("days", "ticks"), [(0.0, 0), (1.0, 86_400_000), (0.5 / 86_400_000, 1), (1.49 / 86_400_000, 1)]
)
def test_days_are_rounded_half_up_to_whole_ticks(days, ticks):
    assert ticks_of(days) == ticks


def test_breakdowns_come_a_time_between_after_each_repair():
    breakdowns = Breakdowns(time_between=exponential(2.0), repair=gamma(0.5, 0.25))
    found = breakdown_intervals("pick", breakdowns, seed=4, replication=3, horizon_ticks=60 * TICKS_PER_DAY)
    tick = 0
    for number, (fails, works) in enumerate(found.tolist()):
        for purpose, distribution, moment in (
            ("time between", exponential(2.0), fails),
            ("repair", gamma(0.5, 0.25), works),
        ):
            key = tuple(np.uint64(word) for word in stream_key(4, purpose, "pick"))
            days = distribution.quantile(uniform_at(*key, 0, number, 3))
            tick += int(np.floor(days * 86_400_000 + 0.5))
            assert moment == tick
    assert 15 < len(found) < 35
    assert found[-1, 0] <= 60 * TICKS_PER_DAY


def test_a_longer_run_keeps_its_breakdowns_and_another_replication_has_others():
    breakdowns = Breakdowns(time_between=exponential(1.0), repair=exponential(0.1))

    def drawn(days, replication):
        return breakdown_intervals("pick", breakdowns, seed=1, replication=replication, horizon_ticks=at(days)).tolist()

    assert drawn(40, 0)[: len(drawn(20, 0))] == drawn(20, 0)
    assert drawn(20, 1) != drawn(20, 0)


def test_breakdowns_that_take_no_time_are_refused():
    with pytest.raises(ValueError, match="time_between of station pick must be above 0 on average"):
        breakdown_intervals("pick", Breakdowns(constant(0), constant(0)), seed=1, replication=0, horizon_ticks=at(1))


@given(
    pickups=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1_439)), min_size=1, max_size=6),
    first_weekday=st.integers(0, 6),
    minute=st.integers(0, 20 * MINUTES_PER_DAY),
)
def test_a_parcel_leaves_with_the_first_pickup_from_now_on(pickups, first_weekday, minute):
    ticks = pickup_ticks([(weekday, time / 1_440) for weekday, time in pickups], first_weekday)
    expected = next(
        later
        for later in range(minute, minute + 8 * MINUTES_PER_DAY)
        if ((first_weekday + later // 1_440) % 7, later % 1_440) in pickups
    )
    assert next_pickup(ticks, minute * MINUTE) == expected * MINUTE


def test_a_carrier_without_pickups_leaves_at_once():
    assert next_pickup(pickup_ticks((), 0), 12_345) == 12_345


def test_orders_by_the_cut_off_are_promised_for_the_same_working_day():
    monday_first = promise_times(14 / 24, (0, 1, 2, 3, 4), 2.0, 0)
    assert promised(monday_first, at(0, 14)) == at(1 + 2)
    assert promised(monday_first, at(0, 14) + 1) == at(2 + 2)
    assert promised(monday_first, at(4, 9)) == at(5 + 2)
    assert promised(monday_first, at(4, 15)) == at(8 + 2)  # Friday afternoon: Monday
    assert promised(monday_first, at(5, 9)) == at(8 + 2)  # Saturday: Monday
    assert promised(monday_first, at(6, 20)) == at(8 + 2)


def test_promises_know_on_which_weekday_the_run_begins():
    assert promised(promise_times(0.5, (2,), 0.0, 1), at(0, 13)) == at(2)  # Tuesday: Wednesday
    assert promised(promise_times(0.5, (2,), 0.0, 2), at(0, 13)) == at(8)  # Wednesday afternoon: in a week


@pytest.mark.parametrize(("cut_off", "working_days"), [(None, (0, 1)), (0.5, ())])
def test_nothing_is_promised_without_a_cut_off_or_a_working_day(cut_off, working_days):
    assert promised(promise_times(cut_off, working_days, 1.0, 0), at(3)) == NEVER
