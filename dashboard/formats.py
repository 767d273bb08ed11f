"""Numbers, money and days as people read them."""

from __future__ import annotations

from datetime import date, datetime


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
