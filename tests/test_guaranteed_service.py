"""Promises in a supply network: what they cost, and the cheapest ones."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.guaranteed_service import guaranteed_service_plan, guaranteed_service_tree
from optimization.guaranteed_service_program import guaranteed_service_program
from optimization.service_network import service_network


def cart(**changes):
    """Steel goes into frames and axles, both into carts."""
    given = {
        "processing_time": [10, 2, 3, 1],
        "holding_cost": [1.0, 2.0, 2.0, 6.0],
        "demand_bound_constant": 2.0,
        "demand_sd": [0.0, 0.0, 0.0, 10.0],
        "external_outbound_time": [None, None, None, 0],
    }
    arcs = [("steel", "frame"), ("steel", "axle"), ("frame", "cart"), ("axle", "cart")]
    return service_network(["steel", "frame", "axle", "cart"], arcs, **(given | changes))


def chain(processing_time, holding_cost, **changes):
    """The first stage supplies the second and so on; the last promises its customers to deliver at once."""
    names = [f"stage {i}" for i in range(len(processing_time))]
    last = len(names) - 1
    given = {
        "demand_bound_constant": 1.0,
        "demand_sd": [0.0] * last + [1.0],
        "external_outbound_time": [None] * last + [0],
    }
    return service_network(
        names,
        list(itertools.pairwise(names)),
        processing_time=processing_time,
        holding_cost=holding_cost,
        **(given | changes),
    )


def random_network(rng, stages, *, longest=4, loops=0, dear_downstream=True):
    """A connected network of any shape, without loops but for so many more arcs."""
    rank = rng.permutation(stages)
    pairs = [(int(rng.integers(0, v)), v) for v in range(1, stages)]
    pairs += [tuple(rng.choice(stages, 2, replace=False).tolist()) for _ in range(loops)]
    arcs = sorted({(a, b) if rank[a] < rank[b] else (b, a) for a, b in pairs})
    suppliers = {a for a, _ in arcs}
    own = [float(rng.uniform(0.5, 5)) if i not in suppliers or rng.random() < 0.2 else 0.0 for i in range(stages)]
    added = rng.choice([0.0, 0.01, 0.1, 1.0, 3.0], stages)
    holding = added.copy()
    if dear_downstream:
        for stage in np.argsort(rank):
            holding[stage] += sum(holding[a] for a, b in arcs if b == stage)
    committed = [int(rng.integers(0, 4)) if sd and rng.random() < 0.9 else None for sd in own]
    return service_network(
        [f"s{i}" for i in range(stages)],
        [(f"s{a}", f"s{b}") for a, b in arcs],
        processing_time=rng.integers(0, longest + 1, stages),
        holding_cost=holding,
        demand_bound_constant=rng.uniform(0, 3, stages),
        demand_sd=own,
        external_inbound_time=[int(rng.integers(0, 4)) if rng.random() < 0.3 else None for _ in own],
        external_outbound_time=committed,
        pooling_exponent=float(rng.choice([1.0, 1.5, 2.0])),
    )


def cheapest_by_enumeration(network):
    """All whole promises, one after the other."""
    weight = network.holding_cost * network.demand_bound_constant * network.demand_sd
    every = np.array(list(itertools.product(*(range(time + 1) for time in network.longest_outbound_time))))
    inbound = np.broadcast_to(network.external_inbound_time, every.shape).copy()
    for supplier, customer in zip(network.supplier, network.customer, strict=True):
        inbound[:, customer] = np.maximum(inbound[:, customer], every[:, supplier])
    net = inbound + network.processing_time - every
    kept = (net >= 0).all(axis=1)
    return float((np.sqrt(net[kept]) @ weight).min())


def few_enough(network):
    return float(np.prod(network.longest_outbound_time + 1.0)) <= 10_000


# Known answers


def network_of(case):
    nodes = case["inputs"]["nodes"]
    column = {key: [node[key] for node in nodes.values()] for key in next(iter(nodes.values()))}
    return service_network(
        list(nodes),
        [(name, str(other)) for name, node in nodes.items() for other in node["successors"]],
        processing_time=column["processing_time"],
        holding_cost=column["holding_cost"],
        demand_bound_constant=column["demand_bound_constant"],
        demand_sd=[sd or 0.0 for sd in column["demand_sd"]],
        external_inbound_time=column["external_inbound_cst"],
        external_outbound_time=column["external_outbound_cst"],
    )


@pytest.mark.known_answers("gsm_tree")
def test_known_trees_cost_what_is_published(known_case, within):
    network = network_of(known_case)
    assert set(known_case["expected"]) == {"cost_rate"}
    assert guaranteed_service_tree(network).cost_rate == within("cost_rate")
    assert guaranteed_service_program(network).plan.cost_rate == within("cost_rate")


def test_assembly_of_ten_stages_costs_what_stockpyl_says():
    # stockpyl 1.0.2, instance figure_6_14.
    names = [str(i) for i in range(1, 11)]
    network = service_network(
        names,
        [("1", "2"), ("2", "3"), ("3", "5"), ("4", "5"), ("5", "6"), *((name, "10") for name in "6789")],
        processing_time=[2, 3, 2, 4, 2, 3, 6, 4, 3, 2],
        holding_cost=[0.01, 0.03, 0.04, 0.06, 0.12, 0.13, 0.2, 0.08, 0.04, 0.5],
        demand_bound_constant=1.6448536269514722,
        demand_sd=[0.0] * 9 + [10.0],
        external_outbound_time=[None] * 9 + [2],
    )
    plan = guaranteed_service_tree(network)
    assert plan.cost_rate == pytest.approx(18.824004472592172, rel=1e-12)
    assert plan.outbound_service_time.tolist() == [0, 3, 5, 4, 7, 0, 0, 0, 0, 2]


def test_chain_of_ten_stages_costs_what_stockpyl_says():
    # stockpyl 1.0.2, instance problem_6_8, from its stage 10 down to its stage 1.
    network = chain(
        [5, 1, 5, 9, 5, 8, 15, 2, 10, 5],
        [0.87, 0.98, 1.1, 1.15, 2.37, 2.47, 2.93, 3.04, 4.56, 5.73],
        demand_bound_constant=2.0537489106318225,
        demand_sd=[0.0] * 9 + [15.8],
        external_inbound_time=[7] + [None] * 9,
        external_outbound_time=[None] * 9 + [3],
    )
    plan = guaranteed_service_tree(network)
    assert plan.cost_rate == pytest.approx(1378.3020369043727, rel=1e-12)
    assert plan.outbound_service_time.tolist() == [12, 13, 18, 0, 5, 13, 28, 0, 10, 3]


# The cheapest promises


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_tree_is_as_cheap_as_the_best_of_all_promises(seed, stages):
    network = random_network(np.random.default_rng(seed), stages, dear_downstream=seed % 2 == 0)
    if few_enough(network):
        plan = guaranteed_service_tree(network)
        assert plan.cost_rate == pytest.approx(cheapest_by_enumeration(network), rel=1e-12, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 25))
def test_program_agrees_with_the_tree_without_whole_variables(seed, stages):
    network = random_network(np.random.default_rng(seed), stages, longest=8)
    answer = guaranteed_service_program(network)
    assert answer.method == "linear program"
    assert answer.gap == 0
    assert answer.plan.cost_rate == pytest.approx(guaranteed_service_tree(network).cost_rate, rel=1e-9, abs=1e-9)


@given(st.integers(0, 10**6), st.integers(3, 6), st.integers(1, 5))
def test_program_finds_the_best_of_all_promises_in_networks_with_loops(seed, stages, loops):
    network = random_network(np.random.default_rng(seed), stages, loops=loops)
    if few_enough(network):
        answer = guaranteed_service_program(network)
        assert answer.gap == 0
        assert answer.plan.cost_rate == pytest.approx(cheapest_by_enumeration(network), rel=1e-9, abs=1e-9)


def fractional():
    """Four stages in a loop where half-promises look cheaper than any whole ones."""
    return service_network(
        ["a", "b", "c", "d"],
        [("a", "b"), ("a", "d"), ("b", "d")],
        processing_time=[1, 3, 6, 0],
        holding_cost=[3.0, 3.01, 0.1, 6.11],
        demand_bound_constant=1.5,
        demand_sd=[0.0, 0.0, 1.9, 0.51],
        external_outbound_time=[None, None, 5, 0],
    )


def test_loop_whose_linear_program_is_fractional_is_solved_in_whole_variables():
    answer = guaranteed_service_program(fractional())
    assert answer.method == "mixed-integer program"
    assert answer.gap == 0
    assert answer.plan.cost_rate == pytest.approx(cheapest_by_enumeration(fractional()), rel=1e-12)


def test_plan_found_when_time_runs_out_is_kept_and_its_gap_is_honest():
    answer = guaranteed_service_program(fractional(), time_limit=1e-9)
    best = cheapest_by_enumeration(fractional())
    assert answer.lower_bound <= best * (1 + 1e-9)
    assert best <= answer.plan.cost_rate * (1 + 1e-9)
    assert answer.gap == pytest.approx(1 - answer.lower_bound / answer.plan.cost_rate)


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_stage_of_a_chain_promises_nothing_or_all_of_its_time(seed, stages):
    # Simpson (1958): stock is held in full between two stages or not at all.
    rng = np.random.default_rng(seed)
    plan = guaranteed_service_tree(chain(rng.integers(0, 9, stages), np.cumsum(rng.uniform(0.1, 1, stages))))
    whole = plan.net_replenishment_time == 0
    nothing = plan.outbound_service_time == 0
    assert (whole | nothing).all()


def test_no_promise_in_fractions_of_a_period_is_cheaper():
    # The same chain counted in tenths of its periods.
    coarse = guaranteed_service_tree(chain([3, 1, 2], [1.0, 2.5, 3.0]))
    fine = guaranteed_service_tree(chain([30, 10, 20], [1.0, 2.5, 3.0]))
    assert fine.cost_rate == pytest.approx(coarse.cost_rate * math.sqrt(10), rel=1e-12)
    shifted = guaranteed_service_tree(chain([31, 10, 20], [1.0, 2.5, 3.0]))
    assert shifted.cost_rate == pytest.approx(fine.cost_rate, rel=0.02)


@given(st.integers(0, 10**6), st.integers(2, 12))
def test_order_in_which_stages_are_named_does_not_matter(seed, stages):
    rng = np.random.default_rng(seed)
    network = random_network(rng, stages)
    old = rng.permutation(stages)  # new position → old
    new = np.argsort(old)
    shuffled = replace(
        network,
        names=tuple(network.names[i] for i in old),
        supplier=new[network.supplier],
        customer=new[network.customer],
        **{
            field: getattr(network, field)[old]
            for field in (
                "processing_time",
                "holding_cost",
                "demand_bound_constant",
                "demand_mean",
                "demand_sd",
                "external_inbound_time",
                "longest_inbound_time",
                "longest_outbound_time",
            )
        },
    )
    assert guaranteed_service_tree(shuffled).cost_rate == pytest.approx(
        guaranteed_service_tree(network).cost_rate, rel=1e-12, abs=1e-12
    )


def test_long_times_and_tiny_and_huge_costs_are_no_trouble():
    network = chain([999_983, 500_009, 7], [1e-9, 1.0, 1e9], demand_sd=[0.0, 0.0, 1e6])
    plan = guaranteed_service_tree(network)
    assert plan.outbound_service_time.tolist() == [0, 0, 0]
    assert plan.cost_rate == pytest.approx(1e6 * (1e-9 * 999_983**0.5 + 500_009**0.5 + 1e9 * 7**0.5))


def test_program_refuses_more_times_than_fit():
    with pytest.raises(ValueError, match="pairs of service times must be at most 20000000, got"):
        guaranteed_service_program(cart(processing_time=[9973, 1, 2, 1], external_outbound_time=[None] * 3 + [5003]))


def test_two_hundred_stages_agree_with_the_program():
    network = random_network(np.random.default_rng(7), 200, longest=3)
    answer = guaranteed_service_program(network)
    assert answer.method == "linear program"
    assert answer.plan.cost_rate == pytest.approx(guaranteed_service_tree(network).cost_rate, rel=1e-9)


def test_network_in_several_pieces_is_the_sum_of_its_pieces():
    figures = {"processing_time": 4, "holding_cost": 2.0, "demand_bound_constant": 1.0, "demand_sd": 3.0}
    one = guaranteed_service_tree(service_network(["a"], [], **figures, external_outbound_time=0))
    two = guaranteed_service_tree(service_network(["a", "b"], [], **figures, external_outbound_time=0))
    assert (one.cost_rate, two.cost_rate) == (12.0, 24.0)


@pytest.mark.parametrize(
    "free",
    [{"holding_cost": 0.0}, {"demand_sd": 0.0}, {"demand_bound_constant": 0.0}, {"processing_time": 0}],
    ids=lambda free: next(iter(free)),
)
@pytest.mark.parametrize("way", [guaranteed_service_tree, lambda network: guaranteed_service_program(network).plan])
def test_nothing_to_pay_costs_nothing(free, way):
    figures = {"processing_time": [2, 3], "holding_cost": [1.0, 2.0]} | free
    if "demand_sd" in free:
        figures["demand_sd"] = [0.0, 0.0]
    for name in ("processing_time", "holding_cost"):
        figures[name] = np.broadcast_to(figures[name], 2)
    network = chain(**figures)
    plan = way(network)
    assert plan.cost_rate == 0
    assert not np.isnan(plan.base_stock_level).any()


def test_customers_who_wait_long_enough_need_no_stock():
    plan = guaranteed_service_tree(chain([2, 3], [1.0, 2.0], external_outbound_time=None))
    assert plan.outbound_service_time.tolist() == [2, 5]
    assert plan.stages_that_hold_stock == ()


# What promises cost


def test_plan_is_worked_out_by_hand():
    network = cart(demand_mean=[0.0, 0.0, 0.0, 5.0])
    plan = guaranteed_service_plan(network, [4, 1, 7, 0])
    assert plan.inbound_service_time.tolist() == [0, 4, 4, 7]
    assert plan.net_replenishment_time.tolist() == [6, 5, 0, 8]
    # A cart takes a frame and an axle, and so two pieces of steel.
    assert network.demand_sd.tolist() == [20.0, 10.0, 10.0, 10.0]
    np.testing.assert_allclose(plan.safety_stock, [40 * 6**0.5, 20 * 5**0.5, 0.0, 20 * 8**0.5])
    np.testing.assert_allclose(plan.base_stock_level, plan.safety_stock + np.array([10 * 6, 5 * 5, 0, 5 * 8]))
    np.testing.assert_allclose(plan.stage_cost, plan.safety_stock * [1, 2, 2, 6])
    assert plan.cost_rate == pytest.approx(plan.stage_cost.sum())
    assert plan.stages_that_hold_stock == ("steel", "frame", "cart")


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_plan_of_the_cheapest_promises_is_itself(seed, stages):
    network = random_network(np.random.default_rng(seed), stages)
    plan = guaranteed_service_tree(network)
    again = guaranteed_service_plan(network, plan.outbound_service_time)
    assert again.cost_rate == plan.cost_rate


def test_promise_that_cannot_be_kept_is_named():
    with pytest.raises(ValueError, match=r"outbound_service_time of frame must be at most 6 \(inbound 4 \+ process"):
        guaranteed_service_plan(cart(), [4, 7, 0, 0])
    with pytest.raises(ValueError, match="outbound_service_time of cart must be at most 0, its commitment, got 1"):
        guaranteed_service_plan(cart(), [4, 0, 0, 1])
    with pytest.raises(ValueError, match=r"outbound_service_time of axle must be whole periods from 0 on, got 1\.5"):
        guaranteed_service_plan(cart(), [4, 0, 1.5, 0])
    with pytest.raises(ValueError, match="outbound_service_time of steel must be whole periods from 0 on, got nan"):
        guaranteed_service_plan(cart(), [float("nan"), 0, 0, 0])
    with pytest.raises(ValueError, match=r"outbound_service_time must be one per stage \(4\), got shape \(2,\)"):
        guaranteed_service_plan(cart(), [0, 0])


# Demand that reaches a stage


def shops(**changes):
    given = {"processing_time": 1, "holding_cost": 1.0, "demand_bound_constant": 1.0, "demand_sd": [0.0, 3.0, 4.0]}
    return service_network(["depot", "north", "south"], [("depot", "north"), ("depot", "south")], **(given | changes))


def test_demands_that_are_independent_add_variances():
    assert shops().demand_sd.tolist() == [5.0, 3.0, 4.0]


def test_demands_that_move_together_add_standard_deviations():
    assert shops(pooling_exponent=1.0).demand_sd[0] == pytest.approx(7.0)


def test_units_of_an_arc_multiply_demand():
    network = shops(units_per_arc=[4.0, 1.0], demand_mean=[1.0, 10.0, 20.0])
    assert network.demand_sd[0] == pytest.approx(math.hypot(12.0, 4.0))
    assert network.demand_mean.tolist() == [61.0, 10.0, 20.0]


def test_demand_of_a_stage_itself_counts_as_well():
    assert shops(demand_sd=[12.0, 3.0, 4.0]).demand_sd[0] == pytest.approx(13.0)


def test_tiny_and_huge_deviations_are_pooled_without_overflow():
    np.testing.assert_allclose(shops(demand_sd=[0.0, 3e200, 4e200]).demand_sd, [5e200, 3e200, 4e200])
    np.testing.assert_allclose(shops(demand_sd=[0.0, 3e-200, 4e-200]).demand_sd, [5e-200, 3e-200, 4e-200])


# Refusals


def test_tree_refuses_a_loop():
    with pytest.raises(ValueError, match="network must have no loops, got one that"):
        guaranteed_service_tree(cart())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processing_time": [1, 1.5, 1, 1]}, "processing_time of frame must be whole periods, got 1.5"),
        ({"processing_time": [1, 1, -1, 1]}, "processing_time of axle must be at least 0"),
        ({"holding_cost": [1, 1, 1, float("nan")]}, "holding_cost of cart must be at least 0 and finite, got nan"),
        ({"demand_sd": [0, -1, 0, 0]}, "demand_sd of frame must be at least 0"),
        ({"external_inbound_time": [None, 0.5, None, 0]}, "external_inbound_time of frame must be whole periods"),
        ({"external_outbound_time": [None, -1, None, 0]}, "external_outbound_time of frame must be at least 0"),
        ({"external_outbound_time": [None, 0]}, r"external_outbound_time must be one number or one per stage \(4\)"),
        ({"units_per_arc": [1, 1, 0, 1]}, "units_per_arc of frame → cart must be more than 0"),
        ({"pooling_exponent": 0.5}, "pooling_exponent must be at least 1 and finite, got 0.5"),
    ],
)
def test_figure_out_of_range_is_named_with_its_stage(changes, message):
    with pytest.raises(ValueError, match=message):
        cart(**changes)


@pytest.mark.parametrize(
    ("names", "arcs", "message"),
    [
        ([], [], "names must hold at least one stage"),
        (["a", "a"], [], "names must differ, got a twice"),
        (["a"], [("a", "b")], "arcs must join stages in names, got b in a → b"),
        (["a", "b"], [("a", "b"), ("a", "b")], "arcs must differ, got a → b twice"),
        (["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "b")], "arcs must not form a cycle, got one that b"),
        (["a"], [("a", "a")], "arcs must not form a cycle"),
    ],
)
def test_arcs_that_make_no_network_are_refused(names, arcs, message):
    with pytest.raises(ValueError, match=message):
        service_network(names, arcs, processing_time=1, holding_cost=1, demand_bound_constant=1, demand_sd=1)


def test_refuses_costs_that_overflow_and_times_without_end():
    with pytest.raises(ValueError, match="of stage 1 must be finite, got inf"):
        guaranteed_service_tree(chain([1, 1], [1.0, 1e300], demand_sd=[0.0, 1e300]))
    with pytest.raises(ValueError, match="count in longer periods"):
        guaranteed_service_tree(chain([2**35 + 1, 2**35], [1.0, 1.0]))
    with pytest.raises(ValueError, match="time_limit must be positive, got 0"):
        guaranteed_service_program(cart(), time_limit=0)
