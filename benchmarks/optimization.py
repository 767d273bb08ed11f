"""Stock policies against stockpyl, and many SKUs under shared limits against PuLP with CBC and HiGHS.

stockpyl works in an environment of its own, as one SKU, plan or network at a time; ours is timed right before and
after it. Programs of many SKUs are solved in processes of their own, in turn, so that each tells its peak memory, the
making up of the SKUs included and what CBC takes beside it not. The peer of the program of segments is our own fast
way of writing it out in PuLP; the textbook's, a dictionary of variables and `lpSum` of products, is told beside it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from measure import Claim, Figure, alternately, run, seconds
from peers import asked
from scipy.stats import nbinom
from shared_limits import Answer, answer

from optimization.count_reorder_point import poisson_customers, unit_reorder_policy
from optimization.dynamic_lot_sizing import wagner_whitin
from optimization.guaranteed_service import guaranteed_service_tree
from optimization.reorder_order_up_to import poisson_periods, s_s_policy
from optimization.safety_stock_lp import safety_stock_levels
from optimization.service_network import service_network

SKUS, PERIODS, ROUNDS = 2_000, 365, 5
STAGES, MORE_STAGES, BOUND_CONSTANT = 50, 200, 1.645
MANY = 1_000_000
LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999])
LIMITS = "seven limits, ten segments per SKU"


def review_policies(quick: bool) -> list[Claim]:
    """Exact (s, S) of Poisson demand, around two means."""
    claims = []
    costs = {"order_cost": 64.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    for mean in (20.0, 100.0):
        demand = poisson_periods(_around(mean))
        claims += _beside_stockpyl(
            f"(s, S), Poisson demand around {mean:g}",
            lambda demand=demand: s_s_policy(demand, **costs).cost_rate[0],
            "s_s",
            {"demand_mean": mean, **costs},
            skus=SKUS,
            rounds=1 if quick else 3,
            wanted=">= 200",
        )
    return claims


def reorder_policies(quick: bool) -> list[Claim]:
    """Exact (r, Q) of Poisson demand."""
    costs = {"order_cost": 100.0, "holding_cost": 20.0, "shortage_cost": 150.0}
    demand = poisson_customers(_around(1.5), 2.0)
    return _beside_stockpyl(
        "(r, Q), Poisson demand around 1.5 over a lead time of 2",
        lambda: unit_reorder_policy(demand, **costs).cost_rate[0],
        "r_q",
        {"demand_rate": 1.5, "lead_time": 2.0, **costs},
        skus=SKUS,
        rounds=3 if quick else 20,
        wanted=">= 100",
    )


def lots_over_time(quick: bool) -> list[Claim]:
    """One plan of Wagner and Whitin."""
    demand = np.random.default_rng(1).integers(1, 100, PERIODS).astype(np.float64)
    costs = {"order_cost": 500.0, "holding_cost": 1.0}
    return _beside_stockpyl(
        f"Wagner-Whitin, one plan of {PERIODS} periods",
        lambda: wagner_whitin(demand=demand, **costs).cost,
        "wagner_whitin",
        {"demand": demand, **costs},
        skus=1,
        rounds=1 if quick else 3,
        wanted=">= 500",
    )


def service_networks(quick: bool) -> list[Claim]:
    """Guaranteed service in a tree, the building of the network included."""
    few, many = made_up_tree(STAGES), made_up_tree(MORE_STAGES)
    claims = _beside_stockpyl(
        f"guaranteed service in a tree of {STAGES} stages, building it included",
        lambda: cheapest_promises(few),
        "tree",
        {**few, "demand_bound_constant": BOUND_CONSTANT},
        skus=1,
        rounds=1 if quick else 3,
        wanted=">= 30",
    )
    cheapest_promises(many)
    taken = Figure.of([seconds(lambda: cheapest_promises(many)) for _ in range(ROUNDS)])
    return [*claims, Claim("guaranteed service in a larger tree, building it included", taken, None, "s", "< 2", 200)]


def made_up_tree(stages: int) -> dict[str, np.ndarray]:
    """Stages that join earlier ones at random, most of them as suppliers, with demand where nothing is supplied."""
    luck = np.random.default_rng(stages)
    other = np.array([luck.integers(0, stage) for stage in range(1, stages)])
    number, supplies = np.arange(1, stages), luck.random(stages - 1) < 0.6
    supplier, customer = np.where(supplies, number, other), np.where(supplies, other, number)
    last = np.isin(np.arange(stages), supplier, invert=True)
    return {
        "supplier": supplier,
        "customer": customer,
        "processing_time": luck.integers(1, 6, stages),
        "holding_cost": luck.uniform(1, 20, stages),
        "demand_sd": np.where(last, luck.uniform(5, 50, stages), 0.0),
    }


def cheapest_promises(tree: dict[str, np.ndarray]) -> float:
    names = [str(stage) for stage in range(len(tree["demand_sd"]))]
    network = service_network(
        names,
        [(names[one], names[other]) for one, other in zip(tree["supplier"], tree["customer"], strict=True)],
        processing_time=tree["processing_time"],
        holding_cost=tree["holding_cost"],
        demand_bound_constant=BOUND_CONSTANT,
        demand_sd=tree["demand_sd"],
        external_outbound_time=[0 if sd else None for sd in tree["demand_sd"]],
    )
    return guaranteed_service_tree(network).cost_rate


def _around(mean: float) -> np.ndarray:
    """The mean itself and others up to a tenth away, shape (sku,)."""
    return mean * np.concatenate(([1.0], np.random.default_rng(0).uniform(0.9, 1.1, SKUS - 1)))


def _beside_stockpyl(
    what: str,
    ours: Callable[[], float],
    job: str,
    given: dict[str, object],
    *,
    skus: int,
    rounds: int,
    wanted: str,
) -> list[Claim]:
    """How many of ours, `skus` at once, are found while stockpyl finds one, and whether the costs agree."""
    cost = float(ours())
    taken = [seconds(ours) for _ in range(ROUNDS)]
    peer = asked(job, script="stockpyl_peer.py", rounds=rounds, **given)
    taken += [seconds(ours) for _ in range(ROUNDS)]
    rate = Figure.of(peer["seconds"].tolist()).per_second(1)
    distance = Figure.exactly(abs(cost / float(peer["cost"]) - 1))
    return [
        Claim(what, Figure.of(taken).per_second(skus), rate, "/s", wanted, skus),
        Claim(f"{what}: distance of the cost from stockpyl's", distance, None, "of the cost", "<= 1e-9", 1),
    ]


def shared_limits(quick: bool) -> list[Claim]:
    """Ten segments per SKU, and seven limits.

    HiGHS is asked at the smaller size alone: it takes minutes at the larger one, where CBC and the certificate say
    whether the optimum is one.
    """
    few, many, rounds = (2_000, 5_000, 1) if quick else (10_000, 50_000, 3)
    told = _in_turn(few, ("sifting", "PuLP with CBC"), rounds)
    claims = _beside_cbc(few, told, None if quick else "<= 0.12")
    claims += _beside_highs(few, told["sifting"], _in_turn(few, ("PuLP with HiGHS", "arrays"), rounds), quick)
    claims += _beside_cbc(many, _in_turn(many, ("sifting", "PuLP with CBC"), rounds), None if quick else "<= 0.25")
    if quick:
        return claims
    told = _in_turn(few, ("sifting", "textbook"), 1)
    what = f"{LIMITS}, beside the textbook's PuLP"
    return [*claims, Claim(what, _seconds(told["sifting"]), _seconds(told["textbook"]), "s", None, few)]


def _in_turn(skus: int, ways: tuple[str, ...], rounds: int) -> dict[str, list[Answer]]:
    told: dict[str, list[Answer]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            told[way].append(answer(skus, way))
    return told


def _beside_cbc(skus: int, told: dict[str, list[Answer]], wanted: str | None) -> list[Claim]:
    own, cbc = told.values()
    return [
        Claim(f"{LIMITS}, beside PuLP with CBC", _seconds(own), _seconds(cbc), "s", wanted, skus),
        *_proof(own[0], skus),
        _distance(f"{LIMITS}: distance from CBC's optimum", own[0], cbc[0], "<= 1e-7", skus),
        Claim(f"{LIMITS}: peak memory beside PuLP with CBC", _peak(own), _peak(cbc), "GiB", None, skus),
    ]


def _beside_highs(skus: int, own: list[Answer], told: dict[str, list[Answer]], quick: bool) -> list[Claim]:
    highs, arrays = told.values()
    what, wanted = "PuLP's model built, handed over and solved, beside HiGHS's time on its arrays", "<= 2"
    return [
        _distance(f"{LIMITS}: distance from HiGHS's optimum", own[0], arrays[0], "<= 1e-9", skus),
        Claim(what, _seconds(highs), _seconds(arrays), "s", None if quick else wanted, skus),
    ]


def a_million_skus() -> list[Claim]:
    told = answer(MANY, "sifting")
    return [
        Claim(LIMITS, _seconds([told]), None, "s", "< 120", MANY),
        Claim(f"{LIMITS}: peak memory", _peak([told]), None, "GiB", "< 8", MANY),
        *_proof(told, MANY),
    ]


def _proof(own: Answer, skus: int) -> list[Claim]:
    return [
        Claim(f"{LIMITS}: those that bind", Figure.exactly(own.binding), None, "limits", ">= 4", skus),
        Claim(f"{LIMITS}: the certificate's gap", Figure.exactly(own.gap), None, "of the cost", "<= 1e-9", skus),
    ]


def whole_stock_levels(quick: bool) -> list[Claim]:
    """From quantiles of demand to whole reorder points, the same program solved by sifting and by PuLP with CBC."""
    skus, rounds = (1_000, 1) if quick else (5_000, 3)
    asked_for = made_up_stock(skus)

    def cost(method: Literal["sifting", "cbc"]) -> float:
        return safety_stock_levels(**asked_for, method=method).optimal_holding_cost

    distance = Figure.exactly(abs(cost("sifting") / cost("cbc") - 1))
    own, cbc = alternately(lambda: cost("sifting"), lambda: cost("cbc"), rounds=rounds)
    return [
        Claim("stock levels from quantiles, beside PuLP with CBC", own, cbc, "s", "<= 0.8", skus),
        Claim("stock levels: distance from CBC's optimum", distance, None, "of the holding cost", "<= 1e-7", skus),
    ]


def made_up_stock(skus: int) -> dict[str, Any]:
    """Negative binomial lead-time demand, lots, costs and prices, for an aggregate fill rate."""
    luck = np.random.default_rng(8)
    mean = luck.gamma(0.8, 40.0, skus) + 0.5
    success = 1 / (1 + luck.gamma(2.0, 1.5, skus) * np.sqrt(mean))
    cost = luck.uniform(1, 60, skus)
    return {
        "names": [str(number) for number in range(skus)],
        "levels": LEVELS,
        "lead_time_demand": nbinom.ppf(LEVELS, (mean * success / (1 - success))[:, None], success[:, None]).astype(int),
        "lead_time_demand_mean": mean,
        "demand_rate": mean / 3.0,
        "order_quantity": np.maximum(np.ceil(mean / 3.0 * luck.uniform(1, 8, skus)), 1.0),
        "unit_cost": cost,
        "unit_value": cost * luck.uniform(1.2, 3, skus),
        "fill_rate_target": 0.95,
        "holding_cost_rate": 0.25 / 52,
    }


def order_rounds(quick: bool) -> list[Claim]:
    """Packs, minimums, price breaks, containers and a budget, with one supplier per SKU and with up to three."""
    skus, rounds, limit = (500, 1, 4) if quick else (SKUS, 3, 30)
    claims = []
    for alternatives in (1,) if quick else (1, 3):
        told = np.array([_order_round(skus, alternatives, seed, limit) for seed in range(rounds)])
        taken, gap, peak = (Figure.of(figures) for figures in told.T.tolist())
        what = f"an order round from 40 suppliers, up to {alternatives} per SKU, at most {limit} s"
        claims += [
            Claim(what, taken, None, "s", None if quick else "< 10", skus),
            Claim(f"{what}: the proven gap", gap, None, "of the cost", None if quick else "<= 1e-4", skus),
            Claim(f"{what}: peak memory", peak, None, "GiB", None, skus),
        ]
    return claims


def _order_round(skus: int, alternatives: int, seed: int, limit: int) -> list[float]:
    """Seconds, gap and peak memory of a new process."""
    script = str(Path(__file__).with_name("order_round.py"))
    command = [sys.executable, script, *map(str, (skus, alternatives, seed, limit))]
    return [float(one) for one in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def _seconds(answers: list[Answer]) -> Figure:
    return Figure.of([one.seconds for one in answers])


def _peak(answers: list[Answer]) -> Figure:
    return Figure.of([one.peak for one in answers])


def _distance(what: str, own: Answer, other: Answer, wanted: str, skus: int) -> Claim:
    return Claim(what, Figure.exactly(abs(own.objective / other.objective - 1)), None, "of the cost", wanted, skus)


def benchmark(quick: bool) -> list[Claim]:
    claims = [*review_policies(quick), *reorder_policies(quick), *lots_over_time(quick), *service_networks(quick)]
    claims += [*whole_stock_levels(quick), *shared_limits(quick), *order_rounds(quick)]
    return claims if quick else [*claims, *a_million_skus()]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
