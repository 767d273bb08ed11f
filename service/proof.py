"""The simulated proof: would the recommended policy have served customers better than a rule of thumb?

At several past days (cuts) the plan is made from what was known then. The weeks that followed, which the plan
never saw, are replayed against it and against weeks of cover, the rule most planners start from: same opening
stock, same goods under way, same demand, same luck with lead times. Levels stay as they were set at the cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import demand_history, plan_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.model import Actor, Permission
from orders.terms import Terms, read_terms
from service.planning import Progress, silent
from service.planning_inputs import default_as_of
from service.replay import cut_days, past_weeks, planned_policy
from service.stock_levels import planned_demand, set_levels

RECOMMENDED, COVER = "recommended", "weeks of cover"
COVER_WEEKS = 4.0
COVER_CURVE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0)
TARGET_CURVE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_MEASURES = ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin", "orders_per_week")


class NothingToProve(StockwrightError):
    """Nothing was sold at a price in any of the replays."""

    def __init__(self) -> None:
        super().__init__("there is nothing to prove: nothing was sold at a price in the weeks to replay")


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
        TooShortToReplay: the history is too short for the first cut.
        NothingToProve: no replay met any demand.
        NothingToPlan: there are no orders.
    """
    actor.require(Permission.PLAN)
    with database.reading() as connection:
        terms = read_terms(connection)
        as_of = as_of or default_as_of(connection)
        demand = demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency)
    days = cut_days(as_of, demand, cuts=settings.cuts, window_days=settings.window_days)
    results = []
    for number, cut in enumerate(days, start=1):
        progress(f"replay {number} of {len(days)}: {cut} and the {settings.window_days} days after it")
        results.append(_replay(database, cut, demand, terms, settings))
    results = [result for result in results if result.demand_value > 0]
    if not results:
        raise NothingToProve
    proof = _summary(as_of, terms, settings, results)
    with database.writing() as connection:
        plan_rows.write_proof(connection, as_of=as_of, created_at=at, seed=settings.seed, result=proof)
    return proof


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
    from simulation import cover_policy, service_curve

    past = past_weeks(database, cut, demand, terms, days=settings.window_days)
    forecasts = planned_demand(past.known)
    # The curve shows what each amount of stock buys, so that no limit is put on the stock.
    unlimited = replace(past.known, terms=replace(terms, stock_budget=None))
    ours = {
        target: planned_policy(RECOMMENDED, past, set_levels(unlimited, forecasts, fill_rate_target=target))
        for target in sorted({*TARGET_CURVE, terms.fill_rate_target})
    }
    rule = {weeks: cover_policy(COVER, past.recent_rate, weeks_of_cover=weeks) for weeks in COVER_CURVE}
    curves = [
        service_curve(past.scenario, label, policies, replications=settings.replications, seed=settings.seed)
        for label, policies in ((RECOMMENDED, ours), (COVER, rule))
    ]
    units = past.scenario.demand.sum(axis=0)
    return _Replay(
        cut=cut,
        points=len(past.kept),
        demand_units=float(units.sum()),
        demand_value=float(units @ (past.scenario.unit_cost + past.scenario.unit_margin)),
        left_out_share=past.left_out_share,
        curves=pd.concat(curves, ignore_index=True),
    )


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
        "verdict": verdict(equal, currency=terms.currency),
    }


def _over_all_cuts(results: Sequence[_Replay]) -> pd.DataFrame:
    """One curve for all cuts: fill rates weighted by demand, mean stock and order lines, lost margin in all."""
    units = np.array([result.demand_units for result in results])
    value = np.array([result.demand_value for result in results])
    total = results[0].curves[["label", "parameter"]].copy()
    rows = {name: np.array([result.curves[name].to_numpy() for result in results]) for name in _MEASURES}
    total["average_stock_value"] = rows["average_stock_value"].mean(axis=0)
    total["fill_rate"] = units @ rows["fill_rate"] / units.sum()
    total["value_fill_rate"] = value @ rows["value_fill_rate"] / value.sum()
    total["lost_margin"] = rows["lost_margin"].sum(axis=0)
    total["orders_per_week"] = rows["orders_per_week"].mean(axis=0)
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


def verdict(equal_stock: Sequence[Mapping[str, Any]], *, currency: str) -> str:
    """What a proof's `equal_stock` says in words, whoever won."""
    return " ".join(_sentence(row, currency) for row in equal_stock)


def _sentence(row: Mapping[str, Any], currency: str) -> str:
    ours, rule = (row["value_fill_rate"][label] for label in (RECOMMENDED, COVER))
    whose = "the plan ties up" if row["stock_of"] == RECOMMENDED else f"{COVER_WEEKS:g} weeks of cover tie up"
    stock = f"With the {currency} {row['stock_value']:,.0f} of stock that {whose}"
    if ours is None or rule is None:
        return f"{stock}, only one of the two policies can be had, so they cannot be compared."
    points = round((ours - rule) * 100, 1)
    if not points:
        return f"{stock}, both policies meet {ours:.1%} of demand by value."
    winner = "the recommended policy meets" if points > 0 else "weeks of cover meet"
    return (
        f"{stock}, {winner} {abs(points):.1f} points more of demand by value"
        f" ({ours:.1%} recommended, {rule:.1%} weeks of cover)."
    )


def picture(proof: Mapping[str, Any]) -> Any:
    """The curve over targets: what each amount of stock buys under either policy, as a plotly figure."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, colour, dash, symbol in (
        (RECOMMENDED, "#0072B2", "solid", "circle"),
        (COVER, "#E69F00", "dash", "diamond"),
    ):
        points = [row for row in proof["curve"] if row["label"] == label]
        figure.add_trace(
            go.Scatter(
                x=[row["average_stock_value"] for row in points],
                y=[row["value_fill_rate"] for row in points],
                text=[_point_name(row) for row in points],
                cliponaxis=False,
                name=label,
                mode="lines+markers+text",
                textposition="top left" if label == RECOMMENDED else "bottom right",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"symbol": symbol, "size": 8},
            )
        )
    figure.update_layout(
        title=f"What stock buys: {len(proof['cuts'])} replays of {proof['window_days']} days each",
        xaxis_title=f"average stock at cost, {proof['currency']}",
        yaxis_title="demand met from stock, by value",
        yaxis_tickformat=".0%",
        template="plotly_white",
        legend={"orientation": "h", "y": 1.04, "x": 1, "xanchor": "right"},
        margin={"r": 110, "t": 70, "b": 60, "l": 70},
        width=1000,
        height=560,
    )
    return figure


def _point_name(row: Mapping[str, Any]) -> str:
    if row["label"] == RECOMMENDED:
        return f"target {row['parameter']:.0%}"
    return "1 week" if row["parameter"] == 1 else f"{row['parameter']:g} weeks"


def write_picture(proof: dict[str, Any], path: Path) -> None:
    """Write the picture as one self-contained HTML page.

    Raises:
        StockwrightError: the folder does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise StockwrightError(f"cannot write {path}: there is no folder {path.absolute().parent}")
    picture(proof).write_html(path, include_plotlyjs=True, config={"displayModeBar": False})
