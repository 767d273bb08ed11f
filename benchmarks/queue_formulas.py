"""What queues come to in the long run, by formulas: loads, waits and losses, networks and first customers.

Rates are per day, times days. The names of the figures are those that the simulator measures, with "@" and the station
where they are of one. Sources: D. Gross and others, Fundamentals of Queueing Theory, 4th ed.; L. Kleinrock, Queueing
Systems, vol. 1; for the first customers F. Spitzer's identity, as in S. Asmussen, Applied Probability and Queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

DESK = "desk"
"""The station of the queues that have only one."""


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that find all servers busy and go; `load` is arrival rate × mean service.

    The same for every distribution of the service time.
    """
    lost = 1.0
    for used in range(1, servers + 1):
        lost = load * lost / (used + load * lost)
    return lost


def several_servers(arrivals: float, service: float, servers: int) -> dict[str, float]:
    """M/M/c (Erlang C)."""
    load = arrivals * service
    lost = erlang_b(servers, load)
    waits = lost / (1 - load / servers * (1 - lost))
    spare = servers / service - arrivals
    wait = waits / spare
    tail = {f"wait_p95@{DESK}": float(np.log(waits / 0.05) / spare)} if waits > 0.1 else {}
    return {f"wait_probability@{DESK}": waits} | waiting(arrivals, service, servers, wait) | tail


def waiting(arrivals: float, service: float, servers: int, wait: float) -> dict[str, float]:
    """What follows from the mean wait (Little)."""
    return {
        f"wait@{DESK}": wait,
        f"queue_length@{DESK}": arrivals * wait,
        f"time_in_system@{DESK}": wait + service,
        f"in_system@{DESK}": arrivals * (wait + service),
        f"utilisation@{DESK}": arrivals * service / servers,
        "order_time": wait + service,
    }


def one_server(arrivals: float, service: float, scv: float) -> dict[str, float]:
    """M/G/1 (Pollaczek and Khinchine); `scv` is the squared coefficient of variation of the service time."""
    load = arrivals * service
    found = waiting(arrivals, service, 1, load * service * (1 + scv) / 2 / (1 - load))
    return {f"wait_probability@{DESK}": load} | found


def losses(arrivals: float, service: float, servers: int) -> dict[str, float]:
    """M/G/c/c (Erlang B)."""
    lost = erlang_b(servers, arrivals * service)
    carried = arrivals * service * (1 - lost)
    return {
        f"turned_away_share@{DESK}": lost,
        f"in_system@{DESK}": carried,
        f"utilisation@{DESK}": carried / servers,
        "turned_away_share": lost,
    }


def short_queue(arrivals: float, service: float, servers: int, places: int) -> dict[str, float]:
    """M/M/c with at most so many waiting: a birth-and-death process on 0, …, servers + places."""
    present = np.arange(servers + places + 1)
    steps = np.log(arrivals * service / np.minimum(present[1:], servers))
    chance = np.exp(np.concatenate([[0.0], np.cumsum(steps)]))
    chance /= chance.sum()
    queue = float(chance @ np.maximum(present - servers, 0))
    taken = arrivals * (1 - chance[-1])
    return {
        f"turned_away_share@{DESK}": float(chance[-1]),
        f"queue_length@{DESK}": queue,
        f"in_system@{DESK}": float(chance @ present),
        f"wait@{DESK}": queue / taken,
        f"wait_probability@{DESK}": float(chance[servers:-1].sum() / (1 - chance[-1])),
        "order_time": queue / taken + service,
    }


def mean_of_first_waits(arrivals: float, service: float, customers: int) -> float:
    """Mean wait of the first customers of an M/M/1 queue that begins empty.

    Customer n + 1 waits Σ E[max(0, S_k)] / k over k = 1, …, n (Spitzer), with S_k the sum of k services less k
    interarrival times. While k customers come, j services could end, which is negative binomial; the k − j that are
    left take a mean service each.
    """
    done = arrivals / (arrivals + 1 / service)
    left = np.zeros(customers)
    for k in range(1, customers):
        j = np.arange(k)
        chances = np.exp(gammaln(k + j) - gammaln(j + 1) - gammaln(k) + k * np.log(done) + j * np.log1p(-done))
        left[k] = float(chances @ (k - j)) * service / k
    return float(np.cumsum(left).mean())


@dataclass(frozen=True)
class Step:
    """A station of a network."""

    service: float
    servers: int


def network(arrivals: float, steps: Sequence[Step], again: float) -> dict[str, float]:
    """Stations in a row, begun again with probability `again` (Jackson): each as if alone at its own rate."""
    rate = arrivals / (1 - again)
    found: dict[str, float] = {}
    for number, step in enumerate(steps):
        alone = several_servers(rate, step.service, step.servers)
        names = ("wait_probability", "time_in_system", "in_system", "utilisation")
        found |= {f"{name}@{number}": alone[f"{name}@{DESK}"] for name in names}
        found[f"arrivals_per_day@{number}"] = rate
    passes = sum(found[f"time_in_system@{number}"] for number in range(len(steps)))
    return found | {"order_time": passes / (1 - again)}
