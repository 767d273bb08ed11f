"""`stockwright frontier`: what service costs, and what would change if stock were held where it serves best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.command_line import DatabaseOption, DayOption, ReportFormat, day_named, now, opened_database, refuse

if TYPE_CHECKING:
    from service.service_cost import Chosen, ServiceCost

SHOWN_MOVES = 15


def frontier(
    database: DatabaseOption = None,
    as_of: DayOption = None,
    fill_rate: Annotated[
        float | None, typer.Option(help="Share of demand to be met, such as 0.97; default today's.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the picture too.")] = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the answer.")] = ReportFormat.TABLE,
) -> None:
    """Print the least stock for every fill rate, where today's stock lies beside it, and the way there."""
    from service.service_cost import at_target, service_cost

    if fill_rate is not None and not 0 < fill_rate < 1:
        refuse(f"--fill-rate must lie strictly between 0 and 1, got {fill_rate:g}")
    with opened_database(database) as opened:
        cost = service_cost(opened, as_of=day_named("--as-of", as_of), at=now())
    lowest, highest = cost.choices
    chosen = at_target(cost, min(max(cost.today.fill_rate, lowest), highest) if fill_rate is None else fill_rate)
    if picture is not None:
        _write_picture(cost, None if fill_rate is None else chosen, picture)
    if format is ReportFormat.JSON:
        print(json.dumps(_as_plain(cost, chosen), indent=1))
    else:
        _print(cost, chosen)


def _write_picture(cost: ServiceCost, chosen: Chosen | None, path: Path) -> None:
    from service.service_cost import plan_point
    from service.service_cost_picture import picture, write_picture

    write_picture(picture(cost, plan_point(cost), chosen), path)


def _as_plain(cost: ServiceCost, chosen: Chosen) -> dict[str, Any]:
    from service.service_cost import assumptions, corners, verdict
    from service.tables import as_plain

    return {
        "as_of": cost.as_of.isoformat(),
        "currency": cost.terms.currency,
        "verdict": verdict(cost),
        "assumptions": list(assumptions(cost)),
        "today": as_plain(cost.today),
        "least_stock_for_same_fill_rate": cost.least_stock,
        "best_fill_rate_of_same_stock": cost.best_fill_rate,
        "undemanded_stock": cost.undemanded_stock,
        "corners": _rows(corners(cost)),
        "same_weeks_for_all": _rows(cost.cover),
        "chosen": {
            "target": chosen.target,
            "stock_value": chosen.point.stock_value,
            "fill_rate": chosen.point.fill_rate,
            "holding_cost": chosen.holding_cost,
            "price_of_point": chosen.price_of_point,
            "prices": list(chosen.prices),
            "classes": _rows(chosen.classes),
            "moves": _rows(chosen.moves),
        },
    }


def _rows(frame: Any) -> Any:
    """Rows as JSON knows them: what cannot be said is null."""
    return json.loads(frame.to_json(orient="records", double_precision=10))


def _print(cost: ServiceCost, chosen: Chosen) -> None:
    from service.service_cost import assumptions, verdict
    from service.tables import console

    screen, currency = console(), cost.terms.currency
    screen.print(verdict(cost), markup=False)
    for said in assumptions(cost):
        screen.print(said, markup=False)
    screen.print()
    screen.print(_corners_table(cost))
    screen.print()
    screen.print(
        f"At {chosen.point.fill_rate:.1%}: {currency} {chosen.point.stock_value:,.0f} of stock."
        f" {len(chosen.moves):,} items change, which frees {currency} {chosen.freed:,.0f}"
        f" and puts in {currency} {chosen.put_in:,.0f}.",
        markup=False,
    )
    for said in chosen.prices:
        screen.print(said, markup=False)
    screen.print()
    screen.print(_classes_table(cost, chosen))
    screen.print()
    screen.print(_moves_table(chosen, currency))


def _table(*titles: str, words: int) -> Any:
    """A table whose columns after the first ones are numbers."""
    from rich.table import Table

    table = Table(*titles, box=None, pad_edge=False)
    for column in table.columns[words:]:
        column.justify = "right"
    return table


def _corners_table(cost: ServiceCost) -> Any:
    from service.service_cost import corners

    currency = cost.terms.currency
    table = _table("demand met", f"least stock, {currency}", "holding a year", "one more point costs", words=0)
    for one in corners(cost).itertuples():
        price = "" if one.price_of_point != one.price_of_point else f"{one.price_of_point:,.0f}"
        table.add_row(f"{one.fill_rate:.1%}", f"{one.stock_value:,.0f}", f"{one.holding_cost:,.0f}", price)
    return table


def _classes_table(cost: ServiceCost, chosen: Chosen) -> Any:
    currency = cost.terms.currency
    titles = ("class", "items", f"stock today, {currency}", "then", "met today", "then")
    table = _table(*titles, words=1)
    for one in chosen.classes.itertuples():
        table.add_row(
            one.abc, f"{one.items:,}", f"{one.today_stock_value:,.0f}", f"{one.stock_value:,.0f}",
            f"{one.today_fill_rate:.1%}", f"{one.fill_rate:.1%}",
        )  # fmt: skip
    return table


def _moves_table(chosen: Chosen, currency: str) -> Any:
    from rich.markup import escape

    table = _table("SKU", "location", "reorder point", "to", f"stock, {currency}", "points of fill rate", words=2)
    for one in chosen.moves.head(SHOWN_MOVES).itertuples():
        table.add_row(
            escape(one.sku), escape(one.location), f"{one.from_reorder_point:,}", f"{one.to_reorder_point:,}",
            f"{one.money:+,.0f}", f"{one.points:+.3f}",
        )  # fmt: skip
    return table
