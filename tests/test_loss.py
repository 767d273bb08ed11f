"""Losses of demand distributions: units short and units left over, from any level."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from optimization import loss
from optimization.continuous_distributions import (
    ExponentialDemand,
    GammaDemand,
    LognormalDemand,
    NormalDemand,
    UniformDemand,
)
from optimization.count_distributions import (
    BinomialDemand,
    CompoundPoissonDemand,
    NegativeBinomialDemand,
    PoissonDemand,
)
from optimization.demand_distributions import smallest_level
from optimization.listed_distributions import DiscreteDemand, GivenDemand, MixedDemand, QuantileDemand

COMPOUND = CompoundPoissonDemand(3.0, [0.6, 0.3, 0.0, 0.1])
CONTINUOUS = {
    "normal": NormalDemand(50.0, 8.0),
    "gamma": GammaDemand(50.0, 45.0),
    "lognormal": LognormalDemand(50.0, 30.0),
    "exponential": ExponentialDemand(50.0),
    "uniform": UniformDemand(20.0, 90.0),
    "quantiles": QuantileDemand([0.0, 0.3, 0.7, 1.0], [0.0, 20.0, 55.0, 140.0]),
}
COUNTS = {
    "poisson": PoissonDemand(15.0),
    "rare": PoissonDemand(0.02),
    "negative binomial": NegativeBinomialDemand(9.0, 5.0),
    "intermittent": NegativeBinomialDemand(0.3, 1.5),
    "binomial": BinomialDemand(30, 0.3),
    "compound": COMPOUND,
    "discrete": DiscreteDemand([0, 2, 9, 5], [0.4, 0.3, 0.1, 0.2]),
    "mixed": MixedDemand([PoissonDemand(3.0), PoissonDemand(12.0)], [0.3, 0.7]),
}

continuous = pytest.mark.parametrize("demand", CONTINUOUS.values(), ids=CONTINUOUS)
counts = pytest.mark.parametrize("demand", COUNTS.values(), ids=COUNTS)
every = pytest.mark.parametrize("demand", (CONTINUOUS | COUNTS).values(), ids=CONTINUOUS | COUNTS)


def losses_of(inputs):
    """Losses of a published case by the name of its distribution."""
    name, x = inputs["distribution"].split("(")[0], inputs["x"]
    if name == "normal":
        return loss.normal_loss(x, mean=inputs["mean"], sd=inputs["sd"])
    if name == "poisson":
        return loss.poisson_loss(x, mean=inputs["mean"])
    if name == "gamma":
        return loss.gamma_loss(x, shape=inputs["shape"], scale=inputs["scale"])
    if name == "negative_binomial":
        return loss.negative_binomial_loss(x, successes=inputs["r"], success_probability=inputs["p"])
    raise AssertionError(f"no loss function for {name}")


@pytest.mark.known_answers("loss_function")
def test_known_answers(known_case, within):
    losses = losses_of(known_case["inputs"])
    named = {"n": losses.loss, "n_bar": losses.complementary_loss}
    for name in known_case["expected"]:
        assert named[name] == within(name)


@continuous
def test_loss_is_the_area_beyond_the_level(demand):
    for x in (5.0, 33.0, 60.0, 120.0):
        points = np.linspace(x, 3000.0, 400_001)
        assert demand.losses(x).loss == pytest.approx(integrate.simpson(demand.exceedance(points), x=points), rel=1e-5)


@counts
def test_loss_is_the_sum_over_all_demands_beyond_the_level(demand):
    units = np.arange(400)
    probability = np.diff(demand.cumulative(units), prepend=0.0)
    for x in (0, 1, 4, 13, 25, 3.75):
        short, left = np.maximum(units - x, 0) @ probability, np.maximum(x - units, 0) @ probability
        assert demand.losses(x).loss == pytest.approx(short, rel=1e-9, abs=1e-13)
        assert demand.losses(x).complementary_loss == pytest.approx(left, rel=1e-9, abs=1e-13)
        above = units > x
        assert demand.exceedance(x) == pytest.approx(probability[above].sum(), rel=1e-9, abs=1e-14)


@every
def test_what_is_short_less_what_is_left_is_mean_demand_less_the_level(demand):
    x = np.array([-7.0, -0.5, 0.0, 0.3, 10.0, 49.5, 400.0])
    losses = demand.losses(x)
    assert losses.loss - losses.complementary_loss == pytest.approx(demand.mean - x, rel=1e-12, abs=1e-12)
    assert (losses.loss >= 0).all()
    assert (losses.complementary_loss >= 0).all()


@every
def test_a_quantile_is_the_smallest_level_that_reaches_its_probability(demand):
    probability = np.array([1e-6, 0.05, 0.5, 0.9, 0.999999])
    level = demand.quantile(probability)
    before = level - 1 if demand.whole else level - 1e-6 * np.maximum(level, 1.0)
    assert (demand.cumulative(level) >= probability - 1e-12).all()
    assert ((demand.cumulative(before) < probability) | (level <= demand.lowest)).all()


@every
def test_each_sku_is_answered_alone(demand):
    x = np.array([3.0, 11.0, 70.0])
    together = demand.losses(x).loss
    for place, level in enumerate(x):
        assert demand.losses(level).loss == together[place]


@pytest.mark.parametrize(
    ("x", "expected"),
    # erfc in 60 digits: φ(z) − z (1 − Φ(z)), by continued fraction of the tail.
    [(5.0, 5.346165519163e-8), (8.0, 7.550026217e-17), (30.0, 1.627e-199)],
)
def test_normal_loss_keeps_its_digits_in_the_far_tail(x, expected):
    tail = integrate.quad(lambda t: t * math.exp(-x * t - t * t / 2), 0, np.inf, epsabs=0, epsrel=1e-12)[0]
    exact = tail * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    assert exact == pytest.approx(expected, rel=1e-3)
    assert loss.normal_loss(x).loss == pytest.approx(exact, rel=1e-11, abs=0)
    assert loss.normal_loss(-x).complementary_loss == pytest.approx(exact, rel=1e-11, abs=0)


def test_second_order_losses_are_what_is_left_of_the_loss_beyond_the_level():
    units = np.arange(14.0, 400.0)
    counted = {
        "poisson": (loss.poisson_loss(units, mean=9.0), loss.poisson_second_order_loss(13, mean=9.0)),
        "negative binomial": (
            loss.negative_binomial_loss(units, successes=6, success_probability=0.4),
            loss.negative_binomial_second_order_loss(13, successes=6, success_probability=0.4),
        ),
    }
    for losses, second in counted.values():
        assert second.loss == pytest.approx(losses.loss.sum(), rel=1e-9)
    points = np.linspace(60.0, 800.0, 200_001)
    measured = {
        "normal": (loss.normal_loss(points, mean=50.0, sd=8.0), loss.normal_second_order_loss(60, mean=50.0, sd=8.0)),
        "gamma": (
            loss.gamma_loss(points, shape=2.5, scale=20.0),
            loss.gamma_second_order_loss(60, shape=2.5, scale=20),
        ),
    }
    for losses, second in measured.values():
        assert second.loss == pytest.approx(integrate.simpson(losses.loss, x=points), rel=1e-7)


def test_second_order_losses_of_both_sides_add_up_to_the_second_moment():
    x = np.array([0.0, 3.0, 7.0, 20.0])
    normal = loss.normal_second_order_loss(x, mean=7.0, sd=2.0)
    assert normal.loss + normal.complementary_loss == pytest.approx(((x - 7) ** 2 + 4) / 2)
    gamma = loss.gamma_second_order_loss(x, shape=3.5, scale=2.0)
    assert gamma.loss + gamma.complementary_loss == pytest.approx(((x - 7) ** 2 + 14) / 2)
    poisson = loss.poisson_second_order_loss(x, mean=7.0)
    assert poisson.loss + poisson.complementary_loss == pytest.approx(((x - 7) ** 2 + (x - 7) + 7) / 2)


def test_geometric_demand_counts_its_trials_from_one():
    """p = 0.3: one trial always, so that a single unit in stock is never left over."""
    losses = loss.geometric_loss([0, 1, 2], success_probability=0.3)
    assert losses.loss == pytest.approx([1 / 0.3, 0.7 / 0.3, 0.49 / 0.3])
    assert losses.complementary_loss == pytest.approx([0, 0, 0.3])


def test_samples_are_equally_likely():
    losses = loss.sample_loss([3.0, 5.0], samples=[[2, 4, 9], [5, 5, 8]])
    assert losses.loss == pytest.approx([7 / 3, 1.0])


@given(mean=st.floats(1e-3, 1e6), x=st.floats(0, 5e6))
def test_whole_number_losses_lie_between_jensen_s_bound_and_the_mean(mean, x):
    for losses in (
        loss.poisson_loss(x, mean=mean),
        NegativeBinomialDemand(mean, 2 * np.sqrt(mean) + mean).losses(x),
    ):
        assert max(mean - x, 0) * (1 - 1e-12) <= losses.loss <= mean * (1 + 1e-12)
        assert np.isfinite(losses.complementary_loss)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
def test_poisson_and_almost_poisson_demand_agree(scale):
    x = np.floor(scale * np.array([0.5, 1.0, 1.1]) + 2)
    poisson = PoissonDemand(scale)
    nearly = NegativeBinomialDemand(scale, np.sqrt(scale * (1 + 1e-7)))
    assert nearly.losses(x).loss == pytest.approx(poisson.losses(x).loss, rel=1e-3, abs=1e-300)
    exact = NegativeBinomialDemand(scale, np.sqrt(scale))
    assert exact.losses(x).loss == pytest.approx(poisson.losses(x).loss, rel=1e-12)


def test_nothing_demanded_leaves_everything():
    nothing = (
        PoissonDemand,
        ExponentialDemand,
        lambda mean: GammaDemand(mean, 0.0),
        lambda mean: NormalDemand(mean, 0.0),
    )
    for demand in (*(of(0.0) for of in nothing), NegativeBinomialDemand(0.0, 0.0), BinomialDemand(0, 0.5)):
        losses = demand.losses([0.0, 4.0])
        assert losses.loss == pytest.approx([0, 0], abs=0)
        assert losses.complementary_loss == pytest.approx([0, 4], abs=0)
        assert demand.quantile(0.9) == 0


def test_demand_without_spread_is_its_mean():
    for demand in (NormalDemand(7.0, 0.0), GammaDemand(7.0, 0.0), LognormalDemand(7.0, 0.0), UniformDemand(7.0, 7.0)):
        assert demand.losses([5.0, 9.0]).loss == pytest.approx([2, 0], abs=1e-12)
        assert demand.losses([5.0, 9.0]).complementary_loss == pytest.approx([0, 2], abs=1e-12)
        assert demand.quantile(0.99) == pytest.approx(7.0)
        assert demand.cumulative(demand.quantile(0.99)) == 1


def test_totals_over_periods_have_the_mean_and_variance_of_a_random_sum():
    for demand in (NormalDemand(5.0, 3.0), GammaDemand(5.0, 3.0), NegativeBinomialDemand(5.0, 3.0), PoissonDemand(5.0)):
        total = demand.over(4.0, 1.5)
        assert total.mean == pytest.approx(20.0)
        assert total.variance == pytest.approx(4 * demand.variance + (5 * 1.5) ** 2)


def test_poisson_demand_over_a_gamma_lead_time_is_negative_binomial():
    """P(X > 12) for rate 5 and a lead time with mean 2 and sd 1, by integration over the lead time."""
    points = np.linspace(1e-9, 30, 200_001)
    density = points**3 * np.exp(-2 * points) * 2**4 / math.gamma(4)
    exact = integrate.simpson(special.gammainc(13, 5 * points) * density, x=points)
    assert PoissonDemand(5.0).over(2.0, 1.0).exceedance(12) == pytest.approx(exact, rel=1e-8)


def test_discrete_demand_adds_up_over_periods():
    """Two dice."""
    two = DiscreteDemand(np.arange(1, 7), np.full(6, 1 / 6)).over(2)
    assert two.mean == pytest.approx(7.0)
    assert two.cumulative(3) == pytest.approx(3 / 36)
    assert two.quantile(1.0) == 12


def test_compound_poisson_demand_of_single_units_is_poisson():
    single, poisson = CompoundPoissonDemand(2000.0, [1.0]), PoissonDemand(2000.0)
    x = np.array([1800.0, 2000.0, 2200.0])
    assert single.losses(x).loss == pytest.approx(poisson.losses(x).loss, rel=1e-9)


def test_compound_poisson_demand_with_geometric_sizes_is_known():
    """Sizes of 1 − q times qʲ⁻¹: P(0) = e^(−λ), P(1) = λ (1 − q) e^(−λ)."""
    sizes = 0.6 * 0.4 ** np.arange(60)
    demand = CompoundPoissonDemand(2.0, sizes / sizes.sum())
    assert demand.cumulative(0) == pytest.approx(math.exp(-2))
    assert demand.cumulative(1) - demand.cumulative(0) == pytest.approx(2 * 0.6 * math.exp(-2))
    assert demand.mean == pytest.approx(2 / 0.6)


def test_given_functions_are_searched_for_their_quantile():
    given_ = GivenDemand(10.0, 10.0, lambda x: -np.expm1(-np.maximum(x, 0) / 10), lambda x: 10 * np.exp(-x / 10))
    assert given_.quantile([0.1, 0.99]) == pytest.approx(-10 * np.log([0.9, 0.01]), rel=1e-11)


def test_the_smallest_level_is_found_from_anywhere():
    target = np.array([-1e9, -3.5, 0.0, 0.25, 1e12])
    level = smallest_level(lambda x: x >= target, around=np.zeros(5), step=1.0, whole=False)
    assert (level == target).all()
    whole = smallest_level(lambda x: x >= target, around=5.0, step=0.1, whole=True)
    assert (whole == np.ceil(target)).all()
    with pytest.raises(ValueError, match="a finite level must reach the target"):
        smallest_level(lambda x: np.zeros_like(x, dtype=bool), around=0.0, step=1.0, whole=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loss.normal_loss([1, np.nan]), r"x must be finite, got nan \(index 1\)"),
        (lambda: loss.normal_loss(1, sd=-1), "sd must be at least 0 and finite, got -1"),
        (lambda: loss.uniform_loss(1, low=2, high=1), "high must be at least low"),
        (lambda: loss.poisson_second_order_loss(1.5, mean=2), "x must be a whole number, got 1.5"),
        (lambda: loss.binomial_loss(1, trials=2.5, success_probability=0.5), "trials must be a whole number, got 2.5"),
        (
            lambda: loss.discrete_loss(1, values=[1, 2], probabilities=[0.5, 0.6]),
            "probabilities must sum to 1, got 1.1",
        ),
        (lambda: loss.discrete_loss(1, values=[1, 2], probabilities=[1.0]), "values and probabilities must be as many"),
        (lambda: loss.quantile_loss(1, levels=[0.5, 0.4], quantiles=[1, 2]), "levels must rise"),
        (lambda: loss.quantile_loss(1, levels=[0.4, 0.5], quantiles=[2, 1]), "quantiles must not fall along a row"),
        (lambda: loss.sample_loss(1, samples=[]), "samples must have at least one sample"),
        (lambda: NegativeBinomialDemand([9, 9], [4, 2]), r"demand_sd must be at least .* got 2.0 \(index 1\)"),
        (lambda: GammaDemand(0.0, 1.0), "demand_sd must be 0 where demand_mean is 0"),
        (lambda: UniformDemand(0.0, 1.0).over(2), "UniformDemand over periods must be given"),
        (lambda: NormalDemand(0.0, 1.0).quantile(1.2), "probability must be at least 0 and at most 1"),
        (lambda: MixedDemand([PoissonDemand(1), NormalDemand(1, 1)], [0.5, 0.5]), "parts must all be of whole units"),
    ],
)
def test_refuses_what_is_no_distribution(call, message):
    with pytest.raises(ValueError, match=message):
        call()
