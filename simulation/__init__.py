"""Scenarios of stock, orders and stations, simulated again and again to prove a policy before it is followed."""

from simulation.distributions import (
    Distribution,
    constant,
    discrete,
    empirical,
    erlang,
    exponential,
    gamma,
    geometric,
    hyperexponential,
    lognormal,
    negative_binomial,
    normal,
    poisson,
    triangular,
    uniform,
)
from simulation.estimates import Estimate
from simulation.event_kernel import not_compiled, run_events
from simulation.interpreter import run_plain
from simulation.level_search import Optimised, optimise
from simulation.periodic_kernel import not_periodic, run_periodic
from simulation.queue_load import UnstableQueueWarning, station_loads
from simulation.ranking import ocba_allocation, select_best, select_within_budget
from simulation.results import Comparison, SimulationResult
from simulation.run import InterruptedWarning, PlainExecutorWarning, compare, simulate
from simulation.scenario import (
    Breakdowns,
    Calendar,
    Carrier,
    Demand,
    OrderStream,
    Outage,
    Policy,
    Returns,
    Scenario,
    Site,
    Station,
    StockPoint,
)
from simulation.scenario_checks import ScenarioError
from simulation.tallies import EventLog, Tallies
from simulation.warm_up import RunTooShort, warm_up, warm_up_over_replications

__all__ = [
    "Breakdowns",
    "Calendar",
    "Carrier",
    "Comparison",
    "Demand",
    "Distribution",
    "Estimate",
    "EventLog",
    "InterruptedWarning",
    "Optimised",
    "OrderStream",
    "Outage",
    "PlainExecutorWarning",
    "Policy",
    "Returns",
    "RunTooShort",
    "Scenario",
    "ScenarioError",
    "SimulationResult",
    "Site",
    "Station",
    "StockPoint",
    "Tallies",
    "UnstableQueueWarning",
    "compare",
    "constant",
    "discrete",
    "empirical",
    "erlang",
    "exponential",
    "gamma",
    "geometric",
    "hyperexponential",
    "lognormal",
    "negative_binomial",
    "normal",
    "not_compiled",
    "not_periodic",
    "ocba_allocation",
    "optimise",
    "poisson",
    "run_events",
    "run_periodic",
    "run_plain",
    "select_best",
    "select_within_budget",
    "simulate",
    "station_loads",
    "triangular",
    "uniform",
    "warm_up",
    "warm_up_over_replications",
]
