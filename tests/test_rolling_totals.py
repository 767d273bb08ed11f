"""What stands at a past origin rests on what was known there, and equals the definition worked out in full."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import Panel
from forecasting.expected_level import ALPHAS, DAMPINGS, MOST_EVIDENCE, TREND_SHARES, expected_level
from forecasting.rolling_totals import (
    FAST,
    HALF_LIFE,
    LEAST_KNOWN,
    MIDDLE,
    RIVAL_SHARE,
    SLOW,
    TotalsAtOrigins,
    totals_at_origins,
)

NAMES = [one.name for one in fields(TotalsAtOrigins)]
KEPT = 0.5 ** (1 / HALF_LIFE)
ORIGINS = 6


def one_panel(values):
    return Panel(("A",), np.asarray(values, dtype=float), np.array([0, len(values)]))


@st.composite
def cases(draw):
    """A history with gaps, the season after it, a rival's levels, a window and how far off it lies."""
    rng = np.random.default_rng(draw(st.integers(0, 100_000)))
    n = draw(st.integers(0, 60))
    values = rng.poisson(draw(st.sampled_from([0.3, 4.0, 200.0])), n).astype(float)
    values[rng.random(n) < draw(st.sampled_from([0.0, 0.1, 0.6]))] = np.nan
    season = rng.uniform(0.3, 2.0, draw(st.sampled_from([1, 2, 7])))
    rival = rng.uniform(0, 9, n)
    return values, season, rival, draw(st.integers(1, 12)), draw(st.integers(0, 6))


def backs(n, window, lead):
    """How far each origin lies before the end of the history."""
    room = n - lead - window - max(LEAST_KNOWN, n // 3)
    apart = max(1, min(window, room // (ORIGINS - 2)))
    return [0, *(lead + window + apart * number for number in range(ORIGINS - 1))]


def totals_of(values, season, rival, window, lead):
    result = totals_at_origins(
        one_panel(values), np.array([window]), lead=lead, origins=ORIGINS, season=season[None], rival=rival
    )
    return {name: getattr(result, name)[0] for name in NAMES}


@given(cases())
def test_what_stands_at_an_origin_is_what_stood_at_the_end_of_the_history_then(case):
    values, season, rival, window, lead = case
    n = len(values)
    found = totals_of(*case)
    for column, back in enumerate(backs(n, window, lead)):
        t = n - back
        known = int((~np.isnan(values[: max(t, 0)])).sum())
        if t < 0 or known == 0 or (column and (known < LEAST_KNOWN or 3 * t < n)):
            assert np.isnan(found["mean"][column])
            continue
        then = totals_of(values[:t], np.roll(season, back), rival[:t], window, lead)
        for name in set(NAMES) - {"actual"}:
            assert found[name][column] == pytest.approx(then[name][0], rel=1e-9, abs=1e-9), name


@given(cases(), st.integers(0, 1_000))
def test_what_comes_after_an_origin_changes_nothing_at_it(case, seed):
    values, season, rival, window, lead = case
    found = totals_of(*case)
    rng = np.random.default_rng(seed)
    for column, back in enumerate(backs(len(values), window, lead)):
        t = len(values) - back
        if column and t >= 0:
            changed, other = values.copy(), rival.copy()
            changed[t:], other[t:] = rng.uniform(0, 1e6, back), rng.uniform(0, 1e6, back)
            again = totals_of(changed, season, other, window, lead)
            for name in set(NAMES) - {"actual"}:
                assert again[name][column] == found[name][column] or np.isnan(found[name][column]), name


def definition(values, season, rival, window, lead, t):
    """All of one origin, from sums over what came before it."""
    n = len(values)
    index = np.array([season[(p - n) % len(season)] for p in range(n + lead + window)])

    def level(upto):
        known = [p for p in range(upto) if not np.isnan(values[p])]
        if not known:
            return 0.0
        plain = np.array([values[p] / index[p] for p in known])
        age = np.arange(len(known))[::-1]
        averages = [((1 - a) ** age * plain).sum() / ((1 - a) ** age).sum() for a in (SLOW, MIDDLE, FAST)]
        return np.mean(averages) + RIVAL_SHARE * (rival[known[-1]] - np.mean(averages))

    known = [p for p in range(t) if not np.isnan(values[p])]
    errors = [values[p] - level(p) * index[p] for p in known[2:]]
    weights = KEPT ** np.arange(len(errors))[::-1]
    misses = []
    for end in range(window + lead, t + 1):
        begin, origin = end - window, end - window - lead
        enough = (~np.isnan(values[:origin])).sum() >= 2 and not np.isnan(values[begin:end]).any()
        if enough:
            misses.append(values[begin:end].sum() - level(origin) * index[begin:end].sum())
    missed = KEPT ** np.arange(len(misses))[::-1]
    ahead = slice(t + lead, t + lead + window)
    least = max(level(t), 1e-12)
    return {
        "mean": level(t) * index[ahead].sum(),
        "history": (values[known].mean() - level(t)) / least,
        "rival": (rival[t - 1] - level(t)) / least,
        "step_variance": (weights * np.square(errors)).sum() / max(weights.sum(), 1e-9),
        "step_deviation": (weights * np.abs(errors)).sum() / max(weights.sum(), 1e-9),
        "total_variance": (missed * np.square(misses)).sum() / max(missed.sum(), 1e-9),
        "steps": weights.sum(),
        "totals": missed.sum() / window,
        "actual": values[ahead].sum() if t + lead + window <= n else np.nan,
    }


@given(cases())
def test_totals_at_origins_are_the_definition(case):
    values, _, _, window, lead = case
    found = totals_of(*case)
    for column, back in enumerate(backs(len(values), window, lead)):
        if np.isnan(found["mean"][column]):
            continue
        expected = definition(*case, len(values) - back)
        for name in NAMES:
            wanted = pytest.approx(expected[name], rel=1e-7, abs=1e-7, nan_ok=True)
            assert found[name][column] == wanted, name


def plain_expected_level(values, window, lead):
    """Each smoother on its own, then the mean weighted by likelihood."""
    forecasts, squares = [], []
    known_so_far = np.cumsum(~np.isnan(values))
    for alpha, share, damping in zip(ALPHAS, TREND_SHARES, DAMPINGS, strict=True):
        level, trend, square = 0.0, 0.0, 0.0
        ahead = [sum(damping ** (step + 1) for step in range(h + 1)) for h in range(lead, lead + window)]
        forecast, seen = [], []
        for units, known in zip(values, known_so_far, strict=True):
            if not np.isnan(units):
                error = units - (level + damping * trend)
                level = level + damping * trend + max(alpha, 1 / known) * error
                trend = damping * trend + (alpha * share * error if known > 2 else 0.0)
                square = KEPT * square + error**2 if known > 2 else 0.0
            forecast.append(max(level + trend * np.mean(ahead), 0.0))
            seen.append(square)
        forecasts.append(forecast)
        squares.append(seen)
    expected = []
    for t in range(len(values)):
        evidence = sum(KEPT**age for age in range(max(int(known_so_far[t]) - 2, 0)))
        weights = [(seen[t] + 1e-9) ** (-min(evidence, MOST_EVIDENCE) / 2) for seen in squares]
        expected.append(np.average([forecast[t] for forecast in forecasts], weights=weights))
    return expected


@given(cases())
def test_the_expected_level_is_the_mean_of_smoothers_each_heard_as_it_had_forecast(case):
    values, _, _, window, lead = case
    ours = expected_level(one_panel(values), np.array([window]), lead=lead, season=np.ones((1, 1)))
    np.testing.assert_allclose(ours, plain_expected_level(values, window, lead), rtol=1e-6, atol=1e-9)


@given(cases(), st.integers(0, 60))
def test_the_expected_level_after_a_period_owes_nothing_to_later_ones(case, t):
    values, season, _, window, lead = case
    t = min(t, len(values))
    whole = expected_level(one_panel(values), np.array([window]), lead=lead, season=season[None])
    then = np.roll(season, len(values) - t)[None]
    prefix = expected_level(one_panel(values[:t]), np.array([window]), lead=lead, season=then)
    np.testing.assert_array_equal(whole[:t], prefix)


def test_each_series_may_lie_differently_far_ahead():
    rng = np.random.default_rng(1)
    values, windows, leads = rng.poisson(4, 90).astype(float), np.array([2, 3, 1]), np.array([0, 4, 7])
    together = totals_at_origins(
        Panel(("A", "B", "C"), values, np.array([0, 20, 60, 90])), windows, lead=leads, origins=ORIGINS
    )
    for number, own in enumerate(np.split(values, [20, 60])):
        alone = totals_at_origins(one_panel(own), windows[[number]], lead=int(leads[number]), origins=ORIGINS)
        for name in NAMES:
            np.testing.assert_array_equal(getattr(together, name)[number], getattr(alone, name)[0])
