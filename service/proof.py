"""The simulated proof: would the recommended policy have served customers better than a rule of thumb?

At several past days (cuts) the plan is made from what was known then. The weeks that followed, which the plan
never saw, are replayed against it and against weeks of cover, the rule most planners start from: same opening
stock, same goods under way, same demand, same luck with lead times. Levels stay as they were set at the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import demand_history, plan_rows, position_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.model import Actor, Permission
from orders.terms import Terms, read_terms
from service.planning import (
    PERIOD_DAYS,
    PlanningInputs,
    Progress,
    closing_moment,
    default_as_of,
    forecast_demand,
    planning_inputs,
    set_levels,
    silent,
)

RECOMMENDED, COVER = "recommended", "weeks of cover"
COVER_WEEKS = 4.0
COVER_CURVE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0)
TARGET_CURVE = (0.4, 0.6, 0.8, 0.9, 0.95, 0.98)
COVER_HISTORY_DAYS = 91
LEAST_HISTORY_DAYS = 112
_MEASURES = ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin")


class TooShortToProve(StockwrightError):
    """There are too few weeks of orders to keep some out of the fit."""

    def __init__(self, days: int, wanted: int) -> None:
        self.days, self.wanted = days, wanted
        super().__init__(f"a proof needs {wanted} days of orders, the database holds {days}: import more history")


@dataclass(frozen=True)
class ProofSettings:
    """How many cuts, how long each is replayed, and with how much luck."""

    cuts: int = 4
    window_days: int = 56
    replications: int = 10
    seed: int = 20_240_229


def prove(
    database: Database,
    *,
    as_of: date | None = None,
    settings: ProofSettings = ProofSettings(),
    actor: Actor,
    at: datetime,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run the proof, store it and return it.

    Returns:
        as_of, currency, window_days, seed, replications; `cuts`, each with its day, the points it covers and
        the two policies' measures; `total` over all cuts; `curve`, what each amount of stock buys under either
        policy, over all cuts; `equal_stock`, both fill rates at the rule's stock value and at the plan's; `verdict`.
        Money is in units of the currency; fill rates are shares of demand, by units and by value.

    Raises:
        TooShortToProve: the history is too short for the first cut.
        NothingToPlan: there are no orders.
    """
    actor.require(Permission.PLAN)
    with database.reading() as connection:
        terms = read_terms(connection)
        as_of = as_of or default_as_of(connection)
        demand = demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency)
    days = cut_days(as_of, demand, settings)
    results = []
    for number, cut in enumerate(days, start=1):
        progress(f"replay {number} of {len(days)}: {cut} and the {settings.window_days} days after it")
        results.append(_replay(database, cut, demand, terms, settings))
    proof = _summary(as_of, terms, settings, results)
    with database.writing() as connection:
        plan_rows.write_proof(connection, as_of=as_of, created_at=at, seed=settings.seed, result=proof)
    return proof


def cut_days(as_of: date, demand: pd.DataFrame, settings: ProofSettings) -> list[date]:
    """The cuts, oldest first: the last window ends on as_of and windows do not overlap.

    Raises:
        TooShortToProve: less than `LEAST_HISTORY_DAYS` lie before the first cut.
    """
    cuts = [as_of - timedelta(days=settings.window_days * back) for back in range(settings.cuts, 0, -1)]
    first = demand["ds"].min().date() if len(demand) else as_of
    wanted = settings.window_days * settings.cuts + LEAST_HISTORY_DAYS
    if (as_of - first).days + 1 < wanted:
        raise TooShortToProve((as_of - first).days + 1, wanted)
    return cuts


@dataclass(frozen=True)
class _Replay:
    """One cut's outcome: a frame of curve points with the demand they met, and how many points it covers."""

    cut: date
    points: int
    demand_units: float
    demand_value: float
    left_out_share: float
    curves: pd.DataFrame


def _replay(database: Database, cut: date, demand: pd.DataFrame, terms: Terms, settings: ProofSettings) -> _Replay:
    from simulation import ReorderPolicy, cover_policy, service_curve

    with database.reading() as connection:
        known = planning_inputs(connection, as_of=cut, terms=terms)
        pipeline = position_rows.on_order(connection, closed_at=closing_moment(cut, terms.time_zone))
    future = _future_demand(known, demand, cut, settings.window_days)
    sold_before = np.isin(known.points.index.to_numpy(), known.demand["unique_id"].unique())
    kept = np.flatnonzero(sold_before)
    left_out = 1 - future[:, kept].sum() / max(_all_future(demand, cut, settings.window_days), 1)
    scenario = _scenario(known, kept, future, pipeline, settings)
    forecasts = forecast_demand(known)
    unlimited = PlanningInputs(known.as_of, _without_budget(terms), known.points, known.demand)

    def recommended(target: float) -> ReorderPolicy:
        levels = set_levels(unlimited, forecasts, fill_rate_target=target).frame.iloc[kept]
        return ReorderPolicy(
            RECOMMENDED,
            levels["reorder_point"].to_numpy(dtype=np.int64),
            levels["order_up_to_level"].to_numpy(dtype=np.int64),
        )

    targets = sorted({*TARGET_CURVE, terms.fill_rate_target})
    rate = _recent_rate(known, cut)[kept]
    ours = {target: recommended(target) for target in targets}
    rule = {weeks: cover_policy(COVER, rate, weeks_of_cover=weeks) for weeks in COVER_CURVE}
    luck = {"replications": settings.replications, "seed": settings.seed}
    curves = pd.concat(
        [service_curve(scenario, RECOMMENDED, ours, **luck), service_curve(scenario, COVER, rule, **luck)],
        ignore_index=True,
    )
    value = future[:, kept].sum(axis=0) * (scenario.unit_cost + scenario.unit_margin)
    return _Replay(
        cut=cut,
        points=len(kept),
        demand_units=float(future[:, kept].sum()),
        demand_value=float(value.sum()),
        left_out_share=float(max(left_out, 0.0)),
        curves=curves,
    )


def _without_budget(terms: Terms) -> Terms:
    """The curve shows what each amount of stock buys, so that no limit is put on the stock."""
    from dataclasses import replace

    return replace(terms, stock_budget=None)


def _future_demand(known: PlanningInputs, demand: pd.DataFrame, cut: date, days: int) -> Any:
    """Units demanded on each day after the cut, shape (day, point)."""
    keys = ["sku_id", "location_id"]
    ids = known.points[keys].assign(point=np.arange(len(known.points)))
    after = demand[(demand["ds"] > pd.Timestamp(cut)) & (demand["ds"] <= pd.Timestamp(cut) + pd.Timedelta(days=days))]
    after = after.merge(ids, on=keys, how="inner")
    day = (after["ds"] - pd.Timestamp(cut)).dt.days.to_numpy() - 1
    units = np.zeros((days, len(known.points)), dtype=np.int64)
    np.add.at(units, (day, after["point"].to_numpy()), after["y"].to_numpy().astype(np.int64))
    return units


def _all_future(demand: pd.DataFrame, cut: date, days: int) -> float:
    end = pd.Timestamp(cut) + pd.Timedelta(days=days)
    return float(demand.loc[(demand["ds"] > pd.Timestamp(cut)) & (demand["ds"] <= end), "y"].sum())


def _recent_rate(known: PlanningInputs, cut: date) -> Any:
    """Mean units per day of the last quarter, which weeks of cover multiply, shape (point,)."""
    recent = known.demand[known.demand["ds"] > pd.Timestamp(cut) - pd.Timedelta(days=COVER_HISTORY_DAYS)]
    sums = recent.groupby("unique_id")["y"].sum().reindex(known.points.index, fill_value=0.0)
    return sums.to_numpy() / COVER_HISTORY_DAYS


def _scenario(known: PlanningInputs, kept: Any, future: Any, pipeline: pd.DataFrame, settings: ProofSettings) -> Any:
    """Both policies' common ground: stock and pipeline as the ledger knows them, else the assumed weeks."""
    from simulation import StockScenario

    points, terms = known.points.iloc[kept], known.terms
    assumed = np.ceil(_recent_rate(known, known.as_of)[kept] * PERIOD_DAYS * terms.opening_stock_weeks)
    counted = np.maximum(points["on_hand"].to_numpy() - points["unshipped"].to_numpy(), 0)
    on_hand = np.where(points["is_counted"].to_numpy(), counted, assumed).astype(np.int64)
    return StockScenario(
        skus=tuple((points["sku"] + " at " + points["location"]).tolist()),
        demand=future[:, kept],
        on_hand=on_hand,
        pipeline=_arrivals(points, pipeline, known.as_of, settings.window_days),
        lead_time_mean_days=np.maximum(points["lead_time_days"].to_numpy(), 1.0),
        lead_time_sd_days=points["lead_time_sd_days"].to_numpy(),
        review_period_days=terms.review_period_days,
        unit_cost=points["unit_cost"].to_numpy(),
        unit_margin=np.maximum(points["unit_price"].to_numpy() - points["unit_cost"].to_numpy(), 0.0),
        pack_size=points["pack_size"].to_numpy(),
        moq=points["moq"].to_numpy(),
        on_shortage="lost",
    )


def _arrivals(points: pd.DataFrame, pipeline: pd.DataFrame, cut: date, days: int) -> Any:
    """Open purchase orders by the day they are expected; what is late comes first thing, shape (day, point)."""
    arrivals = np.zeros((days, len(points)), dtype=np.int64)
    keys = ["sku_id", "location_id"]
    ids = points[keys].assign(point=np.arange(len(points)))
    due = pipeline[(pipeline["status"] != "draft")].merge(ids, on=keys, how="inner")
    if due.empty:
        return arrivals
    expected = pd.to_datetime(due["expected_date"]).fillna(pd.Timestamp(cut) + pd.Timedelta(days=PERIOD_DAYS))
    day = np.clip((expected - pd.Timestamp(cut)).dt.days.to_numpy() - 1, 0, days - 1)
    np.add.at(arrivals, (day, due["point"].to_numpy()), due["on_order"].to_numpy().astype(np.int64))
    return arrivals


def _summary(as_of: date, terms: Terms, settings: ProofSettings, results: Sequence[_Replay]) -> dict[str, Any]:
    curve = _over_all_cuts(results)
    equal = _at_equal_stock(curve, terms)
    return {
        "as_of": as_of.isoformat(),
        "currency": terms.currency,
        "window_days": settings.window_days,
        "replications": settings.replications,
        "seed": settings.seed,
        "fill_rate_target": terms.fill_rate_target,
        "cuts": [
            {
                "cut": result.cut.isoformat(),
                "points": result.points,
                "demand_units": result.demand_units,
                "demand_value": result.demand_value,
                "not_sold_before_share": result.left_out_share,
                "policies": _policies(result.curves, terms),
                "equal_stock": _at_equal_stock(result.curves, terms),
            }
            for result in results
        ],
        "total": {"policies": _policies(curve, terms)},
        "equal_stock": equal,
        "curve": curve.to_dict("records"),
        "verdict": _verdict(equal, terms),
    }


def _over_all_cuts(results: Sequence[_Replay]) -> pd.DataFrame:
    """One curve for all cuts: demand-weighted fill rates, mean stock value, lost margin in all."""
    units = np.array([result.demand_units for result in results])
    value = np.array([result.demand_value for result in results])
    total = results[0].curves[["label", "parameter"]].copy()
    rows = {name: np.array([result.curves[name].to_numpy() for result in results]) for name in _MEASURES}
    total["average_stock_value"] = rows["average_stock_value"].mean(axis=0)
    total["fill_rate"] = units @ rows["fill_rate"] / units.sum()
    total["value_fill_rate"] = value @ rows["value_fill_rate"] / value.sum()
    total["lost_margin"] = rows["lost_margin"].sum(axis=0)
    return total


def _policies(curve: pd.DataFrame, terms: Terms) -> list[dict[str, Any]]:
    """The two policies themselves: the plan's own target, and four weeks of cover."""
    chosen = {RECOMMENDED: terms.fill_rate_target, COVER: COVER_WEEKS}
    rows = []
    for label, parameter in chosen.items():
        row = curve[(curve["label"] == label) & (curve["parameter"] == parameter)].iloc[0]
        rows.append({"policy": label, "parameter": parameter, **{name: float(row[name]) for name in _MEASURES}})
    return rows


def _at_equal_stock(curve: pd.DataFrame, terms: Terms) -> list[dict[str, Any]]:
    """Both policies' fill rates, by units and by value, at the rule's stock value and at the plan's own.

    None stands where one of them never ties up so little, or so much.
    """
    from simulation import fill_rate_at_stock_value

    curves = {label: curve[curve["label"] == label] for label in (RECOMMENDED, COVER)}
    rows = []
    for policy in _policies(curve, terms):
        value = policy["average_stock_value"]
        row: dict[str, Any] = {"stock_of": policy["policy"], "stock_value": value}
        for measure in ("fill_rate", "value_fill_rate"):
            reached = {
                label: fill_rate_at_stock_value(one.assign(fill_rate=one[measure]), value)
                for label, one in curves.items()
            }
            row[measure] = {label: None if np.isnan(rate) else rate for label, rate in reached.items()}
        rows.append(row)
    return rows


def _verdict(equal: list[dict[str, Any]], terms: Terms) -> str:
    """What the proof says, whoever won."""
    return " ".join(_sentence(row, terms) for row in equal)


def _sentence(row: dict[str, Any], terms: Terms) -> str:
    ours, rule = (row["value_fill_rate"][label] for label in (RECOMMENDED, COVER))
    whose = "the plan ties up" if row["stock_of"] == RECOMMENDED else f"{COVER_WEEKS:g} weeks of cover tie up"
    stock = f"With the {terms.currency} {row['stock_value']:,.0f} of stock that {whose}"
    if ours is None or rule is None:
        return f"{stock}, only one of the two policies can be had, so they cannot be compared."
    winner = "the recommended policy" if ours >= rule else "weeks of cover"
    return (
        f"{stock}, {winner} meets {abs(ours - rule) * 100:.1f} points more of demand by value"
        f" ({ours:.1%} recommended, {rule:.1%} weeks of cover)."
    )


def picture(proof: dict[str, Any]) -> Any:
    """The curve over targets: what each amount of stock buys under either policy, as a plotly figure."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, colour in ((RECOMMENDED, "#0072B2"), (COVER, "#E69F00")):
        points = [row for row in proof["curve"] if row["label"] == label]
        unit = "target {:.0%}" if label == RECOMMENDED else "{:g} weeks"
        figure.add_trace(
            go.Scatter(
                x=[row["average_stock_value"] for row in points],
                y=[row["value_fill_rate"] for row in points],
                text=[unit.format(row["parameter"]) for row in points],
                name=label,
                mode="lines+markers+text",
                textposition="top left" if label == RECOMMENDED else "bottom right",
                line={"color": colour, "width": 3},
                marker={"size": 9},
            )
        )
    figure.update_layout(
        title=f"What stock buys: {len(proof['cuts'])} replays of {proof['window_days']} days each",
        xaxis_title=f"average stock at cost, {proof['currency']}",
        yaxis_title="demand met from stock, by value",
        yaxis_tickformat=".0%",
        template="plotly_white",
        legend={"orientation": "h", "y": 1.04, "x": 1, "xanchor": "right"},
        width=1000,
        height=560,
    )
    return figure


def write_picture(proof: dict[str, Any], path: Path) -> None:
    """Write the picture as one self-contained HTML page.

    Raises:
        StockwrightError: the folder does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise StockwrightError(f"cannot write {path}: there is no folder {path.absolute().parent}")
    picture(proof).write_html(path, include_plotlyjs=True)
