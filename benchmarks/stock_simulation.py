"""The stock simulator against a plain event loop: the same scenario, policy and lead times, replayed by both."""

from __future__ import annotations

import heapq

import numpy as np
from measure import Claim, Figure, alternately, run

from simulation import ReorderPolicy, StockScenario, cover_policy, draw_lead_times, simulate

RECEIPT, DEMAND, REVIEW = range(3)


def scenario_of(skus: int, days: int) -> tuple[StockScenario, ReorderPolicy]:
    """Gamma-Poisson demand, lead times of one to four weeks, packs of one to twelve."""
    luck = np.random.default_rng(3)
    mean = luck.gamma(0.7, 4.0, skus) + 0.01
    scenario = StockScenario(
        skus=tuple(f"SKU {number}" for number in range(skus)),
        demand=luck.poisson(luck.gamma(2.0, mean / 2.0, (days, skus))),
        on_hand=np.ceil(mean * 20).astype(np.int64),
        pipeline=np.zeros((0, skus), dtype=np.int64),
        lead_time_mean_days=luck.uniform(7, 28, skus),
        lead_time_sd_days=luck.uniform(0, 6, skus),
        review_period_days=7,
        unit_cost=luck.uniform(1, 50, skus),
        unit_margin=luck.uniform(1, 50, skus),
        pack_size=luck.choice([1, 6, 12], skus),
        moq=np.zeros(skus, dtype=np.int64),
        on_shortage="lost",
    )
    return scenario, cover_policy("four weeks", mean, weeks_of_cover=4)


def event_loop(scenario: StockScenario, policy: ReorderPolicy, lead_times: np.ndarray) -> int:
    """Units filled in all, one SKU and replication after the other, events in the order of a heap."""
    filled = 0
    for replication in lead_times.tolist():
        for sku in range(len(scenario.skus)):
            waits = [review[sku] for review in replication]
            filled += _filled_units(scenario, policy, sku, waits)
    return filled


def _filled_units(scenario: StockScenario, policy: ReorderPolicy, sku: int, waits: list[int]) -> int:
    reorder_point, level = int(policy.reorder_point[sku]), int(policy.order_up_to_level[sku])
    pack, on_hand, on_order, filled = int(scenario.pack_size[sku]), int(scenario.on_hand[sku]), 0, 0
    events = [(day, DEMAND, units) for day, units in enumerate(scenario.demand[:, sku].tolist()) if units]
    events += [(day, REVIEW, number) for number, day in enumerate(scenario.review_days.tolist())]
    heapq.heapify(events)
    while events:
        day, kind, value = heapq.heappop(events)
        if kind == RECEIPT:
            on_hand += value
            on_order -= value
        elif kind == DEMAND:
            served = min(on_hand, value)
            on_hand -= served
            filled += served
        elif on_hand + on_order <= reorder_point:
            quantity = -(-(level - on_hand - on_order) // pack) * pack
            on_order += quantity
            if day + waits[value] < scenario.days:
                heapq.heappush(events, (day + waits[value], RECEIPT, quantity))
    return filled


def benchmark(quick: bool) -> list[Claim]:
    skus, days, replications, rounds = (500, 84, 10, 3) if quick else (1000, 182, 10, 5)
    scenario, policy = scenario_of(skus, days)
    luck = {"replications": replications, "seed": 1}
    lead_times = draw_lead_times(scenario, **luck)
    our_units = int(simulate(scenario, policy, **luck).totals.filled_units.sum())
    their_units = event_loop(scenario, policy, lead_times)
    ours, peer = alternately(
        lambda: simulate(scenario, policy, **luck),
        lambda: event_loop(scenario, policy, lead_times),
        rounds=rounds,
    )
    replayed = skus * days * replications
    return [
        Claim(
            "replays, lead-time draws included, against a heapq event loop that is given them",
            ours.per_second(replayed),
            peer.per_second(replayed),
            "SKU-days/s",
            ">= 5",
            replayed,
        ),
        Claim(
            "units that one of them fills and the other does not",
            Figure.exactly(abs(our_units - their_units)),
            None,
            "units",
            "<= 0",
            replayed,
        ),
    ]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
