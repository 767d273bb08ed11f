"""stockpyl at work on figures handed over as files: run by the peers' own environment, never by ours.

`.venv/peers/bin/python benchmarks/stockpyl_peer.py JOB IN.npz OUT.npz` where IN holds `rounds` and what the job needs;
every answer has `cost` and the `seconds` of each round, shape (round,):

- `s_s`: `demand_mean` of one SKU's Poisson demand, `order_cost`, `holding_cost`, `shortage_cost`.
- `r_q`: `demand_rate` of one SKU's Poisson demand, `lead_time`, `order_cost`, `holding_cost`, `shortage_cost`.
- `wagner_whitin`: `demand` by period, `order_cost`, `holding_cost`.
- `tree`: `supplier` and `customer` of each arc as numbers of stages, and by stage `processing_time`, `holding_cost`,
  `demand_sd`, with `demand_bound_constant` for all. Its seconds include building the network.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from time import perf_counter

import numpy as np
from stockpyl.demand_source import DemandSource
from stockpyl.gsm_tree import optimize_committed_service_times
from stockpyl.rq import r_q_poisson_exact
from stockpyl.ss import s_s_discrete_exact
from stockpyl.supply_chain_network import SupplyChainNetwork
from stockpyl.supply_chain_node import SupplyChainNode
from stockpyl.wagner_whitin import wagner_whitin

Given = dict[str, np.ndarray]


def s_s(given: Given) -> float:
    costs = (float(given[name]) for name in ("holding_cost", "shortage_cost", "order_cost"))
    return float(s_s_discrete_exact(*costs, use_poisson=True, demand_mean=float(given["demand_mean"]))[-1])


def r_q(given: Given) -> float:
    names = ("holding_cost", "shortage_cost", "order_cost", "demand_rate", "lead_time")
    return float(r_q_poisson_exact(*(float(given[name]) for name in names))[-1])


def lots(given: Given) -> float:
    demand = given["demand"].tolist()
    return float(wagner_whitin(len(demand), float(given["holding_cost"]), float(given["order_cost"]), demand)[1])


def tree(given: Given) -> float:
    network = SupplyChainNetwork()
    last = set(range(len(given["demand_sd"]))) - set(given["supplier"].tolist())
    for stage, sd in enumerate(given["demand_sd"].tolist()):
        node = SupplyChainNode(
            stage,
            network=network,
            processing_time=int(given["processing_time"][stage]),
            local_holding_cost=float(given["holding_cost"][stage]),
            demand_bound_constant=float(given["demand_bound_constant"]),
            external_outbound_cst=0 if stage in last else None,
        )
        if stage in last:
            node.demand_source = DemandSource(type="N", mean=0.0, standard_deviation=sd)
        network.add_node(node)
    network.add_edges_from_list(list(zip(given["supplier"].tolist(), given["customer"].tolist(), strict=True)))
    return float(optimize_committed_service_times(network)[1])


JOBS: dict[str, Callable[[Given], float]] = {"s_s": s_s, "r_q": r_q, "wagner_whitin": lots, "tree": tree}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    job, source, destination = sys.argv[1:]
    with np.load(source, allow_pickle=False) as file:
        asked_for = {name: file[name] for name in file.files}
    taken = []
    for _ in range(int(asked_for["rounds"])):
        started = perf_counter()
        cost = JOBS[job](asked_for)
        taken.append(perf_counter() - started)
    np.savez(destination, cost=np.array(cost), seconds=np.array(taken))
