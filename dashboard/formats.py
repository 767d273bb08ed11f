"""Numbers, money and days as people read them."""

from __future__ import annotations

from datetime import date, datetime, timedelta


def money(amount: float, currency: str) -> str:
    """EUR 12,345; small amounts with two decimals."""
    decimals = 2 if 0 < abs(amount) < 100 else 0
    return f"{currency} {amount:,.{decimals}f}"


def share(part: float) -> str:
    """95.0 %, with a space that does not break."""
    return f"{part * 100:.1f} %"


def units(number: float) -> str:
    """1,234; with a decimal where it matters."""
    return f"{number:,.1f}" if abs(number) < 10 and number != round(number) else f"{number:,.0f}"


def day(moment: date | datetime) -> str:
    """Sun 29 Jun 2025."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}"


def count(number: int, noun: str) -> str:
    """1 line, 2 lines."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def age(passed: timedelta) -> str:
    """How long, roughly: less than a minute, 5 min, 3 h, 12 days."""
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"
