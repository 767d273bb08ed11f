"""`stockwright orders …`: each command calls one use case; the dashboard and programs call the same."""

from __future__ import annotations

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.command_line import (
    DatabaseOption,
    KeyOption,
    ListFormat,
    ListOption,
    ReasonOption,
    actor,
    key_of,
    now,
    opened_database,
    refuse,
)

if TYPE_CHECKING:
    from data.connection import Database

app = typer.Typer(help="Orders: enter, hold, change, allocate, ship and cancel.", no_args_is_help=True)

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="Its reference, or #id where several share it.")]


def _order(database: Database, named: str) -> int:
    """The order's id; ends the command where none or several are named so."""
    from data import order_story_rows

    with database.reading() as connection:
        if named.startswith("#") and named[1:].isdigit():
            found = [int(named[1:])] if order_story_rows.find(connection, order_id=int(named[1:])) else []
        else:
            found = order_story_rows.ids_of(connection, named)
    if len(found) != 1:
        what = f"there is no order {named!r}" if not found else f"several channels have an order {named!r}"
        refuse(what if not found else f"{what}: name one of {', '.join(f'#{one}' for one in found)}")
    return found[0]


@app.command("place")
def place(
    file: Annotated[Path, typer.Argument(help="A JSON file of an order, or of a list of them; - for standard input.")],
    draft: Annotated[bool, typer.Option("--draft", help="Keep as drafts; reserve nothing.")] = False,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Place orders: verified, priced, routed and reserved; what cannot be placed is kept as a draft."""
    from orders.model import order_request
    from orders.placing import draft_order, place_order
    from service.tables import print_rows

    requests = [order_request(given) for given in _orders_in(file)]
    verb = draft_order if draft else place_order
    rows = []
    with opened_database(database) as opened:
        for number, request in enumerate(requests, start=1):
            own = key if key is None or len(requests) == 1 else f"{key}/{number}"
            placed = verb(opened, request, key=key_of(own), actor=actor(), at=now())
            rows.append(
                {
                    "order": placed.external_ref,
                    "id": placed.order_id,
                    "status": str(placed.status),
                    "value_minor": placed.value_minor,
                    "currency": placed.currency,
                    "allocated": sum(line.allocated for line in placed.lines),
                    "backordered": sum(line.backordered for line in placed.lines),
                    "discrepancies": "; ".join(placed.discrepancies),
                }
            )
    print_rows(rows, format, nothing="no orders in the file")


def _orders_in(file: Path) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"cannot read {file}: {error.__class__.__name__}")
    except json.JSONDecodeError as error:
        refuse(f"{file} is no JSON: line {error.lineno}, {error.msg}")
    orders = given if isinstance(given, list) else [given]
    if not all(isinstance(order, dict) for order in orders):
        refuse(f"{file} must hold an order, or a list of orders")
    return orders


@app.command("place-draft")
def place_draft_command(
    order: OrderArgument, key: KeyOption = None, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None
) -> None:
    """Place a draft as it stands."""
    from orders.placing import place_draft
    from service.tables import print_answer

    with opened_database(database) as opened:
        placed = place_draft(opened, _order(opened, order), key=key_of(key), actor=actor(), at=now())
    print_answer(f"order {order} is {_words(placed.status)}", placed, format)


@app.command("list")
def list_orders(
    status: Annotated[list[str] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only of this channel.")] = None,
    customer: Annotated[str | None, typer.Option(help="Their reference, or a name that begins so.")] = None,
    text: Annotated[str | None, typer.Option("--ref", help="Order reference that begins so.")] = None,
    hold: Annotated[str | None, typer.Option(help="Only on hold for this.")] = None,
    after: Annotated[str | None, typer.Option(help="Go on after this page key.")] = None,
    limit: Annotated[int, typer.Option(help="Orders at most.", min=1, max=1000)] = 50,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """List orders, newest first; the key of the next page stands below."""
    from orders.money import format_minor
    from orders.order_list import OrderFilter, PageKey, order_page
    from service.tables import print_rows

    wanted = OrderFilter(statuses=tuple(status or ()), channel=channel, customer=customer, text=text, hold=hold)
    with opened_database(database) as opened, opened.reading() as connection:
        page = order_page(connection, wanted, after=None if after is None else PageKey.read(after), limit=limit)
    rows = [
        {
            "order": row.external_ref,
            "id": row.id,
            "channel": row.channel,
            "customer": row.customer,
            "placed_at": row.placed_at,
            "status": row.status,
            "value": format_minor(row.value_minor, row.currency),
            "lines": row.line_count,
            "holds": ", ".join(row.holds),
        }
        for row in page.rows
    ]
    print_rows(rows, format, nothing="no such orders")
    if page.next is not None and format is ListFormat.TABLE:
        print(f"more with --after {page.next}")


@app.command("show")
def show(order: OrderArgument, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None) -> None:
    """Show an order: its lines, what it waits for, how it was routed, and its timeline."""
    from data import order_story_rows
    from service.printing import print_order
    from service.tables import as_plain

    with opened_database(database) as opened:
        order_id = _order(opened, order)
        with opened.reading() as connection:
            head = order_story_rows.find(connection, order_id=order_id)
            parts = {
                name: [dict(row._mapping) for row in read(connection, order_id)]
                for name, read in (
                    ("lines", order_story_rows.lines),
                    ("holds", order_story_rows.holds),
                    ("discrepancies", order_story_rows.discrepancies),
                    ("changes", order_story_rows.changes),
                    ("routings", order_story_rows.routings),
                    ("payments", order_story_rows.payments),
                    ("parcels", order_story_rows.parcels),
                    ("taxes", order_story_rows.taxes),
                    ("timeline", order_story_rows.events),
                )
            }
    if head is None:
        refuse(f"there is no order {order!r}")
    if format is ListFormat.JSON:
        print(json.dumps(as_plain({**head._mapping, **parts}), indent=1))
    else:
        print_order(dict(head._mapping), parts)


@app.command("hold")
def hold(
    order: OrderArgument,
    kind: Annotated[str, typer.Option("--for", help="credit, address, fraud, stock or review.")],
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Put an order on hold: it keeps its stock, and nothing of it is shipped."""
    from orders.holding import hold_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        held = hold_order(opened, _order(opened, order), kind, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"order {order} is on hold for {', '.join(held.holds)}", held, format)


@app.command("release")
def release(
    order: OrderArgument,
    kind: Annotated[str, typer.Option("--for", help="What it was on hold for.")],
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Release one hold of an order."""
    from orders.holding import release_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        held = release_order(opened, _order(opened, order), kind, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"order {order} is {_words(held.status)}", held, format)


@app.command("approve")
def approve(
    order: OrderArgument,
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Accept an order as it is: its open discrepancies are accepted and it is released from review."""
    from orders.holding import approve_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        held = approve_order(opened, _order(opened, order), reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"order {order} is {_words(held.status)}", held, format)


@app.command("note")
def note(
    order: OrderArgument,
    text: Annotated[str, typer.Argument(help="What to write on its timeline.")],
    key: KeyOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write a note on an order's timeline."""
    from orders.holding import add_note

    with opened_database(database) as opened:
        add_note(opened, _order(opened, order), text, key=key_of(key), actor=actor(), at=now())
    print(f"noted on order {order}")


@app.command("change")
def change(
    order: OrderArgument,
    reason: ReasonOption,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="NO=UNITS[@PRICE]", help="A line's units (0 cancels it) and price; may be repeated."),
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option(metavar="SKU=UNITS[@PRICE]", help="A further line; may be repeated.")
    ] = None,
    propose: Annotated[bool, typer.Option("--propose", help="Only price it; confirm it later.")] = False,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Change an order after placing: priced, and confirmed at once unless it is only proposed."""
    from orders.changing import LineChange, OrderChange, change_order, propose_change
    from orders.money import format_minor
    from service.tables import print_answer

    lines = []
    for text in line or []:
        number, units, price = _line_option("--line", text)
        if not number.isdigit():
            refuse(f"--line must look like 2=5 or 2=5@9.90, got {text!r}")
        lines.append(LineChange(int(number), quantity=units, unit_price=price))
    for text in add or []:
        sku, units, price = _line_option("--add", text)
        lines.append(LineChange(sku=sku, quantity=units, unit_price=price))
    verb = propose_change if propose else change_order
    with opened_database(database) as opened:
        request = OrderChange(_order(opened, order), reason, tuple(lines))
        answer = verb(opened, request, key=key_of(key), actor=actor(), at=now())
    difference = format_minor(answer.difference_minor, answer.currency)
    said = f"change {answer.change_id} {answer.status}: {', '.join(answer.differences)} ({difference})"
    print_answer(said, answer, format)


def _line_option(option: str, text: str) -> tuple[str, int, Decimal | None]:
    name, separator, rest = text.partition("=")
    units, at, price = rest.partition("@")
    try:
        if not separator or not name:
            raise ValueError(text)
        return name, int(units), Decimal(price) if at else None
    except (ValueError, InvalidOperation):
        refuse(f"{option} must look like NAME=UNITS or NAME=UNITS@PRICE, got {text!r}")


@app.command("confirm")
def confirm(
    change: Annotated[int, typer.Argument(metavar="CHANGE", help="The number of the proposed change.")],
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Confirm a proposed change; refused when the order was changed meanwhile."""
    from orders.changing import confirm_change
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = confirm_change(opened, change, key=key_of(key), actor=actor(), at=now())
    print_answer(f"change {change} is carried out: {', '.join(answer.differences)}", answer, format)


@app.command("cancel")
def cancel(
    order: OrderArgument,
    reason: ReasonOption,
    line: Annotated[
        list[str] | None, typer.Option(metavar="NO=UNITS", help="Only these units of a line; may be repeated.")
    ] = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Cancel an order, or units of it that are not shipped; what was reserved goes to whoever waits."""
    from orders.cancelling import Cancellation, CancelLine, cancel_order
    from service.tables import print_answer

    lines = tuple(CancelLine(*_numbered("--line", text)) for text in line or [])
    with opened_database(database) as opened:
        request = Cancellation(_order(opened, order), reason, lines)
        answer = cancel_order(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{answer.units} units cancelled; order {order} is {_words(answer.status)}", answer, format)


def _numbered(option: str, text: str) -> tuple[int, int]:
    number, _, units = text.partition("=")
    if not (number.isdigit() and units.isdigit()):
        refuse(f"{option} must look like 2=5, got {text!r}")
    return int(number), int(units)


@app.command("allocate")
def allocate(
    order: Annotated[str | None, typer.Argument(metavar="[ORDER]", help="None for all orders that wait.")] = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Reserve stock for an order, or give what is available to all orders that wait for it."""
    from orders.allocating import allocate_backorders, allocate_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        if order is None:
            units = allocate_backorders(opened, key=key_of(key), actor=actor(), at=now())
            print_answer(f"{units} units reserved for orders that waited", {"units": units}, format)
            return
        served = allocate_order(opened, _order(opened, order), key=key_of(key), actor=actor(), at=now())
    print_answer(
        f"order {order} is {_words(served.status)}: {served.allocated} reserved, {served.backordered} waiting",
        served,
        format,
    )


@app.command("ship")
def ship(
    order: OrderArgument,
    line: Annotated[
        list[str] | None, typer.Option(metavar="NO=UNITS", help="Only these units of a line; may be repeated.")
    ] = None,
    location: Annotated[str | None, typer.Option(help="Only what is reserved at this place.")] = None,
    carrier: Annotated[str | None, typer.Option(help="Who takes it.")] = None,
    tracking_number: Annotated[str | None, typer.Option(help="The carrier's number.")] = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Ship what is reserved for an order, or a part of it."""
    from orders.shipping import ShipLine, Shipping, ship_order
    from service.tables import print_answer

    lines = tuple(ShipLine(*_numbered("--line", text)) for text in line or [])
    with opened_database(database) as opened:
        request = Shipping(_order(opened, order), lines, location, carrier=carrier, tracking_number=tracking_number)
        shipped = ship_order(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{shipped.units} units shipped; order {order} is {_words(shipped.status)}", shipped, format)


@app.command("close")
def close(order: OrderArgument, key: KeyOption = None, database: DatabaseOption = None) -> None:
    """Close a shipped order: nothing more is expected of it."""
    from orders.shipping import close_order

    with opened_database(database) as opened:
        close_order(opened, _order(opened, order), key=key_of(key), actor=actor(), at=now())
    print(f"order {order} is closed")


@app.command("queue")
def queue(
    limit: Annotated[int, typer.Option(help="Discrepancies at most.", min=1, max=1000)] = 50,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show what is wrong or doubtful about orders, with a suggested fix for each."""
    from data import order_story_rows
    from service.tables import print_rows

    with opened_database(database) as opened, opened.reading() as connection:
        rows = [
            {
                "number": row.id,
                "order": row.external_ref,
                "blocks": "yes" if row.is_blocking else "",
                "what": row.message,
                "suggestion": row.suggestion,
            }
            for row in order_story_rows.queue(connection, limit=limit)
        ]
    print_rows(rows, format, nothing="nothing is wrong with any order")


@app.command("fix")
def fix(
    number: Annotated[int, typer.Argument(help="Of the discrepancy, as `orders queue` shows it.")],
    place: Annotated[bool, typer.Option("--place", help="Place the draft when nothing else blocks it.")] = False,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Carry out the suggested fix of a discrepancy."""
    from orders.resolving import fix_discrepancy
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = fix_discrepancy(opened, number, place=place, key=key_of(key), actor=actor(), at=now())
    print_answer(f"fixed; the order is {_words(answer.status)}, {answer.still_open} still open", answer, format)


@app.command("accept")
def accept(
    number: Annotated[int, typer.Argument(help="Of the discrepancy, as `orders queue` shows it.")],
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Keep an order as it is in one respect."""
    from orders.resolving import accept_discrepancy
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = accept_discrepancy(opened, number, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"accepted; the order is {_words(answer.status)}, {answer.still_open} still open", answer, format)


def _words(status: str) -> str:
    return str(status).replace("_", " ")
