"""The simulator against SimPy, Ciw, numpy and a C program: the same models, run in turn.

SimPy and Ciw work in an environment of their own and tell the seconds of their run alone; so do we. What is compared
is events (customers, orders, SKU-days) per second, since each draws its own luck. The C program is compiled here, with
`cc -O2`; it keeps the same event list, draws the same numbers and comes to the same sums, and is the limit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measure import Claim, Figure, peak_memory, run, seconds
from peers import asked

from simulation.distributions import constant, discrete, exponential, poisson, uniform
from simulation.event_kernel import run_events
from simulation.periodic_kernel import run_periodic
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

ITEM = {"demand_rate": 20.0, "reorder_point": 75, "order_quantity": 100, "lead_low": 2.0, "lead_high": 4.0}
QUEUE = {"servers": 5, "arrival_rate": 4.0, "service_rate": 1.0}
NETWORK = {
    "skus": 5, "stores": 10, "dc_level": 900, "dc_reorder_point": 600, "store_level": 30, "store_reorder_point": 15,
    "store_rate": 4.0, "online_rate": 150.0, "pick_rate": 40.0, "pack_rate": 60.0, "inspect_rate": 40.0, "pickers": 5,
    "packers": 4, "inspectors": 2, "return_probability": 0.15,
}  # fmt: skip
PERIODIC = {"demand_rate": 5.0, "level": 30, "lead_days": 5}
SKUS, REPLICATIONS, DAYS = 1_000, 100, 365


def single_item_scenario() -> Scenario:
    """(r, Q), Poisson demand of 20 a day, lead times between two and four days, backorders."""
    return Scenario(
        points=(
            StockPoint(
                "item",
                on_hand=ITEM["reorder_point"] + ITEM["order_quantity"],
                demand=Demand("renewal", interarrival=exponential(1 / ITEM["demand_rate"])),
                policy=Policy("reorder", reorder_point=ITEM["reorder_point"], order_quantity=ITEM["order_quantity"]),
                lead_time=uniform(ITEM["lead_low"], ITEM["lead_high"]),
                on_shortage="backorder",
            ),
        )
    )


def queue_scenario() -> Scenario:
    """M/M/5 at a load of 0.8."""
    return Scenario(
        streams=(OrderStream("jobs", exponential(1 / QUEUE["arrival_rate"]), route=("desk",)),),
        stations=(Station("desk", QUEUE["servers"], exponential(1 / QUEUE["service_rate"])),),
    )


def network_scenario() -> Scenario:
    """A distribution centre that picks, packs and inspects, ten stores that it supplies, online orders, returns."""
    skus = [f"sku-{number}" for number in range(NETWORK["skus"])]
    centre = [
        StockPoint(
            sku,
            site="centre",
            on_hand=NETWORK["dc_level"],
            policy=Policy("reorder", reorder_point=NETWORK["dc_reorder_point"], order_up_to_level=NETWORK["dc_level"]),
            lead_time=uniform(3.0, 7.0),
        )
        for sku in skus
    ]
    stores = [
        StockPoint(
            sku,
            site=f"store-{store}",
            source="centre",
            on_hand=NETWORK["store_level"],
            demand=Demand("renewal", interarrival=exponential(1 / NETWORK["store_rate"])),
            policy=Policy(
                "reorder", reorder_point=NETWORK["store_reorder_point"], order_up_to_level=NETWORK["store_level"]
            ),
            lead_time=uniform(0.5, 1.5),
        )
        for store in range(NETWORK["stores"])
        for sku in skus
    ]
    online = OrderStream(
        "online",
        exponential(1 / NETWORK["online_rate"]),
        site="centre",
        skus=tuple(skus),
        weights=(1.0,) * len(skus),
        lines=discrete([1, 2, 3], [1 / 3, 1 / 3, 1 / 3]),
        route=("pick", "pack"),
        carrier="post",
        returns=Returns(NETWORK["return_probability"], delay=uniform(5.0, 15.0), station="inspect"),
    )
    return Scenario(
        points=(*centre, *stores),
        streams=(online,),
        stations=(
            Station("pick", NETWORK["pickers"], exponential(1 / NETWORK["pick_rate"])),
            Station("pack", NETWORK["packers"], exponential(1 / NETWORK["pack_rate"])),
            Station("inspect", NETWORK["inspectors"], exponential(1 / NETWORK["inspect_rate"])),
        ),
        carriers=(Carrier("post", transit=uniform(1.0, 3.0)),),
    )


def periodic_scenario(skus: int) -> Scenario:
    """Base stock with lost sales, Poisson demand by day, five days of lead time."""
    point = {
        "on_hand": PERIODIC["level"],
        "demand": Demand("daily", size=poisson(PERIODIC["demand_rate"])),
        "policy": Policy("reorder", reorder_point=PERIODIC["level"] - 1, order_up_to_level=PERIODIC["level"]),
        "lead_time": constant(float(PERIODIC["lead_days"])),
        "whole_day_lead_time": True,
    }
    return Scenario(points=tuple(StockPoint(f"sku-{number}", **point) for number in range(skus)))


def numpy_days(skus: int, replications: int, days: int) -> int:
    """The same base stock, all SKUs and replications of a day at once: units filled."""
    luck = np.random.default_rng(1)
    shape, lead_days, level = (replications, skus), PERIODIC["lead_days"], PERIODIC["level"]
    on_hand, position = (np.full(shape, level, dtype=np.int32) for _ in range(2))
    arrivals = np.zeros((lead_days, *shape), dtype=np.int32)
    stock_days, sold = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for day in range(days):
        due = arrivals[day % lead_days]
        on_hand += due
        filled = np.minimum(luck.poisson(PERIODIC["demand_rate"], shape).astype(np.int32), on_hand)
        on_hand -= filled
        position -= filled
        np.subtract(level, position, out=due)
        position += due
        stock_days += on_hand
        sold += filled
    return int(sold.sum())


def throughput(work: Callable[[], float], peer: Callable[[], float], *, rounds: int) -> tuple[Figure, Figure]:
    """Events a second of ours and of the peer, run in turn; each answers its own figure."""
    pairs = [(work(), peer()) for _ in range(rounds)]
    return Figure.of([own for own, _ in pairs]), Figure.of([other for _, other in pairs])


def per_second(job: str, events: Callable[[dict[str, np.ndarray]], float], **given: object) -> float:
    """Events a second of a peer."""
    script = "ciw_peer.py" if job == "ciw" else "simpy_peer.py"
    answer = asked("queue" if job == "ciw" else job, script=script, seed=1, **given)
    return float(events(answer) / answer["seconds"])


def ours_per_second(work: Callable[[], float]) -> float:
    """Events a second of ours: the work answers how many there were."""
    done: list[float] = []
    took = seconds(lambda: done.append(work()))
    return done[0] / took


def single_item(quick: bool) -> list[Claim]:
    """Beside SimPy, and beside C at its limit."""
    days, peer_days, rounds = (100_000, 2_000, 3) if quick else (1_000_000, 20_000, 5)
    scenario = single_item_scenario()

    def work() -> float:
        return float(run_events(scenario, days=days, replications=1, seed=1).points.demand.sum())

    work()
    ours, peer = throughput(
        lambda: ours_per_second(work),
        lambda: per_second("single_item", lambda answer: float(answer["demand"]), days=peer_days, **ITEM),
        rounds=rounds,
    )
    n = int(days * ITEM["demand_rate"])
    claims = [Claim("single item (r, Q), demands a second beside SimPy", ours, peer, "demands/s", ">= 110", n)]
    compiler = shutil.which("cc")
    if compiler is None:
        print("no C compiler: the limit was not measured", file=sys.stderr)
        return claims
    with TemporaryDirectory() as folder:
        program = Path(folder) / "single_item"
        source = Path(__file__).with_name("single_item.c")
        subprocess.run([compiler, "-O2", "-o", str(program), str(source), "-lm"], check=True)
        limit_days = days

        def limit() -> float:
            printed = subprocess.run([str(program), str(limit_days), "1"], check=True, capture_output=True, text=True)
            told = dict(line.split() for line in printed.stdout.splitlines())
            return float(told["demand"]) / float(told["seconds"])

        ours, peer = throughput(lambda: ours_per_second(work), limit, rounds=5 * rounds)
    return [*claims, Claim("single item (r, Q), demands a second beside C", ours, peer, "demands/s", ">= 0.85", n)]


def network(quick: bool) -> list[Claim]:
    """Orders and customers of the network."""
    days, peer_days, rounds = (1_000, 50, 3) if quick else (10_000, 500, 5)
    scenario = network_scenario()

    def work() -> float:
        tallies = run_events(scenario, days=days, replications=1, seed=1)
        return float(tallies.points.demand_events.sum() - tallies.streams.lines.sum() + tallies.streams.orders.sum())

    work()
    ours, peer = throughput(
        lambda: ours_per_second(work),
        lambda: per_second(
            "network", lambda answer: float(answer["customers"] + answer["orders"]), days=peer_days, **NETWORK
        ),
        rounds=rounds,
    )
    n = int(days * (NETWORK["online_rate"] + NETWORK["stores"] * NETWORK["skus"] * NETWORK["store_rate"]))
    return [Claim("network of orders, customers and orders a second beside SimPy", ours, peer, "1/s", ">= 50", n)]


def queue(quick: bool) -> list[Claim]:
    """M/M/5 beside Ciw."""
    days, peer_days, rounds = (100_000, 1_000, 3) if quick else (1_000_000, 20_000, 5)
    scenario = queue_scenario()

    def work() -> float:
        return float(run_events(scenario, days=days, replications=1, seed=1).stations.started.sum())

    work()
    ours, peer = throughput(
        lambda: ours_per_second(work),
        lambda: per_second("ciw", lambda answer: float(answer["customers"]), days=peer_days, **QUEUE),
        rounds=rounds,
    )
    n = int(days * QUEUE["arrival_rate"])
    return [Claim("M/M/5, customers a second beside Ciw", ours, peer, "customers/s", ">= 100", n)]


def periodic(quick: bool) -> list[Claim]:
    """SKU-days a second on one thread."""
    skus, rounds = (100, 3) if quick else (SKUS, 5)
    scenario = periodic_scenario(skus)
    cells = skus * REPLICATIONS * DAYS

    def work() -> float:
        run_periodic(scenario, days=DAYS, replications=REPLICATIONS, seed=1)
        return float(cells)

    def vectorised() -> float:
        return cells / seconds(lambda: numpy_days(skus, REPLICATIONS, DAYS))

    work()
    peer_days = 3_650 if quick else 36_500
    ours, peer = throughput(
        lambda: ours_per_second(work),
        lambda: per_second("periodic", lambda _: float(peer_days), days=peer_days, **PERIODIC),
        rounds=rounds,
    )
    again, plain = throughput(lambda: ours_per_second(work), vectorised, rounds=rounds)
    size = f"{skus:,} SKUs x {REPLICATIONS} replications x {DAYS} days, one thread"
    return [
        Claim(f"{size}: SKU-days a second beside SimPy, one SKU at a time", ours, peer, "1/s", ">= 130", cells),
        Claim(f"{size}: SKU-days a second beside numpy", again, plain, "1/s", ">= 2", cells),
        Claim(f"{size}: memory", Figure.exactly(_alone("memory", str(skus))), None, "MB", "<= 300", cells),
    ]


def compilation() -> list[Claim]:
    """What the first run after an installation waits for, and the second not."""
    with TemporaryDirectory() as folder:
        first, second = (_alone("first run", NUMBA_CACHE_DIR=folder) for _ in range(2))
    figures = Figure.exactly(first), Figure.exactly(second)
    return [Claim("first run of both kernels, compiling, beside the next process's", *figures, "s", None, 1)]


def _alone(what: str, *arguments: str, **environment: str) -> float:
    """A figure that a process of its own tells."""
    printed = subprocess.run(
        [sys.executable, __file__, "--alone", what, *arguments],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(printed.stdout)


def alone(what: str, skus: str = "1") -> float:
    """Memory of the periodic run in MB, or seconds until both kernels have run once."""
    if what == "memory":
        run_periodic(periodic_scenario(int(skus)), days=DAYS, replications=REPLICATIONS, seed=1)
        return peak_memory() * 2**30 / 1e6

    def both() -> None:
        run_events(network_scenario(), days=1, replications=1, seed=1)
        run_events(single_item_scenario(), days=1, replications=1, seed=1)
        run_periodic(periodic_scenario(1), days=1, replications=1, seed=1)

    return seconds(both)


def benchmark(quick: bool) -> list[Claim]:
    claims = single_item(quick) + network(quick) + queue(quick) + periodic(quick)
    return claims if quick else claims + compilation()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        print(alone(*sys.argv[2:]))
    else:
        run(__doc__ or "", benchmark)
