"""SimPy at work on the models of simulation.py: run by the peers' own environment, never by ours.

`.venv/peers/bin/python benchmarks/simpy_peer.py JOB IN.npz OUT.npz` where IN holds `days`, `seed` and the model's
figures. Every answer has `seconds`, of the run alone, and what the model came to. The models are as lean as SimPy
lets them be: one process per source, no monitoring but the sums that ours keeps as well.

- `single_item`: (r, Q) with Poisson demand of one unit and uniform lead times: `demand_rate`, `reorder_point`,
  `order_quantity`, `lead_low`, `lead_high`; answers `demand`, `filled`, `on_hand_days`, `backordered_days`.
- `network`: a distribution centre with picking, packing and inspecting, stores that it supplies, online orders and
  their returns; see `network` below; answers `customers`, `orders`, `filled`.
- `queue`: customers through `servers` servers: `arrival_rate`, `service_rate`; answers `customers`, `wait`.
- `periodic`: one SKU day by day, base stock with lost sales: `demand_rate`, `level`, `lead_days`; answers `demand`,
  `filled`.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

import numpy as np
import simpy

Given = dict[str, float]
Steps = Generator[simpy.Event, Any, None]


def single_item(given: Given) -> dict[str, float]:
    env, luck = simpy.Environment(), random.Random(int(given["seed"]))
    point, quantity = int(given["reorder_point"]), int(given["order_quantity"])
    stock = Stock(env, point + quantity)

    def deliver() -> Steps:
        yield env.timeout(luck.uniform(given["lead_low"], given["lead_high"]))
        stock.receive(quantity)

    def customers() -> Steps:
        wait, rate = luck.expovariate, given["demand_rate"]
        while True:
            yield env.timeout(wait(rate))
            stock.sell()
            if stock.position <= point:
                stock.position += quantity
                env.process(deliver())

    env.process(customers())
    env.run(until=given["days"])
    stock.pass_time()
    return stock.sums


class Stock:
    """Units on hand, or owed where negative, and their integral over time."""

    def __init__(self, env: simpy.Environment, units: int) -> None:
        self.env, self.level, self.position, self.since = env, units, units, 0.0
        self.sums = {"demand": 0.0, "filled": 0.0, "on_hand_days": 0.0, "backordered_days": 0.0}

    def pass_time(self) -> None:
        now = self.env.now
        if self.level >= 0:
            self.sums["on_hand_days"] += self.level * (now - self.since)
        else:
            self.sums["backordered_days"] -= self.level * (now - self.since)
        self.since = now

    def sell(self) -> None:
        self.pass_time()
        self.sums["demand"] += 1
        self.sums["filled"] += self.level > 0
        self.level -= 1
        self.position -= 1

    def receive(self, units: int) -> None:
        self.pass_time()
        self.level += units


class Network:
    """The distribution centre, its stores and its online orders; figures as in simulation.py."""

    def __init__(self, given: Given) -> None:
        self.env, self.luck, self.given = simpy.Environment(), random.Random(int(given["seed"])), given
        self.skus, self.stores = int(given["skus"]), int(given["stores"])
        self.level = [int(given["dc_level"])] * self.skus
        self.position = list(self.level)
        self.owed: list[deque[tuple[int, int]]] = [deque() for _ in range(self.skus)]
        self.store_level = [[int(given["store_level"])] * self.skus for _ in range(self.stores)]
        self.store_position = [list(row) for row in self.store_level]
        self.pick = simpy.Resource(self.env, int(given["pickers"]))
        self.pack = simpy.Resource(self.env, int(given["packers"]))
        self.inspect = simpy.Resource(self.env, int(given["inspectors"]))
        self.sums = {"customers": 0.0, "orders": 0.0, "filled": 0.0, "delivered": 0.0, "time_in_system": 0.0}

    def run(self) -> dict[str, float]:
        for store in range(self.stores):
            for sku in range(self.skus):
                self.env.process(self.customers(store, sku))
        self.env.process(self.online())
        self.env.run(until=self.given["days"])
        return self.sums

    def customers(self, store: int, sku: int) -> Steps:
        given, wait = self.given, self.luck.expovariate
        level, position = self.store_level[store], self.store_position[store]
        while True:
            yield self.env.timeout(wait(given["store_rate"]))
            self.sums["customers"] += 1
            if level[sku] > 0:
                level[sku] -= 1
                position[sku] -= 1
                self.sums["filled"] += 1
            if position[sku] <= given["store_reorder_point"]:
                units = int(given["store_level"]) - position[sku]
                position[sku] += units
                self.ask(sku, units, store)

    def ask(self, sku: int, units: int, store: int) -> None:
        """A store's order: what is there leaves at once, the rest waits its turn."""
        there = min(units, self.level[sku])
        if there:
            self.level[sku] -= there
            self.env.process(self.to_store(store, sku, there))
        if units > there:
            self.owed[sku].append((store, units - there))
        self.position[sku] -= units
        self.replenish(sku)

    def to_store(self, store: int, sku: int, units: int) -> Steps:
        yield self.env.timeout(self.luck.uniform(0.5, 1.5))
        self.store_level[store][sku] += units

    def replenish(self, sku: int) -> None:
        if self.position[sku] <= self.given["dc_reorder_point"]:
            units = int(self.given["dc_level"]) - self.position[sku]
            self.position[sku] += units
            self.env.process(self.from_supplier(sku, units))

    def from_supplier(self, sku: int, units: int) -> Steps:
        yield self.env.timeout(self.luck.uniform(3.0, 7.0))
        self.level[sku] += units
        self.serve(sku)

    def serve(self, sku: int) -> None:
        waiting = self.owed[sku]
        while waiting and self.level[sku]:
            store, units = waiting.popleft()
            there = min(units, self.level[sku])
            self.level[sku] -= there
            self.env.process(self.to_store(store, sku, there))
            if units > there:
                waiting.appendleft((store, units - there))

    def online(self) -> Steps:
        wait, rate = self.luck.expovariate, self.given["online_rate"]
        while True:
            yield self.env.timeout(wait(rate))
            self.sums["orders"] += 1
            lines = [self.luck.randrange(self.skus) for _ in range(self.luck.randint(1, 3))]
            got = []
            for sku in lines:
                if self.level[sku] > 0:
                    self.level[sku] -= 1
                    self.position[sku] -= 1
                    got.append(sku)
                    self.replenish(sku)
            if got:
                self.env.process(self.order(got))

    def order(self, skus: list[int]) -> Steps:
        env, luck, given, came = self.env, self.luck, self.given, self.env.now
        for station, rate in ((self.pick, given["pick_rate"]), (self.pack, given["pack_rate"])):
            with station.request() as turn:
                yield turn
                yield env.timeout(luck.expovariate(rate))
        yield env.timeout(luck.uniform(1.0, 3.0))
        self.sums["delivered"] += 1
        self.sums["time_in_system"] += env.now - came
        if luck.random() >= given["return_probability"]:
            return
        yield env.timeout(luck.uniform(5.0, 15.0))
        with self.inspect.request() as turn:
            yield turn
            yield env.timeout(luck.expovariate(given["inspect_rate"]))
        for sku in skus:
            self.level[sku] += 1
            self.position[sku] += 1
            self.serve(sku)


def network(given: Given) -> dict[str, float]:
    return Network(given).run()


def queue(given: Given) -> dict[str, float]:
    env, luck = simpy.Environment(), random.Random(int(given["seed"]))
    servers = simpy.Resource(env, int(given["servers"]))
    sums = {"customers": 0.0, "wait": 0.0}

    def customer() -> Steps:
        came = env.now
        with servers.request() as turn:
            yield turn
            sums["customers"] += 1
            sums["wait"] += env.now - came
            yield env.timeout(luck.expovariate(given["service_rate"]))

    def source() -> Steps:
        while True:
            yield env.timeout(luck.expovariate(given["arrival_rate"]))
            env.process(customer())

    env.process(source())
    env.run(until=given["days"])
    return sums


def periodic(given: Given) -> dict[str, float]:
    env, luck = simpy.Environment(), np.random.default_rng(int(given["seed"]))
    level = int(given["level"])
    state = {"on_hand": level, "position": level}
    sums = {"demand": 0.0, "filled": 0.0}
    units_by_day = luck.poisson(given["demand_rate"], int(given["days"])).tolist()

    def deliver(units: int) -> Steps:
        yield env.timeout(given["lead_days"])
        state["on_hand"] += units

    def days() -> Steps:
        for units in units_by_day:
            filled = min(units, state["on_hand"])
            state["on_hand"] -= filled
            state["position"] -= filled
            sums["demand"] += units
            sums["filled"] += filled
            if state["position"] < level:
                env.process(deliver(level - state["position"]))
                state["position"] = level
            yield env.timeout(1.0)

    env.process(days())
    env.run(until=given["days"])
    return sums


JOBS: dict[str, Callable[[Given], dict[str, float]]] = {
    "single_item": single_item,
    "network": network,
    "queue": queue,
    "periodic": periodic,
}


def main(job: str, source: str, destination: str) -> None:
    with np.load(source) as file:
        given = {name: float(file[name]) for name in file.files}
    started = perf_counter()
    answer = JOBS[job](given)
    np.savez(destination, seconds=perf_counter() - started, **answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
