"""The economic order quantity."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from optimization import economic_order_quantity

SHARED = Path(os.environ.get("STOCKWRIGHT_SHARED") or Path(__file__).resolve().parents[2] / "shared")
CASES = SHARED / "cases" / "inventory.json"


def test_a_textbook_example():
    """Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., example 3.1: candy bars."""
    order = economic_order_quantity(demand_rate=1300, order_cost=8, holding_cost=0.75 * 0.3)
    assert order.order_quantity == pytest.approx(304.0468, abs=1e-4)
    assert order.cost_rate == pytest.approx(68.4105, abs=1e-4)


def test_known_answers():
    if not CASES.exists():
        pytest.skip(f"known answers are kept outside the repository: no {CASES}")
    cases = [case for case in json.loads(CASES.read_text()) if case["family"] == "eoq"]
    assert cases
    for case in cases:
        given = case["inputs"]
        order = economic_order_quantity(
            demand_rate=given["demand_rate"],
            order_cost=given["fixed_cost"],
            holding_cost=given["holding_cost"],
        )
        for name, expected in case["expected"].items():
            assert getattr(order, name) == pytest.approx(expected, rel=1e-7), case["id"]


def test_no_other_quantity_costs_less():
    rate, fixed, holding = np.array([1200.0, 5.0]), np.array([50.0, 2.0]), np.array([3.0, 0.4])
    order = economic_order_quantity(demand_rate=rate, order_cost=fixed, holding_cost=holding)
    for factor in (0.9, 0.999, 1.0, 1.001, 1.1):
        quantity = order.order_quantity * factor
        cost = fixed * rate / quantity + holding * quantity / 2
        assert (cost >= order.cost_rate - 1e-9).all()


def test_refuses_what_has_no_order_quantity():
    with pytest.raises(ValueError, match=r"holding_cost must be positive, got 0\.0"):
        economic_order_quantity(demand_rate=1, order_cost=1, holding_cost=[1, 0])
    with pytest.raises(ValueError, match="demand_rate must be finite and not negative, got nan"):
        economic_order_quantity(demand_rate=np.nan, order_cost=1, holding_cost=1)
