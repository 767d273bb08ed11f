"""Compile beforehand what simulations need, so that nobody waits for it: `python -m simulation.warming`."""

from __future__ import annotations

from simulation.distributions import Distribution, constant, exponential, gamma, negative_binomial, poisson, uniform
from simulation.run import simulate
from simulation.scenario import (
    Breakdowns,
    Calendar,
    Carrier,
    Demand,
    OrderStream,
    Policy,
    Returns,
    Scenario,
    Site,
    Station,
    StockPoint,
)


def warm_up() -> None:
    """Run every kernel once; compiled ones are kept for later processes."""
    for scenario in (_days(poisson(3.0)), _days(negative_binomial(3.0, 4.0)), _events(), _orders()):
        simulate(scenario, days=9, replications=2, seed=1, daily=True)
    simulate(_orders(), days=9, replications=2, seed=1, log=True)


def _days(size: Distribution) -> Scenario:
    point = StockPoint(
        "item",
        on_hand=20,
        demand=Demand("daily", size=size),
        policy=Policy("reorder", reorder_point=9, order_up_to_level=25, review_period_days=2.0),
        lead_time=gamma(3.0, 1.0),
        whole_day_lead_time=True,
    )
    return Scenario(points=(point,))


def _events() -> Scenario:
    point = StockPoint(
        "item",
        on_hand=20,
        demand=Demand("renewal", interarrival=exponential(0.2)),
        policy=Policy("reorder", reorder_point=15, order_quantity=10),
        lead_time=uniform(1.0, 3.0),
        on_shortage="backorder",
    )
    return Scenario(points=(point,))


def _orders() -> Scenario:
    centre = StockPoint(
        "item",
        site="centre",
        on_hand=90,
        policy=Policy("reorder", reorder_point=60, order_up_to_level=90),
        lead_time=gamma(2.0, 1.0),
        on_shortage="backorder",
        patience=constant(3.0),
        shelf_life_days=30.0,
    )
    store = StockPoint(
        "item",
        site="store",
        source="centre",
        on_hand=9,
        demand=Demand("renewal", interarrival=exponential(0.2)),
        policy=Policy("reorder", reorder_point=4, order_up_to_level=9),
    )
    online = OrderStream(
        "online",
        exponential(0.1),
        site="centre",
        hours=Calendar(((0, 0.3, 0.9), (1, 0.3, 0.9))),
        skus=("item",),
        lines=constant(1.0),
        route=("pick",),
        carrier="post",
        cut_off=0.5,
        returns=Returns(0.2, delay=constant(1.0), station="pick"),
    )
    pick = Station("pick", 2, exponential(0.05), breakdowns=Breakdowns(exponential(3.0), exponential(0.1)))
    return Scenario(
        points=(centre, store),
        sites=(Site("centre", "priority"),),
        streams=(online,),
        stations=(pick,),
        carriers=(Carrier("post", pickups=((0, 0.7), (1, 0.7)), loss_probability=0.1),),
    )


if __name__ == "__main__":
    warm_up()
