"""`stockwright stock …`: where it is, what it is worth, and moving, counting and adjusting it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.command_line import (
    DatabaseOption,
    KeyOption,
    ListFormat,
    ListOption,
    ReasonOption,
    actor,
    day_named,
    key_of,
    now,
    opened_database,
    refuse,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(help="Stock: where it is, moving, counting and adjusting it.", no_args_is_help=True)

LotOption = Annotated[str | None, typer.Option("--lot", help="For a SKU that is tracked by lot.")]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="MOMENT", help="Such as 2026-03-01 or 2026-03-01T12:00+01:00; default now."),
]


def _moment(connection: Connection, text: str | None) -> datetime:
    """A moment: a day means its close, where the company is."""
    from orders.terms import read_terms
    from service.planning_inputs import closing_moment

    if text is None:
        return now()
    zone = read_terms(connection).time_zone
    if len(text) == 10:
        named = day_named("--at", text)
        return closing_moment(named, zone) if named is not None else now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--at must be a moment such as 2026-03-01T12:00+01:00, got {text!r}")
    if moment.tzinfo is None:
        refuse(f"--at needs a time zone, such as {text}+00:00")
    return moment


def _number(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        refuse(f"{option} must be a number such as 12.50, got {text!r}")


@app.command("show")
def show(
    sku: Annotated[str | None, typer.Option(help="Only this SKU.")] = None,
    location: Annotated[str | None, typer.Option(help="Only at this place.")] = None,
    at: AtOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show what is on hand by SKU, place and lot, now or at any moment of the past."""
    from data import lot_rows, master_rows
    from data.driver import Driver
    from orders.stock_history import on_hand_as_of
    from service.tables import print_rows

    with opened_database(database) as opened, opened.reading() as connection:
        skus, places = master_rows.known_skus(connection), master_rows.location_ids(connection)
        held = on_hand_as_of(
            connection,
            at=_moment(connection, at),
            sku_id=None if sku is None else _known(skus, "SKU", sku),
            location_id=None if location is None else _known(places, "location", location),
        )
        lots = lot_rows.codes(Driver(connection), [int(number) for number in set(held["lot_id"]) - {0}])
    code_of = {number: code for code, number in skus.items()}
    place_of = {number: code for code, number in places.items()}
    rows: list[dict[str, Any]] = [
        {
            "sku": code_of[row.sku_id],
            "location": place_of[row.location_id],
            "lot": lots.get(row.lot_id),
            "on_hand": int(row.on_hand),
        }
        for row in held.itertuples()
    ]
    print_rows(sorted(rows, key=lambda row: (row["sku"], row["location"])), format, nothing="nothing is on hand")


def _known(ids: dict[str, int], kind: str, code: str) -> int:
    if code.upper() not in ids:
        refuse(f"there is no {kind} {code!r}")
    return ids[code.upper()]


@app.command("value")
def value(
    method: Annotated[str, typer.Option(help="fifo or moving_average")] = "fifo",
    at: AtOption = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", metavar="MOMENT", help="As it was known then, not as it is known now.")
    ] = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show what stock is worth, SKU by SKU, now or at any moment of the past."""
    from data import master_rows
    from orders.stock_history import ValuationMethod, stock_value
    from service.tables import print_rows

    if method not in list(ValuationMethod):
        refuse(f"--method must be {' or '.join(ValuationMethod)}, got {method!r}")
    with opened_database(database) as opened, opened.reading() as connection:
        worth = stock_value(
            connection,
            at=_moment(connection, at),
            method=ValuationMethod(method),
            known_at=None if known_at is None else _moment(connection, known_at),
        )
        code_of = {number: code for code, number in master_rows.known_skus(connection).items()}
    rows: list[dict[str, Any]] = [
        {
            "sku": code_of[number],
            "units": valued.units,
            "value": round(valued.value_micros / 1e6, 2),
            "cost_of_goods_sold": round(valued.cost_of_goods_sold_micros / 1e6, 2),
            "shrinkage": round(valued.shrinkage_micros / 1e6, 2),
            "currency": worth.currency,
        }
        for number, valued in worth.by_sku.items()
    ]
    rows.sort(key=lambda row: (-row["value"], row["sku"]))
    print_rows(rows, format, nothing="nothing is on hand")


@app.command("promise")
def promise(
    sku: Annotated[str, typer.Argument()],
    units: Annotated[int, typer.Option(help="When can so many be promised?", min=1)] = 1,
    location: Annotated[str | None, typer.Option(help="At this place alone; default all that sell.")] = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show what can be promised by when, from stock, reservations and what is on order."""
    from data import master_rows
    from orders.promising import available_to_promise_by_date
    from service.tables import print_answer

    today = now().date()
    with opened_database(database) as opened, opened.reading() as connection:
        sku_id = _known(master_rows.known_skus(connection), "SKU", sku)
        place = None if location is None else _known(master_rows.location_ids(connection), "location", location)
        found = available_to_promise_by_date(connection, sku_id=sku_id, location_id=place, from_day=today)
    when = found.available.earliest_date(units)
    said = (
        f"{units} of {sku} can be promised for {when}" if when else f"{units} of {sku} cannot be promised: order more"
    )
    print_answer(f"{said}; {found.on_hand - found.allocated} are available now", found, format)


@app.command("transfer")
def transfer(
    sku: Annotated[str, typer.Argument()],
    units: Annotated[int, typer.Argument()],
    source: Annotated[str, typer.Option("--from", help="The place that they leave.")],
    destination: Annotated[str, typer.Option("--to", help="The place that they reach.")],
    reason: ReasonOption,
    lot: LotOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Move units that are not reserved from one place of ours to another."""
    from orders.stocking import StockLine, StockTransfer, transfer_stock
    from service.tables import print_answer

    request = StockTransfer(source, destination, (StockLine(sku, units, lot),), reason)
    with opened_database(database) as opened:
        answer = transfer_stock(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{units} of {sku} moved from {source} to {destination}", answer, format)


@app.command("count")
def count(
    sku: Annotated[str, typer.Argument()],
    counted: Annotated[int, typer.Argument(help="Units that are there.")],
    location: Annotated[str, typer.Option("--at", help="The place.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it differs from what was expected.")] = "",
    lot: LotOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Set the ledger to what was counted; orders whose stock is not there wait again."""
    from orders.counting import Count, CountLine, count_stock
    from service.tables import print_answer

    request = Count(location, (CountLine(sku, counted, lot, reason),))
    with opened_database(database) as opened:
        answer = count_stock(opened, request, key=key_of(key), actor=actor(), at=now())
    line = answer.lines[0]
    lost = "".join(f"; order {one.order} waits again for {one.units}" for one in answer.lost)
    print_answer(f"{sku} at {location}: {line.counted} counted, {line.expected} expected{lost}", answer, format)


@app.command("adjust")
def adjust(
    sku: Annotated[str, typer.Argument()],
    location: Annotated[str, typer.Option("--at", help="The place.")],
    reason: ReasonOption,
    found: Annotated[int, typer.Option(help="Units that were found.", min=0)] = 0,
    lost: Annotated[int, typer.Option(help="Units that are written off.", min=0)] = 0,
    scrap: Annotated[bool, typer.Option("--scrap", help="They were thrown away.")] = False,
    unit_cost: Annotated[str | None, typer.Option(help="What a found unit is worth.")] = None,
    lot: LotOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Book goods that were found, or write some off."""
    from orders.stocking import Adjustment, adjust_stock
    from service.tables import print_answer

    if (found > 0) == (lost > 0):
        refuse("name either --found or --lost")
    cost = None if unit_cost is None else _number("--unit-cost", unit_cost)
    request = Adjustment(sku, location, found or -lost, reason, lot, unit_cost=cost, scrap=scrap)
    with opened_database(database) as opened:
        answer = adjust_stock(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{sku} at {location}: {'+' if found else '−'}{found or lost}", answer, format)


@app.command("reverse")
def reverse(
    movement: Annotated[int, typer.Argument(help="The number of the movement.")],
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Undo a movement by another one that goes back."""
    from orders.stocking import reverse_move
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = reverse_move(opened, movement, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"movement {movement} is reversed by {answer.move.id}", answer, format)
