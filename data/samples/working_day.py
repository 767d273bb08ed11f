"""What comes in at the demo company's order desk, mistakes and all, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from data.samples.demo_company import DemoCompany

_PEOPLE = (
    ("Anna Keller", "Lindenallee 12", "28195", "Bremen", "DE"),
    ("Jonas Brandt", "Am Markt 3", "04109", "Leipzig", "DE"),
    ("Marie Dubois", "Rue des Lilas 8", "67000", "Strasbourg", "FR"),
    ("Lukas Huber", "Getreidegasse 5", "5020", "Salzburg", "AT"),
    ("Sophie Peeters", "Meir 40", "2000", "Antwerpen", "BE"),
    ("Daan de Vries", "Singel 101", "1012", "Amsterdam", "NL"),
    ("Clara Vogel", "Maxstraße 21", "86150", "Augsburg", "DE"),
    ("Emil Sommer", "Hafenweg 9", "48155", "Münster", "DE"),
)


@dataclass(frozen=True)
class DeskOrder:
    """An order as it comes in, and what was done with it since.

    Attributes:
        request: The order, as `orders.model.order_request` reads it.
        hours_ago: When it came.
        done: Words for what followed: ship, ship part, hold fraud, hold credit, note, cancel part, propose, pay.
    """

    request: dict[str, Any]
    hours_ago: float
    done: tuple[str, ...] = ()


def working_day(company: DemoCompany, *, seed: int = 7) -> list[DeskOrder]:
    """Some fifty orders of the last six days, oldest first; equal for equal arguments.

    Most are clean. Some name a SKU that does not exist, a quantity with a digit too many, a slipped price, half an
    address, or are sent twice; some wait for stock.
    """
    luck = np.random.Generator(np.random.Philox([seed, 20_260]))
    sold = company.orders[(company.orders["quantity"] > 0) & company.orders["sku"].isin(company.items["sku"])]
    prices = sold.groupby("sku")["unit_price"].apply(lambda paid: paid.tail(20).median())
    popular = sold["sku"].value_counts().index[: max(12, len(company.items) // 4)].tolist()
    scarce = sold["sku"].value_counts().index[-max(6, len(company.items) // 20) :].tolist()

    def line(sku: str, quantity: int, price: float | None = None) -> dict[str, Any]:
        return {"sku": sku, "quantity": quantity, "unit_price": f"{prices[sku] if price is None else price:.2f}",
                "tax_rate": "0.19", "tax_name": "VAT"}  # fmt: skip

    def order(number: int, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        name, street, postcode, city, country = _PEOPLE[number % len(_PEOPLE)]
        address = {"name": name, "line1": street, "postcode": postcode, "city": city, "country": country}
        asked = {"channel": "web", "external_ref": f"WEB-{9001 + number}", "customer": f"CW-{100 + number % 8}"}
        return {**asked, "customer_name": name, "ship_to": address, "lines": lines, "prices_include_tax": True, **more}

    def goods(count: int) -> list[dict[str, Any]]:
        return [line(str(sku), int(luck.integers(1, 4))) for sku in luck.choice(popular, count, replace=False)]

    found: list[DeskOrder] = []

    def add(lines: list[dict[str, Any]], hours: float, *done: str, **more: Any) -> dict[str, Any]:
        request = order(len(found), lines, **more)
        found.append(DeskOrder(request, hours, done))
        return request

    for _ in range(10):
        add(goods(int(luck.integers(1, 4))), float(luck.uniform(60, 140)), "pay", "ship")
    for _ in range(4):
        add(goods(3), float(luck.uniform(30, 100)), "pay", "ship part")
    for _ in range(14):
        add(goods(int(luck.integers(1, 5))), float(luck.uniform(0.2, 40)), *(("pay",) if luck.random() < 0.5 else ()))
    for _ in range(5):
        add([*goods(1), line(str(luck.choice(scarce)), 12)], float(luck.uniform(5, 140)))
    add(goods(2), 52.0, "hold fraud", "note")
    add(goods(3), 75.0, "hold credit")
    add(goods(2), 8.0, "propose")
    add(goods(3), 20.0, "cancel part", "note")
    half = {"name": _PEOPLE[0][0], "postcode": "28195", "country": "DE"}
    add(goods(1), 26.0, ship_to=half)
    add(goods(2), 3.0, ship_to={"name": "K. Wolf", "country": "DE"})
    twice = add(goods(2), 7.0)
    found.append(DeskOrder({**twice, "external_ref": f"WEB-{9001 + len(found)}"}, 6.5))
    slipped = str(min(popular[:12], key=lambda sku: prices[sku]))
    largest = int(sold.loc[sold["sku"] == slipped, "quantity"].tail(60).max())
    add([line(slipped, 10 * largest + 10)], 1.5)
    add([line(str(popular[1]), 1, round(float(prices[popular[1]]) / 10, 2))], 30.0)
    wrong = str(popular[2])
    add([{**line(wrong, 2), "sku": f"{wrong[:-1]}X"}], 18.0)
    add([*goods(1), {**line(str(popular[3]), 1), "sku": str(popular[3]).replace("-", "")}], 2.0)
    add([{**line(str(popular[4]), 1), "quantity": 0}], 4.0)
    add(goods(1), 5.0, currency="CHF")
    return sorted(found, key=lambda one: -one.hours_ago)
