"""One sentence per SKU says which figures made its level, and what would change it."""

import re

import numpy as np
import pytest

from optimization import Limit, level_reason, safety_stock_levels
from optimization.frontier import policy

QUANTILES = [[1, 3, 5, 8, 11, 13], [10, 14, 18, 25, 31, 35], [2, 4, 7, 12, 17, 21], [0, 1, 2, 4, 6, 8]]


def asked(**more):
    return {
        "names": ["bolt", "nut", "pump", "seal"],
        "levels": [0.1, 0.3, 0.6, 0.9, 0.98, 0.995],
        "lead_time_demand": QUANTILES,
        "lead_time_demand_mean": [4.5, 17.0, 6.5, 1.6],
        "demand_rate": [2.0, 8.0, 3.0, 0.7],
        "order_quantity": [6, 12, 8, 3],
        "unit_cost": [4.0, 1.5, 60.0, 9.0],
        "unit_value": [7.0, 3.0, 90.0, 20.0],
        "fill_rate_target": 0.93,
        "holding_cost_rate": 0.005,
    } | more


def numbers(sentence):
    return [float(one.replace(",", "").rstrip(".")) for one in re.findall(r"\d[\d,]*\.?\d*(?:e-?\d+)?", sentence)]


def test_the_reorder_point_is_shown_as_what_is_expected_plus_safety_stock():
    stock = safety_stock_levels(**asked())
    for sku, name in enumerate(asked()["names"]):
        sentence = level_reason(stock, sku, name=name)
        assert sentence.startswith(f"{name}: reorder point ")
        point, mean, safety, rate = numbers(sentence)[:4]
        assert point == stock.reorder_point[sku]
        assert mean == pytest.approx(asked()["lead_time_demand_mean"][sku])
        sign = -1 if "−" in sentence else 1
        assert mean + sign * safety == pytest.approx(point, abs=0.051)
        assert rate == pytest.approx(100 * stock.fill_rate[sku], abs=0.051)
        assert sentence.endswith(".")


def test_a_level_below_what_is_expected_shows_its_safety_stock_with_a_minus():
    stock = safety_stock_levels(**asked(fill_rate_target=0.6))
    below = np.flatnonzero(stock.safety_stock < 0)
    assert len(below) > 0
    for sku in below:
        assert f"expected over the protection interval − {-stock.safety_stock[sku]:.1f} of" in level_reason(stock, sku)


def test_what_the_next_unit_costs_and_is_worth_is_said_in_the_currency():
    stock = safety_stock_levels(**asked())
    sku = 0
    sentence = level_reason(stock, sku, currency="EUR")
    assert f"the next unit would cost {stock.next_unit_cost[sku]:,.3g} EUR" in sentence
    assert f"is worth {stock.next_unit_worth[sku]:,.3g} at the prices of the limits" in sentence


def test_the_price_at_which_a_level_rises_raises_it():
    """The fill rate's price that the sentence names, given as what a point is worth, buys the next unit."""
    given = asked(fill_rate_target=0.9)
    stock = safety_stock_levels(**given)
    tried = 0
    for sku in range(4):
        found = re.search(r"it rises once a point of fill rate is worth ([\d.e-]+) instead of ([\d.e-]+)\.$",
                          level_reason(stock, sku))  # fmt: skip
        if found is None:
            continue
        dearer, now = (float(one) for one in found.groups())
        assert now == pytest.approx(stock.price_of_fill_rate, rel=1e-3)
        assert dearer > now
        for factor, rises in ((1.01, True), (0.99, False)):
            higher = _levels_at_price(given, dearer * factor)
            assert (higher[sku] > stock.reorder_point[sku]) == rises
        tried += 1
    assert tried >= 2


def _levels_at_price(given, price):
    """Levels of the highest target at which one more point costs no more than a price; prices rise with targets."""
    low, high, found = given["fill_rate_target"], 0.99, None
    for _ in range(40):
        middle = (low + high) / 2
        stock = safety_stock_levels(**given | {"fill_rate_target": middle})
        if stock.price_of_fill_rate > price:
            high = middle
        else:
            low, found = middle, stock.reorder_point
    return found


def test_a_floor_that_holds_a_level_up_is_named():
    stock = safety_stock_levels(**asked(fill_rate_target=0.7, fill_rate_floor=[0, 0, 0, 0.97]))
    assert stock.is_held_by[3] == "fill rate floor"
    assert "its own floor asks for so much" in level_reason(stock, 3)
    assert "a lower floor would lower it" in level_reason(stock, 3)


def test_the_highest_and_the_lowest_level_are_named_as_such():
    stock = safety_stock_levels(**asked(reorder_point_min=[12, 0, 0, 0], reorder_point_max=[40, 10, 99, 99]))
    assert "it is the lowest allowed, and the next unit would cost" in level_reason(stock, 0)
    assert "it is the highest allowed" in level_reason(stock, 1)


def test_what_is_not_demanded_needs_no_reason():
    given = asked()
    for name in ("lead_time_demand_mean", "demand_rate", "order_quantity"):
        given[name] = [0, *given[name][1:]]
    given["lead_time_demand"] = [[0] * 6, *QUANTILES[1:]]
    stock = safety_stock_levels(**given)
    assert level_reason(stock, 0, name="bolt") == "bolt: nothing is demanded, so that nothing is held."


def test_where_only_another_limit_has_a_price_no_price_of_fill_rate_is_named():
    supplier = Limit("minimum", "order-up-to level", [4.0, 1.5, 0.0, 0.0], at_least=150.0, unit="EUR")
    stock = safety_stock_levels(**asked(fill_rate_target=None, limits=[supplier]))
    assert stock.binding == ("minimum",)
    for sku in range(4):
        assert "point of fill rate" not in level_reason(stock, sku)


def test_where_service_is_made_best_a_unit_is_weighed_in_points_of_fill_rate():
    free = safety_stock_levels(**asked())
    stock = safety_stock_levels(
        **asked(fill_rate_target=None, stock_budget=0.9 * free.total_stock_value, objective="fill rate")
    )
    for sku in range(4):
        said = re.search(
            r"the next unit would bring ([\d.e-]+) points of the whole fill rate,"
            r" and what it takes of the limits brings ([\d.e-]+) elsewhere\.$",
            level_reason(stock, sku, currency="EUR"),
        )
        brings, takes = (float(one) for one in said.groups())
        raised = stock.reorder_point + (np.arange(4) == sku)
        both = [
            policy(levels, **{name: value for name, value in asked().items() if name != "fill_rate_target"})
            for levels in (stock.reorder_point, raised)
        ]
        assert brings == pytest.approx(100 * (both[1].fill_rate - both[0].fill_rate), rel=0.15)
        money = both[1].stock_value - both[0].stock_value
        assert takes == pytest.approx(100 * stock.value_of_budget * money, rel=0.15)


def test_where_several_limits_have_prices_no_single_price_is_promised_to_raise_a_level():
    free = safety_stock_levels(**asked())
    held = free.average_stock_value / np.array(asked()["unit_cost"])
    space = Limit("space", "stock", [0.5, 0.1, 0.9, 0.1], at_most=0.97 * np.array([0.5, 0.1, 0.9, 0.1]) @ held)
    stock = safety_stock_levels(**asked(limits=[space]))
    assert set(stock.binding) >= {"fill rate", "space"}
    for sku in range(4):
        assert "instead of" not in level_reason(stock, sku)


def test_a_lowest_level_beyond_what_the_quantiles_know_is_named_as_the_lowest():
    stock = safety_stock_levels(**asked(reorder_point_min=[60, 0, 0, 0]))
    assert stock.is_held_by[0] == "lowest"
    assert level_reason(stock, 0).endswith(
        "it is the lowest allowed, and of a unit more its demand quantiles know nothing."
    )
