"""How far the forecast can be trusted: made again at past days from what was known then, and judged by what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.connection import Database
from orders.errors import UnknownThing
from service.planner_review import PlannerReview
from service.planning import Progress, silent
from service.planning_inputs import PlanningInputs, default_as_of, planning_inputs
from service.rules_of_thumb import last_year_totals, trailing_mean_totals
from service.stock_levels import PERIOD_DAYS, forecast_demand, weekly_panel

if TYPE_CHECKING:
    from forecasting import LeadTimeDemand
    from forecasting.backtest import Backtest, Totals
    from forecasting.panel import Panel

OURS, TRAILING, SEASONAL = "ours", "13-week mean", "same weeks last year"
ORIGINS = 4
STOCK_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Levels that stock is decided by; the answer is about these."""
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
ALL = "all"
FEW_WEEKS = 4
"""Weeks before the first origin below which a forecast cannot be judged."""
LEAST_WEEKS = 8
"""Weeks to judge a forecast by, where windows are so short that `ORIGINS` of them are fewer."""
MOST_BIAS = 0.05
SHOWN_LEVEL, SHOWN_WINDOWS = 0.95, 16
WEEKS_OF_A_YEAR, RECENT_WEEKS = 52, 13
TOO_LOW, TOO_HIGH = "too low", "too high"
"""What an alarm says of a forecast."""


@dataclass(frozen=True)
class ForecastReview:
    """What was forecast, and what came.

    Attributes:
        window_weeks: Weeks of demand that are forecast as one total: the typical protection interval.
        origins: How many past days forecasts were made at; 0 where the history is too short to judge.
        inputs: What the forecasts rest on.
        expected: Demand over each item's own protection interval, as `forecast_demand` gives it.
        coming: Demand over the window to come, on the index of the points: weekly_rate, mean, sd and q<level>.
        judged: Our forecasts beside what came: unique_id, start and end (datetime64, first and last day of the
            window), mean, actual and q<level>, units; oldest first.
        items: On the index of the points, how each was forecast: see `_items`.
        methods: One row per method: method, forecasts, items, mase, pinball (mean over `STOCK_LEVELS`, per unit of
            demand), bias (per unit of demand), bias_by_value, error_value (mean absolute error of a window, at cost,
            over all items), demand_value (what was demanded in a window, at cost).
        calibration: One row per class of demand (as it was when the forecast was made; `all` among them) and level:
            class, level, below, covered, held (the share that held, counted with a fair lot where whole units leave it
            open), standard_error, forecasts.
        pit: left, right, share, density.
        gain: What our forecast loses less than the 13-week mean does, as a share of the latter's loss, with the
            standard error; NaN where it cannot be said.
        weekly: The histories in weeks.
    """

    inputs: PlanningInputs
    window_weeks: int
    origins: int
    expected: pd.DataFrame
    coming: pd.DataFrame
    judged: pd.DataFrame
    items: pd.DataFrame
    methods: pd.DataFrame
    calibration: pd.DataFrame
    pit: pd.DataFrame
    gain: tuple[float, float]
    weekly: Panel

    @property
    def as_of(self) -> date:
        """The last day known."""
        return self.inputs.as_of

    @property
    def points(self) -> pd.DataFrame:
        """SKU and location of each item with its terms, as `PlanningInputs.points`."""
        return self.inputs.points


def forecast_review(
    database: Database,
    *,
    as_of: date | None = None,
    at: datetime | None = None,
    seasonal: bool = False,
    progress: Progress = silent,
) -> ForecastReview:
    """Make the forecasts of past days again and hold them against what came.

    Args:
        database: Where the history is.
        as_of: The last day that counts; the last complete business day by default.
        at: Now, so that what the planner said today counts; else what they had said by the close of `as_of`.
        seasonal: Also judge the same weeks of last year as a forecast.
        progress: Told the name of each stage as it begins.

    Raises:
        NothingToPlan: there are no orders.
        AsOfOutOfRange: nothing was ordered by that day.
        OtherCurrency: nothing was ordered in the company's currency.
    """
    progress("read history")
    with database.reading() as connection:
        inputs = planning_inputs(connection, as_of=as_of or default_as_of(connection), at=at)
    return review_of(inputs, seasonal=seasonal, progress=progress)


def review_of(inputs: PlanningInputs, *, seasonal: bool = False, progress: Progress = silent) -> ForecastReview:
    """The same from what was read already."""
    weekly = weekly_panel(inputs)
    window = typical_window(inputs)
    origins = _feasible_origins(weekly, window)
    progress("forecast demand")
    expected = forecast_demand(inputs)
    coming = _coming(weekly, window, inputs.points)
    past = _backtest(weekly, inputs.points["category"], window, origins, seasonal, progress) if origins else None
    progress("judge by what came")
    judged = _judged(past, inputs.as_of, window)
    traits = _traits(weekly, inputs, judged, window)
    if past is not None and past.frame.empty:
        past = None
    cost = inputs.points["unit_cost"]
    return ForecastReview(
        inputs=inputs,
        window_weeks=window,
        origins=0 if past is None else origins,
        expected=expected,
        coming=coming,
        judged=judged,
        items=_items(past, inputs.points, traits),
        methods=_methods(past, cost),
        calibration=_calibration(past, weekly),
        pit=_pit(past),
        gain=_gain(past),
        weekly=weekly,
    )


def typical_window(inputs: PlanningInputs) -> int:
    """The median protection interval (lead time + review period) in whole weeks, at least 1."""
    days = inputs.points["lead_time_days"].median() + inputs.terms.review_period_days
    return max(1, round(float(days) / PERIOD_DAYS))


def _feasible_origins(weekly: Panel, window: int) -> int:
    """As many origins as are wanted, and the longest history has room for."""
    longest = int(weekly.lengths.max(initial=0))
    wanted = max(ORIGINS, -(-LEAST_WEEKS // window))
    return max(0, min(wanted, (longest - FEW_WEEKS) // window))


# Forecasting


def plans_forecast(categories: pd.Series[Any]) -> Callable[[Panel, int, Any], LeadTimeDemand]:
    """The plan's forecast of a total as a method to be judged; items of a category share their season."""
    from forecasting import lead_time_demand_of_panel

    def ours(panel: Panel, window: int, levels: Any) -> LeadTimeDemand:
        return lead_time_demand_of_panel(panel, periods=float(window), quantiles=levels.tolist(), groups=categories)

    return ours


def _backtest(
    weekly: Panel,
    categories: pd.Series[Any],
    window: int,
    origins: int,
    seasonal: bool,
    progress: Progress,
) -> Backtest:
    from forecasting.backtest import Method, backtest

    methods: dict[str, Method] = {OURS: plans_forecast(categories), TRAILING: trailing_mean_totals}
    if seasonal:
        methods[SEASONAL] = last_year_totals

    def told(name: str, method: Callable[[Panel, int, Any], Totals]) -> Callable[[Panel, int, Any], Totals]:
        def forecast(panel: Panel, window: int, levels: Any) -> Totals:
            progress(f"forecast again: {name}")
            return method(panel, window, levels)

        return forecast

    watched = {name: told(name, method) for name, method in methods.items()}
    return backtest(weekly, watched, window=window, origins=origins, levels=LEVELS)


def _coming(weekly: Panel, window: int, points: pd.DataFrame) -> pd.DataFrame:
    names = [f"q{level:g}" for level in LEVELS]
    result = plans_forecast(points["category"])(weekly, window, np.array(LEVELS))
    frame = pd.DataFrame(result.quantiles, columns=names, index=pd.Index(weekly.ids))
    frame.insert(0, "weekly_rate", result.mean / window)
    frame.insert(1, "mean", result.mean)
    frame.insert(2, "sd", result.sd)
    return frame.reindex(points.index, fill_value=0)


def _judged(past: Backtest | None, as_of: date, window: int) -> pd.DataFrame:
    names = [f"q{level:g}" for level in LEVELS]
    columns = ["unique_id", "start", "end", "mean", "actual", *names]
    if past is None:
        return pd.DataFrame({name: np.zeros(0) for name in columns}).astype(
            {"start": "datetime64[s]", "end": "datetime64[s]"}
        )
    frame = past.frame[past.frame["method"] == OURS]
    origin = pd.Timestamp(as_of) - pd.to_timedelta(frame["origin"].to_numpy() * PERIOD_DAYS, unit="D")
    dated = frame.assign(
        start=(origin + timedelta(days=1)).astype("datetime64[s]"),
        end=(origin + timedelta(days=window * PERIOD_DAYS)).astype("datetime64[s]"),
    )
    return dated[columns].sort_values(["unique_id", "start"], ignore_index=True)


# Judging


def _items(past: Backtest | None, points: pd.DataFrame, traits: pd.DataFrame) -> pd.DataFrame:
    """One row per item, on the index of the points.

    Returns:
        sku, name, category, location; demand_class (the present one, by all that is known), life_cycle, abc,
        tracking_signal, alarm (too low, too high, or empty, as for what is dead); forecasts (windows judged), actual
        and mean (units a window), bias (per unit of demand, NaN where there was none), mase, pinball (per unit of
        demand), coverage_<level> (share of the windows whose demand that level held), error_value (mean absolute error
        of a window × unit cost: money at stake), demand_value (likewise of what was demanded).
    """
    named = points[["sku", "name", "category", "location", "unit_cost"]].join(traits)
    measures = ["actual", "mean", "bias", "mase", "pinball", *(f"coverage_{level:g}" for level in STOCK_LEVELS)]
    if past is None:
        empty = dict.fromkeys([*measures, "error_value", "demand_value"], np.nan)
        return named.assign(forecasts=0, **empty)
    frame = past.frame[past.frame["method"] == OURS]
    sums = frame.assign(error=(frame["mean"] - frame["actual"]).abs()).groupby("unique_id")
    means = sums[["actual", "mean", "error"]].mean()
    scores = past.scores(by="unique_id")
    scores = scores[scores["method"] == OURS].set_index("unique_id")
    scores["pinball"] = scores[[f"pinball_{level:g}" for level in STOCK_LEVELS]].mean(axis=1)
    table = scores[["forecasts", "bias", "mase", "pinball", *measures[5:]]].join(means)
    result = named.join(table)
    result["forecasts"] = result["forecasts"].fillna(0).astype(np.int64)
    result["error_value"] = result["error"] * result["unit_cost"]
    result["demand_value"] = result["actual"] * result["unit_cost"]
    return result.drop(columns="error")


def _methods(past: Backtest | None, cost: pd.Series[float]) -> pd.DataFrame:
    columns = [
        "method",
        "forecasts",
        "items",
        "mase",
        "pinball",
        "bias",
        "bias_by_value",
        "error_value",
        "demand_value",
    ]
    if past is None:
        return pd.DataFrame(columns=columns)
    scores = past.scores()
    scores["pinball"] = scores[[f"pinball_{level:g}" for level in STOCK_LEVELS]].mean(axis=1)
    frame = past.frame.assign(cost=cost.loc[past.frame["unique_id"]].to_numpy())
    frame["demand_value"] = frame["actual"] * frame["cost"]
    frame["signed"] = (frame["mean"] - frame["actual"]) * frame["cost"]
    frame["error_value"] = frame["signed"].abs()
    value = frame.groupby("method")[["demand_value", "signed", "error_value"]].sum()
    origins = past.frame["origin"].nunique()
    demanded = value["demand_value"].where(value["demand_value"] > 0)
    by_value = pd.DataFrame(
        {
            "bias_by_value": value["signed"] / demanded,
            "error_value": value["error_value"] / origins,
            "demand_value": value["demand_value"] / origins,
        }
    )
    joined = scores.rename(columns={"series": "items"}).join(by_value, on="method")
    return joined[columns]


def _calibration(past: Backtest | None, weekly: Panel) -> pd.DataFrame:
    columns = ["class", "level", "below", "covered", "held", "standard_error", "forecasts"]
    if past is None:
        return pd.DataFrame(columns=columns)
    classes = _classes_then(past.frame, weekly)
    labelled = replace(past, frame=past.frame.assign(**{"class": classes, ALL: ALL}))
    parts = []
    for by in (ALL, "class"):
        held = labelled.calibration(by=["method", by])
        drawn = labelled.pit_histogram(by=["method", by], seed=0)
        drawn["held"] = drawn.groupby(["method", by])["share"].cumsum()
        joined = held.merge(drawn[["method", by, "right", "held"]], left_on=["method", by, "level"],
                            right_on=["method", by, "right"])  # fmt: skip
        ours_only = joined[joined["method"] == OURS]
        parts.append(ours_only.rename(columns={by: "class"})[columns])
    return pd.concat(parts, ignore_index=True)


def _classes_then(forecasts: pd.DataFrame, weekly: Panel) -> pd.Series[str]:
    """The class of demand each item had when a forecast of it was made, on the index of the forecasts.

    The class that it has now knows what came: whoever jumped since is called lumpy or erratic, and these then seem to
    jump more often than foreseen, the others less.
    """
    from forecasting.demand_class import demand_pattern

    series = pd.Series(np.arange(len(weekly.ids)), index=pd.Index(weekly.ids))
    classes = pd.Series("", index=forecasts.index, dtype=object)
    for origin, made in forecasts.groupby("origin"):
        then = demand_pattern(weekly.until(int(origin))).pattern
        classes.loc[made.index] = then[series.loc[made["unique_id"]]]
    return classes


def _pit(past: Backtest | None) -> pd.DataFrame:
    columns = ["left", "right", "share", "density"]
    if past is None:
        return pd.DataFrame(columns=columns)
    drawn = past.pit_histogram(seed=0)
    return drawn.loc[drawn["method"] == OURS, columns].reset_index(drop=True)


def _gain(past: Backtest | None) -> tuple[float, float]:
    if past is None or not past.frame["actual"].sum() > 0:
        return np.nan, np.nan
    compared = past.compared(OURS, TRAILING)
    scores = past.common().scores().set_index("method")
    loss = float(scores.at[TRAILING, "pinball"])
    return (-compared.difference / loss, compared.standard_error / loss) if loss > 0 else (np.nan, np.nan)


# What kind of items


def _traits(weekly: Panel, inputs: PlanningInputs, judged: pd.DataFrame, window: int) -> pd.DataFrame:
    """Class, time of life, ABC by a year's demand at cost, and tracking signal, on the index of the points."""
    from forecasting.demand_class import abc_classes, demand_pattern, life_cycle

    ids = pd.Index(weekly.ids)
    year = np.nansum(weekly.aligned()[:, -WEEKS_OF_A_YEAR:], axis=1)
    frame = pd.DataFrame(
        {
            "demand_class": demand_pattern(weekly).pattern,
            "life_cycle": life_cycle(weekly, recent_periods=RECENT_WEEKS).stage,
            "abc": abc_classes(year * inputs.points.loc[ids, "unit_cost"].to_numpy()),
        },
        index=ids,
    )
    tracked = frame.join(_tracked(weekly, judged, inputs.as_of, window))
    tracked["alarm"] = tracked["alarm"].where(tracked["life_cycle"] != "dead", "")
    known = tracked.reindex(inputs.points.index)
    unknown = {"demand_class": "none", "life_cycle": "dead", "abc": "C", "tracking_signal": 0.0, "alarm": ""}
    return known.fillna(unknown)


def _tracked(weekly: Panel, judged: pd.DataFrame, as_of: date, window: int) -> pd.DataFrame:
    """How far the judged forecasts lean to one side, week by week, each week's share of its window's total.

    Returns:
        On the ids of the panel: tracking_signal (sum of the errors over their mean absolute size; above 0 demand was
        higher than forecast) and alarm (too low, too high, or empty).
    """
    from forecasting.tracking import tracking_signals

    expected = np.full(len(weekly.values), np.nan)
    series = pd.Index(weekly.ids).get_indexer(judged["unique_id"])
    back = (pd.Timestamp(as_of) - judged["end"]).dt.days.to_numpy() // PERIOD_DAYS
    last = weekly.offsets[1:][series] - 1 - back
    for week in range(window):
        expected[last - week] = judged["mean"].to_numpy() / window
    now = tracking_signals(weekly, expected).to_frame()
    side = np.where(now["cumulative"] > 0, TOO_LOW, TOO_HIGH)
    return pd.DataFrame(
        {"tracking_signal": now["cumulative"].to_numpy(), "alarm": np.where(now["alarm"], side, "")},
        index=pd.Index(weekly.ids),
    )


# The answer


@dataclass(frozen=True)
class Answer:
    """Whether the forecast can be trusted.

    Attributes:
        verdict: In a few words.
        said: What it rests on, in one sentence with numbers.
        beside: How it does beside the 13-week mean, in one sentence; empty where that cannot be said.
    """

    verdict: str
    said: str
    beside: str


def answer(review: ForecastReview) -> Answer | None:
    """The review in words; None where nothing could be judged."""
    if not review.origins:
        return None
    mine = review.methods.set_index("method").loc[OURS]
    whole = review.calibration[review.calibration["class"] == ALL].set_index("level")
    at = whole.loc[SHOWN_LEVEL]
    error = f" (± {_share(2 * at['standard_error'])})" if np.isfinite(at["standard_error"]) else ""
    weeks = "week" if review.window_weeks == 1 else "weeks"
    number = int(mine["forecasts"])
    held = f"the {_share(SHOWN_LEVEL, 0)} levels held for {_share(at['covered'])}{error} of {number:,} forecasts"
    bias = float(mine["bias_by_value"])
    said = (
        f"Over the last {review.origins} × {review.window_weeks} {weeks} {held} of {int(mine['items']):,} items,"
        f" and forecasts were {_lean(bias)} by value."
    )
    doubts = _doubts(whole, bias)
    return Answer("With care: " + "; ".join(doubts) if doubts else "Yes", said, _beside(review, mine))


def _share(part: float, decimals: int = 1) -> str:
    """94.7 %, with a space that does not break."""
    return f"{part * 100:.{decimals}f} %"


def _lean(bias: float) -> str:
    if not abs(bias) >= 0.0005:
        return "neither too high nor too low"
    return f"{_share(abs(bias))} too {'high' if bias > 0 else 'low'}"


def _doubts(whole: pd.DataFrame, bias: float) -> list[str]:
    """What is further from its promise than luck, or a fifth of the risk it leaves, explains."""
    doubts = []
    for level in STOCK_LEVELS[1:]:
        row = whole.loc[level]
        error = row["standard_error"] if np.isfinite(row["standard_error"]) else 0.0
        slack = max(2 * error, (1 - level) / 5)
        if row["covered"] < level - slack:
            times = (1 - row["covered"]) / (1 - level)
            doubts.append(f"demand passes the {_share(level, 0)} levels {times:.1f} times as often as it should")
        elif row["below"] > level + slack:
            doubts.append(f"the {_share(level, 0)} levels are higher than they need be")
    worst = doubts[-1:]
    if abs(bias) > MOST_BIAS:
        worst.append(f"forecasts lean to one side, too {'high' if bias > 0 else 'low'}")
    return worst


def _beside(review: ForecastReview, mine: pd.Series[Any]) -> str:
    gain, error = review.gain
    off = float(mine["error_value"] / mine["demand_value"]) if mine["demand_value"] > 0 else np.nan
    said = f"A typical forecast is off by {_share(off, 0)} of what was demanded by value. " if np.isfinite(off) else ""
    if not np.isfinite(gain):
        return said.strip()
    luck = f" (± {_share(2 * error)})" if np.isfinite(error) else ""
    word = "less" if gain >= 0 else "more"
    return f"{said}Its levels lose {_share(abs(gain))}{luck} {word} than a {TRAILING} with z·σ·√L."


# One item


@dataclass(frozen=True)
class ItemReview:
    """One item: its demand, what was forecast of it, and what is forecast now.

    Attributes:
        point: Its row of `ForecastReview.points`.
        measures: Its row of `ForecastReview.items`.
        history: start, end (datetime64), units (NaN where too little is known) of the windows up to `as_of`, oldest
            first.
        judged: Its rows of `ForecastReview.judged`, with held (the `SHOWN_LEVEL` held).
        coming: The window to come, one row with the planner's word in it: start, end, mean, q<level>.
        coming_statistical: Units expected in it without the planner.
        protection_days: Lead time + review period.
        expected: Units expected over that, without the planner.
        planned: The same with what the planner said.
        said: What the planner said, in words; empty where nothing.
    """

    point: pd.Series[Any]
    measures: pd.Series[Any]
    history: pd.DataFrame
    judged: pd.DataFrame
    coming: pd.DataFrame
    coming_statistical: float
    protection_days: float
    expected: float
    planned: float
    said: str


def item_review(review: ForecastReview, planner: PlannerReview, *, sku: str, location: str) -> ItemReview | None:
    """Everything about how one item is forecast; None when there is no such SKU at that location."""
    found = review.points[(review.points["sku"] == sku) & (review.points["location"] == location)]
    if found.empty:
        return None
    number = found.index[0]
    point = found.iloc[0]
    days, window_days = protection_days(review), float(review.window_weeks * PERIOD_DAYS)
    near = _near(review, planner, int(point["sku_id"]))
    planned = planner.applied(review.expected.loc[near.index], near, review.as_of, days[near.index].to_numpy())
    coming = planner.applied(review.coming.loc[near.index], near, review.as_of, window_days)
    judged = review.judged[review.judged["unique_id"] == number].drop(columns="unique_id")
    start = pd.Timestamp(review.as_of) + timedelta(days=1)
    band = coming.loc[[number], ["mean", *(f"q{level:g}" for level in LEVELS)]].astype(np.float64)
    return ItemReview(
        point=point,
        measures=review.items.loc[number],
        history=_history(review, number),
        judged=judged.assign(held=judged["actual"] <= judged[f"q{SHOWN_LEVEL:g}"]).reset_index(drop=True),
        coming=band.assign(start=start, end=start + timedelta(days=window_days - 1)).reset_index(drop=True),
        coming_statistical=float(review.coming.at[number, "mean"]),
        protection_days=float(days[number]),
        expected=float(review.expected.at[number, "mean"]),
        planned=float(planned.at[number, "mean"]),
        said=str(planned.at[number, "said"]),
    )


def _near(review: ForecastReview, planner: PlannerReview, sku_id: int) -> pd.DataFrame:
    """The points whose forecasts the planner's word on a SKU can change: all, where SKUs follow one another."""
    points = review.points
    return points if len(planner.said.successions) else points[points["sku_id"] == sku_id]


def protection_days(review: ForecastReview) -> pd.Series[float]:
    """Lead time + review period of each item."""
    days: pd.Series[float] = review.points["lead_time_days"] + review.inputs.terms.review_period_days
    return days


def _history(review: ForecastReview, number: Any) -> pd.DataFrame:
    """Totals of the windows that end with as_of, a window apart, the last `SHOWN_WINDOWS`."""
    weekly, window = review.weekly, review.window_weeks
    series = int(pd.Index(weekly.ids).get_indexer([number])[0])
    values = weekly.values[weekly.offsets[series] : weekly.offsets[series + 1]] if series >= 0 else np.zeros(0)
    count = min(len(values) // window, SHOWN_WINDOWS)
    totals = values[len(values) - count * window :].reshape(count, window).sum(axis=1)
    back = np.arange(count)[::-1] * window * PERIOD_DAYS
    end = pd.Timestamp(review.as_of) - pd.to_timedelta(back, unit="D")
    start = end - timedelta(days=window * PERIOD_DAYS - 1)
    return pd.DataFrame({"start": start, "end": end, "units": totals})


@dataclass(frozen=True)
class OverridePreview:
    """What an override would change.

    Attributes:
        before: Units over the item's protection interval as planned now.
        after: The same with the override.
        elsewhere: How many other places of the SKU change too.
        said: Why, in words; empty where nothing changes.
    """

    before: float
    after: float
    elsewhere: int
    said: str


def preview_override(
    review: ForecastReview,
    planner: PlannerReview,
    *,
    sku: str,
    location: str,
    kind: str,
    value: float,
    starts: date,
    until: date,
    is_everywhere: bool,
    reason: str,
    by: str,
) -> OverridePreview:
    """The forecast as it would be with an override that is not recorded yet; nothing is stored.

    Args:
        review: The review.
        planner: What the planner said so far; the new override wins over it.
        sku: Of the item.
        location: Of the item.
        kind: set, multiply or add.
        value: Units a week, or a factor.
        starts: First day.
        until: Last day.
        is_everywhere: For all places of the SKU together.
        reason: Why.
        by: Who says so.

    Raises:
        UnknownThing: there is no such item.
    """
    found = review.points[(review.points["sku"] == sku) & (review.points["location"] == location)]
    if found.empty:
        raise UnknownThing("item", f"{sku} at {location}")
    number, point = found.index[0], found.iloc[0]
    place = None if is_everywhere else int(point["location_id"])
    asked = planner.with_override(int(point["sku_id"]), place, kind, value, starts, until, reason, by)
    near = _near(review, planner, int(point["sku_id"]))
    days, expected = protection_days(review)[near.index].to_numpy(), review.expected.loc[near.index]
    before, after = (one.applied(expected, near, review.as_of, days) for one in (planner, asked))
    changed = (before["mean"] - after["mean"]).abs() > 1e-9
    return OverridePreview(
        before=float(before.at[number, "mean"]),
        after=float(after.at[number, "mean"]),
        elsewhere=int(changed.sum() - changed[number]),
        said=str(after.at[number, "said"]) if changed.any() else "",
    )
