"""Ciw at work on a queue: run by the peers' own environment, never by ours.

`.venv/peers/bin/python benchmarks/ciw_peer.py queue IN.npz OUT.npz` where IN holds `servers`, `arrival_rate`,
`service_rate`, `days` and `seed`; the answer has `seconds` of the run alone, `customers` and their total `wait`.
"""

from __future__ import annotations

import sys
from time import perf_counter

import ciw
import numpy as np


def main(job: str, source: str, destination: str) -> None:
    if job != "queue":
        raise SystemExit(f"the job must be queue, got {job}")
    with np.load(source) as file:
        given = {name: float(file[name]) for name in file.files}
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=given["arrival_rate"])],
        service_distributions=[ciw.dists.Exponential(rate=given["service_rate"])],
        number_of_servers=[int(given["servers"])],
    )
    ciw.seed(int(given["seed"]))
    simulation = ciw.Simulation(network)
    started = perf_counter()
    simulation.simulate_until_max_time(given["days"])
    seconds = perf_counter() - started
    waits = [record.waiting_time for record in simulation.get_all_records()]
    np.savez(destination, seconds=seconds, customers=len(waits), wait=sum(waits))


if __name__ == "__main__":
    main(*sys.argv[1:])
