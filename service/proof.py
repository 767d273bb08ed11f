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
from service.ledger_scenario import past_world, planned_levels, scenario_of
from service.planning import Progress, silent
from service.planning_inputs import default_as_of
from service.replay import cut_days
from service.service_curve import (
    MEASURES,
    ServiceCurves,
    cover_levels,
    fill_rate_at_stock_value,
    half_widths,
    simulated_curves,
    together,
)

RECOMMENDED, COVER = "recommended", "weeks of cover"
COVER_WEEKS = 4.0
COVER_CURVE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0)
TARGET_CURVE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_RATES = ("fill_rate", "value_fill_rate")


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
        policy, over all cuts; `equal_stock`, both fill rates at the rule's stock value and at the plan's, and their
        difference; `verdict`. Money is in units of the currency; fill rates are shares of demand, by units and by
        value. `half_widths` beside figures are those of 95 % intervals over the luck of lead times: demand is
        replayed as it was.

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
    """One cut's outcome: what was simulated, with the demand it met, and how many points it covers."""

    cut: date
    points: int
    demand_units: float
    demand_value: float
    left_out_share: float
    curves: ServiceCurves


def _replay(database: Database, cut: date, demand: pd.DataFrame, terms: Terms, settings: ProofSettings) -> _Replay:
    world = past_world(database, cut, demand, terms, days=settings.window_days)
    # The curve shows what each amount of stock buys, so that no limit is put on the stock.
    unlimited = replace(world.known, terms=replace(terms, stock_budget=None))
    policies: dict[tuple[str, float], pd.DataFrame] = {
        (RECOMMENDED, target): planned_levels(world.items, unlimited, world.forecasts, fill_rate_target=target)
        for target in sorted({*TARGET_CURVE, terms.fill_rate_target})
    }
    rate = world.items["recent_rate"].to_numpy()
    policies |= {(COVER, weeks): cover_levels(rate, weeks_of_cover=weeks) for weeks in COVER_CURVE}
    base = scenario_of(world, levels=policies[RECOMMENDED, terms.fill_rate_target])
    luck = {"replications": settings.replications, "seed": settings.seed}
    curves = simulated_curves(base, policies, days=settings.window_days, **luck)
    return _Replay(
        cut=cut,
        points=len(world.items),
        demand_units=float(curves.demand["demand_units"][0, 0]),
        demand_value=float(curves.demand["demand_value"][0, 0]),
        left_out_share=world.left_out_share,
        curves=curves,
    )


def _summary(as_of: date, terms: Terms, settings: ProofSettings, results: Sequence[_Replay]) -> dict[str, Any]:
    total = together([result.curves for result in results])
    equal = _at_equal_stock(total, terms)
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
        "total": {"policies": _policies(total, terms)},
        "equal_stock": equal,
        "curve": total.frame().to_dict("records"),
        "verdict": verdict(equal, currency=terms.currency),
    }


def _chosen(terms: Terms) -> dict[str, float]:
    """The two policies themselves: the plan's own target, and four weeks of cover."""
    return {RECOMMENDED: terms.fill_rate_target, COVER: COVER_WEEKS}


def _row(curve: pd.DataFrame, label: str, parameter: float) -> pd.Series:
    return curve[(curve["label"] == label) & (curve["parameter"] == parameter)].iloc[0]


def _policies(curves: ServiceCurves, terms: Terms) -> list[dict[str, Any]]:
    """What the two policies came to, with half-widths."""
    rows = []
    for label, parameter in _chosen(terms).items():

        def measured(curve: pd.DataFrame, label: str = label, parameter: float = parameter) -> Any:
            return _row(curve, label, parameter)[list(MEASURES)].to_numpy(dtype=np.float64)

        means, widths = measured(curves.frame()), half_widths(curves, measured)
        rows.append(
            {
                "policy": label,
                "parameter": parameter,
                **_by_name(MEASURES, means),
                "half_widths": _by_name(MEASURES, widths),
            }
        )
    return rows


def _by_name(names: Sequence[str], values: Any) -> dict[str, float | None]:
    """None stands where there is nothing to be said."""
    return {name: None if np.isnan(value) else float(value) for name, value in zip(names, values.tolist(), strict=True)}


def _at_equal_stock(curves: ServiceCurves, terms: Terms) -> list[dict[str, Any]]:
    """Both policies' fill rates, by units and by value, at the rule's stock value and at the plan's own.

    None stands where one of them never ties up so little, or so much.
    """
    names = (RECOMMENDED, COVER, "difference")
    rows = []
    for whose, parameter in _chosen(terms).items():

        def rates(curve: pd.DataFrame, whose: str = whose, parameter: float = parameter) -> Any:
            value = float(_row(curve, whose, parameter)["average_stock_value"])
            families = {label: curve[curve["label"] == label] for label in (RECOMMENDED, COVER)}
            figures = []
            for measure in _RATES:
                ours, rule = (fill_rate_at_stock_value(one, value, measure=measure) for one in families.values())
                figures += [ours, rule, ours - rule]
            return np.array(figures)

        frame = curves.frame()
        reached, widths = rates(frame).reshape(2, 3), half_widths(curves, rates).reshape(2, 3)
        row: dict[str, Any] = {
            "stock_of": whose,
            "stock_value": float(_row(frame, whose, parameter)["average_stock_value"]),
        }
        for measure, of_measure, widths_of_measure in zip(_RATES, reached, widths, strict=True):
            row[measure] = _by_name(names, of_measure)
            row[f"{measure}_half_widths"] = _by_name(names, widths_of_measure)
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
    width = row.get("value_fill_rate_half_widths", {}).get("difference")
    luck = "" if width is None else f" ± {width * 100:.{1 if width >= 0.001 else 2}f}"
    return (
        f"{stock}, {winner} {abs(points):.1f}{luck} points more of demand by value"
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
