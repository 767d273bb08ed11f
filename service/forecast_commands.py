"""`stockwright forecast …`: how far the forecast can be trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.command_line import DatabaseOption, DayOption, ReportFormat, day_named, now, opened_database

if TYPE_CHECKING:
    from service.forecast_review import ForecastReview
    from service.planner_review import PlannerReview

app = typer.Typer(help="Forecasts: how far they can be trusted.", no_args_is_help=True)

SHOWN_ITEMS = 20
STAGES = 12


@app.command("review")
def review(
    as_of: DayOption = None,
    seasonal: Annotated[bool, typer.Option("--seasonal", help="Also judge the same weeks of last year.")] = False,
    format: Annotated[ReportFormat, typer.Option(help="How to print the review.")] = ReportFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Make the forecasts of past weeks again from what was known then, and hold them against what came."""
    from service.forecast_review import forecast_review
    from service.planner_review import planner_review
    from service.progress import stages

    with opened_database(database) as opened:
        with stages("Reviewing", total=STAGES + (STAGES // 3 if seasonal else 0)) as progress:
            found = forecast_review(
                opened, as_of=day_named("--as-of", as_of), at=now(), seasonal=seasonal, progress=progress
            )
        planner = planner_review(opened, found.inputs, at=now())
    if format is ReportFormat.JSON:
        print(json.dumps(_as_plain(found, planner), indent=1))
    else:
        _print(found, planner)


def _as_plain(review: ForecastReview, planner: PlannerReview) -> dict[str, Any]:
    from service.forecast_review import answer

    found, worth = answer(review), planner.value_added
    return {
        "as_of": review.as_of.isoformat(),
        "currency": review.inputs.terms.currency,
        "window_weeks": review.window_weeks,
        "origins": review.origins,
        "verdict": None if found is None else found.verdict,
        "methods": _rows(review.methods),
        "calibration": _rows(review.calibration),
        "pit": _rows(review.pit),
        "items": _rows(review.items.sort_values("error_value", ascending=False, na_position="last")),
        "overrides": {
            "judged": worth.overrides,
            "error_taken_away": worth.share if worth.overrides else None,
            "standard_error": worth.standard_error if worth.overrides > 1 else None,
            "value": worth.value if worth.overrides else None,
        },
        "unusual": _rows(planner.flags.assign(day=planner.flags["day"].dt.strftime("%Y-%m-%d"))),
    }


def _rows(frame: Any) -> Any:
    """Rows as JSON knows them: what cannot be said is null."""
    return json.loads(frame.to_json(orient="records", double_precision=6))


def _print(review: ForecastReview, planner: PlannerReview) -> None:
    from service.forecast_review import STOCK_LEVELS, answer
    from service.tables import console

    found, screen = answer(review), console()
    if found is None:
        screen.print("Nothing can be judged yet: the history is too short.")
        return
    screen.print(f"[bold]{found.verdict}.[/bold] {found.said}")
    screen.print(found.beside)
    screen.print(_calibration_table(review, STOCK_LEVELS))
    screen.print(_methods_table(review))
    screen.print(_items_table(review))
    worth = planner.value_added
    if worth.overrides:
        screen.print(
            f"overrides judged: {worth.overrides:,}; error taken away: {worth.share * 100:.1f} % of demand,"
            f" {review.inputs.terms.currency} {worth.value:,.0f} at cost"
        )
    if len(planner.flags):
        screen.print(f"unusual days that nobody judged: {len(planner.flags):,} (stockwright demand exclude, or accept)")


def _calibration_table(review: ForecastReview, levels: Any) -> Any:
    from rich.table import Table

    table = Table("demand", "forecasts", *(f"{level:.0%} held" for level in levels), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, own in review.calibration.groupby("class", sort=False):
        held = own.set_index("level")["covered"]
        cells = [f"{held.loc[level] * 100:.1f} %" for level in levels]
        table.add_row(str(name), f"{int(own['forecasts'].iloc[0]):,}", *cells)
    return table


def _methods_table(review: ForecastReview) -> Any:
    from rich.table import Table

    currency = review.inputs.terms.currency
    titles = ("method", "pinball", "MASE", "bias", "bias by value", f"off by, {currency}")
    table = Table(*titles, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in review.methods.itertuples():
        table.add_row(
            one.method, f"{one.pinball:.3f}", f"{one.mase:.3f}", f"{one.bias * 100:+.1f} %",
            f"{one.bias_by_value * 100:+.1f} %", f"{one.error_value:,.0f}",
        )  # fmt: skip
    return table


def _items_table(review: ForecastReview) -> Any:
    from rich.markup import escape
    from rich.table import Table

    currency = review.inputs.terms.currency
    titles = ("SKU", "location", f"off by, {currency}", "bias", "95% held", "alarm", "demand", "life", "ABC")
    table = Table(*titles, box=None, pad_edge=False)
    for column in table.columns[2:5]:
        column.justify = "right"
    judged = review.items[review.items["forecasts"] > 0].rename(columns={"coverage_0.95": "held"})
    for one in judged.sort_values("error_value", ascending=False).head(SHOWN_ITEMS).itertuples():
        bias = "" if one.bias != one.bias else f"{one.bias * 100:+.0f} %"
        held = f"{round(one.held * one.forecasts)} of {one.forecasts}"
        table.add_row(
            escape(one.sku), escape(one.location), f"{one.error_value:,.0f}", bias, held, one.alarm,
            one.demand_class, one.life_cycle, one.abc,
        )  # fmt: skip
    return table
