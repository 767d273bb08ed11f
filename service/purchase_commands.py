"""`stockwright purchases …`: purchase orders placed, sent, received and cancelled."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

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

app = typer.Typer(help="Purchase orders: place, send, receive, cancel.", no_args_is_help=True)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="Of the purchase order.")]


@app.command("place")
def place(
    supplier: Annotated[str, typer.Argument()],
    line: Annotated[list[str], typer.Option(metavar="SKU=UNITS[@COST]", help="May be repeated.")],
    location: Annotated[str, typer.Option("--to", help="The place that it is for.")],
    expected: Annotated[str | None, typer.Option(metavar="DATE", help="When it is expected.")] = None,
    number: Annotated[str | None, typer.Option(help="Default: the next free one.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Order it at once instead of keeping a draft.")] = False,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Place a purchase order; without a cost a line takes the supplier's."""
    from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
    from service.tables import print_answer

    due = day_named("--expected", expected)
    lines = tuple(PurchaseLine(sku, units, cost, due) for sku, units, cost in map(_line, line))
    request = PurchaseRequest(supplier, location, lines, number=number, send=send)
    with opened_database(database) as opened:
        answer = place_purchase_order(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"purchase order {answer.number} is {answer.status}", answer, format)


def _line(text: str) -> tuple[str, int, Decimal | None]:
    sku, separator, rest = text.partition("=")
    units, at, cost = rest.partition("@")
    try:
        if not separator or not sku:
            raise ValueError(text)
        return sku, int(units), Decimal(cost) if at else None
    except (ValueError, InvalidOperation):
        refuse(f"--line must look like SKU=20 or SKU=20@1.25, got {text!r}")


@app.command("send")
def send(
    number: NumberArgument,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Send a draft to its supplier: from now on it counts as ordered."""
    from orders.purchasing import send_purchase_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = send_purchase_order(opened, number, key=key_of(key), actor=actor(), at=now())
    print_answer(f"purchase order {number} is {answer.status}", answer, format)


@app.command("receive")
def receive(
    number: NumberArgument,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="SKU=UNITS[@LOT]", help="What came; may be repeated. Default: everything that is open."),
    ] = None,
    location: Annotated[
        str | None, typer.Option("--to", help="Another place of ours, such as one for inspection.")
    ] = None,
    expires_on: Annotated[str | None, typer.Option(metavar="DATE", help="When the new lots expire.")] = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Book goods of a purchase order in; orders that wait for them get theirs at once."""
    from orders.receiving import Receipt, ReceiptLine, receive_purchase
    from service.tables import print_answer

    expires, lines = day_named("--expires-on", expires_on), []
    for text in line or []:
        sku, _, rest = text.partition("=")
        units, _, lot = rest.partition("@")
        if not sku or not units.isdigit():
            refuse(f"--line must look like SKU=20 or SKU=20@LOT, got {text!r}")
        lines.append(ReceiptLine(sku, int(units), lot=lot or None, expires_on=expires))
    with opened_database(database) as opened:
        answer = receive_purchase(
            opened, Receipt(number, tuple(lines), to_location=location), key=key_of(key), actor=actor(), at=now()
        )
    received = sum(move.quantity for move in answer.moves)
    said = f"{received} units received; purchase order {number} is {answer.status}"
    print_answer(f"{said}; {answer.allocated} reserved for orders that waited", answer, format)


@app.command("cancel")
def cancel(
    number: NumberArgument,
    reason: ReasonOption,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Cancel what is open of a purchase order."""
    from orders.purchasing import cancel_purchase_order
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = cancel_purchase_order(opened, number, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{answer.units} units cancelled; purchase order {number} is {answer.status}", answer, format)
