"""`stockwright what-if`: the plan beside a changed world, with intervals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from service.command_line import DatabaseOption, DayOption, ReportFormat, day_named, now, opened_database, refuse

if TYPE_CHECKING:
    import pandas as pd

    from service.what_if_comparison import Comparison, Progress

SHOWN_ITEMS = 10


def what_if(
    database: DatabaseOption = None,
    as_of: DayOption = None,
    weeks: Annotated[int, typer.Option(min=1, max=104, help="How many weeks ahead.")] = 8,
    items: Annotated[
        str, typer.Option(help='"all", a class ("A", "B", "C"), or the most valuable ("top 50").')
    ] = "all",
    lead_time: Annotated[float, typer.Option(help="Factor on every lead time.")] = 1.0,
    demand: Annotated[float, typer.Option(help="Factor on demand.")] = 1.0,
    unit_cost: Annotated[float, typer.Option(help="Factor on unit costs.")] = 1.0,
    holding_cost_rate: Annotated[float | None, typer.Option(help="Of the value a year, such as 0.3.")] = None,
    order_cost: Annotated[float | None, typer.Option(help="Of an order line.")] = None,
    review_period_days: Annotated[int | None, typer.Option(help="Days between two looks.")] = None,
    fill_rate: Annotated[float | None, typer.Option(help="That levels are planned for, such as 0.97.")] = None,
    supplier: Annotated[str, typer.Option(help="Who accepts no orders for a while.")] = "",
    from_week: Annotated[int, typer.Option(help="First week of that, from 1.")] = 1,
    until_week: Annotated[int, typer.Option(help="Last week of that.")] = 6,
    plan_anew: Annotated[
        bool, typer.Option("--plan-anew", help="Plan the levels for it too, as a third case.")
    ] = False,
    replications: Annotated[int, typer.Option(min=2, max=10_000, help="Possible futures.")] = 30,
    format: Annotated[ReportFormat, typer.Option(help="How to print the answer.")] = ReportFormat.TABLE,
) -> None:
    """Simulate the coming weeks as planned and with something different, under the same luck."""
    from service.ledger_scenario import ledger_world
    from service.what_if import Changes, chosen_items
    from service.what_if_comparison import compare

    changes = Changes(
        lead_time=lead_time,
        demand=demand,
        unit_cost=unit_cost,
        holding_cost_rate=holding_cost_rate,
        order_cost=order_cost,
        review_period_days=review_period_days,
        fill_rate_target=fill_rate,
        supplier=supplier,
        fails_from_week=from_week,
        fails_until_week=until_week,
        plans_anew=plan_anew,
    )
    with opened_database(database) as opened:
        day = day_named("--as-of", as_of)
        world = ledger_world(opened, as_of=day, weeks=weeks, demand="forecast", paths=replications, at=now())
    world = chosen_items(world, items)
    if world.items.empty:
        refuse(f"no item of {items} is expected to be demanded")
    with _bar() as progress:
        comparison = compare(world, changes, replications=replications, progress=progress)
    if format is ReportFormat.JSON:
        print(json.dumps(_as_plain(comparison), indent=1))
    else:
        _print(comparison)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Progress on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("Simulating", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _as_plain(comparison: Comparison) -> dict[str, object]:
    from service.ledger_scenario import assumptions
    from service.what_if_comparison import headline, items_hit, measures_table

    world = comparison.world
    return {
        "as_of": world.known.as_of.isoformat(),
        "currency": world.known.terms.currency,
        "days": world.days,
        "items": len(world.items),
        "replications": comparison.replications,
        "seed": comparison.seed,
        "changes": comparison.changes.as_text(),
        "verdict": headline(comparison),
        "assumptions": list(assumptions(world)),
        "measures": _rows(measures_table(comparison)),
        "items_hit": _rows(items_hit(comparison).head(SHOWN_ITEMS)),
    }


def _rows(frame: pd.DataFrame) -> object:
    """Rows as JSON knows them: what cannot be said is null."""
    return json.loads(frame.to_json(orient="records", double_precision=10))


def _print(comparison: Comparison) -> None:
    from rich.markup import escape
    from rich.table import Table

    from service.ledger_scenario import assumptions
    from service.tables import console
    from service.what_if_comparison import headline, items_hit, said_measures

    screen, currency = console(), comparison.world.known.terms.currency
    screen.print(headline(comparison), markup=False)
    screen.print()
    said = said_measures(comparison)
    table = Table(*said.columns, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in said.itertuples(index=False):
        table.add_row(*map(escape, row))
    screen.print(table)
    if len(comparison.outcomes) > 1:
        hit = Table(
            "SKU", "location", "met as planned", "then", f"more margin lost, {currency}", box=None, pad_edge=False
        )
        for column in hit.columns[2:]:
            column.justify = "right"
        for one in items_hit(comparison).head(SHOWN_ITEMS).itertuples():
            hit.add_row(
                escape(one.sku), escape(one.location), f"{one.base_fill_rate:.1%}", f"{one.fill_rate:.1%}",
                f"{one.lost_margin:,.0f} ± {one.half_width:,.0f}",
            )  # fmt: skip
        screen.print()
        screen.print(hit)
    screen.print()
    for words in assumptions(comparison.world):
        screen.print(words, markup=False)
