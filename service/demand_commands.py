"""`stockwright demand …`: what the planner knows of demand and the history does not say."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from service.command_line import (
    DatabaseOption,
    KeyOption,
    ListFormat,
    ListOption,
    actor,
    day_named,
    key_of,
    now,
    opened_database,
    refuse,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from data.connection import Database

app = typer.Typer(help="Demand: overrides, events, successions, analogues, outliers.", no_args_is_help=True)
event = typer.Typer(help="The calendar of promotions, holidays and events.", no_args_is_help=True)
app.add_typer(event, name="event")

SkuArgument = Annotated[str, typer.Argument(metavar="SKU")]
WhyOption = Annotated[str, typer.Option("--reason", help="Why, for whoever looks at it later.")]
WithdrawalOption = Annotated[str | None, typer.Option("--reason", help="Why, if there is anything to say.")]
PlaceOption = Annotated[str | None, typer.Option("--location", help="Only at this place; default everywhere.")]
FromOption = Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day; default today.")]
OrderOption = Annotated[
    str | None, typer.Option("--order", metavar="ORDER", help="Only this order's line, by its reference or #id.")
]
LineOption = Annotated[int | None, typer.Option("--line", help="Which line, where the order has several of the SKU.")]
EveryOption = Annotated[bool, typer.Option("--all", help="With what is over, replaced or withdrawn.")]


# Overrides


@app.command("override")
def override(
    sku: SkuArgument,
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day; then the forecast holds again.")],
    reason: WhyOption,
    rate: Annotated[float | None, typer.Option("--rate", help="Units a week, in place of the forecast.")] = None,
    multiply: Annotated[float | None, typer.Option("--multiply", help="Times the forecast.")] = None,
    add: Annotated[float | None, typer.Option("--add", help="Units a week on top of the forecast.")] = None,
    starts: FromOption = None,
    location: PlaceOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Override a SKU's forecast from one day to another; units a week are for all places unless one is named."""
    from orders.forecast_overrides import Override, override_forecast
    from service.tables import print_answer

    named = [(kind, one) for kind, one in (("set", rate), ("multiply", multiply), ("add", add)) if one is not None]
    if len(named) != 1:
        refuse("name one of --rate, --multiply and --add")
    kind, value = named[0]
    request = Override(
        sku, kind, value, _day("--until", until), reason, location=location, starts=day_named("--from", starts)
    )
    with opened_database(database) as opened:
        answer = override_forecast(opened, request, key=key_of(key), actor=actor(), at=now())
    known = answer.weekly_rate_statistical
    instead = "" if known is None else f" instead of {known:.4g} a week"
    older = "".join(f"; it supersedes override {one}" for one in answer.supersedes)
    words = {"set": f"{value:g} a week", "multiply": f"{value:g} times the forecast", "add": f"{value:+g} a week"}
    print_answer(f"override {answer.number}: {answer.sku} {words[kind]} until {until}{instead}{older}", answer, format)


@app.command("overrides")
def overrides(
    sku: Annotated[str | None, typer.Option(help="Only this SKU.")] = None,
    every: EveryOption = False,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Show which overrides are active, planned or superseded, the newest first."""
    from orders.forecast_overrides import list_overrides

    with opened_database(database) as opened, opened.reading() as connection:
        found = list_overrides(
            connection,
            on=_today(connection),
            sku_id=None if sku is None else _sku(connection, sku),
            is_open=not every,
        )
    _print([asdict(one) for one in found], format, nothing="no forecast is overridden")


@app.command("withdraw")
def withdraw(
    number: Annotated[int, typer.Argument(metavar="ID", help="Its number.")],
    kind: Annotated[
        str, typer.Option("--of", metavar="KIND", help="override, succession, analogue or outlier.")
    ] = "override",
    reason: WithdrawalOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Take back an override, or with --of a succession, analogue or decision on an outlier."""
    _withdraw(kind, number, reason, key, format, database)


def _withdraw(
    kind: str, number: int, reason: str | None, key: str | None, format: ListFormat, database: str | None
) -> None:
    from orders.demand_inputs import withdraw_input
    from service.tables import print_answer

    with opened_database(database) as opened:
        answer = withdraw_input(opened, kind, number, reason, key=key_of(key), actor=actor(), at=now())
    print_answer(f"{answer.kind} {answer.number} is withdrawn", answer, format)


# Events


@event.command("add")
def add_event_command(
    name: Annotated[str, typer.Argument(help="The same each time that it returns.")],
    starts: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day.")],
    reason: WhyOption,
    kind: Annotated[str, typer.Option(help="promotion, holiday, event or one_off")] = "event",
    category: Annotated[str | None, typer.Option(help="Only items of this category.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only this SKU.")] = None,
    location: PlaceOption = None,
    uplift: Annotated[float | None, typer.Option(help="Times the usual demand, such as 1.5.")] = None,
    exclude_from_history: Annotated[
        bool, typer.Option("--exclude-from-history", help="A one-off's demand is not to teach the forecast.")
    ] = False,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Put a promotion, holiday, event or one-off on the calendar."""
    from orders.demand_calendar import DemandEvent, add_event
    from service.tables import print_answer

    request = DemandEvent(
        name,
        kind,
        _day("--from", starts),
        _day("--until", until),
        reason,
        category=category,
        sku=sku,
        location=location,
        uplift=uplift,
        is_excluded_from_history=exclude_from_history,
    )
    with opened_database(database) as opened:
        answer = add_event(opened, request, key=key_of(key), actor=actor(), at=now())
    print_answer(f"event {answer.number}: {answer.name}, {starts} to {until}", answer, format)


@event.command("list")
def list_events(
    every: EveryOption = False, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None
) -> None:
    """Show the calendar of events by their first day."""
    from data import demand_input_rows

    with opened_database(database) as opened, opened.reading() as connection:
        found = demand_input_rows.events(connection, is_open=not every)
    columns = (
        "name", "kind", "from_date", "until_date", "scope", "category", "sku", "location", "uplift",
        "is_excluded_from_history",
    )  # fmt: skip
    _print_said(found, columns, every, format, nothing="the calendar is empty")


@event.command("withdraw")
def withdraw_event(
    number: Annotated[int, typer.Argument(metavar="ID", help="Its number.")],
    reason: WithdrawalOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Take an event off the calendar."""
    _withdraw("event", number, reason, key, format, database)


# Successors and analogues


@app.command("succeed")
def succeed(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The SKU that goes.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The SKU that takes over.")],
    starts: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day of the new one.")],
    share: Annotated[float, typer.Option(help="Of the old one's demand, above 0 and at most 1.")] = 1.0,
    reason: WhyOption = "succession",
    note: Annotated[str | None, typer.Option(help="What becomes of the old one's stock.")] = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Say that a new SKU takes over the demand of an old one, or a share of it."""
    from orders.item_succession import Succession, succeed_item
    from service.tables import print_answer

    request = Succession(old, new, _day("--from", starts), share=share, reason=reason, run_down_note=note)
    with opened_database(database) as opened:
        answer = succeed_item(opened, request, key=key_of(key), actor=actor(), at=now())
    left = f"; {answer.share_left:.0%} stay with {answer.old}" if answer.share_left > 1e-9 else ""
    said = f"succession {answer.number}: {answer.new} takes {share:.0%} of the demand of {answer.old} from {starts}"
    print_answer(f"{said}{left}", answer, format)


@app.command("successions")
def successions(
    every: EveryOption = False, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None
) -> None:
    """Show which SKUs take over from which."""
    from data import demand_input_rows

    with opened_database(database) as opened, opened.reading() as connection:
        found = demand_input_rows.successions(connection, is_open=not every)
    columns = ("old", "new", "from_date", "share", "run_down_note")
    _print_said(found, columns, every, format, nothing="no SKU succeeds another")


@app.command("like")
def like(
    new: Annotated[str, typer.Argument(metavar="NEW", help="The SKU without a history.")],
    analogues: Annotated[
        list[str] | None, typer.Argument(metavar="OLD[=WEIGHT]…", help="What it is like; none takes it back.")
    ] = None,
    reason: WhyOption = "chosen by the planner",
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Say which SKUs a new one is like, in place of what was said before."""
    from orders.item_analogues import Analogue, Analogues, liken_item
    from service.tables import print_answer

    request = Analogues(new, tuple(Analogue(*_weighted(text)) for text in analogues or []), reason)
    with opened_database(database) as opened:
        answer = liken_item(opened, request, key=key_of(key), actor=actor(), at=now())
    said = ", ".join(f"{share:.0%} {sku}" for sku, share in answer.shares.items()) or "no other SKU"
    print_answer(f"{answer.sku} is like {said}", answer, format)


def _weighted(text: str) -> tuple[str, float]:
    sku, separator, weight = text.partition("=")
    try:
        return sku, float(weight) if separator else 1.0
    except ValueError:
        refuse(f"what it is like must look like OLD or OLD=2, got {text!r}")


@app.command("analogues")
def list_analogues(
    every: EveryOption = False, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None
) -> None:
    """Show which SKUs are planned like which."""
    from data import demand_input_rows

    with opened_database(database) as opened, opened.reading() as connection:
        found = demand_input_rows.analogues(connection, is_open=not every)
    _print_said(found, ("sku", "analogue", "weight"), every, format, nothing="no SKU is planned like another")


# Outliers


@app.command("exclude")
def exclude(
    sku: SkuArgument,
    reason: WhyOption,
    day: Annotated[str | None, typer.Argument(metavar="DAY", help="The business day; not needed with --order.")] = None,
    location: PlaceOption = None,
    order: OrderOption = None,
    line: LineOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Leave a day of a SKU, or one order line, out of the history that the forecast learns from."""
    _decide("excluded", sku, day, reason, location, order, line, key, format, database)


@app.command("accept")
def accept(
    sku: SkuArgument,
    reason: WhyOption,
    day: Annotated[str | None, typer.Argument(metavar="DAY", help="The business day; not needed with --order.")] = None,
    location: PlaceOption = None,
    order: OrderOption = None,
    line: LineOption = None,
    key: KeyOption = None,
    format: ListOption = ListFormat.TABLE,
    database: DatabaseOption = None,
) -> None:
    """Accept a day of a SKU, or one order line, as demand, however unusual it is."""
    _decide("accepted", sku, day, reason, location, order, line, key, format, database)


def _decide(
    decision: str,
    sku: str,
    day: str | None,
    reason: str,
    location: str | None,
    order: str | None,
    line: int | None,
    key: str | None,
    format: ListFormat,
    database: str | None,
) -> None:
    from orders.outliers import OutlierDecision, decide_outlier
    from service.tables import print_answer

    named = day_named("DAY", day)
    with opened_database(database) as opened:
        order_id, line_no = (None, line) if order is None else _line_of(opened, order, sku, line)
        request = OutlierDecision(
            sku, decision, reason, day=named, location=location, order_id=order_id, line_no=line_no
        )
        answer = decide_outlier(opened, request, key=key_of(key), actor=actor(), at=now())
    what = f"{answer.sku} on {answer.day}" if order is None else f"{answer.sku} of order {order}"
    became = "is left out of the history" if decision == "excluded" else "counts as demand"
    print_answer(f"outlier {answer.number}: {what} {became}", answer, format)


def _line_of(database: Database, order: str, sku: str, line: int | None) -> tuple[int, int]:
    """(order, line) of the one line of a SKU in an order; ends the command where it is not clear which."""
    from data import demand_input_rows

    with database.reading() as connection:
        found = demand_input_rows.lines_named(connection, order, sku.upper())
    if line is not None:
        found = [one for one in found if one.line_no == line]
    what = f"{'' if line is None else f'line {line} of '}SKU {sku!r} in order {order!r}"
    if not found:
        refuse(f"there is no {what}")
    if len(found) > 1:
        lines = ", ".join(f"#{one.sales_order_id} line {one.line_no}" for one in found)
        refuse(f"there are several of {what}: name --order and --line of one of {lines}")
    return int(found[0].sales_order_id), int(found[0].line_no)


@app.command("outliers")
def outliers(
    every: EveryOption = False, format: ListOption = ListFormat.TABLE, database: DatabaseOption = None
) -> None:
    """Show what was left out of the history or accepted as demand."""
    from data import demand_input_rows

    with opened_database(database) as opened, opened.reading() as connection:
        found = demand_input_rows.outlier_decisions(connection, is_open=not every)
    columns = ("sku", "location", "day", "order", "line_no", "decision")
    _print_said(found, columns, every, format, nothing="nothing was decided on outliers")


# What they share


def _day(option: str, text: str) -> date:
    named = day_named(option, text)
    assert named is not None  # a text was given
    return named


def _today(connection: Connection) -> date:
    from orders.terms import read_terms

    return now().astimezone(ZoneInfo(read_terms(connection).time_zone)).date()


def _sku(connection: Connection, code: str) -> int:
    from data import master_rows

    found = master_rows.known_skus(connection).get(code.upper())
    return refuse(f"there is no SKU {code!r}") if found is None else found


def _print_said(found: Any, columns: tuple[str, ...], every: bool, format: ListFormat, *, nothing: str) -> None:
    """Rows of what was said, with who said it, and with `every` who took it back."""
    told = ("reason", "recorded_by", "recorded_at", *(("withdrawn_by", "withdrawal_reason") if every else ()))
    rows = [{"number": row.id, **{name: getattr(row, name) for name in (*columns, *told)}} for row in found]
    _print(rows, format, nothing=nothing)


def _print(rows: list[dict[str, Any]], format: ListFormat, *, nothing: str) -> None:
    """Everything for programs; for people rates short enough to read, and lists of numbers as text."""
    from service.tables import print_rows

    for_people = format is ListFormat.TABLE
    print_rows([{name: _cell(one) for name, one in row.items()} if for_people else row for row in rows], format,
               nothing=nothing)  # fmt: skip


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
