"""Pictures of simulations, and the frames behind them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from simulation.distributions import constant, exponential, gamma, poisson
from simulation.event_frames import order_life
from simulation.figures import fan
from simulation.level_search import optimise
from simulation.network_picture import network_picture
from simulation.results import SimulationResult
from simulation.run import compare, simulate
from simulation.scenario import (
    Carrier,
    Demand,
    OrderStream,
    Policy,
    Returns,
    Scenario,
    Station,
    StockPoint,
)

BACKORDERED = Policy("reorder", reorder_point=40, order_quantity=60)
SHOP = Scenario(
    name="shop",
    points=(
        StockPoint("mug", "dc", on_hand=80, policy=BACKORDERED, lead_time=gamma(4, 1), on_shortage="backorder"),
        StockPoint(
            "mug",
            "store",
            "dc",
            on_hand=10,
            demand=Demand("renewal", interarrival=exponential(0.25)),
            policy=Policy("reorder", reorder_point=5, order_up_to_level=15),
        ),
    ),
    streams=(
        OrderStream(
            "web",
            exponential(0.2),
            site="dc",
            skus=("mug",),
            lines=constant(1),
            units=poisson(1.5),
            route=("pick", "pack"),
            carrier="post",
            returns=Returns(0.3, constant(3.0), "inspect", cost_per_return=2.0),
        ),
    ),
    stations=(
        Station("pick", 1, exponential(0.1), cost_per_hour=1.0),
        Station("pack", 1, exponential(0.05)),
        Station("inspect", 1, exponential(0.05)),
    ),
    carriers=(Carrier("post", transit=constant(1.0), cost_per_parcel=4.0),),
)


@cache
def shop() -> SimulationResult:
    return simulate(SHOP, days=30, seed=1, replications=6, executor="plain", daily=True, log=True)


def test_an_orders_life_has_no_gaps_and_takes_as_long_as_the_order() -> None:
    result = shop()
    log = result.log
    of_web = log[(log["replication"] == 0) & (log["stream"] == "web")]
    lives = 0
    for number, rows in of_web[of_web["number"] % 3 == 0].groupby("number"):
        last = rows[rows["event"] == "delivery"]["day"]
        if len(last) != 1 or (rows["event"] == "return inspected").any() or rows["day"].max() > last.iloc[0]:
            continue
        life = order_life(result, int(number))
        came = rows[rows["event"] == "order"]["day"].iloc[0]
        assert life["start"].iloc[0] == came
        assert life["end"].iloc[-1] == last.iloc[0]
        assert life["start"].to_numpy()[1:] == pytest.approx(life["end"].to_numpy()[:-1])
        assert (life["end"] >= life["start"]).all()
        lives += 1
    assert lives > 20


def test_an_orders_life_names_its_phases() -> None:
    result = shop()
    log = result.log
    back = log[(log["replication"] == 0) & (log["event"] == "return inspected")]
    life = order_life(result, int(back["number"].iloc[0]))
    assert list(life.columns) == ["place", "phase", "start", "end"]
    assert {"pick", "pack", "post", "return", "inspect"} <= set(life["place"])
    under_way = life[life["phase"] == "under way"]
    assert (under_way["end"] - under_way["start"]).to_numpy() == pytest.approx(1.0)
    coming = life[life["phase"] == "comes back"]
    assert (coming["end"] - coming["start"]).min() >= 3.0


def test_an_order_that_never_came_is_refused() -> None:
    with pytest.raises(ValueError, match="number must be that of an order of stream web in replication 0, got 100000"):
        shop().order_trace(100_000)
    with pytest.raises(ValueError, match="stream must be one of web, got phone"):
        shop().order_trace(1, stream="phone")


def test_the_trace_shows_each_phase_in_its_place() -> None:
    life = order_life(shop(), 7)
    bars = {
        (place, bar.name): end for bar in shop().order_trace(7).data for place, end in zip(bar.y, bar.x, strict=True)
    }
    for row in life.itertuples():
        assert bars[row.place, row.phase] == pytest.approx(row.end - row.start)


def test_the_log_names_places_and_orders() -> None:
    log = shop().log
    assert set(log["place"][log["event"] == "demand"]) == {"mug @ dc", "mug @ store"}
    assert set(log["place"][log["event"] == "work begun"]) == {"pick", "pack", "inspect"}
    picked = log[(log["event"] == "work begun") & (log["place"] == "pick")]
    assert set(picked["stream"]) == {"web"}
    orders = log[log["event"] == "order"]
    for replication in range(6):
        mine = orders[orders["replication"] == replication]["number"].to_list()
        assert mine == list(range(len(mine)))
        assert set(picked[picked["replication"] == replication]["number"]) <= set(mine)
    assert (log.groupby("replication")["day"].diff().dropna() >= 0).all()


def test_the_fan_shows_quantiles_of_the_days_stock() -> None:
    result = shop()
    figure = fan(result, site="dc", quantiles=(0.1, 0.9))
    lower, upper, median = figure.data
    frame = result.daily[result.daily["site"] == "dc"]
    by_day = frame.groupby("day")["on_hand"]
    assert list(lower.y) == pytest.approx(by_day.quantile(0.1).to_list())
    assert list(upper.y) == pytest.approx(by_day.quantile(0.9).to_list())
    assert list(median.y) == pytest.approx(by_day.median().to_list())
    assert list(median.x) == list(range(1, 31))


def test_a_fan_of_net_stock_goes_below_zero() -> None:
    result = shop()
    median = fan(result, "net", sku="mug", site="dc").data[-1]
    frame = result.daily[result.daily["site"] == "dc"]
    net = (frame["on_hand"] - frame["backordered"]).groupby(frame["day"]).median()
    assert list(median.y) == pytest.approx(net.to_list())
    assert min(median.y) < 0


def test_fans_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="scenario shop must hold jug at any site, got no such stock point"):
        shop().fan(sku="jug")
    with pytest.raises(ValueError, match="what must be one of on_hand, on_order, backordered, net, got cash"):
        shop().fan("cash")
    with pytest.raises(ValueError, match="quantiles must be an even number"):
        shop().fan(quantiles=(0.1, 0.5, 0.9))


def test_the_cost_bars_add_up_to_the_total() -> None:
    found = compare([SHOP, SHOP.scaled(demand=1.5).named("busy")], days=10, seed=1, replications=3, executor="plain")
    figure = found.cost_breakdown()
    *bars, total = figure.data
    assert {bar.name for bar in bars} == {"transport", "returns", "labour"}
    assert list(total.y) == ["shop", "busy"]
    assert np.sum([bar.x for bar in bars], axis=0) == pytest.approx(np.array(total.x))
    assert list(total.error_x.array) == pytest.approx(found.of("total_cost")["half_width"].to_list())


def test_differences_are_drawn_with_their_intervals() -> None:
    found = compare([SHOP, SHOP.scaled(demand=1.5).named("busy")], days=10, seed=1, replications=3, executor="plain")
    (points,) = found.differences("average_on_hand").data
    row = found.of("average_on_hand").loc["busy"]
    assert (points.x[0], points.error_x.array[0]) == pytest.approx((row["difference"], row["difference_half_width"]))
    assert list(points.y) == ["busy"]
    with pytest.raises(ValueError, match=r"measure must be one of .*, got joy"):
        found.differences("joy")


def test_the_network_picture_holds_what_the_days_say() -> None:
    result = shop()
    picture = network_picture(result)
    place = {
        (name, kind): position for position, (name, kind) in enumerate(zip(picture.name, picture.kind, strict=True))
    }
    mean = result.daily.groupby(["site", "day"])[["on_hand", "backordered"]].mean()
    assert picture.amounts[:, place["dc", "on hand"]] == pytest.approx(mean.loc["dc"]["on_hand"].to_numpy())
    assert picture.amounts[:, place["store", "on hand"]] == pytest.approx(mean.loc["store"]["on_hand"].to_numpy())
    assert picture.amounts[:, place["dc", "backordered"]] == pytest.approx(mean.loc["dc"]["backordered"].to_numpy())
    jobs = result.daily_stations.groupby(["station", "day"])[["in_queue", "in_service"]].mean().sum(axis=1)
    assert picture.amounts[:, place["pick", "jobs"]] == pytest.approx(jobs.loc["pick"].to_numpy())
    # Suppliers, sites by their distance from them, and stations stand from left to right.
    across = [picture.x[place[one]] for one in (("supplier", "supplier"), ("dc", "on hand"), ("store", "on hand"))]
    assert across == [0.0, 1.0, 2.0]
    assert picture.x[place["pick", "jobs"]] < picture.x[place["pack", "jobs"]]


def test_the_flow_plays_every_day_and_leaves_days_out_evenly_when_there_are_many() -> None:
    assert [frame.name for frame in shop().flow().frames] == [str(day) for day in range(1, 31)]
    assert [frame.name for frame in shop().flow(most_frames=4).frames] == ["1", "11", "20", "30"]
    assert shop().flow(replication=2).frames


def test_a_queue_without_stock_has_a_picture_too() -> None:
    queue = Scenario(
        streams=(OrderStream("calls", exponential(0.5), route=("desk",)),),
        stations=(Station("desk", 1, exponential(0.2)),),
    )
    result = simulate(queue, days=10, seed=1, replications=2, executor="plain", daily=True)
    assert network_picture(result).kinds == ["jobs"]
    assert len(result.flow().frames) == 10
    assert result.cost_breakdown().data


def test_the_cost_curve_marks_the_choice() -> None:
    point = SHOP.points[1]
    alone = Scenario(
        points=(StockPoint("mug", demand=point.demand, policy=point.policy, holding_cost=0.1, shortage_cost=1.0),)
    )
    found = optimise(alone, {"reorder_point": [1, 5, 9]}, days=30, seed=1, replications=3, executor="plain")
    (line,) = found.figure("mug").data
    assert list(line.x) == [1, 5, 9]
    assert line.x[int(np.argmax(line.marker.size))] == found.levels["reorder_point"].iloc[0]
    with pytest.raises(ValueError, match="sku must be one that was searched, got jug"):
        found.figure("jug")
