"""Answers of commands as people read them on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orders.checking import Finding
from orders.importing import ImportReport
from orders.money import format_minor
from orders.terms import MEANINGS

SHOWN_ROWS = 40
SHOWN_NUMBERS = 8


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 140)


def print_import_report(report: ImportReport) -> None:
    """What became of a file's lines, and what was wrong or odd."""
    console = _console()
    dry = " (dry run: nothing was stored)" if report.dry_run else ""
    console.print(f"[bold]{report.kind}: {report.status.replace('_', ' ')}[/bold]{dry}")
    counts = Table("lines", "became", box=None, pad_edge=False)
    counts.columns[0].justify = "right"
    for became, lines in report.counts.items():
        if lines:
            counts.add_row(f"{lines:,}", became)
    counts.add_row(f"[bold]{sum(report.counts.values()):,}[/bold]", "[bold]in all[/bold]")
    console.print(counts)
    if report.totals:
        console.print(", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in report.totals.items()))
    for title, problems in (("errors", report.errors), ("warnings", report.warnings)):
        if problems.total:
            console.print(f"[bold]{problems.total:,} {title}[/bold]")
            for problem, count in problems.counts.items():
                first = problems.examples[problem][0]
                value = "" if first.value is None else f" = {first.value}"
                console.print(f"  {count:>9,}  {problem} (first: row {first.row}, {first.column}{value})", markup=False)


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def print_findings(findings: Sequence[Finding]) -> None:
    """Every promise with whether it holds, and the rows that break it."""
    console = _console()
    for finding in findings:
        verdict = "[green]holds[/green]" if finding.holds else f"[red]broken {finding.broken:,} times[/red]"
        console.print(f"{verdict}  {finding.promise}")
        for example in finding.examples:
            console.print(f"    {example}", markup=False)
        if finding.broken > len(finding.examples):
            console.print(f"    and {finding.broken - len(finding.examples):,} more")


def print_terms(values: Mapping[str, str]) -> None:
    """Every term with its value and meaning."""
    table = Table("term", "value", "meaning", box=None, pad_edge=False)
    for name, value in values.items():
        table.add_row(name, value, MEANINGS[name])
    _console().print(table)


def print_plan(result: Any) -> None:
    """What a plan achieves, and where its time went."""
    summary, console = result.summary, _console()
    value = format_minor(summary["order_value_minor"], summary["currency"])
    console.print(
        f"[bold]Plan {result.plan_id} as of {result.as_of}[/bold]: {summary['points']:,} SKU-locations,"
        f" {summary['orders']:,} to order for {value}"
    )
    console.print(
        f"  fill rate {summary['achieved_fill_rate']:.1%} (target {summary['fill_rate_target']:.1%}) with"
        f" {summary['currency']} {summary['average_stock_value']:,.0f} of average stock;"
        f" one more point of fill rate costs {summary['currency']}"
        f" {summary['holding_cost_per_point_of_fill_rate']:,.0f} a year in holding"
    )
    if summary["assumed_stock"]:
        console.print(f"  {summary['assumed_stock']:,} SKU-locations were never counted: their stock is assumed")
    for told in (_unusual_words(summary["unusual_orders"]), _idle_words(summary["overrides_without_point"])):
        if told:
            console.print(f"  {told}", markup=False)
    seconds = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in result.seconds.items())
    console.print(f"  {seconds}")


def _unusual_words(days: int) -> str:
    """Bulk orders that nobody judged, with what to do about them; empty where there are none."""
    if not days:
        return ""
    stand = "1 day of bulk orders stands" if days == 1 else f"{days:,} days of bulk orders stand"
    return (
        f"{stand} out and {'counts' if days == 1 else 'count'} as demand (`stockwright forecast review --format json`"
        " names them): judge with `stockwright demand exclude SKU DAY --reason WHY`, or accept"
    )


def _idle_words(numbers: Sequence[int]) -> str:
    """Overrides that change nothing, with what to do about them; empty where there are none."""
    if not numbers:
        return ""
    shown = ", ".join(str(number) for number in numbers[:SHOWN_NUMBERS])
    more = f" and {len(numbers) - SHOWN_NUMBERS:,} more" if len(numbers) > SHOWN_NUMBERS else ""
    which, its = ("override", "its SKU is") if len(numbers) == 1 else ("overrides", "their SKUs are")
    verb = "changes" if len(numbers) == 1 else "change"
    return (
        f"{which} {shown}{more} {verb} nothing, as {its} not planned there: see `stockwright demand overrides`,"
        " take back with `stockwright demand withdraw ID`"
    )


def print_recommendations(rows: Sequence[Mapping[str, Any]]) -> None:
    """The first recommendations; all of them are in the CSV and JSON formats."""
    console = _console()
    if not rows:
        console.print("No recommendations: run `stockwright plan` first.")
        return
    table = Table("SKU", "location", "order", "value", "position", "reorder at", "up to", "supplier", box=None)
    for column in (2, 3, 4, 5, 6):
        table.columns[column].justify = "right"
    to_order = [row for row in rows if row["status"] == "order"]
    shown = to_order[:SHOWN_ROWS] or rows[:SHOWN_ROWS]
    for row in shown:
        table.add_row(
            row["sku"],
            row["location"],
            f"{row['order_quantity']:,}",
            f"{row['currency']} {row['order_value']:,.2f}",
            f"{row['inventory_position']:,}",
            f"{row['reorder_point']:,}",
            f"{row['order_up_to_level']:,}",
            row["supplier"] or "unknown",
        )
    console.print(table)
    if len(shown) == 1:
        console.print(shown[0]["reason"], markup=False)
    console.print(
        f"as of {rows[0]['as_of']}: {len(to_order):,} of {len(rows):,} SKU-locations to order"
        + (f", the first {len(shown)} shown (all with --format csv or json)" if len(to_order) > len(shown) else "")
    )


def _policy_name(policy: Mapping[str, Any]) -> str:
    if policy["policy"] == "recommended":
        return f"recommended, {policy['parameter']:.0%}"
    return f"{policy['parameter']:g} {policy['policy']}"


def print_proof(proof: Mapping[str, Any]) -> None:
    """How both policies did at each cut and in all, and the verdict."""
    console = _console()
    titles = ("from", "policy", "fill rate", "by value", "average stock", "lost margin", "order lines a week")
    table = Table(*titles, box=None)
    for column in (2, 3, 4, 5, 6):
        table.columns[column].justify = "right"
    for cut in [*proof["cuts"], {"cut": "all", **proof["total"]}]:
        for policy in cut["policies"]:
            table.add_row(
                cut["cut"],
                _policy_name(policy),
                f"{policy['fill_rate']:.1%}",
                f"{policy['value_fill_rate']:.1%}",
                f"{policy['average_stock_value']:,.0f}",
                f"{policy['lost_margin']:,.0f}",
                f"{policy['orders_per_week']:,.0f}",
            )
    window = f"{proof['window_days']} days after each cut, in {proof['currency']}"
    console.print(f"[bold]Proof as of {proof['as_of']}[/bold]: {window}")
    console.print(table)
    console.print(proof["verdict"], markup=False)


def print_order(head: Mapping[str, Any], parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """One order: where it stands, its lines, why they come from where they do, and what happened."""
    console, currency = _console(), head["currency"]
    value = format_minor(head["value_minor"], currency)
    console.print(
        f"[bold]order {head['external_ref']}[/bold] (#{head['id']}, {head['channel']}):"
        f" {head['status'].replace('_', ' ')}, {value}, payment {head['payment_status'].replace('_', ' ')}"
    )
    address = ", ".join(head[part] for part in ("name", "line1", "postcode", "city", "country") if head[part])
    if head["customer_name"] or address:
        console.print(
            f"  for {head['customer_name'] or 'an unknown customer'}; to {address or 'no address'}", markup=False
        )
    lines = Table("line", "SKU", "from", "ordered", "reserved", "waiting", "shipped", "cancelled", "amount", box=None)
    for column in range(3, 9):
        lines.columns[column].justify = "right"
    for line in parts["lines"]:
        counts = ("quantity", "quantity_allocated", "quantity_backordered", "quantity_shipped", "quantity_cancelled")
        amount = format_minor(line["amount_minor"], currency)
        lines.add_row(
            str(line["line_no"]), line["sku"], line["location"], *(f"{line[name]:,}" for name in counts), amount
        )
    console.print(lines)
    for hold in parts["holds"]:
        if hold["released_at"] is None:
            console.print(f"  on hold ({hold['kind']}): {hold['reason']}", markup=False)
    for doubt in parts["discrepancies"]:
        if doubt["status"] == "open":
            console.print(f"  {doubt['id']}: {doubt['message']}. {doubt['suggestion']}", markup=False)
    for routing in parts["routings"][:1]:
        console.print(f"  routed: {routing['reason']}", markup=False)
    timeline = Table("when (UTC)", "who", "what", box=None)
    for event in parts["timeline"]:
        timeline.add_row(f"{event['occurred_at']:%Y-%m-%d %H:%M}", escape(event["actor"]), escape(event["summary"]))
    console.print(timeline)
