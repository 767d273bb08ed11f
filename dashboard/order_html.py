"""An order's lines and its story as HTML: pure, and every text of the data is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from zoneinfo import ZoneInfo

from dashboard import charts
from dashboard.formats import day
from dashboard.order_queries import Record, still_open
from orders.money import exponent, format_minor

SEGMENTS = (
    ("shipped", charts.GREEN, "white"),
    ("reserved", charts.BLUE, "white"),
    ("waiting", charts.ORANGE, "black"),
    ("not served", "transparent", "inherit"),
    ("cancelled", charts.GREY, "white"),
)


# Lines


def served_from(reservations: Sequence[Record]) -> dict[int, str]:
    """Line → the places that its units are reserved at or were shipped from."""
    places: dict[int, set[str]] = {}
    for one in reservations:
        if one["status"] in ("active", "consumed"):
            places.setdefault(one["line_no"], set()).add(str(one["location"]))
    return {line_no: ", ".join(sorted(names)) for line_no, names in places.items()}


def lines_table(lines: Sequence[Record], currency: str, places: Mapping[int, str]) -> str:
    """The lines as an HTML table, each with a bar of how far its units have come.

    Args:
        lines: As `order_story_rows.lines` gives them.
        currency: ISO 4217.
        places: Line → where its units come from; the line's own location where it names none.
    """
    shown = {name for line in lines for name, value in line_progress(line).items() if value}
    legend = "".join(
        f'<span style="margin-right:1rem;white-space:nowrap"><span style="{_swatch(colour)}"></span>{name}</span>'
        for name, colour, _ in SEGMENTS
        if name in shown
    )
    rows = "".join(_line_row(line, currency, places.get(line["line_no"], line["location"])) for line in lines)
    head = "".join(
        f'<th style="padding:.3rem .6rem .3rem 0;text-align:{side};font-weight:500;opacity:.65">{name}</th>'
        for name, side in (
            ("Line", "left"),
            ("Item", "left"),
            ("From", "left"),
            ("Units", "right"),
            ("How far", "left"),
            ("Price", "right"),
            ("Amount", "right"),
        )
    )
    return (
        f'<div style="font-size:.8rem;opacity:.85">{legend}</div><div style="overflow-x:auto">'
        '<table style="width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def line_progress(line: Record) -> dict[str, int]:
    """Units of a line by how far they have come; they sum to what was ordered."""
    waiting, reserved = int(line["quantity_backordered"]), int(line["quantity_allocated"])
    return {
        "shipped": int(line["quantity_shipped"]),
        "reserved": reserved,
        "waiting": waiting,
        "not served": still_open(line) - reserved - waiting,
        "cancelled": int(line["quantity_cancelled"]),
    }


def _swatch(colour: str) -> str:
    return (
        f"display:inline-block;width:.7rem;height:.7rem;margin-right:.35rem;border-radius:2px;background:{colour};"
        f"box-shadow:inset 0 0 0 1px {charts.GREY}"
    )


def _line_row(line: Record, currency: str, place: str) -> str:
    progress = line_progress(line)
    bar = "".join(
        f'<span title="{progress[name]:,} {name}" style="flex:{progress[name]};min-width:1.1rem;background:{colour};'
        f'color:{ink};text-align:center;overflow:hidden;box-shadow:inset 0 0 0 1px {charts.GREY}55">'
        f"{progress[name]:,}</span>"
        for name, colour, ink in SEGMENTS
        if progress[name]
    )
    said = [f"{line['quantity_returned']:,} came back"] if line["quantity_returned"] else []
    if line["quantity_backordered"]:
        promised = line["promised_date"]
        said.append(f"expected {day(promised)}" if promised else "nothing on order")
    if line["bundle"]:
        said.append(f"part of {line['bundle']}")
    note = f'<div style="opacity:.65;font-size:.8rem">{escape(", ".join(said))}</div>' if said else ""
    price = line["unit_price_micros"] / 1e6
    decimals = max(exponent(currency), 2) if round(price, 2) == price else 4
    amount = format_minor(line["amount_minor"], currency)
    cell = f"padding:.35rem .6rem .35rem 0;border-top:1px solid {charts.GREY}44;vertical-align:top"
    item = f"<b>{escape(line['sku'])}</b> <span style='opacity:.75'>{escape(line['name'])}</span>{note}"
    return (
        f'<tr><td style="{cell};opacity:.65">{line["line_no"]}</td><td style="{cell}">{item}</td>'
        f'<td style="{cell}">{escape(place)}</td>'
        f'<td style="{cell};text-align:right">{line["quantity"]:,}</td>'
        f'<td style="{cell};width:26%"><div style="display:flex;height:1.3rem;line-height:1.3rem;font-size:.78rem;'
        f'border-radius:3px;overflow:hidden">{bar}</div></td>'
        f'<td style="{cell};text-align:right">{price:,.{decimals}f}</td>'
        f'<td style="{cell};text-align:right;white-space:nowrap">{amount}</td></tr>'
    )


# Story


def timeline(events: Sequence[Record], zone: ZoneInfo) -> str:
    """A story as HTML, oldest first: who did what, when, under each day."""
    parts: list[str] = []
    last_day = None
    for event in events:
        local = event["occurred_at"].astimezone(zone)
        if local.date() != last_day:
            last_day = local.date()
            parts.append(f'<div style="font-weight:600;margin:.6rem 0 .2rem">{day(local)}</div>')
        colour = _EVENT_COLOURS.get(event["event"], charts.GREY)
        parts.append(
            f'<div style="display:flex;gap:.55rem;padding:.15rem 0"><span style="opacity:.65;'
            f'font-variant-numeric:tabular-nums">{local:%H:%M}</span>'
            f'<span style="flex:none;width:.6rem;height:.6rem;margin-top:.4rem;border-radius:50%;background:{colour}">'
            f'</span><span>{escape(event["summary"])} <span style="opacity:.6">{escape(event["actor"])}</span>'
            "</span></div>"
        )
    return f'<div style="font-size:.88rem;line-height:1.4">{"".join(parts)}</div>'


_EVENT_COLOURS = {
    **dict.fromkeys(("placed", "shipped", "closed", "approved", "released"), charts.GREEN),
    **dict.fromkeys(("allocated", "changed", "fixed", "accepted"), charts.BLUE),
    **dict.fromkeys(("held", "backordered", "deallocated", "change proposed"), charts.ORANGE),
    **dict.fromkeys(("cancelled", "discarded"), charts.VERMILLION),
}
