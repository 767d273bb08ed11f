"""What a scenario may be: everything else is refused by name before anything runs; and it is kept as JSON."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.distributions import (
    constant,
    discrete,
    empirical,
    exponential,
    gamma,
    hyperexponential,
    negative_binomial,
    normal,
    poisson,
    uniform,
)
from simulation.scenario import (
    Breakdowns,
    Calendar,
    Carrier,
    Demand,
    OrderStream,
    Outage,
    Policy,
    Returns,
    Scenario,
    Site,
    Station,
    StockPoint,
)
from simulation.scenario_checks import ScenarioError

STREAM = OrderStream("online", exponential(0.1))
PICK = Station("pick", 2, exponential(0.1))
POST = Carrier("post")


def of_point(**fields):
    return Scenario(points=(StockPoint("mug", **fields),))


def of_demand(kind, **fields):
    return of_point(demand=Demand(kind, **fields))


def of_policy(*given, **fields):
    return of_point(policy=Policy(*given, **fields))


def of_stream(**fields):
    return Scenario(
        points=(StockPoint("mug"),), streams=(replace(STREAM, **fields),), stations=(PICK,), carriers=(POST,)
    )


def of_station(**fields):
    return Scenario(stations=(replace(PICK, **fields),))


def of_carrier(**fields):
    return Scenario(carriers=(replace(POST, **fields),))


def of_returns(**fields):
    return of_stream(returns=Returns(**fields))


def of_shifts(*shifts):
    return of_station(calendar=Calendar(shifts))


def of_outage(*given):
    return Scenario(points=(StockPoint("mug"),), outages=(Outage(*given),))


def chain(**sources):
    """One SKU; each site with its source."""
    return Scenario(points=tuple(StockPoint("mug", site, source) for site, source in sources.items()))


REFUSED = {
    "a lead time below 0": (
        lambda: of_point(lead_time=uniform(-1, 3)),
        "lead_time of SKU mug at site must not go below 0",
    ),
    "a lead time that is a number": (
        lambda: of_point(lead_time=3.0),
        r"lead_time .* Distribution, got 3.0 .*constant\(3.0\)",
    ),
    "stock below 0": (lambda: of_point(on_hand=-1), "on_hand of SKU mug at site must be at least 0, got -1"),
    "half a unit": (lambda: of_point(on_hand=1.5), "on_hand of SKU mug at site must be a whole number, got 1.5"),
    "a flag as stock": (lambda: of_point(on_hand=True), "on_hand .* whole number, got True"),
    "stock beyond counting": (lambda: of_point(on_hand=2**28 + 1), "on_hand .* at most 268435456"),
    "an empty pack": (lambda: of_point(pack_size=0), "pack_size of SKU mug at site must be at least 1, got 0"),
    "a negative least order": (lambda: of_point(moq=-5), "moq .* at least 0, got -5"),
    "a negative reserve": (lambda: of_point(reserve=-5), "reserve .* at least 0"),
    "a negative cost": (
        lambda: of_point(holding_cost=-0.1),
        "holding_cost of SKU mug at site must be at least 0, got -0.1",
    ),
    "a cost that is no number": (lambda: of_point(unit_cost=float("nan")), "unit_cost .* finite number, got nan"),
    "a cost in words": (lambda: of_point(unit_cost="3"), "unit_cost .* number, got '3'"),
    "a shelf life below 0": (lambda: of_point(shelf_life_days=-1), "shelf_life_days"),
    "a yield above 1": (lambda: of_point(yield_rate=uniform(0.5, 1.2)), "yield_rate .* above 1, got .* up to 1.2"),
    "patience below 0": (lambda: of_point(patience=constant(-1)), "patience"),
    "an unknown shortage": (lambda: of_point(on_shortage="wait"), "on_shortage .* lost or backorder, got 'wait'"),
    "breaks that fall": (
        lambda: of_point(price_breaks=((100, 9.0), (50, 8.0))),
        "price_breaks of SKU mug at site must ascend in quantity, got 50 after 100",
    ),
    "breaks of one number": (lambda: of_point(price_breaks=((100,),)), "price_breaks .* each be"),
    "a pipeline without days": (lambda: of_point(pipeline=(5,)), r"pipeline .* \(day, units\), got 5"),
    "a pipeline of the past": (lambda: of_point(pipeline=((-1.0, 5),)), "day of the pipeline .* at least 0|between 0"),
    "an empty pipeline row": (lambda: of_point(pipeline=((1.0, 0),)), "units of the pipeline .* at least 1"),
    "no supplier": (lambda: of_point(source=""), "SKU mug at site has no supplier"),
    "a site without the SKU": (
        lambda: Scenario(points=(StockPoint("mug", "shop", "dc"), StockPoint("jug", "dc"))),
        "SKU mug at shop is to be supplied by site dc, which does not hold mug",
    ),
    "supply in a circle": (lambda: chain(A="B", B="A"), "SKU mug goes in a circle: A → B → A"),
    "supply from itself": (lambda: chain(A="A"), "circle: A → A"),
    "a circle behind a chain": (lambda: chain(shop="A", A="B", B="C", C="A"), "circle: A → B → C → A"),
    "a stock point twice": (lambda: Scenario(points=(StockPoint("mug"),) * 2), "SKU mug at site is there twice"),
    "two stock points of one address": (
        lambda: Scenario(points=(StockPoint("a@b", "c"), StockPoint("a", "b@c"))),
        "a@b@c",
    ),
    "a nameless SKU": (lambda: Scenario(points=(StockPoint(" "),)), "sku of a stock point must be a name, got ' '"),
    "points that are none": (lambda: Scenario(points=("mug",)), "points .* StockPoint, got 'mug'"),
    "points in one word": (lambda: Scenario(points="mug"), "points .* sequence of StockPoint"),
    "a weekday that is none": (lambda: Scenario(first_weekday=7), "first_weekday .* at most 6, got 7"),
    # Demand
    "an unknown kind of demand": (lambda: of_demand("weekly"), "kind of demand of SKU mug at site .* got 'weekly'"),
    "customers without time between": (lambda: of_demand("renewal", interarrival=constant(0)), "interarrival"),
    "customers before the last": (lambda: of_demand("renewal", interarrival=uniform(-1, 2)), "interarrival .* below 0"),
    "half a unit asked for": (lambda: of_demand("daily", size=constant(1.5)), "size of the demand .* whole units"),
    "less than nothing asked for": (lambda: of_demand("daily", size=discrete([-1, 3], [0.5, 0.5])), "size .* below 0"),
    "paths without paths": (lambda: of_demand("paths"), "demand of SKU mug at site of kind 'paths' needs paths"),
    "paths of another kind": (
        lambda: of_demand("none", paths=[[1]]),
        "has paths, which needs kind 'paths', got kind 'none'",
    ),
    "paths without a path axis": (lambda: Demand("paths", paths=[1, 2]), r"shape \(path, day\), got \(2,\)"),
    "ragged paths": (lambda: Demand("paths", paths=[[1], [1, 2]]), "paths of demand must be an array of 2 axes"),
    "paths of half units": (lambda: Demand("paths", paths=[[1, 0.5]]), r"whole units, got 0.5 at \(0, 1\)"),
    "paths of nothing known": (lambda: Demand("paths", paths=[[1, np.nan]]), "whole units, got nan"),
    "paths of words": (lambda: Demand("paths", paths=[["1"]]), "must hold numbers"),
    "paths below 0": (lambda: of_demand("paths", paths=[[1, -2]]), "paths of the demand .* between 0 and .*, got -2"),
    "no path": (lambda: of_demand("paths", paths=np.zeros((0, 3))), "at least one path"),
    "events without quantities": (lambda: of_demand("events", times=[1.0]), "needs quantities"),
    "events of two lengths": (
        lambda: of_demand("events", times=[1.0, 2.0], quantities=[1]),
        "a quantity for each time, got 2 times and 1 quantities",
    ),
    "events out of order": (
        lambda: of_demand("events", times=[2.0, 1.5], quantities=[1, 1]),
        "times .* ascend, got day 1.5 after day 2",
    ),
    "events before day 0": (lambda: of_demand("events", times=[-1.0], quantities=[1]), "times .* got -1"),
    "demand that is none": (lambda: of_point(demand=5), "demand of SKU mug at site must be a Demand, got 5"),
    # Policies
    "a compiled policy without function": (lambda: of_policy("compiled"), "kind 'compiled' needs a function"),
    "a callable policy without function": (lambda: of_policy("callable"), "kind 'callable' needs a function"),
    "a rule with a function": (lambda: of_policy("reorder", function=len), "has a function, which needs kind"),
    "an unknown policy": (lambda: of_policy("guess"), "kind of the policy .* got 'guess'"),
    "levels the wrong way round": (
        lambda: of_policy("reorder", reorder_point=8, order_up_to_level=5),
        "order up to its reorder point 8 or more, got order_up_to_level 5",
    ),
    "a negative quantity": (lambda: of_policy("reorder", order_quantity=-1), "order_quantity .* at least 0"),
    "a negative period": (lambda: of_policy("none", review_period_days=-1), "review_period_days"),
    "a period below a tick": (lambda: of_policy("none", review_period_days=1e-10), "review_period_days .* millisecond"),
    "half a reorder point": (lambda: of_policy("reorder", reorder_point=0.5), "reorder_point .* whole number"),
    "parameters in words": (lambda: of_policy("compiled", function=len, parameters=("a",)), "parameters .* number"),
    "a policy that is none": (lambda: of_point(policy=None), "policy of SKU mug at site must be a Policy, got None"),
    # Streams
    "an unknown station": (lambda: of_stream(route=("pack",)), "route of stream online .* 'pack'.*'pick'|known: pick"),
    "an unknown carrier": (lambda: of_stream(carrier="pots"), "carrier of stream online .* did you mean 'post'"),
    "an unknown SKU": (
        lambda: of_stream(skus=("mugs",)),
        "skus of stream online .* site site, got 'mugs'; did you mean 'mug'",
    ),
    "an unknown site": (
        lambda: of_stream(skus=("mug",), site="north"),
        "skus of stream online .* site north, got 'mug'",
    ),
    "an unknown inspection": (lambda: of_returns(station="look"), "station of the returns of stream online"),
    "an SKU twice": (lambda: of_stream(skus=("mug", "mug")), "skus of stream online must differ, got 'mug' twice"),
    "too few weights": (lambda: of_stream(skus=("mug",), weights=(1.0, 2.0)), "one for each SKU, got 2 for 1"),
    "weights of nothing": (lambda: of_stream(skus=("mug",), weights=(0.0,)), "weights .* more than 0"),
    "a weight below 0": (lambda: of_stream(skus=("mug",), weights=(-1.0,)), "weights .* at least 0, got -1"),
    "lines without SKUs": (
        lambda: of_stream(lines=constant(2)),
        "skus of stream online must name what its lines ask for",
    ),
    "one and a half lines": (lambda: of_stream(skus=("mug",), lines=constant(1.5)), "lines .* whole units"),
    "orders without time between": (lambda: of_stream(interarrival=constant(0)), "interarrival .* millisecond"),
    "endless rework": (lambda: of_stream(rework_probability=1.0), "rework_probability .* below 1"),
    "rework above 1": (lambda: of_stream(rework_probability=1.5), "rework_probability .* between 0 and 1, got 1.5"),
    "a cut-off in hours": (lambda: of_stream(cut_off=14.0), "cut_off .* between 0 and 1, got 14"),
    "promises without working days": (lambda: of_stream(cut_off=0.5, working_days=()), "working_days .* cut_off"),
    "an eighth weekday": (lambda: of_stream(working_days=(7,)), "working_days .* at most 6"),
    "a weekday twice": (lambda: of_stream(working_days=(1, 1)), "working_days .* differ"),
    "a negative priority": (lambda: of_stream(priority=-1), "priority .* at least 0"),
    "returns above 1": (lambda: of_returns(probability=1.2), "probability of the returns of stream online .* got 1.2"),
    "returns before delivery": (lambda: of_returns(delay=uniform(-1, 1)), "delay of the returns .* below 0"),
    "a site as SKUs": (lambda: of_stream(skus="mug"), "skus .* sequence"),
    "two streams of one name": (
        lambda: Scenario(streams=(STREAM, STREAM)),
        "names of streams must differ, got 'online'",
    ),
    "a stream called as a stock point": (lambda: of_stream(name="mug@site"), "must not be called like a stock point"),
    "jobs of one name": (
        lambda: Scenario(
            streams=(replace(STREAM, name="a/b", route=("c",)), replace(STREAM, name="a", route=("b/c",))),
            stations=(replace(PICK, name="c"), replace(PICK, name="b/c")),
        ),
        "a/b/c",
    ),
    # Stations, calendars, carriers
    "no server": (lambda: of_station(servers=0), "servers of station pick must be at least 1, got 0"),
    "work below 0": (lambda: of_station(service=uniform(-1, 1)), "service of station pick .* below 0"),
    "work by unit below 0": (lambda: of_station(per_unit=-0.1), "per_unit of station pick"),
    "a queue below none": (lambda: of_station(queue_limit=-2), "queue_limit .* at least -1"),
    "breakdowns all the time": (
        lambda: of_station(breakdowns=Breakdowns(constant(0), constant(1))),
        "time_between of the breakdowns of station pick",
    ),
    "two stations of one name": (lambda: Scenario(stations=(PICK, PICK)), "names of stations must differ"),
    "shifts that overlap": (
        lambda: of_shifts((0, 0.5, 0.9), (0, 0.2, 0.6)),
        r"calendar of station pick must not overlap, got \(0, 0.2, 0.6\) and \(0, 0.5, 0.9\)",
    ),
    "a shift that ends first": (lambda: of_shifts((0, 0.5, 0.5)), "close after it opens"),
    "a shift of the next day": (lambda: of_shifts((0, 0.5, 1.5)), "closing of a shift .* between 0 and 1, got 1.5"),
    "an eighth day": (lambda: of_shifts((7, 0.1, 0.2)), "weekday of a shift"),
    "never open": (lambda: of_shifts(), "open at some time"),
    "a pick-up at no time": (lambda: of_carrier(pickups=((0, 15.0),)), "pickups of carrier post .* got 15"),
    "a pick-up twice": (lambda: of_carrier(pickups=((0, 0.5), (0, 0.5))), "pickups of carrier post must differ"),
    "certain loss": (lambda: of_carrier(loss_probability=1), "loss_probability of carrier post must be below 1"),
    "more than certain delay": (lambda: of_carrier(delay_probability=1.01), "delay_probability .* got 1.01"),
    "transit below 0": (lambda: of_carrier(transit=constant(-1)), "transit of carrier post"),
    "two carriers of one name": (lambda: Scenario(carriers=(POST, POST)), "names of carriers must differ"),
    # Sites and outages
    "an unknown allocation": (
        lambda: Scenario(points=(StockPoint("mug"),), sites=(Site("site", "lottery"),)),
        "allocation of site site .* got 'lottery'",
    ),
    "a site of nothing": (lambda: Scenario(sites=(Site("north"),)), "sites must be named by .*'north'"),
    "a site twice": (
        lambda: Scenario(points=(StockPoint("mug"),), sites=(Site("site"), Site("site"))),
        "names of sites must differ",
    ),
    "an outage that ends first": (lambda: of_outage("supplier", 9, 5), "end_day of the outage of supplier .* 9, got 5"),
    "an outage of nobody": (lambda: of_outage("suplier", 1, 5), "place of an outage .* did you mean 'supplier'"),
    "an outage of somebody": (
        lambda: Scenario(
            points=(StockPoint("mug"),), stations=(replace(PICK, name="site"),), outages=(Outage("site", 1, 2),)
        ),
        "must be clear, got site",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses_by_name(what):
    make, message = REFUSED[what]
    with pytest.raises(ScenarioError, match=message):
        make()


def test_every_field_below_the_rules_is_accepted():
    assert of_policy("reorder", reorder_point=5, order_up_to_level=5).points
    assert of_policy("reorder", reorder_point=-3, order_quantity=5).points
    assert of_shifts((0, 0.2, 0.5), (0, 0.5, 1.0), (6, 0.0, 0.1)).stations
    assert of_point(yield_rate=uniform(0.5, 1)).points
    assert of_demand("daily", size=normal(10, 5)).points
    assert of_demand("events", times=[], quantities=[]).points
    assert chain(shop="dc", dc="supplier", kiosk="shop").points
    assert of_stream(cut_off=1.0, returns=Returns(1.0, station="pick"), route=("pick", "pick")).streams


def test_sequences_are_kept_as_tuples_and_weights_left_out_are_equal():
    made = Scenario(
        points=[StockPoint("mug", pipeline=[[1, 5]])],
        streams=[replace(STREAM, skus=["mug"], lines=constant(1), working_days=[0, 1])],
        stations=[replace(PICK, calendar=Calendar([[0, 0.25, 0.75]]))],
    )
    assert made.points[0].pipeline == ((1, 5),)
    assert made.streams[0].weights == (1.0,)
    assert made.stations[0].calendar.shifts == ((0, 0.25, 0.75),)
    assert hash(made) == hash(pickle.loads(pickle.dumps(made)))


def test_outages_of_one_place_that_touch_or_overlap_are_one():
    outages = [Outage("b", 10, 20), Outage("a", 5, 6), Outage("b", 1, 2), Outage("b", 20, 25), Outage("b", 12, 14)]
    made = Scenario(points=(StockPoint("mug", source="a"), StockPoint("jug", source="b")), outages=outages)
    assert made.outages == (Outage("b", 1, 2), Outage("b", 10, 25), Outage("a", 5, 6))
    assert replace(made, name="again").outages == made.outages


# Demand


def test_demand_keeps_its_own_arrays():
    mine = np.array([[1, 2, 3]])
    demand = Demand("paths", paths=mine)
    mine[0, 0] = 99
    assert demand.paths.tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="read-only"):
        demand.paths[0, 0] = 5
    assert replace(demand).paths is demand.paths


def test_a_view_of_an_array_that_may_change_is_copied():
    mine = np.array([[1, 2, 3]])
    view = mine[:]
    view.setflags(write=False)
    demand = Demand("paths", paths=view)
    mine[0, 0] = 99
    assert demand.paths.tolist() == [[1, 2, 3]]


def test_demand_is_equal_where_its_numbers_are():
    one = Demand("paths", paths=[[1, 2]])
    assert one == Demand("paths", paths=np.array([[1.0, 2.0]]))
    assert hash(one) == hash(Demand("paths", paths=np.array([[1, 2]], dtype=np.int16)))
    assert one != Demand("paths", paths=[[1, 3]])
    assert one != Demand("paths", paths=[[1], [2]])
    assert one != Demand("events", times=[1.0], quantities=[2])
    assert one != "paths"
    assert Demand("daily", size=poisson(3)) != Demand("daily", size=poisson(4))


# JSON

times = st.one_of(
    st.floats(0.01, 50).map(constant),
    st.floats(0.01, 50).map(exponential),
    st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)).map(lambda both: gamma(*both)),
    st.lists(st.floats(0.01, 30), min_size=1, max_size=5).map(empirical),
    st.just(hyperexponential([0.25, 0.75], [1, 3])),
    st.tuples(st.floats(0, 5), st.floats(0, 5)).map(lambda both: uniform(min(both), max(both) + 0.1)),
)
sizes = st.one_of(
    st.integers(0, 20).map(constant),
    st.floats(0.1, 30).map(poisson),
    st.just(negative_binomial(3, 4.5)),
    st.just(discrete([0, 1, 4], [0.5, 0.25, 0.25])),
)
units = st.lists(st.integers(0, 100), min_size=2, max_size=6)
demands = st.one_of(
    st.just(Demand()),
    st.builds(lambda time, size: Demand("renewal", interarrival=time, size=size), times, sizes),
    st.builds(lambda size: Demand("daily", size=size), sizes),
    st.builds(lambda row, more: Demand("paths", paths=[row] * more), units, st.integers(1, 3)),
    st.builds(lambda row: Demand("events", times=np.arange(len(row)) / 7, quantities=row), units),
)
policies = st.builds(
    lambda s, more, q, period: Policy("reorder", "rule", s, s + more, q, period),
    st.integers(-5, 50),
    st.integers(0, 50),
    st.integers(0, 9),
    st.floats(0.5, 7),
)
chances = st.floats(0, 0.99)
calendars = st.sampled_from([Calendar(), Calendar(((0, 0.25, 0.5), (0, 0.5, 0.75), (4, 0.0, 1.0)))])
probabilities = st.floats(0, 1)


@st.composite
def scenarios(draw):
    """Two SKUs at a centre, perhaps at a shop supplied from there; orders that pass stations, travel and return."""
    points = [
        StockPoint(
            sku,
            "dc",
            on_hand=draw(st.integers(0, 99)),
            demand=draw(demands),
            policy=draw(policies),
            lead_time=draw(times),
            pipeline=draw(st.sampled_from([(), ((1.5, 4), (0.0, 2))])),
            patience=draw(st.none() | times),
            yield_rate=draw(st.none() | st.just(uniform(0.5, 1))),
            on_shortage=draw(st.sampled_from(["lost", "backorder"])),
            unit_cost=draw(st.floats(0, 1e6)),
            price_breaks=draw(st.sampled_from([(), ((10, 2.5), (100, 2.25))])),
        )
        for sku in ("mug", "jug")
    ]
    points += [StockPoint("jug", "shop", "dc", demand=draw(demands))] * draw(st.integers(0, 1))
    stream = OrderStream(
        "online",
        draw(times),
        "dc",
        draw(calendars),
        ("mug", "jug"),
        (0.1, 3.0),
        draw(sizes),
        draw(sizes),
        draw(st.integers(0, 2)),
        draw(st.booleans()),
        ("pick", "pack"),
        draw(st.integers(0, 9)),
        draw(chances),
        draw(st.sampled_from(["", "post"])),
        draw(st.none() | probabilities),
        (0, 5),
        Returns(draw(probabilities), draw(times), "pack", draw(probabilities), 2.5),
    )
    stations = tuple(
        Station(name, draw(st.integers(1, 9)), draw(times), 0.001, draw(st.integers(-1, 5)), draw(calendars), broken)
        for name, broken in (("pick", None), ("pack", Breakdowns(draw(times), draw(times))))
    )
    carrier = Carrier("post", ((0, 0.7), (4, 0.7)), draw(times), draw(probabilities), draw(times), draw(chances), 3.9)
    return Scenario(
        draw(st.text(max_size=5)),
        tuple(points),
        (Site("dc", "rationing"),),
        (stream,) * draw(st.integers(0, 1)),
        stations,
        (carrier,),
        (Outage("supplier", 3, 9.25), Outage("pick", 1, 2)),
        draw(st.integers(0, 6)),
    )


@given(scenarios())
@settings(max_examples=30, deadline=None)
def test_a_scenario_read_back_equals_the_one_written(scenario):
    read = Scenario.from_json(scenario.to_json())
    assert read == scenario
    assert hash(read) == hash(scenario)
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert read.to_json() == scenario.to_json()


def test_numbers_of_numpy_are_written_as_numbers():
    made = of_point(on_hand=np.int64(5), unit_cost=np.float64(2.5))
    assert json.loads(made.to_json())["points"] == [{"sku": "mug", "on_hand": 5, "unit_cost": 2.5}]
    assert Scenario.from_json(made.to_json()) == made


def test_fields_at_their_default_are_not_written():
    assert Scenario().to_dict() == {"format": 1}
    assert of_point(on_hand=3).to_dict() == {"format": 1, "points": [{"sku": "mug", "on_hand": 3}]}


@pytest.mark.parametrize("kind", ["callable", "compiled"])
def test_a_policy_that_calls_a_function_is_not_written(kind):
    def my_rule(view):
        return view

    with pytest.raises(ScenarioError, match=r"policy of SKU mug at site calls a function \(my_rule\)"):
        of_policy(kind, function=my_rule).to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[]", "object of fields"),
        ('{"format": 2}', "format of the scenario must be 1, got 2"),
        ('{"point": []}', "scenario has an unknown field, got 'point'; did you mean 'points'"),
        ('{"points": {}}', "scenario.points must be a list"),
        ('{"points": [{"sku": "A", "demnd": {}}]}', r"scenario.points\[0\] has an unknown field, got 'demnd'"),
        ('{"points": [{"site": "A"}]}', r"scenario.points\[0\] must have a field 'sku'"),
        ('{"points": [{"sku": "A", "lead_time": 3}]}', r"points\[0\].lead_time must be an object with a kind"),
        ('{"points": [{"sku": "A", "lead_time": {"kind": "gama"}}]}', r"points\[0\].lead_time: kind"),
        ('{"points": [{"sku": "A", "policy": {"function": "x"}}]}', r"policy has an unknown field, got 'function'"),
        ('{"points": [{"sku": "A", "lead_time": {"kind": "constant", "x": -1}}]}', "must not go below 0"),
        ('{"points": [{"sku": "A", "demand": 3}]}', "demand must be an object of fields"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(text, message):
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_json(text)
