"""The command line. Every command opens the database, calls one use case and prints its answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service import (
    demand_commands,
    forecast_commands,
    order_commands,
    policy_commands,
    purchase_commands,
    stock_commands,
    what_if_commands,
)
from service.command_line import (
    DatabaseOption,
    DayOption,
    DryRunOption,
    FileArgument,
    KeyOption,
    ListFormat,
    ReportFormat,
    ReportOption,
    actor,
    day_named,
    key_of,
    now,
    opened_database,
    refuse,
)
from service.settings import read_settings

if TYPE_CHECKING:
    from data.connection import Database
    from data.samples import DemoCompany
    from orders.importing import ImportReport

app = typer.Typer(
    help="Stockwright: from orders to reorder recommendations that explain and prove themselves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
imports = typer.Typer(help="Import a file, whole or not at all.", no_args_is_help=True)
terms = typer.Typer(help="The planner's standing assumptions and targets.", no_args_is_help=True)
locations = typer.Typer(help="Warehouses, stores and other places of ours.", no_args_is_help=True)
channels = typer.Typer(help="Sales channels.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(terms, name="terms")
app.add_typer(locations, name="locations")
app.add_typer(channels, name="channels")
app.add_typer(order_commands.app, name="orders")
app.add_typer(stock_commands.app, name="stock")
app.add_typer(purchase_commands.app, name="purchases")
app.add_typer(demand_commands.app, name="demand")
app.add_typer(forecast_commands.app, name="forecast")
app.command("frontier")(policy_commands.frontier)
app.command("what-if")(what_if_commands.what_if)


def main() -> None:
    """Entry of the `stockwright` command: refusals are one line on stderr and exit code 1."""
    from data.errors import StockwrightError

    try:
        app()
    except StockwrightError as refusal:
        refuse(str(refusal))


# The database


@app.command()
def init(database: DatabaseOption = None) -> None:
    """Make the database, or upgrade it to this program's revision."""
    from data.connection import SCHEMA_REVISION, initialise

    opened = initialise(database or read_settings().database_url)
    print(f"{opened} is at revision {SCHEMA_REVISION}")
    opened.close()


@app.command()
def check(
    database: DatabaseOption = None, format: Annotated[ReportFormat, typer.Option()] = ReportFormat.TABLE
) -> None:
    """Check that ledger, balances and order lines agree; exit code 1, naming the rows, when they do not."""
    from dataclasses import asdict

    from orders.checking import check_and_remember
    from service.printing import print_findings

    with opened_database(database) as opened:
        findings = check_and_remember(opened, actor=actor(), at=now())
    if format is ReportFormat.JSON:
        print(json.dumps([{**asdict(finding), "holds": finding.holds} for finding in findings], indent=2))
    else:
        print_findings(findings)
    if not all(finding.holds for finding in findings):
        raise SystemExit(1)


# Importing


@imports.command("orders")
def import_orders_command(
    file: FileArgument,
    database: DatabaseOption = None,
    dry_run: DryRunOption = False,
    format: ReportOption = ReportFormat.TABLE,
    channel: Annotated[str, typer.Option(help="Sales channel the orders came through.")] = "default",
    location: Annotated[str | None, typer.Option(help="Location serving lines that name none.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone of the file's times; default the channel's.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code; default the company's.")] = None,
    date_format: Annotated[
        str | None, typer.Option(help="strptime format of the dates, where they are ambiguous.")
    ] = None,
    charge_codes: Annotated[
        str | None, typer.Option(help="Codes that are no goods, separated by commas; * for any ending.")
    ] = None,
    map: Annotated[list[str] | None, typer.Option(metavar="OURS=YOURS", help="Name a column of the file.")] = None,
) -> None:
    """Import an order book: the Online Retail layout, or order_id, order_date, customer_id, sku, quantity, …"""
    from orders.importing import OrderImport, import_orders

    request = OrderImport(
        path=file,
        channel=channel,
        location=location,
        time_zone=time_zone,
        currency=currency,
        date_format=date_format,
        charge_codes=None if charge_codes is None else tuple(charge_codes.split(",")),
        mapping=_mapping(map or []),
        dry_run=dry_run,
    )
    with _unreadable_reported("orders", format), opened_database(database) as opened:
        _print_report(import_orders(opened, request, actor=actor(), at=now()), format)


@imports.command("stock")
def import_stock_command(
    file: FileArgument,
    database: DatabaseOption = None,
    dry_run: DryRunOption = False,
    format: ReportOption = ReportFormat.TABLE,
    counted_on: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Day at whose close it was counted; default the last complete business day."),
    ] = None,
) -> None:
    """Import counted stock: sku, location, on_hand, on_order, expected_date."""
    from orders.importing import StockImport, import_stock

    with _unreadable_reported("stock", format), opened_database(database) as opened:
        request = StockImport(path=file, dry_run=dry_run, counted_at=_counted_at(opened, counted_on))
        _print_report(import_stock(opened, request, actor=actor(), at=now()), format)


@imports.command("items")
def import_items_command(
    file: FileArgument,
    database: DatabaseOption = None,
    dry_run: DryRunOption = False,
    format: ReportOption = ReportFormat.TABLE,
) -> None:
    """Import items: sku, name, category, supplier, lead_time_days, moq, pack_size, unit_cost, volume, list_price."""
    from orders.importing import FileImport, import_items

    with _unreadable_reported("items", format), opened_database(database) as opened:
        _print_report(import_items(opened, FileImport(file, dry_run), actor=actor(), at=now()), format)


@imports.command("purchases")
def import_purchases_command(
    file: FileArgument,
    database: DatabaseOption = None,
    dry_run: DryRunOption = False,
    format: ReportOption = ReportFormat.TABLE,
) -> None:
    """Import purchase orders: po_number, supplier, sku, location, quantity, ordered_at, received_at, …"""
    from orders.importing import FileImport, import_purchases

    with _unreadable_reported("purchases", format), opened_database(database) as opened:
        _print_report(import_purchases(opened, FileImport(file, dry_run), actor=actor(), at=now()), format)


@imports.command("parcels")
def import_parcels_command(
    file: FileArgument,
    database: DatabaseOption = None,
    dry_run: DryRunOption = False,
    format: ReportOption = ReportFormat.TABLE,
) -> None:
    """Import parcels: order_id, carrier, service, tracking_number, shipped_at, promised_date, status, …"""
    from orders.importing import FileImport, import_parcels

    with _unreadable_reported("parcels", format), opened_database(database) as opened:
        _print_report(import_parcels(opened, FileImport(file, dry_run), actor=actor(), at=now()), format)


@contextmanager
def _unreadable_reported(kind: str, format: ReportFormat) -> Iterator[None]:
    """A file that cannot be read at all is a report too, for programs that read one."""
    from data.errors import UnreadableFile
    from data.importers.problems import WHOLE_FILE, Problems
    from orders.importing.report import rejected

    try:
        yield
    except UnreadableFile as refusal:
        if format is ReportFormat.JSON:
            errors = Problems()
            errors.add(str(refusal), positions=WHOLE_FILE, column="")
            report = rejected(kind, 0, errors, Problems(), dry_run=False)
            print(json.dumps(report.as_dict(), indent=2))
        raise


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, separator, theirs = pair.partition("=")
        if not separator or not theirs:
            refuse(f"--map must look like sku=ArticleNumber, got {pair!r}")
        mapping[ours.strip()] = theirs.strip()
    return mapping


def _counted_at(database: Database, counted_on: str | None) -> datetime | None:
    from orders.terms import read_terms
    from service.planning_inputs import NothingToPlan, closing_moment, default_as_of

    with database.reading() as connection:
        zone = read_terms(connection).time_zone
        try:
            day = day_named("--counted-on", counted_on) or default_as_of(connection)
        except NothingToPlan:
            return None
    return closing_moment(day, zone)


def _print_report(report: ImportReport, format: ReportFormat) -> None:
    from service.printing import print_import_report

    if format is ReportFormat.JSON:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print_import_report(report)
    if report.status == "rejected":
        raise SystemExit(1)


# Terms and locations


@terms.command("show")
def show_terms(
    database: DatabaseOption = None, format: Annotated[ReportFormat, typer.Option()] = ReportFormat.TABLE
) -> None:
    """Show every term, its value and what it means."""
    from orders.terms import read_terms, term_values
    from service.printing import print_terms

    with opened_database(database) as opened, opened.reading() as connection:
        values = term_values(read_terms(connection))
    if format is ReportFormat.JSON:
        print(json.dumps(values, indent=2))
    else:
        print_terms(values)


@terms.command("set")
def set_terms_command(
    values: Annotated[list[str], typer.Argument(metavar="NAME=VALUE…", help="For example lead_time_days=21.")],
    database: DatabaseOption = None,
) -> None:
    """Set terms; the next plan uses them."""
    from orders.terms import set_terms

    pairs = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator:
            refuse(f"terms are set as NAME=VALUE, got {value!r}")
        pairs[name.strip()] = text
    with opened_database(database) as opened:
        set_terms(opened, pairs, actor=actor(), at=now())
    for name, text in pairs.items():
        print(f"{name} = {text}")


@locations.command("add")
def add_location_command(
    code: Annotated[str, typer.Argument()],
    name: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str, typer.Option(help="warehouse, store, in_transit, inspection or quarantine")] = "warehouse",
    time_zone: Annotated[str | None, typer.Option(help="default: the company's")] = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166 code, for the cost of parcels.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Add a place of ours; only from warehouses and stores is sold."""
    from orders.master import add_location
    from orders.terms import read_terms

    with opened_database(database) as opened:
        with opened.reading() as connection:
            zone = time_zone or read_terms(connection).time_zone
        add_location(opened, code=code, name=name or code, kind=kind, time_zone=zone, actor=actor(), country=country)
    print(f"{code.upper()} is a place of kind {kind}")


@channels.command("set")
def set_channel_command(
    code: Annotated[str, typer.Argument(help="Of an existing channel, or of a new one.")],
    when_short: Annotated[
        str | None, typer.Option(help="What becomes of orders that are short: refuse, backorder or partial.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code; a new channel takes the company's.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="A new channel takes the company's.")] = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
) -> None:
    """Change how a channel sells, or make a new one."""
    from orders.master import ChannelSettings, set_channel

    settings = ChannelSettings(code, when_short, currency, time_zone)
    with opened_database(database) as opened:
        set_channel(opened, settings, key=key_of(key), actor=actor(), at=now())
    print(f"channel {code} is set")


# Planning


@app.command()
def plan(database: DatabaseOption = None, as_of: DayOption = None) -> None:
    """Forecast demand, set stock levels and store a recommendation for every SKU at every location."""
    from service.printing import print_plan

    day = day_named("--as-of", as_of)
    with opened_database(database) as opened:
        print_plan(_plan(opened, day))


def _plan(database: Database, as_of: date | None) -> Any:
    from service.planning import make_plan
    from service.progress import stages

    with stages("Plan", total=5) as progress:
        return make_plan(database, as_of=as_of, actor=actor(), at=now(), progress=progress)


@app.command()
def recommend(
    sku: Annotated[str | None, typer.Option(help="Only this SKU.")] = None,
    database: DatabaseOption = None,
    format: Annotated[ListFormat, typer.Option(help="How to print the list.")] = ListFormat.TABLE,
) -> None:
    """Print the newest plan's recommendations, most margin at risk first."""
    from service.planning import recommended
    from service.printing import print_recommendations

    with opened_database(database) as opened, opened.reading() as connection:
        rows = recommended(connection, sku=sku)
    if format is ListFormat.JSON:
        print(json.dumps(rows, indent=1))
    elif format is ListFormat.CSV:
        _print_csv(rows)
    else:
        print_recommendations(rows)


def _print_csv(rows: list[dict[str, Any]]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]) if rows else ["sku"])
    writer.writeheader()
    for row in rows:
        writer.writerow({**row, "assumptions": "; ".join(row["assumptions"])})


@app.command()
def prove(
    database: DatabaseOption = None,
    as_of: DayOption = None,
    cuts: Annotated[int, typer.Option(min=1, max=12, help="Past days from which to plan.")] = 4,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="Weeks to replay after each.")] = 8,
    replications: Annotated[int, typer.Option(min=2, max=200, help="Draws of lead times.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the lead times.")] = 20_240_229,
    format: Annotated[ReportFormat, typer.Option()] = ReportFormat.TABLE,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the picture too.")] = None,
) -> None:
    """Replay past weeks that the plan has not seen: the recommended policy against weeks of cover."""
    from service.printing import print_proof
    from service.progress import stages
    from service.proof import ProofSettings, write_picture
    from service.proof import prove as run_proof

    settings = ProofSettings(cuts=cuts, window_days=7 * weeks, replications=replications, seed=seed)
    day = day_named("--as-of", as_of)
    with opened_database(database) as opened, stages("Proof", total=cuts) as progress:
        proof = run_proof(opened, as_of=day, settings=settings, actor=actor(), at=now(), progress=progress)
    if picture is not None:
        write_picture(proof, picture)
    if format is ReportFormat.JSON:
        print(json.dumps(proof, indent=1))
    else:
        print_proof(proof)


# Demo and dashboard


@app.command()
def sample(
    database: DatabaseOption = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Its last day; default today.")] = None,
    days: Annotated[int, typer.Option(min=60, max=2000)] = 550,
    skus: Annotated[int, typer.Option(min=20, max=500)] = 400,
    seed: Annotated[int, typer.Option(min=0)] = 7,
) -> None:
    """Fill a new database with the demo company."""
    with opened_database(database) as opened:
        _require_new(opened)
        _make_sample(opened, day_named("--end", end), days=days, skus=skus, seed=seed)


def _require_new(database: Database) -> None:
    from data.errors import DatabaseUnavailable
    from service.planning_inputs import has_orders

    with database.reading() as connection:
        if has_orders(connection):
            raise DatabaseUnavailable(f"{database} holds orders already: the demo company wants a new database")


def _make_sample(database: Database, end: date | None, *, days: int, skus: int, seed: int) -> DemoCompany:
    from service.demo import make_demo_company
    from service.progress import stages

    last = end or now().date()
    with stages("Demo company", total=6) as progress:
        return make_demo_company(
            database, end=last, days=days, skus=skus, seed=seed, actor=actor(), at=now(), progress=progress
        )


PortOption = Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")]
BrowserOption = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")]


@app.command()
def dashboard(database: DatabaseOption = None, port: PortOption = 8501, no_browser: BrowserOption = False) -> None:
    """Serve the dashboard until interrupted."""
    from service.serving import serve_dashboard

    with opened_database(database) as opened:
        url = opened.url.render_as_string(hide_password=False)
    raise SystemExit(serve_dashboard(url, port=port, open_browser=not no_browser))


@app.command()
def demo(
    orders: Annotated[Path | None, typer.Option(help="Import this order file instead of the demo company.")] = None,
    database: DatabaseOption = None,
    port: PortOption = 8501,
    no_browser: BrowserOption = False,
    time_zone: Annotated[str | None, typer.Option(help="Zone of the order file's times.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the order file.")] = None,
) -> None:
    """Fill a new database, plan, prove and open the dashboard; a database with orders is kept as it is."""
    from service.demo_day import work_a_day
    from service.planning_inputs import has_orders
    from service.serving import require_free_port, serve_dashboard

    require_free_port(port)
    with opened_database(database) as opened:
        with opened.reading() as connection:
            is_filled = has_orders(connection)
        if is_filled:
            print(f"{opened} holds orders already and is kept as it is", flush=True)
        elif orders is None:
            company = _make_sample(opened, None, days=550, skus=400, seed=7)
            print("A working day at the order desk …", flush=True)
            work_a_day(opened, company, at=now())
        else:
            _import_demo_orders(opened, orders, time_zone, currency)
        _plan_and_prove(opened)
        url = opened.url.render_as_string(hide_password=False)
    raise SystemExit(serve_dashboard(url, port=port, open_browser=not no_browser))


def _import_demo_orders(database: Database, path: Path, time_zone: str | None, currency: str | None) -> None:
    from orders.importing import OrderImport, import_orders

    print(f"Importing {path} …", flush=True)
    request = OrderImport(path, time_zone=time_zone, currency=currency)
    _print_report(import_orders(database, request, actor=actor(), at=now()), ReportFormat.TABLE)


def _plan_and_prove(database: Database) -> None:
    """Plan and prove what has not been planned and proved."""
    from data import plan_rows
    from service.printing import print_plan, print_proof
    from service.progress import stages
    from service.proof import NothingToProve, ProofSettings
    from service.proof import prove as run_proof
    from service.replay import TooShortToReplay

    with database.reading() as connection:
        has_plan = plan_rows.latest_plan(connection) is not None
        has_proof = plan_rows.latest_proof(connection) is not None
    if not has_plan:
        print_plan(_plan(database, None))
    if has_proof:
        return
    try:
        with stages("Proof", total=ProofSettings().cuts) as progress:
            proof = run_proof(database, actor=actor(), at=now(), progress=progress)
        print_proof(proof)
    except (TooShortToReplay, NothingToProve) as why:
        print(f"No proof yet: {why}", flush=True)


if __name__ == "__main__":
    main()
