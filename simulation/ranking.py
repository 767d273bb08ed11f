"""Which of many policies is best, with a known chance of being right and no more replications than that takes.

Systems are numbered from 0. They are simulated by a *sampler*, `draw(system, replication_from, count)`, which
returns the outputs of `count` replications, numbered from `replication_from`. Where replication i of every system
meets the same luck (common random numbers), differences are sharper and fewer replications do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray

Sampler = Callable[[int, int, int], npt.ArrayLike]

MOST_REPLICATIONS = 1_000_000


@dataclass(frozen=True, eq=False)
class Selection:
    """The system found best, and what it took.

    Attributes:
        selected: Its number.
        means: Of each system over its replications, shape (system,).
        replications: Drawn of each system, shape (system,).
        eliminated_at: Replications after which each system was dropped; −1 for those that never were.
        eliminated_by: The system that dropped it; −1.
        decided: Whether the promise holds. False: replications ran out first, and the best mean was taken.
    """

    selected: int
    means: FloatArray
    replications: IntArray
    eliminated_at: IntArray
    eliminated_by: IntArray
    decided: bool


@dataclass(frozen=True, eq=False)
class BudgetSelection:
    """The system of the best mean after a fixed number of replications.

    Attributes:
        selected: Its number.
        means: Of each system, shape (system,).
        replications: Of each system, shape (system,).
        chance_correct: Approximate lower bound of the chance that it is the best; 0 where the bound says nothing.
    """

    selected: int
    means: FloatArray
    replications: IntArray
    chance_correct: float


# The best at a promised chance


def select_best(
    draw: Sampler,
    systems: int,
    *,
    indifference: float,
    level: float = 0.95,
    largest: bool = False,
    first_stage: int = 20,
    step: int = 1,
    most_replications: int = MOST_REPLICATIONS,
) -> Selection:
    """The system of least (or largest) mean, by the fully sequential procedure KN of Kim and Nelson.

    All systems get `first_stage` replications, from which the variance of each difference is estimated. Then all
    that are still in get `step` more at a time, and a system is dropped as soon as another beats it by more than
    chance can explain. Unequal variances and common random numbers are allowed for.

    Args:
        draw: The sampler; outputs near normal (means or totals of a replication are as a rule).
        systems: How many, at least 1.
        indifference: Smallest difference of means worth finding, above 0, in units of the output. Halving it
            takes up to four times the replications.
        level: Chance of selecting the best where it is better than all others by at least `indifference`;
            otherwise, about the chance of one that close to it. From 1/systems to 1.
        largest: Whether large means are good.
        first_stage: At least 2; 10 to 50. Few estimate variances badly and are paid for later.
        step: Replications between looks; more save calls of the sampler and cost a few replications.
        most_replications: Of one system, at least `first_stage`; then the best mean so far is taken, undecided.

    Raises:
        ValueError: an argument out of range, or a sampler that returns too few outputs or one that is not finite.

    Source: S.-H. Kim and B. L. Nelson, "A fully sequential procedure for indifference-zone selection in
    simulation", ACM Transactions on Modeling and Computer Simulation 11 (2001), with c = 1.

    >>> luck = np.random.default_rng(1).normal(size=1000)
    >>> def monthly_cost(policy, replication_from, count):
    ...     return [120.0, 118.0, 135.0][policy] + 4 * luck[replication_from : replication_from + count]
    >>> best = select_best(monthly_cost, 3, indifference=1.0)
    >>> best.selected, best.replications.tolist()
    (1, [20, 20, 20])
    """
    _check_selection(systems, indifference, level, first_stage, step, most_replications)
    race = _Race(draw, systems, sign=-1.0 if largest else 1.0)
    race.run(first_stage)
    if systems == 1:
        return race.result(decided=True)
    chance = 2 * (1 - level) / (systems - 1)
    # 2η(n₀ − 1) of the paper, h².
    reach = (chance ** (-2 / (first_stage - 1)) - 1) * (first_stage - 1)
    allowance = reach * _variances_of_differences(race.outputs()) / indifference
    while True:
        race.drop_beaten(allowance, indifference)
        if race.settled(allowance, indifference):
            return race.result(decided=True)
        if race.drawn >= most_replications:
            return race.result(decided=False)
        race.run(min(step, most_replications - race.drawn))


@dataclass
class _Race:
    """Systems still in, their sums so far, and how the others went out."""

    draw: Sampler
    systems: int
    sign: float
    drawn: int = 0
    _outputs: list[FloatArray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sums = np.zeros(self.systems)
        self.alive = np.arange(self.systems)
        self.replications = np.zeros(self.systems, dtype=np.int64)
        self.eliminated_at = np.full(self.systems, -1)
        self.eliminated_by = np.full(self.systems, -1)

    def run(self, count: int) -> None:
        """More replications of all that are still in."""
        outputs = np.stack([_drawn(self.draw, int(system), self.drawn, count) for system in self.alive])
        if self.drawn == 0:
            self._outputs.append(outputs)
        self.sums[self.alive] += outputs.sum(axis=1)
        self.drawn += count
        self.replications[self.alive] = self.drawn

    def outputs(self) -> FloatArray:
        """Of the first stage, shape (system, replication)."""
        return self._outputs[0]

    def drop_beaten(self, allowance: FloatArray, indifference: float) -> None:
        """Out goes who is behind another by more than W = max(0, (h²S²/δ − rδ) / 2r)."""
        totals = self.sign * self.sums[self.alive]
        band = np.maximum(allowance[np.ix_(self.alive, self.alive)] - self.drawn * indifference, 0.0) / 2
        excess = totals[:, None] - totals[None, :] - band
        beaten = (excess > 0).any(axis=1)
        self.eliminated_at[self.alive[beaten]] = self.drawn
        self.eliminated_by[self.alive[beaten]] = self.alive[excess[beaten].argmax(axis=1)]
        self.alive = self.alive[~beaten]

    def settled(self, allowance: FloatArray, indifference: float) -> bool:
        """One is left, or those left are equal and no more replications would be allowed to part them."""
        return len(self.alive) == 1 or bool(
            (allowance[np.ix_(self.alive, self.alive)] <= self.drawn * indifference).all()
        )

    def result(self, *, decided: bool) -> Selection:
        means = self.sums / self.replications
        return Selection(
            selected=int(self.alive[(self.sign * means[self.alive]).argmin()]),
            means=means,
            replications=self.replications,
            eliminated_at=self.eliminated_at,
            eliminated_by=self.eliminated_by,
            decided=decided,
        )


# The best a budget can buy


def ocba_allocation(
    means: npt.ArrayLike, sds: npt.ArrayLike, *, budget: int, largest: bool = False, least_difference: float = 0.0
) -> IntArray:
    """Replications of each system that make the right choice likeliest, in all `budget` (OCBA).

    Spends on what is hard to tell from the best: N is in proportion to (sd / difference from the best)², and the
    best gets sd · √Σ (N/sd)² over the others. Derived for systems with luck of their own.

    Args:
        means, sds: Of each system so far, shape (system,), sds at least 0.
        budget: Replications in all, at least 0.
        largest: Whether large means are good.
        least_difference: Differences below it count as this one, so that two that are as good as equal do not
            get everything.

    Returns:
        Whole numbers that add up to the budget, shape (system,). A system without spread needs none.

    Raises:
        ValueError: an argument out of range.

    Source: C.-H. Chen, J. Lin, E. Yücesan and S. E. Chick, "Simulation budget allocation for further enhancing the
    efficiency of ordinal optimization", Discrete Event Dynamic Systems 10 (2000), theorem 1.

    >>> ocba_allocation([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], budget=1000)
    array([452, 438, 110])
    """
    centre, spread = _systems("means", means), _systems("sds", sds)
    if centre.shape != spread.shape or (spread < 0).any():
        raise ValueError(f"sds must be as many as means and at least 0, got {spread.tolist()} for {len(centre)} means")
    if budget < 0:
        raise ValueError(f"budget must be at least 0, got {budget}")
    if not (isfinite(least_difference) and least_difference >= 0):
        raise ValueError(f"least_difference must be at least 0, got {least_difference}")
    return _whole_shares(_ocba_weights(-centre if largest else centre, spread, least_difference), budget)


def select_within_budget(
    draw: Sampler,
    systems: int,
    *,
    budget: int,
    largest: bool = False,
    first_stage: int = 10,
    step: int = 20,
    least_difference: float = 0.0,
) -> BudgetSelection:
    """The system of least (or largest) mean after `budget` replications in all, spent where they tell most.

    After a first stage of all systems, `step` replications at a time go to where OCBA, with what is known by
    then, wants them.

    Args:
        draw: The sampler.
        systems: How many, at least 1.
        budget: Replications of all systems together, at least systems · first_stage.
        largest: Whether large means are good.
        first_stage: Of each system, at least 2.
        step: Replications between looks, of all systems together, at least 1.
        least_difference: As in `ocba_allocation`.

    Raises:
        ValueError: an argument out of range, or a sampler that returns too few outputs or one that is not finite.

    >>> luck = np.random.default_rng(1)
    >>> def cost(policy, replication_from, count):
    ...     return luck.normal([120.0, 118.0, 135.0][policy], 4.0, size=count)
    >>> best = select_within_budget(cost, 3, budget=200)
    >>> best.selected, int(best.replications.sum()), bool(best.replications[2] < 20)
    (1, 200, True)
    """
    _check_budget(systems, budget, first_stage, step)
    outputs = [_drawn(draw, system, 0, first_stage) for system in range(systems)]
    spent = systems * first_stage
    while spent < budget:
        more = min(step, budget - spent)
        means, sds, counts = _moments(outputs)
        wanted = ocba_allocation(means, sds, budget=spent + more, largest=largest, least_difference=least_difference)
        # Where more was drawn than is wanted by now, it stays; the others share what there is.
        for system, count in enumerate(_whole_shares(np.maximum(wanted - counts, 0).astype(np.float64), more)):
            if count:
                drawn = _drawn(draw, system, int(counts[system]), int(count))
                outputs[system] = np.concatenate([outputs[system], drawn])
        spent += more
    means, sds, counts = _moments(outputs)
    centre = -means if largest else means
    return BudgetSelection(int(centre.argmin()), means, counts, _chance_correct(centre, sds, counts))


def _ocba_weights(means: FloatArray, sds: FloatArray, least_difference: float) -> FloatArray:
    if len(means) == 1 or not (sds > 0).any():
        return np.ones(len(means))
    best = int(means.argmin())
    differences = means - means[best]
    floor = max(least_difference, 1e-6 * float(differences.max())) or 1.0
    ratio = sds / np.maximum(differences, floor)
    ratio[best] = 0.0
    if ratio.max() == 0:  # only the best has any spread
        return np.asarray(sds)
    ratio /= ratio.max()
    weights = ratio**2
    # N/sd = (sd/difference²) up to scale, which is defined without spread too.
    per_sd = np.divide(weights, sds, out=np.zeros_like(weights), where=sds > 0)
    weights[best] = sds[best] * np.sqrt((per_sd**2).sum())
    return np.asarray(weights)


def _whole_shares(weights: FloatArray, total: int) -> IntArray:
    """Whole numbers in proportion to weights, by largest remainders; the first of equals."""
    if weights.sum() == 0:
        weights = np.ones_like(weights)
    exact = weights / weights.sum() * total
    shares = np.floor(exact).astype(np.int64)
    rest = total - int(shares.sum())
    shares[np.argsort(shares - exact, kind="stable")[:rest]] += 1
    return np.asarray(shares)


def _chance_correct(means: FloatArray, sds: FloatArray, counts: IntArray) -> float:
    """1 − Σ P(a system is better than the one selected), normal and independent."""
    from scipy.special import ndtr

    best = int(means.argmin())
    errors = np.sqrt(sds**2 / counts + sds[best] ** 2 / counts[best])
    differences = means - means[best]
    certain = np.where(differences > 0, np.inf, 0.0)
    scores = np.delete(np.divide(differences, errors, out=certain, where=errors > 0), best)
    return max(0.0, 1.0 - float(ndtr(-scores).sum()))


def _moments(outputs: list[FloatArray]) -> tuple[FloatArray, FloatArray, IntArray]:
    return (
        np.array([one.mean() for one in outputs]),
        np.array([one.std(ddof=1) for one in outputs]),
        np.array([len(one) for one in outputs], dtype=np.int64),
    )


# Pieces


def _variances_of_differences(outputs: FloatArray) -> FloatArray:
    """Sample variance of each system less each other, shape (system, system)."""
    differences = outputs[:, None, :] - outputs[None, :, :]
    return np.asarray((differences - differences[:, :, :1]).var(axis=2, ddof=1))


def _drawn(draw: Sampler, system: int, replication_from: int, count: int) -> FloatArray:
    outputs = np.asarray(draw(system, replication_from, count), dtype=np.float64)
    if outputs.shape != (count,):
        raise ValueError(f"draw of system {system} must return {count} outputs, got shape {outputs.shape}")
    if not np.isfinite(outputs).all():
        wrong = replication_from + int((~np.isfinite(outputs)).argmax())
        raise ValueError(
            f"outputs of system {system} must be finite, got {outputs[wrong - replication_from]} in replication {wrong}"
        )
    return outputs


def _systems(name: str, values: npt.ArrayLike) -> FloatArray:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or len(given) == 0 or not np.isfinite(given).all():
        raise ValueError(f"{name} must be finite numbers, one per system, got {given.tolist()}")
    return given


def _check_selection(
    systems: int, indifference: float, level: float, first_stage: int, step: int, most_replications: int
) -> None:
    _at_least("systems", systems, 1)
    if not (isfinite(indifference) and indifference > 0):
        raise ValueError(f"indifference must be above 0, got {indifference}")
    if not 1 / systems <= level < 1 and not (systems == 1 and 0 < level < 1):
        raise ValueError(f"level must lie between 1/systems ({1 / systems:.3g}) and below 1, got {level}")
    _at_least("first_stage", first_stage, 2)
    _at_least("step", step, 1)
    _at_least("most_replications", most_replications, first_stage)


def _check_budget(systems: int, budget: int, first_stage: int, step: int) -> None:
    _at_least("systems", systems, 1)
    _at_least("first_stage", first_stage, 2)
    _at_least("step", step, 1)
    _at_least("budget", budget, systems * first_stage)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
