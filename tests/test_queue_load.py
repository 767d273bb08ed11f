"""How much stations are asked for: textbook traffic equations, opening hours, breakdowns, returns; and the warning."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from simulation.distributions import constant, discrete, exponential, geometric, normal, poisson, uniform
from simulation.queue_load import UnstableQueueWarning, mean_whole, station_loads, warn_of_unstable_queues
from simulation.scenario import Breakdowns, Calendar, Carrier, OrderStream, Returns, Scenario, Station, StockPoint


def scenario(stream=None, station=None, **world):
    """Orders 8 a day at one station with one server that needs a tenth of a day."""
    return Scenario(
        points=(StockPoint("mug"),),
        streams=(OrderStream("online", exponential(1 / 8), route=("pick",), **(stream or {})),),
        stations=(replace(Station("pick", 1, exponential(0.1)), **(station or {})),),
        **world,
    )


def load(made):
    return station_loads(made).set_index("station")["load"]["pick"]


def test_jackson_network_with_feedback():
    """λ = 8, a tenth begins again: 8 / 0.9 visits to each of three stations."""
    made = Scenario(
        streams=(OrderStream("orders", exponential(1 / 8), route=("a", "b", "c"), rework_probability=0.1),),
        stations=(
            Station("a", 5, exponential(1 / 2)),
            Station("b", 3, exponential(1 / 3)),
            Station("c", 2, exponential(1 / 6)),
        ),
    )
    loads = station_loads(made)
    assert loads.columns.tolist() == ["station", "arrivals_per_day", "work_per_day", "capacity_per_day", "load"]
    np.testing.assert_allclose(loads["arrivals_per_day"], 8.88888888888889)
    np.testing.assert_allclose(loads["load"], 8.88888888888889 / np.array([2 * 5, 3 * 3, 6 * 2]))


def test_load_of_m_m_c_is_its_utilisation():
    assert load(scenario()) == pytest.approx(0.8)
    assert load(scenario(station={"servers": 2})) == pytest.approx(0.4)


def test_open_hours_of_orders_and_of_stations():
    office = Calendar(tuple((day, 8 / 24, 18 / 24) for day in range(5)))
    share = 5 * 10 / (7 * 24)
    assert load(scenario(station={"calendar": office})) == pytest.approx(0.8 / share)
    assert load(scenario({"hours": office})) == pytest.approx(0.8 * share)
    assert load(scenario({"hours": office}, {"calendar": office})) == pytest.approx(0.8)


def test_breakdowns_take_their_share_of_the_time():
    broken = Breakdowns(exponential(9), exponential(1))
    assert load(scenario(station={"breakdowns": broken})) == pytest.approx(0.8 / 0.9)


def test_work_by_unit_counts_lines_and_units():
    asked = {"skus": ("mug",), "lines": discrete([1, 3], [0.5, 0.5]), "units": constant(4)}
    made = scenario(asked, {"per_unit": 0.01, "service": constant(0.02)})
    assert load(made) == pytest.approx(8 * (0.02 + 2 * 4 * 0.01))


def test_returns_pass_their_inspection_and_lost_parcels_are_sent_again():
    made = Scenario(
        streams=(
            OrderStream(
                "online", exponential(1 / 8), route=("pick",), returns=Returns(0.25, station="inspect"), carrier="post"
            ),
        ),
        stations=(Station("pick", 1, constant(0.1)), Station("inspect", 1, constant(0.2))),
        carriers=(Carrier("post", loss_probability=0.2),),
    )
    np.testing.assert_allclose(station_loads(made)["arrivals_per_day"], [10.0, 2.0])
    np.testing.assert_allclose(station_loads(made)["load"], [1.0, 0.4])


@pytest.mark.parametrize(
    ("distribution", "least", "wanted"),
    [
        (constant(0), 1, 1.0),
        (constant(3), 1, 3.0),
        (discrete([0, 2], [0.5, 0.5]), 1, 1.5),
        (poisson(2), 0, 2.0),
        (poisson(2), 1, 2.0 + np.exp(-2)),
        (geometric(3), 1, 3.0),
        (uniform(0.5, 2.5), 0, 1.5),
        (normal(10, 3), 1, 10.0),
        (uniform(0, 1), 0, 0.5),
    ],
)
def test_mean_of_rounded_units(distribution, least, wanted):
    assert mean_whole(distribution, least) == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("days", [1 / 8, 1 / 7])
def test_warns_of_a_load_of_one_and_more_with_the_figure(days):
    made = scenario(station={"service": constant(days)})
    with pytest.warns(UnstableQueueWarning, match=rf"station pick is asked for {8 * days:.3g} times"):
        warn_of_unstable_queues(made)


def test_a_load_of_one_by_rounding_is_one():
    made = Scenario(
        streams=(OrderStream("a", constant(0.1), route=("pick",)), OrderStream("b", constant(1 / 3), route=("pick",))),
        stations=(Station("pick", 13, constant(1)),),
    )
    with pytest.warns(UnstableQueueWarning):
        warn_of_unstable_queues(made)


@pytest.mark.parametrize("station", [{}, {"service": constant(1), "queue_limit": 3}])
def test_keeps_quiet_where_the_queue_cannot_grow_without_end(station):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unstable_queues(scenario(station=station))


def test_the_warning_points_at_its_caller():
    with pytest.warns(UnstableQueueWarning) as caught:
        warn_of_unstable_queues(scenario(station={"service": constant(1)}))
    assert caught[0].filename == __file__
