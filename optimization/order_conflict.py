"""Why no order keeps all rules: a smallest set of rules that exclude each other, and what would make room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.replenishment_columns import OrderProgram, OrderRound, order_program

MOST_MEMBERS = 6
CHECK_SECONDS = 5.0


class OrderConflict(Exception):
    """No order keeps all rules.

    Attributes:
        rules: A sentence per rule that cannot be kept together with the others; any one fewer could.
        least_change: The smallest budget or capacity with which the others can be kept; None where none of these is
            among the rules.
    """

    def __init__(self, rules: Sequence[str], *, least_change: str | None) -> None:
        super().__init__("cannot be kept together: " + "; ".join([*rules, *([least_change] if least_change else [])]))
        self.rules = tuple(rules)
        self.least_change = least_change


@dataclass(frozen=True)
class _Rule:
    """A kind of rule for some of those it concerns; None where it concerns the round."""

    kind: str
    members: IntArray | None


def conflict(round_: OrderRound) -> OrderConflict:
    """The rules of a round that no order keeps."""
    kinds = [rule for rule in _rules(round_) if rule.members is None or len(rule.members)]
    minimal = _minimal(round_, kinds)
    sentences: list[str] = []
    for single in _minimal(round_, [part for rule in minimal for part in _singles(rule)]):
        sentences += _sentences(round_, single)
    kept = {rule.kind for rule in minimal}
    for kind in ("budget", "volume capacity", "weight capacity"):
        if kind in kept and np.isfinite(least := _least(round_, kind)):
            return OrderConflict(sentences, least_change=f"{kind} must be at least {least:,.2f}")
    return OrderConflict(sentences, least_change=None)


def _rules(round_: OrderRound) -> list[_Rule]:
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    concerned = {
        "least": needs.least > 0,
        "most": np.isfinite(needs.most),
        "minimum order quantity": offers.moq > 1,
        "maximum quantity": np.isfinite(offers.maximum_quantity),
        "review day": ~suppliers.may_order,
        "minimum value": suppliers.minimum_value > 0,
        "minimum units": suppliers.minimum_units > 0,
        "required value": suppliers.required_value > 0,
        "maximum value": np.isfinite(suppliers.maximum_value),
        "containers": suppliers.by_container
        & (np.isfinite(suppliers.maximum_containers) | (suppliers.minimum_fill > 0)),
    }
    rules = [_Rule(kind, np.flatnonzero(members)) for kind, members in concerned.items()]
    limits = (
        ("budget", round_.budget),
        ("volume capacity", round_.volume_capacity),
        ("weight capacity", round_.weight_capacity),
    )
    return rules + [_Rule(kind, None) for kind, limit in limits if np.isfinite(limit)]


def _singles(rule: _Rule) -> list[_Rule]:
    """One rule per member, or pieces where there are very many."""
    if rule.members is None:
        return [rule]
    pieces = np.array_split(rule.members, min(len(rule.members), 256))
    return [_Rule(rule.kind, piece) for piece in pieces]


def _minimal(round_: OrderRound, rules: list[_Rule]) -> list[_Rule]:
    """A smallest part of the rules that already excludes every order (Junker's QuickXplain, 2004)."""

    def search(kept: list[_Rule], changed: bool, open_rules: list[_Rule]) -> list[_Rule]:
        if changed and not _possible(round_, kept):
            return []
        if len(open_rules) == 1:
            return open_rules
        half = len(open_rules) // 2
        first, second = open_rules[:half], open_rules[half:]
        from_second = search([*kept, *first], bool(first), second)
        from_first = search([*kept, *from_second], bool(from_second), first)
        return [*from_first, *from_second]

    return search([], False, rules) if rules else []


def _possible(round_: OrderRound, kept: list[_Rule]) -> bool:
    """Whether an order keeps these rules, of all that there are; yes where time does not tell."""
    relaxed = round_
    for rule in _rules(round_):
        members = [one.members for one in kept if one.kind == rule.kind]
        if rule.members is None:
            relaxed = relaxed if members else _without(relaxed, rule.kind, np.zeros(0, dtype=np.int64))
        else:
            there = np.concatenate([one for one in members if one is not None] or [np.zeros(0, dtype=np.int64)])
            relaxed = _without(relaxed, rule.kind, np.setdiff1d(rule.members, there))
    program = order_program(relaxed, whole_packs=True).program
    free = replace(program, cost=np.zeros(len(program.cost)))
    return free.solve(offset=0.0, relative_gap=1.0, time_limit=CHECK_SECONDS).status != "infeasible"


def _without(round_: OrderRound, kind: str, members: IntArray) -> OrderRound:
    """The round without a kind of rule for these members."""
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    room = 2 * float(needs.width.sum(axis=1).max(initial=0.0) + offers.moq.max(initial=0.0))
    room += 2 * float(needs.least.max(initial=0.0) + offers.pack_size.max(initial=1.0))
    most, largest = needs.most, offers.maximum_quantity
    if kind in ("most", "maximum quantity"):
        room += float((most if kind == "most" else largest)[members].max(initial=0.0))
    changes: dict[str, Callable[[], OrderRound]] = {
        "least": lambda: replace(round_, needs=replace(needs, least=_at(needs.least, members, 0.0))),
        "most": lambda: replace(round_, needs=replace(needs, most=_at(most, members, room))),
        "minimum order quantity": lambda: replace(round_, offers=replace(offers, moq=_at(offers.moq, members, 0.0))),
        "maximum quantity": lambda: replace(
            round_,
            offers=replace(
                offers,
                maximum_quantity=_at(
                    offers.maximum_quantity, members, room + offers.maximum_quantity[members].max(initial=0.0)
                ),
            ),
        ),
        "review day": lambda: _supplied(round_, may_order=suppliers.may_order | _among(suppliers.may_order, members)),
        "minimum value": lambda: _supplied(round_, minimum_value=_at(suppliers.minimum_value, members, 0.0)),
        "minimum units": lambda: _supplied(round_, minimum_units=_at(suppliers.minimum_units, members, 0.0)),
        "required value": lambda: _supplied(round_, required_value=_at(suppliers.required_value, members, 0.0)),
        "maximum value": lambda: _supplied(round_, maximum_value=_at(suppliers.maximum_value, members, np.inf)),
        "containers": lambda: _supplied(
            round_,
            maximum_containers=_at(suppliers.maximum_containers, members, np.inf),
            minimum_fill=_at(suppliers.minimum_fill, members, 0.0),
        ),
        "budget": lambda: replace(round_, budget=np.inf),
        "volume capacity": lambda: replace(round_, volume_capacity=np.inf),
        "weight capacity": lambda: replace(round_, weight_capacity=np.inf),
    }
    return changes[kind]()


def _supplied(round_: OrderRound, **terms: FloatArray | BoolArray) -> OrderRound:
    return replace(round_, suppliers=replace(round_.suppliers, **terms))  # type: ignore[arg-type]


def _at(values: FloatArray, members: IntArray, value: float) -> FloatArray:
    return np.asarray(np.where(_among(values, members), value, values))


def _among(values: FloatArray | BoolArray, members: IntArray) -> BoolArray:
    return np.asarray(np.isin(np.arange(len(values)), members))


def _least(round_: OrderRound, kind: str) -> float:
    """The smallest budget or capacity with which the other rules can be kept; infinite where none is enough."""
    limitless = _without(round_, kind, np.zeros(0, dtype=np.int64))
    built = order_program(limitless, whole_packs=True)
    program = replace(built.program, cost=_usage(limitless, built, kind))
    found = program.solve(offset=0.0, relative_gap=1e-4, time_limit=2 * CHECK_SECONDS)
    return found.objective


def _usage(round_: OrderRound, built: OrderProgram, kind: str) -> FloatArray:
    """What each column takes of the budget or of a capacity."""
    needs, offers, suppliers, modes = round_.needs, round_.offers, round_.suppliers, built.modes
    offer = modes.offer[built.corners.mode]
    units = built.corners.packs * offers.pack_size[offer]
    usage = np.zeros(len(built.program.cost))
    if kind == "budget":
        usage[: len(units)] = modes.intercept[built.corners.mode] + modes.price[built.corners.mode] * units
        there = built.ordered >= 0
        usage[built.ordered[there]] = suppliers.order_cost[there]
        for number, column in built.containers:
            usage[column] = suppliers.container_cost[number]
    else:
        size = needs.volume if kind == "volume capacity" else needs.weight
        usage[: len(units)] = size[offers.sku[offer]] * units
    return usage


def _sentences(round_: OrderRound, rule: _Rule) -> list[str]:
    if rule.members is None:
        limit = {
            "budget": round_.budget,
            "volume capacity": round_.volume_capacity,
            "weight capacity": round_.weight_capacity,
        }[rule.kind]
        return [f"{rule.kind} {limit:,.2f}"]
    told = [_sentence(round_, rule.kind, int(member)) for member in rule.members[:MOST_MEMBERS]]
    more = len(rule.members) - MOST_MEMBERS
    return told + ([f"{rule.kind} of {more} more"] if more > 0 else [])


def _sentence(round_: OrderRound, kind: str, member: int) -> str:
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    if kind == "least":
        return f"least {needs.least[member]:g} of {needs.names[member]}{_smallest(round_, member)}"
    if kind == "most":
        return f"most {needs.most[member]:g} of {needs.names[member]}"
    if kind in ("minimum order quantity", "maximum quantity"):
        value = (offers.moq if kind.startswith("minimum") else offers.maximum_quantity)[member]
        sku, supplier = needs.names[offers.sku[member]], suppliers.names[offers.supplier[member]]
        return f"{kind} {value:g} of {sku} from {supplier}"
    name = suppliers.names[member]
    if kind == "review day":
        return f"today is no day to order from {name}"
    if kind == "containers":
        most, fill = suppliers.maximum_containers[member], suppliers.minimum_fill[member]
        count = f"at most {most:g} " if np.isfinite(most) else ""
        return f"{count}containers of {name}" + (f" filled to {fill:.0%}" if fill > 0 else "")
    value = {
        "minimum value": suppliers.minimum_value,
        "minimum units": suppliers.minimum_units,
        "required value": suppliers.required_value,
        "maximum value": suppliers.maximum_value,
    }[kind][member]
    return f"{kind} {value:,.2f} of {name}"


def _smallest(round_: OrderRound, sku: int) -> str:
    """What the cheapest order that covers a SKU's least costs."""
    offers = round_.offers
    own = np.flatnonzero((offers.sku == sku) & round_.suppliers.may_order[offers.supplier])
    if not len(own):
        return ""
    needed = np.maximum(round_.needs.least[sku], offers.moq[own])
    units = np.zeros(len(offers.sku))
    units[own] = np.ceil(needed / offers.pack_size[own]) * offers.pack_size[own]
    cost = offers.cost(units)[own]
    best = int(own[np.argmin(cost)])
    supplier = round_.suppliers.names[offers.supplier[best]]
    return f" (at the cheapest {units[best]:g} units from {supplier} for {cost.min():,.2f})"
