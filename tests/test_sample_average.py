"""One order of many SKUs against scenarios: the newsvendor, PuLP, finite differences, and known gaps agree with it."""

from dataclasses import replace

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import norm

from optimization.infeasible import Infeasible
from optimization.optimality_gap import optimality_gap
from optimization.ordering_scenarios import OrderingTerms, OrderLimit, joint_service, scenario_costs
from optimization.sample_average import sample_average_order
from optimization.shortage_risk import risk_averse_order, tail_mean


def drawn(seed, *, skus=5, scenarios=12, whole=False, limits=True):
    """Correlated scenarios, and terms under which several limits bind."""
    luck = np.random.default_rng(seed)
    mean = np.exp(luck.normal(2.5, 1, skus))
    demand = mean * np.exp(0.5 * luck.normal(size=(scenarios, 1)) + 0.4 * luck.normal(size=(scenarios, skus)))
    price = np.exp(luck.normal(1, 0.7, skus))
    free = OrderingTerms(
        shortage_cost=price * luck.uniform(0.3, 1.0, skus),
        holding_cost=price * luck.uniform(0, 0.3, skus),
        purchase_cost=price * luck.choice([0.0, 0.1]),
        inventory_position=mean * luck.uniform(-0.2, 0.6, skus),
        least_quantity=mean * luck.choice([0.0, 0.1], skus),
        most_quantity=np.where(luck.random(skus) < 0.3, mean, np.inf),
    )
    demand = np.round(demand) if whole else demand
    if not limits:
        return demand, free
    bought = sample_average_order(demand, free).order_quantity
    volume, chosen = luck.random(skus), np.arange(skus) % 2
    return demand, replace(
        free,
        limits=(
            OrderLimit("budget", price, at_most=max(0.8 * price @ bought, price @ free.least_quantity)),
            OrderLimit("space", volume, at_most=max(0.9 * volume @ bought, volume @ free.least_quantity)),
            OrderLimit("minimum", price * chosen, at_least=0.85 * (price * chosen) @ bought),
        ),
    )


def by_linprog(demand, terms, *, tail_share=1.0, risk_weight=0.0):
    """Optimum and prices of the program written out: a shortage and a rest per SKU and scenario."""
    scenarios, skus = demand.shape
    each = {name: np.broadcast_to(getattr(terms, name), skus) for name in vars(terms) if name != "limits"}
    pairs = scenarios * skus
    columns = skus + 2 * pairs + 1 + scenarios
    cost = np.zeros(columns)
    cost[:skus] = each["purchase_cost"]
    cost[skus : skus + pairs] = np.tile(each["shortage_cost"], scenarios) / scenarios
    cost[skus + pairs : skus + 2 * pairs] = np.tile(each["holding_cost"], scenarios) / scenarios
    cost[-scenarios - 1] = risk_weight
    cost[-scenarios:] = risk_weight / (tail_share * scenarios)
    balance = np.zeros((pairs, columns))
    for pair in range(pairs):
        balance[pair, [pair % skus, skus + pair, skus + pairs + pair]] = 1, 1, -1
    tail = np.zeros((scenarios, columns))
    for scenario in range(scenarios):
        tail[scenario, skus + scenario * skus : skus + (scenario + 1) * skus] = each["shortage_cost"]
        tail[scenario, [-scenarios - 1, scenario - scenarios]] = -1
    rows, sides = [*tail], [0.0] * scenarios
    for limit in terms.limits:
        weight = np.concatenate((np.broadcast_to(limit.weight, skus), np.zeros(columns - skus)))
        for sign, side in ((1, limit.at_most), (-1, limit.at_least)):
            if side is not None:
                rows.append(sign * weight)
                sides.append(sign * side)
    bounds = [*zip(each["least_quantity"], each["most_quantity"], strict=True), *[(0, None)] * (columns - skus)]
    bounds[-scenarios - 1] = (None, None) if risk_weight else (0, 0)
    return linprog(
        cost,
        A_ub=np.array(rows),
        b_ub=sides,
        A_eq=balance,
        b_eq=(demand - each["inventory_position"]).ravel(),
        bounds=bounds,
        method="highs-ds",
    )


def by_pulp(demand, terms):
    """Least mean cost by PuLP and CBC."""
    scenarios, skus = demand.shape
    each = {name: np.broadcast_to(getattr(terms, name), skus).tolist() for name in vars(terms) if name != "limits"}
    problem = pulp.LpProblem("order", pulp.LpMinimize)
    most = [None if np.isinf(one) else one for one in each["most_quantity"]]
    order = [problem.add_variable(f"q{i}", each["least_quantity"][i], most[i]) for i in range(skus)]
    cost = [(order[i], each["purchase_cost"][i]) for i in range(skus)]
    for i in range(skus):
        for s in range(scenarios):
            short, left = problem.add_variable(f"short{i}_{s}", 0), problem.add_variable(f"left{i}_{s}", 0)
            missing = demand[s, i] - each["inventory_position"][i]
            flow = pulp.LpAffineExpression([(order[i], 1), (short, 1), (left, -1)])
            problem.addConstraint(pulp.LpConstraint(flow, pulp.LpConstraintEQ, rhs=missing))
            cost += [(short, each["shortage_cost"][i] / scenarios), (left, each["holding_cost"][i] / scenarios)]
    problem.setObjective(pulp.LpAffineExpression(cost))
    for limit in terms.limits:
        total = pulp.LpAffineExpression(list(zip(order, np.broadcast_to(limit.weight, skus).tolist(), strict=True)))
        for sense, side in ((pulp.LpConstraintLE, limit.at_most), (pulp.LpConstraintGE, limit.at_least)):
            if side is not None:
                problem.addConstraint(pulp.LpConstraint(total, sense, rhs=float(side)))
    assert problem.solve(pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False)) == pulp.LpStatusOptimal
    return pulp.value(problem.objective)


def keeps(order, terms, *, skus):
    quantity = np.asarray(order, dtype=np.float64)
    most = np.broadcast_to(terms.most_quantity, skus)
    assert (quantity >= np.broadcast_to(terms.least_quantity, skus) * (1 - 1e-9)).all()
    assert (quantity <= most * (1 + 1e-9)).all()
    for limit in terms.limits:
        total = np.broadcast_to(limit.weight, skus) @ quantity
        assert limit.at_most is None or total <= limit.at_most * (1 + 1e-7)
        assert limit.at_least is None or total >= limit.at_least * (1 - 1e-7)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.73, 0.9, 0.99])
def test_one_sku_orders_the_newsvendors_quantile(ratio):
    demand = np.random.default_rng(3).gamma(2.0, 10.0, size=(200, 1))
    order = sample_average_order(demand, OrderingTerms(shortage_cost=ratio, holding_cost=1 - ratio))
    assert order.order_quantity[0] == np.sort(demand[:, 0])[int(np.ceil(200 * ratio - 1e-9)) - 1]


def test_what_is_there_already_is_not_ordered_and_a_purchase_cost_lowers_the_fractile():
    demand = np.arange(1.0, 101.0)[:, None]
    terms = OrderingTerms(shortage_cost=8.0, holding_cost=2.0, purchase_cost=3.0, inventory_position=20.0)
    assert sample_average_order(demand, terms).order_quantity[0] == 50 - 20
    stocked = replace(terms, inventory_position=70.0)
    assert sample_average_order(demand, stocked).order_quantity[0] == 0


def test_whatever_costs_nothing_to_hold_covers_every_scenario_and_what_is_not_missed_is_not_ordered():
    demand = [[3.0, 3.0], [9.0, 9.0], [4.0, 4.0]]
    assert sample_average_order(demand, OrderingTerms(shortage_cost=[1.0, 0.0])).order_quantity.tolist() == [9, 0]


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_pulp_on_small_orders(seed):
    demand, terms = drawn(seed, skus=1 + seed % 4, scenarios=1 + seed, whole=seed % 3 == 0)
    order = sample_average_order(demand, terms)
    assert order.expected_cost == pytest.approx(by_pulp(demand, terms), rel=1e-7)
    keeps(order.order_quantity, terms, skus=demand.shape[1])


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_program_written_out_and_proves_it(seed):
    demand, terms = drawn(100 + seed, whole=seed % 2 == 0)
    order = sample_average_order(demand, terms)
    assert order.expected_cost == pytest.approx(by_linprog(demand, terms).fun, rel=1e-9)
    assert order.certificate.gap < 1e-9


def test_blocks_of_segments_do_not_change_the_optimum():
    demand, terms = drawn(5, skus=40, scenarios=400)
    order = sample_average_order(demand, terms)
    short, position = np.asarray(terms.shortage_cost), np.asarray(terms.inventory_position)
    assert order.certificate.gap < 1e-9
    keeps(order.order_quantity, terms, skus=40)
    price = np.array([limit.price for limit in order.limits])
    net = terms.purchase_cost - price @ np.array([limit.weight for limit in terms.limits])
    ratio = np.clip((short - net) / (short + terms.holding_cost), 0, 1)
    level = position + order.order_quantity
    below, at = demand < level * (1 - 1e-9), demand <= level * (1 + 1e-9)
    bought = order.order_quantity
    free = (bought > terms.least_quantity * (1 + 1e-9)) & (bought < np.asarray(terms.most_quantity) * (1 - 1e-9))
    assert (below.mean(axis=0) <= ratio + 0.0026)[free].all()
    assert (at.mean(axis=0) >= ratio - 0.0026)[free].all()


@pytest.mark.parametrize("seed", range(8))
def test_each_price_lies_between_what_less_and_more_of_its_limit_change(seed):
    demand, terms = drawn(200 + seed, skus=6, scenarios=20)
    order = sample_average_order(demand, terms)
    for number, outcome in enumerate(order.limits):
        side = "at_most" if outcome.at_least is None else "at_least"
        step = 1e-5 * getattr(outcome, side)
        costs = []
        for shift in (-step, step):
            moved = list(terms.limits)
            moved[number] = replace(moved[number], **{side: getattr(outcome, side) + shift})
            costs.append(sample_average_order(demand, replace(terms, limits=moved)).expected_cost)
        assert (order.expected_cost - costs[0]) / step <= outcome.price + 1e-6
        assert outcome.price <= (costs[1] - order.expected_cost) / step + 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_the_scenarios_does_not_matter(seed):
    demand, terms = drawn(300 + seed)
    shuffled = np.random.default_rng(seed).permutation(demand)
    first, second = sample_average_order(demand, terms), sample_average_order(shuffled, terms)
    np.testing.assert_array_equal(first.order_quantity, second.order_quantity)
    np.testing.assert_array_equal(first.whole_order_quantity, second.whole_order_quantity)
    first, second = (risk_averse_order(one, terms, tail_share=0.3, risk_weight=1.0) for one in (demand, shuffled))
    assert first.risk_averse_cost == pytest.approx(second.risk_averse_cost, rel=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_whole_packs_keep_the_limits_and_cost_little_more(seed):
    luck = np.random.default_rng(seed)
    demand, terms = drawn(400 + seed, skus=30, scenarios=40)
    terms = replace(terms, pack_size=luck.integers(1, 4, 30), most_quantity=np.inf, least_quantity=0.0)
    order = sample_average_order(demand, terms)
    keeps(order.whole_order_quantity, terms, skus=30)
    assert (order.whole_order_quantity % terms.pack_size == 0).all()
    assert all(limit.is_kept for limit in order.limits)
    assert order.expected_cost * (1 - 1e-9) <= order.whole_expected_cost <= order.expected_cost * 1.1


def test_the_whole_order_of_few_skus_is_near_the_best_of_all_whole_orders():
    demand, terms = drawn(7, skus=3, scenarios=15, whole=True, limits=False)
    terms = replace(
        terms, inventory_position=0.0, most_quantity=np.inf, least_quantity=0.0, purchase_cost=0.0,
        limits=[OrderLimit("budget", [3.0, 5.0, 2.0], at_most=80.0)],
    )  # fmt: skip
    every = np.stack(np.meshgrid(*[np.arange(41)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    every = every[every @ [3.0, 5.0, 2.0] <= 80]
    costs = [scenario_costs(demand, one, terms).cost.mean() for one in every]
    order = sample_average_order(demand, terms)
    assert order.expected_cost <= min(costs) + 1e-9
    assert order.whole_expected_cost <= min(costs) * 1.03


def test_figures_of_the_whole_order_are_those_of_its_scenarios():
    demand, terms = drawn(11, whole=True)
    order = sample_average_order(demand, terms)
    level = terms.inventory_position + order.whole_order_quantity
    short = np.maximum(demand - level, 0)
    np.testing.assert_allclose(order.expected_shortage, short.mean(axis=0))
    np.testing.assert_allclose(order.expected_left_over, np.maximum(level - demand, 0).mean(axis=0))
    assert order.joint_cycle_service_level == (short == 0).all(axis=1).mean()
    outcome = scenario_costs(demand, order.whole_order_quantity, terms)
    assert outcome.cost.mean() == pytest.approx(order.whole_expected_cost)
    np.testing.assert_allclose(outcome.shortage_cost, short @ terms.shortage_cost)


def test_limits_that_contradict_each_other_are_named_with_what_settles_it():
    limits = [OrderLimit("budget", [2.0, 3.0], at_most=20.0), OrderLimit("minimum of ACME", [2.0, 0.0], at_least=30.0)]
    terms = OrderingTerms(shortage_cost=1.0, limits=[*limits, OrderLimit("space", 1.0, at_most=100.0)])
    with pytest.raises(Infeasible, match="budget at most 20 and minimum of ACME at least 30") as refused:
        sample_average_order([[5.0, 5.0], [8.0, 8.0]], terms)
    assert set(refused.value.limits) == {"budget", "minimum of ACME"}
    assert dict(refused.value.changes) == pytest.approx({"budget": 30.0, "minimum of ACME": 20.0})


def test_a_suppliers_minimum_is_ordered_even_beyond_every_demand():
    limits = [OrderLimit("minimum", [2.0, 1.0], at_least=60.0)]
    terms = OrderingTerms(shortage_cost=9.0, holding_cost=[1.0, 3.0], limits=limits)
    order = sample_average_order([[5.0, 5.0], [8.0, 8.0]], terms)
    assert order.order_quantity.tolist() == [26, 8]
    assert order.limits[0].price == pytest.approx(0.5)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1e-3, 1.0, 1e6]),
    st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    st.sampled_from([0.0, 1e-6, 1.0]),
)
def test_no_figures_are_lost_for_tiny_and_huge_demand_and_costs(seed, size, shortage_cost, holding_cost):
    luck = np.random.default_rng(seed)
    demand = size * luck.choice([0.0, 1.0, 2.5], size=(7, 3))
    terms = OrderingTerms(
        shortage_cost=shortage_cost,
        holding_cost=holding_cost,
        limits=[OrderLimit("budget", [1.0, 0.0, 2.0], at_most=size), OrderLimit("least", 1.0, at_least=size / 2)],
    )
    order = sample_average_order(demand, terms)
    wary = risk_averse_order(demand, terms, tail_share=0.3, risk_weight=2.0)
    for answer in (order, wary):
        assert all(np.isfinite(np.asarray(figure)).all() for figure in (answer.order_quantity, answer.expected_cost))
        keeps(answer.order_quantity, terms, skus=3)
    assert np.isfinite(order.fill_rate).all()
    best = by_linprog(demand / size, replace(terms, limits=[
        OrderLimit("budget", [1.0, 0.0, 2.0], at_most=1.0), OrderLimit("least", 1.0, at_least=0.5)
    ])).fun * size  # fmt: skip
    assert order.expected_cost == pytest.approx(best, rel=1e-6, abs=1e-7 * size * (shortage_cost + holding_cost))


@pytest.mark.parametrize("seed", range(16))
def test_the_risk_averse_order_agrees_with_the_program_written_out(seed):
    luck = np.random.default_rng(seed)
    demand, terms = drawn(500 + seed, skus=4, scenarios=20, whole=seed % 3 == 0, limits=seed % 2 == 0)
    tail, weight = luck.choice([0.05, 0.23, 0.5, 1.0]), luck.choice([0.2, 1.0, 10.0])
    order = risk_averse_order(demand, terms, tail_share=tail, risk_weight=weight)
    best = by_linprog(demand, terms, tail_share=tail, risk_weight=weight)
    assert order.risk_averse_cost == pytest.approx(best.fun, rel=1e-8)
    assert order.certificate.gap < 1e-7
    assert order.risk_averse_cost == pytest.approx(order.expected_cost + weight * order.shortage_cost_at_risk)
    keeps(order.order_quantity, terms, skus=4)


@pytest.mark.parametrize("limits", [False, True])
def test_sifting_levels_and_scenarios_closes_the_gap_where_the_program_is_large(limits):
    demand, terms = drawn(9, skus=30, scenarios=200, limits=limits)
    order = risk_averse_order(demand, terms, tail_share=0.05, risk_weight=1.0)
    assert order.certificate.rounds > 1
    assert 0 <= order.certificate.gap < 1e-7
    neutral = sample_average_order(demand, terms)
    at_neutral = scenario_costs(demand, neutral.order_quantity, terms)
    assert order.risk_averse_cost < neutral.expected_cost + tail_mean(at_neutral.shortage_cost, tail_share=0.05).mean
    assert order.expected_cost >= neutral.expected_cost * (1 - 1e-9)
    assert order.scenario_weight.sum() == pytest.approx(1.0)
    assert order.scenario_weight.max() <= 1 / (0.05 * 200) + 1e-12
    keeps(order.order_quantity, terms, skus=30)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("limits", [False, True])
def test_whole_packs_of_a_risk_averse_order_cost_little_more(seed, limits):
    demand, terms = drawn(600 + seed, skus=20, scenarios=100, limits=limits)
    terms = replace(terms, most_quantity=np.inf, least_quantity=0.0)
    order = risk_averse_order(demand, terms, tail_share=0.1, risk_weight=1.0)
    cost = order.whole_expected_cost + order.whole_shortage_cost_at_risk
    assert order.risk_averse_cost * (1 - 1e-7) <= cost <= order.risk_averse_cost * 1.03
    keeps(order.whole_order_quantity, terms, skus=20)


def test_without_weight_on_risk_the_order_is_the_sample_averages():
    demand, terms = drawn(13)
    order = risk_averse_order(demand, terms, tail_share=0.1, risk_weight=0.0)
    assert order.risk_averse_cost == pytest.approx(sample_average_order(demand, terms).expected_cost)


def test_the_tail_mean_is_the_least_that_its_defining_minimum_takes():
    costs = np.random.default_rng(1).gamma(1, 5, 37)
    for tail in (0.03, 0.2, 0.5, 1.0):
        least = min(eta + np.maximum(costs - eta, 0).mean() / tail for eta in costs)
        assert tail_mean(costs, tail_share=tail).mean == pytest.approx(least)


def test_joint_service_rises_with_correlation_between_product_and_minimum():
    luck = np.random.default_rng(2)
    shared, own = luck.normal(size=(20_000, 1)), luck.normal(size=(20_000, 3))
    levels = 50 + 10 * norm.ppf([0.8, 0.9, 0.95])
    joint = [
        joint_service(50 + 10 * (r**0.5 * shared + (1 - r) ** 0.5 * own), levels) for r in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    shares = [float(one.joint_cycle_service_level) for one in joint]
    assert shares[0] == pytest.approx(0.8 * 0.9 * 0.95, abs=0.01)
    assert shares[0] < shares[1] < shares[2] == joint[2].cycle_service_level.min()


def test_joint_service_of_several_sets_counts_each_for_itself():
    demand, members = [[4, 1, 0], [9, 2, 0], [5, 3, 9], [2, 9, 0]], [[True, True, False], [False, False, True]]
    one = joint_service(demand, [5, 3, 1], members=np.array([*members, [False] * 3]))
    assert one.joint_cycle_service_level.tolist() == [0.5, 0.75, 1.0]


def test_the_gap_interval_covers_the_true_gap_in_at_least_its_share_of_repetitions():
    """Normal newsvendors with a known optimum: the limit lies above the true gap about as often as it promises."""
    mean, sd, holding, shortage = np.array([50.0, 80.0]), np.array([10.0, 25.0]), 1.0, 4.0
    luck = np.random.default_rng(17)
    terms = OrderingTerms(shortage_cost=shortage, holding_cost=holding)
    best = mean + sd * norm.ppf(shortage / (shortage + holding))

    def true_cost(order):
        z = (order - mean) / sd
        return float(sd @ (holding * z + (holding + shortage) * (norm.pdf(z) - z * norm.sf(z))))

    for candidate in (best + np.array([3.0, -5.0]), best + np.array([0.0, 25.0])):
        gap, covered = true_cost(candidate) - true_cost(best), 0
        for _ in range(200):
            drawn_demand = np.maximum(luck.normal(mean, sd, size=(10 * 200, 2)), 0.0)
            judged = optimality_gap(candidate, drawn_demand, terms, batches=10, confidence=0.95)
            covered += judged.gap_at_most >= gap
            assert judged.expected_cost >= judged.lower_bound
        assert covered >= 0.92 * 200


def test_larger_batches_tell_a_good_order_from_the_best_more_closely():
    luck = np.random.default_rng(4)
    terms = OrderingTerms(shortage_cost=4.0, holding_cost=1.0)
    limits = [
        optimality_gap(57.0, luck.gamma(4, 10, size=(20 * size, 3)), terms).gap_at_most for size in (10, 100, 1000)
    ]
    assert limits[0] > limits[1] > limits[2] > 0


def test_the_gap_is_that_of_the_limits_too():
    demand, terms = drawn(21, scenarios=200, whole=True)
    order = sample_average_order(demand, terms)
    judged = optimality_gap(order.order_quantity, demand, terms, batches=4)
    own = [by_linprog(batch, terms).fun for batch in np.split(demand, 4)]
    assert judged.lower_bound == pytest.approx(np.mean(own), rel=1e-8)
    assert judged.expected_cost == pytest.approx(order.expected_cost)


@pytest.mark.parametrize(
    ("scenarios", "change", "message"),
    [
        ([1.0, 2.0], {}, r"demand_scenarios must have shape \(scenario, sku\), got \(2,\)"),
        (np.empty((0, 2)), {}, r"demand_scenarios must have shape \(scenario, sku\), got \(0, 2\)"),
        ([[1.0, -2.0]], {}, r"demand_scenarios must be at least 0 and finite, got -2.0 \(index \(0, 1\)\)"),
        ([[1.0, 2.0]], {"holding_cost": [1.0, np.nan]}, r"holding_cost must be .* got nan \(index 1\)"),
        ([[1.0, 2.0]], {"shortage_cost": [1.0] * 3}, r"shortage_cost must be one number or one per SKU \(2\)"),
        ([[1.0, 2.0]], {"most_quantity": 1.0, "least_quantity": 2.0}, "most_quantity must be at least least_quantity"),
        ([[1.0, 2.0]], {"pack_size": 1.5}, "pack_size must be a whole number, got 1.5"),
        ([[1.0, 2.0]], {"limits": [OrderLimit("budget", -1.0)]}, "weight of limit budget must be at least 0"),
        ([[1.0, 2.0]], {"limits": [OrderLimit("b", 1.0, at_least=2.0, at_most=1.0)]}, "limit b must not ask for more"),
        ([[1.0, 2.0]], {"limits": [OrderLimit("b", [1.0])]}, r"weight of limit b must be one number or one per SKU"),
    ],
)  # fmt: skip
def test_bad_input_is_named(scenarios, change, message):
    with pytest.raises(ValueError, match=message):
        sample_average_order(scenarios, replace(OrderingTerms(shortage_cost=1.0), **change))


def test_bad_risk_batches_and_orders_are_named():
    demand, terms = np.ones((10, 2)), OrderingTerms(1.0, limits=[OrderLimit("budget", 2.0, at_most=3.0)])
    with pytest.raises(ValueError, match="tail_share must be more than 0 and at most 1, got 0"):
        risk_averse_order(demand, terms, tail_share=0.0, risk_weight=1.0)
    with pytest.raises(ValueError, match="risk_weight must be finite and not negative, got -1"):
        risk_averse_order(demand, terms, tail_share=0.1, risk_weight=-1.0)
    with pytest.raises(ValueError, match="batches must be at least 2 and divide the 10 scenarios evenly, got 3"):
        optimality_gap(1.0, demand, terms, batches=3)
    with pytest.raises(ValueError, match="order_quantity must keep limit budget, at most 3, got 4"):
        optimality_gap(1.0, demand, terms, batches=5)
    with pytest.raises(ValueError, match=r"members must be true or false per SKU \(2\)"):
        joint_service(demand, 1.0, members=[1, 0])
