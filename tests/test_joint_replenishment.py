"""Joint orders of SKUs that share an order cost."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.eoq import economic_order_quantity
from optimization.joint_replenishment import optimal_joint_replenishment, silver_joint_replenishment

THREE = {"shared_order_cost": 600.0, "order_costs": [120, 840, 300], "holding_costs": [160, 20, 50]}
figure = st.floats(0.01, 100)


@pytest.mark.known_answers("joint_replenishment")
def test_published_joint_plans(known_case, within):
    given = known_case["inputs"]
    family = {
        "shared_order_cost": given["shared_fixed_cost"],
        "order_costs": given["individual_fixed_costs"],
        "holding_costs": given["holding_costs"],
        "demand_rates": given["demand_rates"],
    }
    simple, best = silver_joint_replenishment(**family), optimal_joint_replenishment(**family)
    assert simple.base_cycle_time == within("base_cycle_time")
    assert simple.cost_rate == within("heuristic_cost_rate")
    assert best.cost_rate == within("optimal_cost_rate_integer_multiples")


def test_figures_of_stockpyl():
    """stockpyl 1.0.2 on its own example."""
    plan = silver_joint_replenishment(**THREE, demand_rates=[1, 1, 1])
    assert plan.multiples.tolist() == [1, 3, 1]
    assert plan.base_cycle_time == pytest.approx(3.103164454170876, rel=1e-12)
    assert plan.order_quantities == pytest.approx([3.103164454170876, 9.309493362512628, 3.103164454170876], rel=1e-12)
    assert plan.cost_rate == pytest.approx(837.8544026261366, rel=1e-12)


def cost_rate(cycle, multiples, shared, joining, pull):
    return (shared + (joining / multiples).sum(axis=-1)) / cycle + cycle / 2 * (pull * multiples).sum(axis=-1)


def least_cost(shared, joining, pull, most):
    """Over every set of multiples up to `most`, each with the base cycle that suits it."""
    multiples = np.array(list(itertools.product(range(1, most + 1), repeat=len(joining))))
    per_order, held = shared + (joining / multiples).sum(axis=1), (pull * multiples).sum(axis=1)
    return cost_rate(np.sqrt(2 * per_order / held), multiples, shared, joining, pull).min()


@st.composite
def families(draw, most_skus=3):
    skus = draw(st.integers(1, most_skus))
    several = st.lists(figure, min_size=skus, max_size=skus)
    return draw(figure), np.array(draw(several)), np.array(draw(several)), np.array(draw(several))


@given(families())
def test_no_set_of_multiples_costs_less(family):
    shared, joining, holding, rates = family
    plan = optimal_joint_replenishment(
        shared_order_cost=shared, order_costs=joining, holding_costs=holding, demand_rates=rates, most_multiple=25
    )
    assert plan.multiples.min() >= 1
    assert plan.cost_rate == pytest.approx(least_cost(shared, joining, holding * rates, 25), rel=1e-12)


@given(families(most_skus=8))
def test_the_best_plan_lies_between_a_bound_and_the_rule_of_thumb(family):
    shared, joining, holding, rates = family
    terms = {"shared_order_cost": shared, "order_costs": joining, "holding_costs": holding, "demand_rates": rates}
    best, simple = optimal_joint_replenishment(**terms), silver_joint_replenishment(**terms)
    alone = economic_order_quantity(demand_rate=rates, order_cost=joining, holding_cost=holding).cost_rate.sum()
    assert alone < best.cost_rate <= simple.cost_rate * (1 + 1e-12)
    for plan in (best, simple):
        assert plan.order_quantities == pytest.approx(plan.base_cycle_time * plan.multiples * rates)
        spent = cost_rate(plan.base_cycle_time, plan.multiples, shared, joining, holding * rates)
        assert plan.cost_rate == pytest.approx(spent)


def test_the_best_plan_can_save_a_seventh_of_what_the_rule_of_thumb_costs():
    shared, joining, pull = 14.0, np.array([9.0, 102.0, 2.0, 1.0]), np.array([68.0, 34.0, 4.0, 10.0])
    terms = {"shared_order_cost": shared, "order_costs": joining, "holding_costs": pull, "demand_rates": np.ones(4)}
    best, simple = optimal_joint_replenishment(**terms), silver_joint_replenishment(**terms)
    assert simple.multiples.tolist() == [1, 1, 1, 1]
    assert best.multiples.tolist() == [1, 3, 1, 1]
    assert best.cost_rate == pytest.approx(least_cost(shared, joining, pull, 8), rel=1e-12)
    assert simple.cost_rate > 1.15 * best.cost_rate


def test_one_sku_pays_both_costs_of_its_economic_order():
    plan = optimal_joint_replenishment(shared_order_cost=30, order_costs=20, holding_costs=3, demand_rates=[1200])
    assert plan.order_quantities == pytest.approx([200])
    assert plan.cost_rate == pytest.approx(600)


def test_where_only_the_order_costs_all_join_every_one():
    plan = optimal_joint_replenishment(shared_order_cost=50, order_costs=0, holding_costs=[1, 2], demand_rates=[10, 20])
    assert plan.multiples.tolist() == [1, 1]
    assert plan.base_cycle_time == pytest.approx(np.sqrt(2 * 50 / 50))


def test_without_a_shared_cost_each_sku_is_nearly_ordered_on_its_own():
    terms = {"order_costs": [5.0, 80.0, 9.0], "holding_costs": [2.0, 3.0, 4.0], "demand_rates": [30.0, 1.0, 7.0]}
    alone = economic_order_quantity(
        demand_rate=terms["demand_rates"], order_cost=terms["order_costs"], holding_cost=terms["holding_costs"]
    )
    plan = optimal_joint_replenishment(shared_order_cost=0, **terms)
    assert plan.cost_rate == pytest.approx(alone.cost_rate.sum(), rel=1e-6)
    assert plan.multiples.max() <= 10_000
    few = optimal_joint_replenishment(shared_order_cost=0, **terms, most_multiple=6)
    assert few.multiples.max() <= 6
    assert few.cost_rate > plan.cost_rate


@pytest.mark.parametrize("best", [silver_joint_replenishment, optimal_joint_replenishment])
def test_a_sku_without_demand_joins_no_order(best):
    plan = best(shared_order_cost=600, order_costs=[120, 5, 840, 300], holding_costs=[160, 1, 20, 50],
                demand_rates=[1, 0, 1, 1])  # fmt: skip
    without = best(**THREE, demand_rates=[1, 1, 1])
    assert plan.multiples.tolist() == [1, 0, 3, 1]
    assert plan.order_quantities[1] == 0
    assert plan.cost_rate == without.cost_rate
    nothing = best(shared_order_cost=600, order_costs=1, holding_costs=1, demand_rates=[0, 0])
    assert (nothing.base_cycle_time, nothing.cost_rate) == (np.inf, 0)
    assert nothing.order_quantities.tolist() == nothing.multiples.tolist() == [0, 0]
    free = best(shared_order_cost=0, order_costs=0, holding_costs=1, demand_rates=[2, 3])
    assert (free.base_cycle_time, free.cost_rate) == (0, 0)
    assert free.order_quantities.tolist() == [0, 0]


def test_the_answer_does_not_depend_on_the_unit_of_money():
    terms = {"order_costs": np.array([12.0, 84.0, 30.0]), "holding_costs": np.array([16.0, 2.0, 5.0])}
    plain = optimal_joint_replenishment(shared_order_cost=60, **terms, demand_rates=[9, 8, 7])
    for scale in (1e-6, 1e6):
        scaled = {name: figures * scale for name, figures in terms.items()}
        plan = optimal_joint_replenishment(shared_order_cost=60 * scale, **scaled, demand_rates=[9, 8, 7])
        assert plan.multiples.tolist() == plain.multiples.tolist()
        assert plan.cost_rate == pytest.approx(plain.cost_rate * scale)


@pytest.mark.parametrize("best", [silver_joint_replenishment, optimal_joint_replenishment])
def test_refuses_what_is_no_family_of_skus(best):
    with pytest.raises(ValueError, match="demand_rates must be one per SKU, got shape"):
        best(**THREE, demand_rates=1)
    with pytest.raises(ValueError, match=r"order_costs must be one number or one per SKU \(2\), got shape \(3,\)"):
        best(**THREE, demand_rates=[1, 1])
    with pytest.raises(ValueError, match=r"holding_costs must be more than 0 and finite, got 0\.0 \(index 1\)"):
        best(shared_order_cost=1, order_costs=1, holding_costs=[1, 0], demand_rates=[1, 1])
    with pytest.raises(ValueError, match="shared_order_cost must be at least 0 and finite, got nan"):
        best(shared_order_cost=np.nan, order_costs=1, holding_costs=1, demand_rates=[1, 1])


def test_refuses_multiples_below_one():
    with pytest.raises(ValueError, match="most_multiple must be at least 1, got 0"):
        optimal_joint_replenishment(**THREE, demand_rates=[1, 1, 1], most_multiple=0)
