"""The simulator against a wide table of known answers: does each figure come as often within its error as it should?

Every line is one figure of one run: what a formula says of it, what replications came to, the half-width of their 95 %
interval, and z: the deviation in standard errors, told as the normal number that is as rare as Student's t with so many
replications. Runs have luck of their own, so that their deviations are independent; figures of one run are not. See
docs/simulation/known-answers.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from measure import Claim, Figure, run
from queue_formulas import DESK, Step, losses, mean_of_first_waits, network, one_server, several_servers, short_queue
from scipy.special import ndtri, stdtr, stdtrit
from stock_formulas import (
    FixedQuantity,
    MonthlyReview,
    geometric_day,
    lost_customers,
    negative_binomial_day,
    poisson_day,
    reviewed_by_day,
    waiting_customers,
)

from simulation.distributions import (
    Distribution,
    constant,
    discrete,
    erlang,
    exponential,
    gamma,
    geometric,
    hyperexponential,
    lognormal,
    negative_binomial,
    poisson,
    triangular,
    uniform,
)
from simulation.estimates import Estimate, mean_estimate
from simulation.results import SimulationResult
from simulation.run import Executor, simulate
from simulation.scenario import Demand, OrderStream, Policy, Scenario, Station, StockPoint

REPLICATIONS, PLAIN_REPLICATIONS = 100, 40
SEED = 62_000
QUICK_STEP, QUICK_SHARE = 4, 0.25
RELAXATIONS = 12
"""A queue that began empty nears its steady state as exp(−time / relaxation): to one in 160,000 in so many."""


@dataclass(frozen=True)
class Case:
    """A run and what it should come to.

    Attributes:
        family: Kind of system.
        parameters: Of this one, in words.
        scenario: What is simulated.
        warm_up: Days left out.
        days: Days measured after them.
        expected: By measure; of a station as "measure@station", of a sum as "measure+measure".
        executor: Which runs it.
        replications: At least 30.
        whole: The run has a length of its own, which being quick may not change.
    """

    family: str
    parameters: str
    scenario: Scenario
    warm_up: float
    days: float
    expected: Mapping[str, float]
    executor: Executor = "events"
    replications: int = REPLICATIONS
    whole: bool = False

    def plainly(self, days: float | None = None) -> Case:
        """The same for the plain interpreter, with fewer replications and days."""
        wanted = self.days if days is None else days
        return replace(self, executor="plain", replications=PLAIN_REPLICATIONS, days=wanted)

    def shorter(self) -> Case:
        """The same, to be run quickly."""
        if self.whole:
            return replace(self, replications=max(PLAIN_REPLICATIONS, self.replications // 4))
        return replace(self, days=float(np.ceil(self.days * QUICK_SHARE / 7) * 7))


@dataclass(frozen=True)
class Line:
    """One figure of one run."""

    case: Case
    measure: str
    expected: float
    found: Estimate

    @property
    def z(self) -> float:
        """Standard errors between the mean and the formula, as a normal number of the same rarity."""
        freedom = self.found.count - 1
        error = self.found.half_width / float(stdtrit(freedom, 0.5 + self.found.level / 2))
        away = (self.found.mean - self.expected) / error
        return float(np.copysign(ndtri(stdtr(freedom, -abs(away))), away))

    def __str__(self) -> str:
        found = f"{self.expected:12.6g} {self.found.mean:12.6g} {self.found.half_width:10.2g} {self.z:6.2f}"
        return f"{self.case.family:22} {self.case.parameters:44} {self.case.executor:9} {self.measure:28} {found}"


HEADER = (
    f"{'family':22} {'parameters':44} {'executor':9} {'measure':28}"
    f" {'expected':>12} {'simulated':>12} {'±':>10} {'z':>6}"
)

# Laws of lead times and services, by mean (and squared coefficient of variation)

LEAD_TIMES: dict[str, Callable[[float], Distribution]] = {
    "constant": constant,
    "exponential": exponential,
    "uniform": lambda mean: uniform(0.0, 2 * mean),
    "gamma": lambda mean: gamma(mean, 0.6 * mean),
    "lognormal": lambda mean: lognormal(mean, mean),
    "triangular": lambda mean: triangular(0.2 * mean, 0.5 * mean, 2.3 * mean),
}


def _two_branches(mean: float, scv: float) -> Distribution:
    """The hyperexponential whose branches bring equal shares of the mean."""
    first = (1 + ((scv - 1) / (scv + 1)) ** 0.5) / 2
    return hyperexponential([first, 1 - first], [mean / 2 / first, mean / 2 / (1 - first)])


def _two_values(mean: float, scv: float) -> Distribution:
    """Half as much, or more: a discrete service."""
    chance = scv / (scv + 0.25)
    return discrete([mean / 2, mean * (1 + 2 * scv)], [chance, 1 - chance])


SERVICES: dict[str, Callable[[float, float], Distribution]] = {
    "gamma": lambda mean, scv: gamma(mean, mean * scv**0.5),
    "lognormal": lambda mean, scv: lognormal(mean, mean * scv**0.5),
    "erlang": lambda mean, scv: erlang(round(1 / scv), mean),
    "uniform": lambda mean, scv: uniform(mean * (1 - (3 * scv) ** 0.5), mean * (1 + (3 * scv) ** 0.5)),
    "hyperexponential": _two_branches,
    "two values": _two_values,
}

# Queues


def _queue(arrivals: float, service: Distribution, servers: int, *, places: int = -1, orders: int = 0) -> Scenario:
    stream = OrderStream("orders", exponential(1 / arrivals), route=(DESK,), limit=orders)
    return Scenario(streams=(stream,), stations=(Station(DESK, servers, service, queue_limit=places),))


def _relaxation(arrivals: float, service: float, servers: int, scv: float = 1.0) -> float:
    """Time in which a queue forgets where it began, days; the longer of the queue's and a service."""
    load = arrivals * service / servers
    return max(service / servers * (1 + scv) / 2 / (1 - load**0.5) ** 2, service * (1 + scv) / 2)


def _open_queue(
    family: str, text: str, arrivals: float, service: Distribution, servers: int, expected: Mapping[str, float]
) -> Case:
    relaxation = _relaxation(arrivals, service.mean, servers, (service.sd / service.mean) ** 2)
    days = max(30 * relaxation, 10_000 / arrivals)
    return Case(family, text, _queue(arrivals, service, servers), RELAXATIONS * relaxation, days, expected)


def queues_of_several_servers() -> Iterator[Case]:
    grid = [(1, 0.3), (1, 0.5), (1, 0.8), (1, 0.9), (2, 0.6), (2, 0.9), (3, 0.5), (3, 0.8), (4, 0.95), (5, 0.8)]
    grid += [(8, 0.7), (8, 0.9), (10, 0.85), (20, 0.9), (50, 0.95)]
    for number, (servers, load) in enumerate(grid):
        service = (1.0, 0.25, 3.0)[number % 3]
        arrivals = load * servers / service
        expected = several_servers(arrivals, service, servers)
        text = f"c {servers}, load {load}, service {service:g}"
        case = _open_queue("M/M/c", text, arrivals, exponential(service), servers, expected)
        yield case
        if load <= 0.5:
            yield case.plainly(1000 / arrivals)


def constant_services() -> Iterator[Case]:
    for load in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95):
        service = 2.0 if load in (0.3, 0.7, 0.9) else 0.05
        arrivals = load / service
        expected = one_server(arrivals, service, 0.0)
        yield _open_queue("M/D/1", f"load {load}, service {service:g}", arrivals, constant(service), 1, expected)


def services_of_any_law() -> Iterator[Case]:
    laws = [("gamma", 0.25), ("gamma", 2.0), ("gamma", 4.0), ("lognormal", 0.5), ("lognormal", 1.0), ("lognormal", 2.0)]
    laws += [("erlang", 0.5), ("erlang", 0.25), ("uniform", 0.1), ("uniform", 0.3), ("two values", 1.0)]
    laws += [("hyperexponential", 2.0), ("hyperexponential", 4.0), ("hyperexponential", 8.0), ("two values", 3.0)]
    for number, (law, scv) in enumerate(laws):
        for load in ((0.5, 0.8), (0.7, 0.9))[number % 2]:
            service = (1.0, 0.2)[number % 2]
            arrivals = load / service
            expected = one_server(arrivals, service, scv)
            text = f"{law}, scv {scv:g}, load {load}"
            yield _open_queue("M/G/1", text, arrivals, SERVICES[law](service, scv), 1, expected)


def loss_systems() -> Iterator[Case]:
    grid = [(1, 0.5), (2, 1.0), (3, 2.0), (5, 5.0), (10, 8.0), (20, 15.0), (30, 35.0)]
    laws = list(LEAD_TIMES)
    for number, (servers, load) in enumerate(grid):
        for law in (laws[number % 6], laws[(number + 3) % 6]):
            arrivals = 4.0
            service = LEAD_TIMES[law](load / arrivals)
            expected = losses(arrivals, load / arrivals, servers)
            text = f"c {servers}, offered {load:g}, {law}"
            scenario = _queue(arrivals, service, servers, places=0)
            case = Case("Erlang B", text, scenario, 25 * load / arrivals, 5000.0, expected)
            yield case
            if number == 2:
                yield case.plainly(500.0)


def short_queues() -> Iterator[Case]:
    grid = [(1, 1, 0.8), (1, 5, 0.9), (1, 10, 1.0), (1, 4, 1.5), (2, 3, 0.9), (3, 6, 0.8), (3, 2, 1.2), (5, 10, 0.95)]
    grid += [(8, 4, 1.0), (12, 20, 0.9)]
    for servers, places, load in grid:
        arrivals = 2.0 * load * servers
        expected = short_queue(arrivals, 0.5, servers, places)
        text = f"c {servers}, {places} may wait, offered load {load}"
        scenario = _queue(arrivals, exponential(0.5), servers, places=places)
        warm_up = 20.0 * (1 + (places / servers) ** 2)
        yield Case("M/M/c/K", text, scenario, warm_up, max(10_000 / arrivals, 10 * warm_up), expected)


def first_customers() -> Iterator[Case]:
    grid = [(0.3, 10), (0.5, 10), (0.5, 50), (0.7, 25), (0.8, 100), (0.9, 2), (0.9, 5), (0.9, 25), (0.9, 100)]
    grid += [(0.95, 50), (1.0, 40), (1.2, 30)]
    for load, customers in grid:
        scenario = _queue(load, exponential(1.0), 1, orders=customers)
        expected = {f"wait@{DESK}": mean_of_first_waits(load, 1.0, customers)}
        text = f"first {customers} customers, load {load}"
        days = 4 * customers / min(load, 1.0) + 60.0
        yield Case("M/M/1 from empty", text, scenario, 0.0, days, expected, replications=4000, whole=True)


def networks() -> Iterator[Case]:
    shops = [
        [Step(1 / 2, 5), Step(1 / 3, 3), Step(1 / 6, 2)],
        [Step(0.1, 1), Step(0.12, 1)],
        [Step(0.4, 4), Step(0.1, 1), Step(0.3, 3), Step(0.05, 1)],
        [Step(0.9, 10), Step(0.25, 3), Step(0.6, 7)],
    ]
    grid = [(0, 8.0, 0.0), (0, 8.0, 0.1), (0, 6.0, 0.2), (0, 7.0, 0.05), (1, 7.0, 0.0), (1, 5.0, 0.3), (1, 4.0, 0.5)]
    grid += [(2, 9.0, 0.0), (2, 7.0, 0.2), (2, 8.0, 0.1), (3, 10.0, 0.0), (3, 8.0, 0.15), (3, 5.0, 0.5)]
    for shop, arrivals, again in grid:
        steps, rate = shops[shop], arrivals / (1 - again)
        relaxation = max(_relaxation(rate, step.service, step.servers) for step in steps) / (1 - again)
        scenario = Scenario(
            streams=(
                OrderStream(
                    "orders",
                    exponential(1 / arrivals),
                    route=tuple(str(number) for number in range(len(steps))),
                    rework_probability=again,
                ),
            ),
            stations=tuple(
                Station(str(number), step.servers, exponential(step.service)) for number, step in enumerate(steps)
            ),
        )
        text = f"{len(steps)} stations, {arrivals:g} a day, {again:g} again"
        case = Case("Jackson network", text, scenario, RELAXATIONS * relaxation, 0.0, network(arrivals, steps, again))
        if relaxation > 1000.0:
            yield replace(case, warm_up=6 * relaxation, days=6 * relaxation, replications=32)
        else:
            yield replace(case, days=max(12 * relaxation, 500.0))


# Stocks


def _item(**fields: object) -> Scenario:
    return Scenario(points=(StockPoint("item", **fields),))  # type: ignore[arg-type]


def _one_for_one(rate: float, lead_time: Distribution, level: int, on_shortage: str) -> Scenario:
    return _item(
        on_hand=level,
        demand=Demand("renewal", interarrival=exponential(1 / rate)),
        policy=Policy("reorder", reorder_point=level - 1, order_up_to_level=level),
        lead_time=lead_time,
        on_shortage=on_shortage,
    )


ONE_FOR_ONE = [
    (20.0, 3.0, 70),
    (1.0, 7.0, 8),
    (5.0, 2.0, 11),
    (0.5, 6.0, 4),
    (0.2, 10.0, 3),
    (50.0, 0.5, 30),
    (2.0, 14.0, 30),
]


def _base_stock(
    family: str, on_shortage: str, formula: Callable[[float, float, int], dict[str, float]]
) -> Iterator[Case]:
    laws = list(LEAD_TIMES)
    for number, (rate, lead_time, level) in enumerate(ONE_FOR_ONE):
        for law in (laws[number % 6], laws[(number + 1) % 6], laws[(number + 3) % 6]):
            text = f"{rate:g} a day, {lead_time:g} days {law}, S {level}"
            scenario = _one_for_one(rate, LEAD_TIMES[law](lead_time), level, on_shortage)
            days = 10_000 / rate + 20 * lead_time
            case = Case(family, text, scenario, 40 * lead_time, days, formula(rate, lead_time, level))
            yield case
            if number in (2, 3) and law in ("uniform", "gamma"):
                yield case.plainly(2000 / rate)


def customers_who_wait() -> Iterator[Case]:
    yield from _base_stock("base stock, backorders", "backorder", waiting_customers)


def customers_who_leave() -> Iterator[Case]:
    yield from _base_stock("base stock, lost sales", "lost", lost_customers)


def fixed_quantities() -> Iterator[Case]:
    grid = [
        FixedQuantity(20.0, 2.0, 4.0, 75, 100),
        FixedQuantity(20.0, 2.0, 4.0, 50, 100),
        FixedQuantity(20.0, 2.0, 4.0, 90, 120),
        FixedQuantity(20.0, 3.0, 3.0, 60, 40),
        FixedQuantity(4.0, 1.0, 1.5, 5, 12, 10.0, 0.1, 1.0),
        FixedQuantity(4.0, 1.0, 1.5, 2, 15, 10.0, 0.1, 1.0),
        FixedQuantity(1.0, 4.0, 6.0, 5, 16, 30.0, 0.05, 2.0),
        FixedQuantity(1.0, 5.0, 5.0, 6, 1, 1.0, 0.1, 2.0),
        FixedQuantity(0.3, 5.0, 10.0, 3, 14, 30.0, 0.05, 2.0),
        FixedQuantity(2.0, 7.0, 9.0, 18, 25, 40.0, 0.02, 1.0),
        FixedQuantity(50.0, 0.5, 1.0, 45, 80, 40.0, 0.02, 1.0),
        FixedQuantity(10.0, 2.0, 2.0, 2, 30, 40.0, 0.02, 1.0),
    ]
    for number, system in enumerate(grid):
        assert system.low == system.high or system.crossing < 1e-5, system
        scenario = _item(
            on_hand=system.reorder_point + system.quantity,
            demand=Demand("renewal", interarrival=exponential(1 / system.rate)),
            policy=Policy("reorder", reorder_point=system.reorder_point, order_quantity=system.quantity),
            lead_time=uniform(system.low, system.high),
            on_shortage="backorder",
            order_cost=system.order_cost,
            holding_cost=system.holding_cost,
            backorder_cost=system.backorder_cost,
        )
        # Where in its cycle the position began is forgotten at the rate λ (2π / Q)² / 2.
        warm_up = system.quantity**2 / system.rate + 20 * system.high
        days = max(10_000, 200 * system.quantity) / system.rate
        lead_time = f"{system.low:g} to {system.high:g} days"
        text = f"r {system.reorder_point}, Q {system.quantity}, {system.rate:g} a day, {lead_time}"
        case = Case("(r, Q)", text, scenario, warm_up, days, system.expected())
        yield case
        if number == 5:
            yield case.plainly(1000.0)


def reviews_by_day() -> Iterator[Case]:
    laws = {
        "Poisson": (poisson, poisson_day),
        "negative binomial": (
            lambda mean: negative_binomial(mean, 2 * mean**0.5),
            lambda mean: negative_binomial_day(mean, 2 * mean**0.5),
        ),
        "geometric": (geometric, geometric_day),
        "0, 1 or 6": (
            lambda mean: discrete([0, 1, 6], [1 - mean / 2, mean / 3, mean / 6]),
            lambda mean: np.array([1 - mean / 2, mean / 3, 0, 0, 0, 0, mean / 6]),
        ),
    }
    grid = [
        ("Poisson", 5.0, 3, 22, 1),
        ("Poisson", 5.0, 3, 18, 1),
        ("Poisson", 3.0, 2, 8, 1),
        ("Poisson", 0.4, 10, 7, 1),
    ]
    grid += [("Poisson", 2.0, 5, 25, 7), ("Poisson", 20.0, 1, 48, 2), ("Poisson", 8.0, 14, 170, 7)]
    grid += [("negative binomial", 4.0, 3, 22, 1), ("negative binomial", 10.0, 7, 110, 3), ("geometric", 2.0, 4, 16, 1)]
    grid += [("geometric", 1.5, 2, 10, 5), ("0, 1 or 6", 1.2, 3, 9, 1), ("0, 1 or 6", 0.6, 6, 10, 4)]
    for number, (law, mean, lead_days, level, period) in enumerate(grid):
        size, day = laws[law]
        scenario = _item(
            on_hand=level,
            demand=Demand("daily", size=size(mean)),
            policy=Policy("reorder", reorder_point=level - 1, order_up_to_level=level, review_period_days=period),
            lead_time=constant(lead_days),
            whole_day_lead_time=True,
            on_shortage="backorder",
        )
        text = f"{law} {mean:g}, {lead_days} days, S {level}, every {period}"
        warm_up = float(period * (10 + 5 * lead_days))
        expected = reviewed_by_day(day(mean), lead_days, level, period)
        case = Case("daily review", text, scenario, warm_up, 4200.0, expected, executor="periodic")
        yield case
        yield replace(case, executor="events")
        if number in (0, 9, 12):
            yield case.plainly(420.0)


def laws_policies() -> Iterator[Case]:
    law = [(20, 40), (20, 60), (20, 80), (20, 100), (40, 60), (40, 80), (40, 100), (60, 80), (60, 100)]
    systems = [MonthlyReview(below, level) for below, level in law]
    systems += [
        MonthlyReview(20, 50, customers=6.0, low=0.25, high=0.75, months=36, start=45),
        MonthlyReview(15, 30, customers=4.0, sizes=(0.5, 0.2, 0.1, 0.1, 0.1), months=60, start=30, shortage_cost=9.0),
        MonthlyReview(40, 90, customers=20.0, sizes=(0.7, 0.3), low=0.0, high=1.0, months=12, start=10),
    ]
    for number, system in enumerate(systems):
        scenario = _item(
            on_hand=system.start,
            demand=Demand(
                "renewal",
                interarrival=exponential(1 / system.customers),
                size=discrete(list(range(1, len(system.sizes) + 1)), system.sizes),
            ),
            policy=Policy(
                "reorder", reorder_point=system.below - 1, order_up_to_level=system.level, review_period_days=1.0
            ),
            lead_time=uniform(system.low, system.high),
            on_shortage="backorder",
            order_cost=system.order_cost,
            unit_cost=system.unit_cost,
            holding_cost=system.holding_cost,
            backorder_cost=system.shortage_cost,
        )
        text = f"s {system.below}, S {system.level}, {system.months} months"
        expected = system.expected()
        case = Case("Law's (s, S)", text, scenario, 0.0, float(system.months), expected, replications=2000, whole=True)
        yield case
        if number in (1, 5, 9):
            yield case.plainly()


FAMILIES = (
    queues_of_several_servers,
    constant_services,
    services_of_any_law,
    loss_systems,
    short_queues,
    first_customers,
    networks,
    customers_who_wait,
    customers_who_leave,
    fixed_quantities,
    reviews_by_day,
    laws_policies,
)

# Runs and what they tell


def found(result: SimulationResult, measure: str) -> Estimate:
    """A measure of the whole, "of a station" behind an @, or the sum of some with a + between them."""
    if "+" in measure:
        return mean_estimate(result.by_replication[measure.split("+")].sum(axis=1).to_numpy(), level=result.level)
    if "@" not in measure:
        return result.estimate(measure)
    name, station = measure.split("@")
    rows = result.by_station
    row = rows[(rows["station"] == station) & (rows["measure"] == name)].iloc[0]
    return Estimate(float(row["mean"]), float(row["half_width"]), result.level, result.replications)


def lines(number: int, case: Case) -> list[Line]:
    """What a run, of luck of its own, came to."""
    result = simulate(
        case.scenario,
        days=case.warm_up + case.days,
        warm_up_days=case.warm_up,
        replications=case.replications,
        seed=SEED + number,
        executor=case.executor,
    )
    return [Line(case, measure, answer, found(result, measure)) for measure, answer in case.expected.items()]


def most_by_chance(count: int, chance: float) -> float:
    """What the largest |z| of so many exceeds with at most that chance (Bonferroni)."""
    return float(-ndtri(chance / count / 2))


def share_by_chance(sizes: np.ndarray) -> tuple[float, float]:
    """Between what the share of |z| ≤ 1.96 lies 99 times in 100, were the figures of each run one and the same."""
    spread = 2.576 * (0.05 * 0.95 * float((sizes**2).sum())) ** 0.5 / float(sizes.sum())
    return 0.95 - spread, min(1.0, 0.95 + spread)


def within(deviations: list[float]) -> float:
    """Share of |z| up to 1.96."""
    return float(np.mean(np.abs(deviations) <= 1.96))


def summary(runs: list[list[Line]]) -> str:
    """A row for each family and executor."""
    rows = [f"{'family':22} {'executor':9} {'runs':>5} {'figures':>8} {'within 1.96':>12} {'largest |z|':>12}"]
    kinds = dict.fromkeys((each[0].case.family, each[0].case.executor) for each in runs)
    for kind in kinds:
        of_kind = [each for each in runs if (each[0].case.family, each[0].case.executor) == kind]
        z = [line.z for each in of_kind for line in each]
        counts = f"{len(of_kind):5} {len(z):8} {within(z):12.1%} {max(map(abs, z)):12.2f}"
        rows.append(f"{kind[0]:22} {kind[1]:9} {counts}")
    return "\n".join(rows)


def claims_of(runs: list[list[Line]]) -> list[Claim]:
    """The largest deviation of each family and of all, and whether as many are small as should be."""
    by_family: dict[str, list[float]] = {}
    for each in runs:
        by_family.setdefault(each[0].case.family, []).extend(line.z for line in each)
    z = [one for of_family in by_family.values() for one in of_family]
    bound = f"<= {most_by_chance(len(z), 1e-4):.2f}"
    low, high = share_by_chance(np.array([len(each) for each in runs]))
    share = Figure.exactly(within(z))

    def largest(name: str, deviations: list[float]) -> Claim:
        most = Figure.exactly(max(map(abs, deviations)))
        return Claim(f"known answers{name}: largest |z|", most, None, "standard errors", bound, len(deviations))

    return [
        *(largest(f", {family}", deviations) for family, deviations in by_family.items()),
        largest(f" (by chance about {most_by_chance(len(z), 1.0):.1f})", z),
        Claim("known answers: share of |z| within 1.96, at least", share, None, "of 1", f">= {low:.3f}", len(z)),
        Claim("known answers: share of |z| within 1.96, at most", share, None, "of 1", f"<= {high:.3f}", len(z)),
    ]


def benchmark(quick: bool) -> list[Claim]:
    told = sys.stderr if "--json" in sys.argv else sys.stdout
    cases = [case for family in FAMILIES for case in family()]
    numbers = range(0, len(cases), QUICK_STEP if quick else 1)
    print(HEADER, file=told)
    runs = []
    for number in numbers:
        runs.append(lines(number, cases[number].shorter() if quick else cases[number]))
        print(*runs[-1], sep="\n", file=told, flush=True)
    print("", summary(runs), "", sep="\n", file=told)
    return claims_of(runs)


if __name__ == "__main__":
    run("The simulator against a wide table of known answers.", benchmark)
