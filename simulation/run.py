"""Simulating a scenario: which executor runs it, how often, and what comes of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from math import inf, isfinite
from typing import Any, Literal, Protocol

import numpy as np

from simulation.estimates import replications_needed
from simulation.queue_load import warn_of_unstable_queues
from simulation.results import Comparison, SimulationResult
from simulation.scenario import Scenario
from simulation.tallies import Tallies, joined
from simulation.warm_up import warm_up_over_replications
from simulation.workers import Progress, StoppedEarly, run_replications, text_bar

Executor = Literal["auto", "periodic", "events", "plain"]
WarmUpDays = float | Literal["mser5"]
_PILOT_REPLICATIONS = 10


class PlainExecutorWarning(UserWarning):
    """The scenario needs the plain interpreter: right, and some hundred times slower."""


class InterruptedWarning(UserWarning):
    """The user stopped the run; the result holds the replications that were done."""


class Runner(Protocol):
    """An executor with everything given but which replications."""

    def __call__(self, *, first_replication: int, replications: int) -> Tallies: ...


def simulate(
    scenario: Scenario,
    *,
    days: float,
    seed: int,
    replications: int = 30,
    warm_up_days: WarmUpDays = 0.0,
    executor: Executor = "auto",
    workers: int = 1,
    relative_half_width: float | None = None,
    measure: str = "fill_rate",
    most_replications: int = 10_000,
    level: float = 0.95,
    daily: bool = False,
    log: bool = False,
    progress: Progress | bool | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> SimulationResult:
    """Run a scenario many times over.

    The same scenario, days, seed and replication give the same result to the last bit, whatever the executor (where
    the model allows), the number of workers and which other replications are run. Two scenarios under one seed meet
    the same luck.

    Args:
        scenario: What to simulate.
        days: Length of a replication, the warm-up included.
        seed: Of all luck.
        replications: At least 1; intervals need 2, and are honest from about 20 on.
        warm_up_days: Left out at the beginning; "mser5": found from a pilot run of 10 replications by MSER-5 over
            the days' total of stock less backorders, and of jobs at the stations; the longer of the two.
        executor: "auto" takes the fastest that can run the scenario.
        workers: Threads; for the plain interpreter processes, which import the calling script: guard what it runs by
            `if __name__ == "__main__"`.
        relative_half_width: Go on after `replications` until the interval of `measure` is at most this share of its
            mean to either side.
        measure: Of the whole scenario, for `relative_half_width`.
        most_replications: Where to stop in any case.
        level: Confidence of all intervals.
        daily: Keep the state of each day.
        log: Keep every event.
        progress: True for a line of text; or called with replications done, wanted, and the seconds left.
        clock: Seconds, for the time left alone.

    Returns:
        The result; where the user stops the run (Ctrl-C), that of the replications done, with a warning.

    Raises:
        ValueError: days, replications, warm-up, workers or another argument out of range, an executor that cannot
            run the scenario, or a measure that there is not.
        RunTooShort: the run is too short for MSER-5 to find its warm-up.
        KeyboardInterrupt: stopped before the first replications were done.
    """
    _check(days=days, replications=replications, workers=workers, most_replications=most_replications)
    warn_of_unstable_queues(scenario, stacklevel=3)
    chosen = chosen_executor(scenario, executor, log=log)
    if warm_up_days == "mser5":
        warm_up_days = settled_after(scenario, days=days, seed=seed, executor=chosen)
    if not 0.0 <= warm_up_days < days:
        raise ValueError(f"warm_up_days must be at least 0 and less than days = {days:g}, got {warm_up_days:g}")
    run = _runner(scenario, chosen, days=days, seed=seed, warm_up_days=warm_up_days, daily=daily, log=log)
    told = text_bar if progress is True else progress if callable(progress) else None

    def result(tallies: Tallies, *, interrupted: bool = False) -> SimulationResult:
        return SimulationResult(scenario, tallies, seed, chosen, warm_up_days, level, interrupted)

    parts: list[Tallies] = []
    wanted = replications
    while True:
        made = sum(part.replications for part in parts)
        try:
            parts.append(
                run_replications(
                    run,
                    first=made,
                    replications=wanted - made,
                    workers=workers,
                    processes=chosen == "plain",
                    progress=told,
                    done=made,
                    clock=clock,
                )
            )
        except StoppedEarly as stopped:
            return result(_what_is_done(parts, stopped, wanted), interrupted=True)
        so_far = result(joined(parts))
        if relative_half_width is None or so_far.replications >= most_replications:
            return so_far
        wanted = _wanted(so_far, measure, relative_half_width, most_replications)
        if wanted == so_far.replications:
            return so_far


def _what_is_done(parts: list[Tallies], stopped: StoppedEarly, wanted: int) -> Tallies:
    done = parts + ([stopped.tallies] if stopped.tallies is not None else [])
    if not done:
        raise KeyboardInterrupt("stopped before the first replications were done") from None
    tallies = joined(done)
    text = f"stopped by the user after {tallies.replications} of {wanted} replications; the result holds those"
    warnings.warn(text, InterruptedWarning, stacklevel=3)
    return tallies


def _wanted(result: SimulationResult, measure: str, relative_half_width: float, most: int) -> int:
    """How many replications to have next: as many as there are where the interval is narrow enough."""
    if not 0.0 < relative_half_width < inf:
        raise ValueError(f"relative_half_width must be above 0, got {relative_half_width:g}")
    seen, made = result.estimate(measure), result.replications
    if made >= 2 and seen.half_width <= relative_half_width * abs(seen.mean):
        return made
    needed = 2 * made
    values = result.by_replication[measure].to_numpy()
    if made >= 10 and not np.isnan(values).any():
        needed = replications_needed(values, relative_half_width=relative_half_width, level=result.level)
    return min(most, max(needed, made + max(2, made // 4)), 4 * made + 10)


def compare(
    scenarios: Sequence[Scenario],
    *,
    days: float,
    seed: int,
    replications: int = 30,
    bonferroni: bool = False,
    **options: Any,
) -> Comparison:
    """Scenarios side by side under the same luck, each against the first.

    Differences are taken replication by replication, so that what luck they share cancels: their intervals are as a
    rule far narrower than those of the measures themselves.

    Args:
        scenarios: At least one, each with a name of its own; the first is the one compared against.
        days, seed, replications: As for `simulate`.
        bonferroni: Whether the intervals of all scenarios' differences of one measure hold together at the level,
            rather than each by itself.
        **options: Further arguments of `simulate`, but `relative_half_width`: all must have the same replications.
            A warm-up found by MSER-5 is the first scenario's.

    Returns:
        Frames and pictures; where the user stops (Ctrl-C), of the scenarios begun so far.

    Raises:
        ValueError: no scenario, a name given twice, or what `simulate` refuses.
    """
    names = [scenario.name for scenario in scenarios]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"scenarios must be at least one, each with a name of its own, got {names}")
    if "relative_half_width" in options:
        raise ValueError("relative_half_width cannot be given: scenarios must have the same replications")
    results: list[SimulationResult] = []
    for scenario in scenarios:
        results.append(simulate(scenario, days=days, seed=seed, replications=replications, **options))
        if results[-1].interrupted:
            break
        options |= {"warm_up_days": results[0].warm_up_days}
    return Comparison(tuple(results), bonferroni=bonferroni)


# Executors


def chosen_executor(scenario: Scenario, executor: Executor, *, log: bool) -> str:
    """The fastest executor that can run the scenario, or the one asked for.

    Raises:
        ValueError: unknown, or it cannot run the scenario; says why.
    """
    if executor == "plain":
        return executor
    if executor not in ("auto", "periodic", "events"):
        raise ValueError(f'executor must be "auto", "periodic", "events" or "plain", got {executor!r}')
    why = None
    if executor in ("auto", "periodic"):
        why = "it keeps no log of events" if log else _not_periodic(scenario)
        if why is None:
            return "periodic"
    if executor in ("auto", "events"):
        why = _not_compiled(scenario)
        if why is None:
            return "events"
    if executor == "auto":
        text = f"scenario {scenario.name} runs on the plain interpreter, which is far slower: {why}"
        warnings.warn(text, PlainExecutorWarning, stacklevel=3)
        return "plain"
    raise ValueError(f"executor {executor} cannot run scenario {scenario.name}: {why}")


def _not_periodic(scenario: Scenario) -> str | None:
    from simulation.periodic_kernel import not_periodic

    return not_periodic(scenario)


def _not_compiled(scenario: Scenario) -> str | None:
    from simulation.event_kernel import not_compiled

    return not_compiled(scenario)


def _runner(
    scenario: Scenario, executor: str, *, days: float, seed: int, warm_up_days: float, daily: bool, log: bool
) -> Runner:
    common: dict[str, Any] = {"days": days, "seed": seed, "warm_up_days": warm_up_days, "daily": daily}
    if executor == "periodic":
        from simulation.periodic_kernel import run_periodic

        return partial(run_periodic, scenario, **common)
    if executor == "events":
        from simulation.event_kernel import run_events

        return partial(run_events, scenario, log=log, **common)
    from simulation.interpreter import run_plain

    return partial(run_plain, scenario, log=log, **common)


# Warm-up


def settled_after(scenario: Scenario, *, days: float, seed: int, executor: str) -> float:
    """Days until a run has settled, by MSER-5 on a pilot run.

    Raises:
        RunTooShort: the run has not settled by its half.
        ValueError: fewer than 50 days.
    """
    if days < 50:
        raise ValueError(f"days must be at least 50 for MSER-5 to find the warm-up, got {days:g}")
    run = _runner(scenario, executor, days=days, seed=seed, warm_up_days=0.0, daily=True, log=False)
    daily = run(first_replication=0, replications=_PILOT_REPLICATIONS).daily
    assert daily is not None
    stock = (daily.on_hand - daily.backordered).sum(axis=2)
    jobs = (daily.in_queue + daily.in_service).sum(axis=2)
    return float(max(warm_up_over_replications(series).cut for series in (stock, jobs)))


def _check(*, days: float, **counts: int) -> None:
    if not (isfinite(days) and days > 0):
        raise ValueError(f"days must be above 0, got {days}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
