"""Whole orders near a relaxed one: SKUs change their choice, alone and in pairs, while that costs less.

Suppliers' orders as a whole (from whom, how many containers) are given, as lower and upper limits on what each
supplier's order and the round may hold. A limit that is broken costs a penalty, which rises until none is.
"""

from dataclasses import dataclass

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel

ROUNDS = 8
SWEEPS = 60
PAIRS = 3_000_000
TOLERANCE = 1e-9
GAIN = 1e-7


@dataclass(frozen=True)
class Choices:
    """What each SKU may do.

    Attributes:
        begins: Where each SKU's choices begin, and their number at the end, shape (sku + 1,).
        supplier: −1 for nothing, shape (choice,).
        cost: Money, shape (choice,).
        load: What it adds to each measure, of its supplier and of the round, shape (choice, measure).
        regret: What it costs more than the SKU's best at the relaxation's prices, ≥ 0 and rising within each SKU,
            shape (choice,).
        toll: What it takes of its supplier's limits, and of the round's, at those prices, shape (choice, 2).
    """

    begins: IntArray
    supplier: IntArray
    cost: FloatArray
    load: FloatArray
    regret: FloatArray
    toll: FloatArray


@dataclass(frozen=True)
class Limits:
    """What suppliers' orders and the round may hold.

    Attributes:
        least: Of each measure per supplier, shape (supplier, measure).
        most: Of each measure per supplier, shape (supplier, measure).
        round_most: Of each measure over all suppliers, shape (measure,).
    """

    least: FloatArray
    most: FloatArray
    round_most: FloatArray


def exchanged(
    choices: Choices,
    start: IntArray,
    limits: Limits,
    *,
    relaxed_toll: FloatArray,
    relaxed_round_toll: float,
) -> IntArray | None:
    """A choice per SKU that no change of one SKU, or of two of one supplier, makes cheaper; None if limits stay broken.

    An order costs what the relaxation does, plus its SKUs' regrets, plus what it leaves unused of scarce limits, at
    their prices. So a pair saves something only if it adds less regret than that: few are tried.

    Args:
        choices: What each SKU may do.
        start: Choice of each SKU to begin with, shape (sku,).
        limits: To keep.
        relaxed_toll: What the relaxation takes of each supplier's limits, at its prices, shape (supplier,).
        relaxed_round_toll: What it takes of the round's.
    """
    chosen, penalty = start.copy(), _first_penalty(choices)
    sku = np.repeat(np.arange(len(start)), np.diff(choices.begins))
    some = choices.supplier >= 0
    pairs = np.unique(np.column_stack([choices.supplier[some], sku[some]]), axis=0)
    first = np.searchsorted(pairs[:, 0], np.arange(len(limits.least) + 1))
    rounds, alone = 0, True
    while rounds < ROUNDS:
        broken = _exchange(
            choices.begins, choices.supplier, choices.cost, choices.load, choices.regret, choices.toll, chosen,
            limits.least, limits.most, limits.round_most, penalty, np.ascontiguousarray(pairs[:, 1]), first,
            relaxed_toll, relaxed_round_toll, not alone, SWEEPS, PAIRS,
        )  # fmt: skip
        if broken <= TOLERANCE and not alone:
            return chosen
        rounds += 1
        alone = broken > TOLERANCE and rounds < ROUNDS - 1
        penalty = penalty * (4.0 if broken > TOLERANCE else 1.0)
    return None


def _first_penalty(choices: Choices) -> FloatArray:
    """Money per unit of each measure: more than most choices are worth per unit of it."""
    penalty = np.zeros(choices.load.shape[1])
    for measure, load in enumerate(choices.load.T):
        used = load > 0
        if used.any():
            penalty[measure] = np.quantile(np.abs(choices.cost[used]) / load[used], 0.5)
    return np.maximum(penalty, 1e-9)


@kernel
def _broken(load: FloatArray, least: FloatArray, most: FloatArray, penalty: FloatArray) -> float:
    """Penalty for the limits that a load breaks, beyond rounding."""
    total = 0.0
    for measure in range(len(load)):
        slack = 1e-10 * (1.0 + abs(load[measure]))
        if load[measure] < least[measure] - slack:
            total += (least[measure] - load[measure]) * penalty[measure]
        elif load[measure] > most[measure] + slack:
            total += (load[measure] - most[measure]) * penalty[measure]
    return total


@kernel
def _moved(
    signs: FloatArray, moved: IntArray, count: int, supplier_of: IntArray, load: FloatArray,
    totals: FloatArray, round_total: FloatArray, least: FloatArray, most: FloatArray, round_most: FloatArray,
    penalty: FloatArray, broken_now: FloatArray, no_least: FloatArray, work: FloatArray,
) -> float:  # fmt: skip
    """How the penalties change when choices are taken (sign 1) and left (sign −1)."""
    measures = load.shape[1]
    change = 0.0
    for measure in range(measures):
        work[measure] = round_total[measure]
    for one in range(count):
        for measure in range(measures):
            work[measure] += signs[one] * load[moved[one], measure]
    change += _broken(work, no_least, round_most, penalty) - _broken(round_total, no_least, round_most, penalty)
    for one in range(count):
        supplier = supplier_of[moved[one]]
        seen = supplier < 0
        for before in range(one):
            if supplier_of[moved[before]] == supplier:
                seen = True
        if seen:
            continue
        for measure in range(measures):
            work[measure] = totals[supplier, measure]
        for other in range(one, count):
            if supplier_of[moved[other]] == supplier:
                for measure in range(measures):
                    work[measure] += signs[other] * load[moved[other], measure]
        change += _broken(work, least[supplier], most[supplier], penalty) - broken_now[supplier]
    return change


@kernel
def _apply(
    old: int, new: int, supplier_of: IntArray, load: FloatArray, totals: FloatArray, round_total: FloatArray,
    least: FloatArray, most: FloatArray, penalty: FloatArray, broken_now: FloatArray,
) -> None:  # fmt: skip
    for choice, sign in ((old, -1.0), (new, 1.0)):
        supplier = supplier_of[choice]
        for measure in range(load.shape[1]):
            round_total[measure] += sign * load[choice, measure]
            if supplier >= 0:
                totals[supplier, measure] += sign * load[choice, measure]
        if supplier >= 0:
            broken_now[supplier] = _broken(totals[supplier], least[supplier], most[supplier], penalty)


@kernel
def _exchange(
    begins: IntArray, supplier_of: IntArray, cost: FloatArray, load: FloatArray, regret: FloatArray, toll: FloatArray,
    chosen: IntArray, least: FloatArray, most: FloatArray, round_most: FloatArray, penalty: FloatArray,
    pair_skus: IntArray, pair_first: IntArray, relaxed_toll: FloatArray, relaxed_round_toll: float, pairs: bool,
    sweeps: int, most_pairs: int,
) -> float:  # fmt: skip
    """Change `chosen` until nothing improves or very many pairs were tried; the penalty that is left."""
    tried = 0
    suppliers, measures = least.shape
    totals, round_total = np.zeros((suppliers, measures)), np.zeros(measures)
    no_least, work, broken_now = np.zeros(measures), np.zeros(measures), np.zeros(suppliers)
    for sku in range(len(chosen)):
        choice = chosen[sku]
        for measure in range(measures):
            round_total[measure] += load[choice, measure]
            if supplier_of[choice] >= 0:
                totals[supplier_of[choice], measure] += load[choice, measure]
    for supplier in range(suppliers):
        broken_now[supplier] = _broken(totals[supplier], least[supplier], most[supplier], penalty)
    moved, signs = np.zeros(4, dtype=np.int64), np.array([-1.0, 1.0, -1.0, 1.0])
    for _ in range(sweeps):
        improved = False
        for sku in range(len(chosen)):
            old = chosen[sku]
            best, gain = old, -GAIN
            moved[0] = old
            for choice in range(begins[sku], begins[sku + 1]):
                moved[1] = choice
                change = cost[choice] - cost[old]
                change += _moved(
                    signs, moved, 2, supplier_of, load, totals, round_total, least, most, round_most, penalty,
                    broken_now, no_least, work,
                )  # fmt: skip
                if change < gain and choice != old:
                    best, gain = choice, change
            if best != old:
                _apply(old, best, supplier_of, load, totals, round_total, least, most, penalty, broken_now)
                chosen[sku] = best
                improved = True
        if improved:
            continue
        if not pairs:
            break
        for supplier in range(suppliers):
            spare = -relaxed_toll[supplier]
            round_spare = -relaxed_round_toll
            for choice in chosen:
                round_spare += toll[choice, 1]
                if supplier_of[choice] == supplier:
                    spare += toll[choice, 0]
            spare = max(spare, 0.0) + max(round_spare, 0.0) + broken_now[supplier]
            for first in range(pair_first[supplier], pair_first[supplier + 1]):
                one = pair_skus[first]
                for second in range(first + 1, pair_first[supplier + 1]):
                    if tried > most_pairs:
                        break
                    other = pair_skus[second]
                    old_one, old_other = chosen[one], chosen[other]
                    best_one, best_other, gain = old_one, old_other, -GAIN
                    moved[0], moved[2] = old_one, old_other
                    room = spare + regret[old_one] + regret[old_other]
                    for new_one in range(begins[one], begins[one + 1]):
                        if regret[new_one] + regret[begins[other]] >= room:
                            break
                        if new_one == old_one:
                            continue
                        moved[1] = new_one
                        for new_other in range(begins[other], begins[other + 1]):
                            if regret[new_one] + regret[new_other] >= room:
                                break
                            if new_other == old_other:
                                continue
                            moved[3] = new_other
                            tried += 1
                            change = cost[new_one] + cost[new_other] - cost[old_one] - cost[old_other]
                            change += _moved(
                                signs, moved, 4, supplier_of, load, totals, round_total, least, most, round_most,
                                penalty, broken_now, no_least, work,
                            )  # fmt: skip
                            if change < gain:
                                best_one, best_other, gain = new_one, new_other, change
                    if best_one != old_one:
                        for old, new in ((old_one, best_one), (old_other, best_other)):
                            _apply(old, new, supplier_of, load, totals, round_total, least, most, penalty, broken_now)
                        chosen[one], chosen[other] = best_one, best_other
                        improved = True
        if not improved or tried > most_pairs:
            break
    total = _broken(round_total, no_least, round_most, penalty)
    for supplier in range(suppliers):
        total += broken_now[supplier]
    return total
