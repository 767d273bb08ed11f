"""Orders under packs, minimums, price breaks, containers and a budget: the cheapest, proven, and explained."""

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pulp
import pytest

from optimization import replenishment_milp
from optimization.order_conflict import OrderConflict
from optimization.order_terms import Needs, Offers, Suppliers
from optimization.replenishment_columns import OrderRound, order_program
from optimization.replenishment_milp import (
    replenishment_order,
    replenishment_program,
    write_replenishment_program,
)
from optimization.replenishment_search import RoundSolution, solve_round
from optimization.supplier_bounds import supplier_bounds, suppliers_apart
from optimization.tree_search import TreeSearch

# The plain enumeration that everything else is compared with


def paid(offer, units, terms):
    """Price of units of an offer, break by break."""
    tiers = [(0.0, terms.price[offer])]
    tiers += [
        (start, price)
        for start, price in zip(terms.break_quantity[offer], terms.break_price[offer], strict=True)
        if np.isfinite(start)
    ]
    if not terms.incremental[offer]:
        return units * [price for start, price in tiers if units >= start][-1]
    ends = [start for start, _ in tiers[1:]] + [np.inf]
    return sum(max(min(units, end) - start, 0.0) * price for (start, price), end in zip(tiers, ends, strict=True))


def total(packs, needs, offers, suppliers, budget, volume_capacity, split):
    """Cost of an order, or None if it breaks a rule."""
    units = [count * size for count, size in zip(packs, offers.pack_size, strict=True)]
    for offer, quantity in enumerate(units):
        if quantity and (
            quantity < offers.moq[offer]
            or quantity > offers.maximum_quantity[offer]
            or not suppliers.may_order[offers.supplier[offer]]
        ):
            return None
    cost = spent = volume_all = 0.0
    for sku in range(len(needs.names)):
        mine = [units[offer] for offer in range(len(units)) if offers.sku[offer] == sku]
        have = sum(mine)
        if have < needs.least[sku] or have > needs.most[sku] or (not split and sum(one > 0 for one in mine) > 1):
            return None
        left = have
        for width, value in zip(needs.width[sku], needs.value[sku], strict=True):
            taken = min(left, width)
            cost += value * (width - taken)
            left -= taken
        cost += needs.excess_cost[sku] * left - needs.unit_value[sku] * have
    for supplier in range(len(suppliers.names)):
        mine = [offer for offer in range(len(units)) if offers.supplier[offer] == supplier]
        value = sum(paid(offer, units[offer], offers) for offer in mine if units[offer])
        count = sum(units[offer] for offer in mine)
        volume = sum(units[offer] * needs.volume[offers.sku[offer]] for offer in mine)
        weight = sum(units[offer] * needs.weight[offers.sku[offer]] for offer in mine)
        rooms = [
            (load, room)
            for load, room in (
                (volume, suppliers.container_volume[supplier]),
                (weight, suppliers.container_weight[supplier]),
            )
            if np.isfinite(room)
        ]
        containers = max((int(np.ceil(load / room - 1e-9)) for load, room in rooms), default=0)
        fill = suppliers.minimum_fill[supplier]
        if (
            (count and value < suppliers.minimum_value[supplier] - 1e-9)
            or (count and count < suppliers.minimum_units[supplier])
            or value > suppliers.maximum_value[supplier] + 1e-9
            or value < suppliers.required_value[supplier] - 1e-9
            or containers > suppliers.maximum_containers[supplier]
            or (containers and not any(load >= fill * room * containers - 1e-9 for load, room in rooms))
        ):
            return None
        spent += (
            value + (suppliers.order_cost[supplier] if count else 0) + containers * suppliers.container_cost[supplier]
        )
        volume_all += volume
    if spent > budget + 1e-9 or volume_all > volume_capacity + 1e-9:
        return None
    return cost + spent


def cheapest(needs, offers, suppliers, budget, volume_capacity, split, most=5):
    costs = [
        total(packs, needs, offers, suppliers, budget, volume_capacity, split)
        for packs in product(range(most + 1), repeat=len(offers.sku))
    ]
    return min((cost for cost in costs if cost is not None), default=None)


def small_round(seed):
    """Two SKUs, two suppliers and three or four offers, of at most five packs each, with a mixture of rules."""
    random = np.random.default_rng(seed)
    needs = Needs.by_curve(
        ["cup", "mug"],
        width=random.integers(0, 6, (2, 3)),
        value=np.sort(random.integers(0, 15, (2, 3)), axis=1)[:, ::-1],
        excess_cost=random.choice([0.0, 0.5, 2.0], 2),
        unit_value=random.choice([0.0, 1.0], 2),
        least=random.choice([0, 0, 3], 2),
        most=random.choice([np.inf, np.inf, 14], 2),
        volume=random.choice([0.0, 1.0, 1.5], 2),
        weight=random.choice([0.5, 2.0], 2),
    )
    count = int(random.integers(3, 5))
    pack = random.choice([1, 2, 3, 5], count)
    breaks = np.where(random.random((count, 1)) < 0.5, np.inf, random.integers(3, 9, (count, 1)))
    price = random.integers(2, 8, count)
    offers = Offers.of(
        sku=[0, 0, 1, 1][:count],
        supplier=[0, 1, 0, 1][:count],
        price=price,
        pack_size=pack,
        moq=random.choice([0, 0, 4, 6], count),
        maximum_quantity=pack * 5,
        break_quantity=breaks,
        break_price=(price * random.choice([0.6, 0.8], count))[:, None],
        incremental=random.random(count) < 0.5,
    )
    by_container = random.random(2) < 0.4
    by_weight = random.random(2) < 0.5
    suppliers = Suppliers.of(
        ["ACME", "BOLT"],
        may_order=random.random(2) < 0.9,
        order_cost=random.choice([0.0, 4.0, 15.0], 2),
        minimum_value=random.choice([0.0, 0.0, 20.0, 45.0], 2),
        maximum_value=random.choice([np.inf, np.inf, 60.0], 2),
        minimum_units=random.choice([0, 0, 7], 2),
        required_value=random.choice([0.0, 0.0, 0.0, 10.0], 2),
        container_volume=np.where(by_container, 6.0, np.inf),
        container_weight=np.where(by_weight, 9.0, np.inf),
        container_cost=random.choice([0.0, 7.0], 2),
        minimum_fill=random.choice([0.0, 0.5, 0.9], 2),
        maximum_containers=random.choice([np.inf, 2], 2),
    )
    budget = float(random.choice([np.inf, 70.0, 30.0]))
    volume_capacity = float(random.choice([np.inf, 12.0]))
    return needs, offers, suppliers, budget, volume_capacity, bool(random.random() < 0.5)


def as_round(needs, offers, suppliers, budget, volume_capacity, split):
    return OrderRound(needs, offers, suppliers, budget, volume_capacity, np.inf, split)


# The cheapest order


@pytest.mark.parametrize("block", range(5))
def test_no_order_that_keeps_the_rules_is_cheaper(block):
    for seed in range(block * 8, block * 8 + 8):
        needs, offers, suppliers, budget, volume, split = small_round(seed)
        best = cheapest(needs, offers, suppliers, budget, volume, split)
        limits = {"budget": budget, "volume_capacity": volume, "split_across_suppliers": split}
        if best is None:
            with pytest.raises(OrderConflict):
                replenishment_order(needs, offers, suppliers, **limits)
            continue
        order = replenishment_order(needs, offers, suppliers, **limits, relative_gap=0.0)
        assert order.status == "optimal"
        assert order.objective == pytest.approx(best, abs=1e-6), seed
        assert total(order.packs, needs, offers, suppliers, budget, volume, split) == pytest.approx(best, abs=1e-6)
        assert order.best_bound <= best + 1e-6


def test_the_search_over_suppliers_finds_the_same_cost_and_bound():
    for seed in range(60, 80):
        case = small_round(seed)
        whole = solve_round(as_round(*case), relative_gap=0.0, time_limit=20.0)
        searched = solve_round(as_round(*case), relative_gap=0.0, time_limit=20.0, small=0)
        assert searched.status == whole.status
        if whole.packs is not None:
            costs = [total(found.packs, *case) for found in (whole, searched)]
            assert costs[1] == pytest.approx(costs[0], abs=1e-6), seed
            assert searched.bound == pytest.approx(costs[0], abs=1e-5)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_sum_of_suppliers_at_any_price_of_the_budget_is_a_bound(share):
    needs, offers, suppliers = many_skus(3, skus=40, suppliers=3)
    case = OrderRound(needs, offers, suppliers, 6_000.0, np.inf, np.inf, False)
    full, relaxed = (order_program(case, whole_packs=whole) for whole in (True, False))
    search = TreeSearch(relaxed.program, offset=case.shortage_without, end=time.monotonic() + 10)
    search.run()
    prices = share * min(search.leaves).row_price
    assert suppliers_apart(full)
    apart = supplier_bounds(full, prices, offset=case.shortage_without, slack=0.0, end=time.monotonic() + 10)
    order = replenishment_order(needs, offers, suppliers, budget=6_000.0, relative_gap=1e-3, time_limit=5.0)
    assert 0 < apart.bound <= order.objective


def test_the_program_written_out_rule_by_rule_has_the_same_least_cost():
    for seed in range(8):
        needs, offers, suppliers, budget, volume, split = small_round(seed)
        limits = {"budget": budget, "volume_capacity": volume, "split_across_suppliers": split}
        try:
            order = replenishment_order(needs, offers, suppliers, **limits, relative_gap=0.0)
        except OrderConflict:
            with pytest.raises(OrderConflict):
                replenishment_order(needs, offers, suppliers, **limits, solver="CBC")
            continue
        by_cbc = replenishment_order(needs, offers, suppliers, **limits, relative_gap=0.0, solver="CBC")
        assert by_cbc.objective == pytest.approx(order.objective, rel=1e-7, abs=1e-6), seed
        assert by_cbc.status == "optimal"


@pytest.mark.parametrize("suffix", [".lp", ".mps"])
def test_the_program_can_be_kept_in_a_file_and_solved_from_there(tmp_path, suffix):
    needs, offers, suppliers = cups_and_mugs()
    program = replenishment_program(needs, offers, suppliers, budget=200.0)
    write_replenishment_program(program, tmp_path / f"order{suffix}")
    written = (tmp_path / f"order{suffix}").read_text()
    assert "budget" in written
    assert "cup" in written
    import highspy

    class Quiet(highspy.Highs):
        def enableCallbacks(self):  # noqa: N802
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()

    solver = Quiet()
    solver.readModel(str(tmp_path / f"order{suffix}"))
    solver.run()
    order = replenishment_order(needs, offers, suppliers, budget=200.0, relative_gap=0.0)
    assert order.objective == pytest.approx(solver.getInfo().objective_function_value, abs=1e-6)


def test_a_program_is_written_as_lp_or_mps_only(tmp_path):
    with pytest.raises(ValueError, match=r"path must end in .lp or .mps, got .*order.txt"):
        write_replenishment_program(pulp.LpProblem("order"), tmp_path / "order.txt")


# Many SKUs


def many_skus(seed, skus=150, suppliers=6, alternatives=1):
    random = np.random.default_rng(seed)
    price, mean = np.round(random.lognormal(2, 1, skus), 2) + 0.05, random.lognormal(3, 1, skus)
    needs = Needs.by_curve(
        [f"sku {number}" for number in range(skus)],
        width=np.ceil(mean[:, None] * random.uniform(0.2, 1.0, (skus, 5))),
        value=1.8 * price[:, None] * np.sort(random.random((skus, 5)), axis=1)[:, ::-1],
        excess_cost=0.05 * price,
        unit_value=0.8 * price,
        volume=random.lognormal(-5, 1, skus),
    )
    sku = np.repeat(np.arange(skus), alternatives)
    count = len(sku)
    offers = Offers.of(
        sku=sku,
        supplier=np.concatenate([random.permutation(suppliers)[:alternatives] for _ in range(skus)]),
        price=price[sku] * random.uniform(0.95, 1.1, count),
        pack_size=random.choice([1, 2, 6, 12, 24], count),
        moq=np.where(random.random(count) < 0.3, np.ceil(mean[sku]), 0),
    )
    terms = Suppliers.of(
        [f"supplier {number}" for number in range(suppliers)],
        order_cost=random.uniform(20, 200, suppliers),
        minimum_value=random.choice([0.0, 2000.0], suppliers),
        container_volume=np.where(random.random(suppliers) < 0.4, 8.0, np.inf),
        container_cost=120.0,
    )
    return needs, offers, terms


@pytest.mark.parametrize("alternatives", [1, 2])
def test_many_skus_keep_all_rules_and_come_with_a_proven_bound(alternatives):
    needs, offers, suppliers = many_skus(3, alternatives=alternatives)
    order = replenishment_order(needs, offers, suppliers, budget=30_000.0, relative_gap=2e-3, time_limit=30.0)
    assert order.status == "optimal"
    assert order.relative_gap <= 2e-3
    checked = total(order.packs, needs, offers, suppliers, 30_000.0, np.inf, False)
    assert checked == pytest.approx(order.objective, rel=1e-9)
    assert order.objective - order.best_bound <= 2e-3 * order.objective
    assert any(rule.startswith("budget") for rule in order.binding)


def test_the_bound_of_many_skus_lies_below_what_another_search_finds():
    needs, offers, suppliers = many_skus(5, skus=25, suppliers=2)
    order = replenishment_order(needs, offers, suppliers, budget=4_000.0, relative_gap=1e-3, time_limit=5.0)
    case = OrderRound(needs, offers, suppliers, 4_000.0, np.inf, np.inf, False)
    found = solve_round(case, relative_gap=1e-2, time_limit=5.0, small=10**9)
    assert order.best_bound <= total(found.packs, needs, offers, suppliers, 4_000.0, np.inf, False) + 1e-6
    assert found.bound <= order.objective + 1e-6


def test_when_time_is_up_the_best_order_found_comes_with_its_gap():
    needs, offers, suppliers = many_skus(7, skus=300)
    order = replenishment_order(needs, offers, suppliers, budget=40_000.0, relative_gap=0.0, time_limit=0.01)
    assert order.status == "time limit"
    assert order.relative_gap > 0
    assert total(order.packs, needs, offers, suppliers, 40_000.0, np.inf, False) == pytest.approx(order.objective)


def test_where_time_is_up_before_any_order_it_says_so(monkeypatch):
    needs, offers, suppliers = cups_and_mugs()
    nothing = RoundSolution("time limit", None, -np.inf)
    monkeypatch.setattr(replenishment_milp, "solve_round", lambda *_, **__: nothing)
    with pytest.raises(TimeoutError, match="no order that keeps all rules was found in 60 seconds"):
        replenishment_order(replace(needs, least=np.ones(2)), offers, suppliers)
    assert not replenishment_order(needs, offers, suppliers).packs.any()


# Reasons


def cups_and_mugs(**terms):
    needs = Needs.wanted(["cup", "mug"], wanted=[7, 30], shortage_cost=20.0, excess_cost=0.1, volume=[0.5, 1.0])
    offers = Offers.of(sku=[0, 1], supplier=[0, 0], price=[4.0, 6.0], pack_size=[12, 1])
    return needs, offers, Suppliers.of(["ACME"], **terms)


def test_says_that_packs_raised_a_line():
    order = replenishment_order(*cups_and_mugs())
    assert order.reasons == ("raised from 7 to 12: packs of 12", "30: as needed")
    assert order.binding == ()


def test_says_that_the_minimum_order_quantity_raised_a_line():
    needs, offers, suppliers = cups_and_mugs()
    order = replenishment_order(needs, replace(offers, moq=np.array([20.0, 0.0])), suppliers)
    assert order.reasons[0] == "raised from 7 to 24: minimum order quantity 20, packs of 12"


def test_says_that_a_price_break_raised_a_line():
    needs, offers, suppliers = cups_and_mugs()
    tiers = replace(offers, break_quantity=np.array([[np.inf], [40.0]]), break_price=np.array([[0.0], [4.0]]))
    order = replenishment_order(needs, tiers, suppliers)
    assert order.reasons[1] == "raised from 30 to 40: price break at 40"


def test_says_which_supplier_minimum_raised_a_line():
    order = replenishment_order(*cups_and_mugs(minimum_value=500.0))
    assert order.orders.value[0] >= 500
    assert order.binding == ("minimum order value 500.00 of ACME",)
    assert any(line.endswith(": minimum order value 500.00 of ACME") and "raised" in line for line in order.reasons)


def test_says_that_the_budget_lowered_a_line():
    order = replenishment_order(*cups_and_mugs(), budget=100.0)
    assert order.binding == ("budget 100.00",)
    assert "lowered from 30 to 16: budget 100.00" in order.reasons


def test_says_that_today_is_no_day_to_order_from_a_supplier():
    order = replenishment_order(*cups_and_mugs(may_order=False))
    assert not order.packs.any()
    assert order.reasons[1] == "nothing instead of 30: today is no day to order from ACME"


def test_says_that_an_order_does_not_pay():
    order = replenishment_order(*cups_and_mugs(order_cost=900.0))
    assert order.reasons[1] == "nothing instead of 30: an order from ACME does not pay (order cost 900.00)"


def test_says_that_a_line_is_ordered_elsewhere():
    needs = Needs.wanted(["cup"], wanted=10, shortage_cost=20.0, excess_cost=0.1)
    offers = Offers.of(sku=[0, 0], supplier=[0, 1], price=[4.0, 3.0])
    order = replenishment_order(needs, offers, Suppliers.of(["ACME", "BOLT"]))
    assert order.reasons == ("nothing: cup is ordered from BOLT", "10: as needed")


def test_a_sku_is_split_among_suppliers_only_where_that_is_allowed():
    needs = Needs.wanted(["cup"], wanted=10, shortage_cost=20.0, excess_cost=0.1)
    offers = Offers.of(sku=[0, 0], supplier=[0, 1], price=[4.0, 3.0])
    suppliers = Suppliers.of(["ACME", "BOLT"], maximum_value=18.0)
    alone = replenishment_order(needs, offers, suppliers, relative_gap=0.0)
    split = replenishment_order(needs, offers, suppliers, relative_gap=0.0, split_across_suppliers=True)
    assert alone.order_quantity.tolist() == [0, 6]
    assert split.order_quantity.tolist() == [4, 6]


def test_containers_are_whole_and_filled():
    needs, offers, suppliers = cups_and_mugs(container_volume=20.0, container_cost=30.0, minimum_fill=0.95)
    order = replenishment_order(needs, offers, suppliers, relative_gap=0.0)
    assert order.orders.containers.tolist() == [2]
    assert order.orders.volume[0] >= 0.95 * 40
    assert order.costs.containers == 60.0
    assert "minimum fill 95% of ACME's containers" in order.binding


# Conflicts


def test_names_a_minimum_order_quantity_that_the_budget_does_not_carry():
    needs = Needs.wanted(["cup", "mug"], wanted=3, shortage_cost=50.0, excess_cost=0.1, least=[3, 0])
    offers = Offers.of(sku=[0, 1], supplier=[0, 0], price=9.0, moq=100)
    with pytest.raises(OrderConflict) as refused:
        replenishment_order(needs, offers, Suppliers.of(["ACME"]), budget=500.0)
    assert refused.value.rules == (
        "least 3 of cup (at the cheapest 100 units from ACME for 900.00)",
        "minimum order quantity 100 of cup from ACME",
        "budget 500.00",
    )
    assert refused.value.least_change == "budget must be at least 900.00"


def test_any_rule_of_a_conflict_left_out_makes_room():
    needs = Needs.wanted(["cup", "mug"], wanted=3, shortage_cost=50.0, excess_cost=0.1, least=[3, 2], volume=1.0)
    offers = Offers.of(sku=[0, 1], supplier=[0, 1], price=2.0)
    suppliers = Suppliers.of(["ACME", "BOLT"], may_order=[True, False])
    with pytest.raises(OrderConflict) as refused:
        replenishment_order(needs, offers, suppliers, volume_capacity=4.0)
    assert refused.value.rules == ("least 2 of mug", "today is no day to order from BOLT")
    every_day = replace(suppliers, may_order=np.array([True, True]))
    with pytest.raises(OrderConflict, match=r"volume capacity must be at least 5\.00"):
        replenishment_order(needs, offers, every_day, volume_capacity=4.0)


# Refusals


def test_refuses_what_makes_no_sense():
    needs, offers, suppliers = cups_and_mugs()
    with pytest.raises(ValueError, match="budget must not be negative, got -1"):
        replenishment_order(needs, offers, suppliers, budget=-1.0)
    with pytest.raises(ValueError, match="supplier of offer 0 must be below 1, got 1"):
        replenishment_order(needs, replace(offers, supplier=np.array([1, 0])), suppliers)
    with pytest.raises(ValueError, match=r"pack_size of offer 1 must be whole and at least 1 and finite, got 1\.5"):
        Offers.of(sku=[0, 1], supplier=[0, 0], price=1.0, pack_size=[1, 1.5])
    with pytest.raises(ValueError, match="unit_value of cup must be at most its price 4 "):
        replenishment_order(replace(needs, unit_value=np.array([9.0, 0.0])), offers, suppliers)
    with pytest.raises(ValueError, match="value of mug must not rise from segment to segment"):
        Needs.by_curve(["cup", "mug"], width=np.ones((2, 2)), value=[[2, 1], [1, 2]], excess_cost=0.0)
    with pytest.raises(ValueError, match="most of mug must be at least its least 5, got 4"):
        Needs.wanted(["cup", "mug"], wanted=5, shortage_cost=1.0, excess_cost=0.0, least=5, most=[9, 4])
    with pytest.raises(ValueError, match="break_quantity of offer 0 must rise from break to break"):
        Offers.of(sku=[0], supplier=[0], price=2.0, break_quantity=[[9, 5]], break_price=[[1.5, 1.2]])
    with pytest.raises(ValueError, match="minimum_fill of ACME must be at least 0 and at most 1 and finite, got 2"):
        Suppliers.of(["ACME"], minimum_fill=2.0)


@pytest.mark.parametrize(("wanted", "scale"), [(0, 1.0), (7, 1e-3), (7, 1e6), (10**6, 1.0)])
def test_extreme_quantities_and_prices_are_ordered_whole(wanted, scale):
    needs = Needs.wanted(["cup"], wanted=wanted, shortage_cost=20.0 * scale, excess_cost=0.1 * scale)
    offers = Offers.of(sku=[0], supplier=[0], price=4.0 * scale, pack_size=5)
    order = replenishment_order(needs, offers, Suppliers.of(["ACME"], order_cost=1.0 * scale), relative_gap=0.0)
    assert order.order_quantity[0] == -(-wanted // 5) * 5
    assert np.isfinite(order.objective)


def test_nothing_to_order_costs_nothing():
    needs = Needs.wanted([], wanted=0, shortage_cost=1.0, excess_cost=0.0)
    offers = Offers.of(sku=np.zeros(0, int), supplier=np.zeros(0, int), price=1.0)
    order = replenishment_order(needs, offers, Suppliers.of(["ACME"]))
    assert (order.objective, order.relative_gap, order.reasons) == (0.0, 0.0, ())
