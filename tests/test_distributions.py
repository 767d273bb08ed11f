"""Distributions: quantiles and moments of the textbooks, the same bits in compiled loops, and clear refusals."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from simulation.distributions import (
    Distribution,
    constant,
    discrete,
    distribution_table,
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
    value_at,
    values_at,
)

WORDS = np.unique(
    np.concatenate(
        [
            np.random.default_rng(7).integers(0, 2**32, 3_000),
            2 ** np.arange(32),
            2**32 - 2 ** np.arange(32),
            [0],
        ]
    )
)
CHANCES = (WORDS + 0.5) * 2.0**-32
LOG_VARIANCE = math.log1p(0.25)


def test_words_reach_both_ends_of_what_a_stream_can_draw():
    assert CHANCES[0] == 2.0**-33
    assert CHANCES[-1] == 1 - 2.0**-33


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (uniform(2, 5), stats.uniform(2, 3)),
        (triangular(1, 2, 4), stats.triang(1 / 3, 1, 3)),
        (triangular(1, 1, 4), stats.triang(0, 1, 3)),
        (triangular(1, 4, 4), stats.triang(1, 1, 3)),
        (exponential(2.5), stats.expon(scale=2.5)),
        (normal(30, 2), stats.norm(30, 2)),
        (lognormal(2, 1), stats.lognorm(LOG_VARIANCE**0.5, scale=2 * math.exp(-LOG_VARIANCE / 2))),
        (erlang(3, 6), stats.gamma(3, scale=2)),
        (gamma(14, 4), stats.gamma(12.25, scale=16 / 14)),
    ],
    ids=lambda one: repr(one) if isinstance(one, Distribution) else "",
)
def test_quantiles_and_moments_are_those_of_the_textbooks(distribution, reference):
    assert distribution.quantiles(CHANCES) == pytest.approx(reference.ppf(CHANCES), rel=1e-12)
    assert distribution.mean == pytest.approx(reference.mean(), rel=1e-14)
    assert distribution.sd == pytest.approx(reference.std(), rel=1e-12)


@pytest.mark.parametrize("shape", [0.01, 0.05, 0.3, 1.0, 2.7, 7.99, 8.0, 30.0, 400.0, 1e4, 0.99e5])
def test_gamma_quantiles_are_right_from_the_rarest_to_the_most_frequent_word(shape):
    """Both tails are inverted from their own end; values too small for a float are 0."""
    distribution = gamma(mean=shape, sd=shape**0.5)
    lower, upper = special.gammaincinv(shape, CHANCES), special.gammainccinv(shape, 1 - CHANCES)
    expected = np.where(CHANCES < 0.5, lower, upper)
    assert distribution.quantiles(CHANCES) == pytest.approx(expected, rel=3e-8, abs=1e-300)


def test_gamma_quantiles_of_nearly_fixed_times_give_back_their_chance():
    shape = 1.01e5
    values = gamma(mean=shape, sd=shape**0.5).quantiles(CHANCES)
    below, above = special.gammainc(shape, values), special.gammaincc(shape, values)
    assert np.where(CHANCES < 0.5, below / CHANCES, above / (1 - CHANCES)) == pytest.approx(1, rel=1e-7)


def test_a_gamma_of_hardly_any_spread_is_normal():
    spread = gamma(mean=100, sd=1e-5).quantiles(CHANCES) - 100
    assert spread == pytest.approx(1e-5 * special.ndtri(CHANCES), abs=1e-10)


COUNTS = [
    (poisson(0.001), stats.poisson(0.001)),
    (poisson(4), stats.poisson(4)),
    (poisson(20_000), stats.poisson(20_000)),
    (geometric(1.5), stats.geom(1 / 1.5)),
    (geometric(40), stats.geom(1 / 40)),
    (negative_binomial(0.5, 1), stats.nbinom(0.5, 0.5)),
    (negative_binomial(20, 5), stats.nbinom(80, 0.8)),
    (negative_binomial(20, 60), stats.nbinom(400 / 3580, 20 / 3600)),
]


@pytest.mark.parametrize(("distribution", "reference"), COUNTS, ids=lambda given: repr(given)[:40])
def test_counts_and_their_moments_are_those_of_the_textbooks(distribution, reference):
    assert distribution.quantiles(CHANCES).tolist() == reference.ppf(CHANCES).tolist()
    assert distribution.mean == pytest.approx(reference.mean(), rel=1e-13)
    assert distribution.sd == pytest.approx(reference.std(), rel=1e-12)
    assert distribution.whole


@pytest.mark.parametrize(("distribution", "reference"), COUNTS, ids=lambda given: repr(given)[:40])
def test_each_word_gets_its_count(distribution, reference):
    """Counts grow with the word, so that all words are right if the last and first word of each count are."""
    counts = np.unique(distribution.quantiles(CHANCES))
    last = np.floor(reference.cdf(counts) * 2.0**32 - 0.5)
    sure = abs(reference.cdf(counts) * 2.0**32 - 0.5 - np.rint(reference.cdf(counts) * 2.0**32 - 0.5)) > 1e-3
    there = sure & (last >= 0) & (last < 2**32 - 1)
    assert (distribution.quantiles((last[there] + 0.5) * 2.0**-32) <= counts[there]).all()
    assert (distribution.quantiles((last[there] + 1.5) * 2.0**-32) > counts[there]).all()


def test_a_very_wide_negative_binomial_is_right_to_the_unit():
    mean, sd = 1e6, 9e5
    chances = CHANCES[::40]
    expected = stats.nbinom(mean**2 / (sd**2 - mean), mean / sd**2).ppf(chances)
    assert abs(negative_binomial(mean, sd).quantiles(chances) - expected).max() <= 1


def test_a_negative_binomial_without_extra_spread_is_poisson():
    assert negative_binomial(9, 3).quantiles(CHANCES).tolist() == poisson(9).quantiles(CHANCES).tolist()


@pytest.mark.parametrize(
    ("probabilities", "means"), [((0.3, 0.7), (1, 10)), ((0.999, 0.0005, 0.0005), (0.01, 50, 1e4))]
)
def test_a_hyperexponential_quantile_gives_back_its_chance(probabilities, means):
    values = hyperexponential(probabilities, means).quantiles(CHANCES)
    alive = sum(chance * np.exp(-values / mean) for chance, mean in zip(probabilities, means, strict=True))
    assert alive[CHANCES > 0.5] == pytest.approx(1 - CHANCES[CHANCES > 0.5], rel=1e-10)
    assert alive == pytest.approx(1 - CHANCES, abs=1e-14)


def test_a_balanced_hyperexponential_has_the_variability_asked_for():
    first = 0.5 * (1 + math.sqrt(3 / 5))  # balanced means with a squared coefficient of variation of 4
    distribution = hyperexponential([first, 1 - first], [0.5 / first, 0.5 / (1 - first)])
    assert distribution.mean == pytest.approx(1)
    assert distribution.sd == pytest.approx(2)


def test_discrete_values_come_as_often_as_their_probability():
    distribution = discrete([3, 1, 2, 1], [0.25, 0.125, 0.5, 0.125])
    assert distribution.values == (1, 2, 3)
    drawn = distribution.quantiles((np.arange(1_000) + 0.5) / 1_000)
    assert np.unique(drawn, return_counts=True)[1].tolist() == [250, 500, 250]
    assert (distribution.mean, distribution.sd) == (2.0, 0.5**0.5)


@given(
    weights=st.lists(st.floats(1e-12, 1) | st.floats(0.5, 1), min_size=1, max_size=40),
    words=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20),
)
def test_a_step_is_found_as_by_looking_at_all_in_turn(weights, words):
    chances = np.array(weights) / math.fsum(weights)
    distribution = discrete(np.arange(len(chances)), chances)
    cumulative = np.cumsum(chances)
    for word in words:
        u = (word + 0.5) * 2.0**-32
        expected = next((value for value, reached in enumerate(cumulative) if reached >= u), len(chances) - 1)
        assert distribution.quantile(u) == expected


def test_a_sample_is_drawn_as_it_was_seen():
    seen = [5.5, 2.0, 2.0, 9.0, 4.0]
    distribution = empirical(seen)
    assert distribution.quantiles((np.arange(5) + 0.5) / 5).tolist() == sorted(seen)
    assert distribution.mean == pytest.approx(np.mean(seen))
    assert distribution.sd == pytest.approx(np.std(seen))


def test_what_would_be_below_zero_is_zero_and_the_moments_know_it():
    distribution = normal(1, 2)
    assert distribution.quantile(0.1) == 0.0
    mean = stats.norm.expect(lambda x: max(x, 0), loc=1, scale=2)
    second = stats.norm.expect(lambda x: max(x, 0) ** 2, loc=1, scale=2)
    assert distribution.mean == pytest.approx(mean)
    assert distribution.sd == pytest.approx((second - mean**2) ** 0.5)


EXAMPLES = [
    constant(3),
    uniform(-1, 4),
    triangular(0, 1, 5),
    exponential(2),
    gamma(3, 1),
    gamma(3, 6),
    gamma(5, 0),
    gamma(0, 0),
    erlang(4, 2),
    lognormal(3, 2),
    lognormal(3, 0),
    normal(3, 1),
    normal(1, 1),
    normal(-2, 0),
    hyperexponential([0.4, 0.6], [1, 3]),
    poisson(0),
    poisson(7),
    geometric(1),
    geometric(6),
    negative_binomial(8, 4),
    discrete([1, 2.5, 4], [0.25, 0.5, 0.25]),
    empirical([1, 1, 2, 8]),
]


@pytest.mark.parametrize("distribution", EXAMPLES, ids=repr)
def test_moments_and_ends_are_those_of_the_values(distribution):
    values = distribution.quantiles((np.arange(200_000) + 0.5) / 200_000)
    assert values.mean() == pytest.approx(distribution.mean, rel=1e-3, abs=1e-9)
    assert values.std() == pytest.approx(distribution.sd, rel=1e-2, abs=1e-9)
    assert distribution.least <= values.min() <= values.max() <= distribution.most
    if distribution.whole:
        assert (values == np.rint(values)).all()


positive = st.floats(1e-3, 1e4)
distributions = st.one_of(
    st.sampled_from(EXAMPLES),
    st.builds(gamma, positive, positive),
    st.builds(lognormal, positive, positive),
    st.builds(normal, st.floats(-10, 100), positive),
    st.builds(exponential, positive),
    st.builds(erlang, st.integers(1, 200), positive),
    st.builds(poisson, st.floats(0, 500)),
    st.builds(geometric, st.floats(1, 500)),
    st.builds(lambda mean, more: negative_binomial(mean, (mean + more) ** 0.5), st.floats(0.01, 200), positive),
    st.builds(lambda p, a, b: hyperexponential([p, 1 - p], [a, b]), st.floats(0.01, 0.99), positive, positive),
    st.lists(st.floats(-50, 50), min_size=1, max_size=30).map(empirical),
)


@settings(max_examples=150)
@given(distribution=distributions, words=st.lists(st.integers(0, 2**32 - 2), min_size=1, max_size=30))
def test_more_luck_is_never_less(distribution, words):
    neighbours = np.unique(np.array([[word, word + 1] for word in words]))
    assert (np.diff(distribution.quantiles((neighbours + 0.5) * 2.0**-32)) >= 0).all()


@settings(max_examples=100)
@given(distribution=distributions)
def test_written_to_json_and_read_back_it_is_the_same(distribution):
    again = Distribution.from_dict(json.loads(json.dumps(distribution.to_dict())))
    assert again == distribution
    assert hash(again) == hash(distribution)


def test_a_table_gives_the_bits_that_each_distribution_gives_alone():
    table = distribution_table(EXAMPLES)
    for position, distribution in enumerate(EXAMPLES):
        alone = [distribution.quantile(float(u)) for u in CHANCES[::300]]
        assert [value_at(table, position, u) for u in CHANCES[::300]] == alone
        assert values_at(table, position, CHANCES[::300]).tolist() == alone


def test_equal_shapes_share_their_curve():
    alone = distribution_table([gamma(1, 0.3)])
    thousand = distribution_table([gamma(mean, mean * 0.3) for mean in range(1, 1_001)])
    assert len(thousand.values) == len(alone.values)


def test_a_table_of_nothing_is_empty():
    assert [len(part) for part in distribution_table([])] == [0] * 6


@pytest.mark.parametrize(
    "distribution", [d for d in EXAMPLES if d.kind not in ("poisson", "negative_binomial", "geometric")]
)
def test_scaled_values_grow_by_the_factor(distribution):
    expected = 1.5 * distribution.quantiles(CHANCES[::100])
    assert distribution.scaled(1.5).quantiles(CHANCES[::100]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("distribution", [poisson(7), geometric(6), negative_binomial(8, 4)])
def test_scaled_counts_stay_counts_of_a_larger_mean(distribution):
    scaled = distribution.scaled(1.5)
    assert scaled.kind == distribution.kind
    assert scaled.mean == pytest.approx(1.5 * distribution.mean)


def test_a_scaled_negative_binomial_keeps_its_number_of_successes():
    small, large = negative_binomial(8, 4), negative_binomial(8, 4).scaled(0.1)
    assert large.mean**2 / (large.sd**2 - large.mean) == pytest.approx(small.mean**2 / (small.sd**2 - small.mean))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(math.nan), "x of constant must be finite, got nan"),
        (lambda: uniform(3, 2), "high of uniform must be at least low, 3, got 2"),
        (lambda: triangular(3, 2, 5), "mode of triangular must be at least low, 3, got 2"),
        (lambda: triangular(1, 6, 5), "high of triangular must be at least mode, 6, got 5"),
        (lambda: exponential(-1), "mean of exponential must be at least 0, got -1"),
        (lambda: gamma(3, -1), "sd of gamma must be at least 0, got -1"),
        (lambda: gamma(0, 1), "mean of gamma must be above 0, got 0"),
        (lambda: lognormal(-2, 1), "mean of lognormal must be above 0, got -2"),
        (lambda: normal(3, -1), "sd of normal must be at least 0, got -1"),
        (lambda: erlang(2.5, 1), "stages of erlang must be a whole number of at least 1, got 2.5"),
        (lambda: poisson(-0.1), "mean of poisson must lie between 0 and 1e.09, got -0.1"),
        (lambda: geometric(0.5), "mean of geometric must be at least 1, got 0.5"),
        (lambda: negative_binomial(9, 2), "sd of negative_binomial must be at least √mean, 3, got 2"),
        (lambda: hyperexponential([0.5, 0.6], [1, 2]), "probabilities of hyperexponential must add up to 1, got 1.1"),
        (lambda: hyperexponential([0.5, 0.5], [1, 0]), "means of hyperexponential must be above 0, got 0"),
        (lambda: hyperexponential([1.0], [1, 2]), "as many probabilities as means, at least one, got 1 and 2"),
        (lambda: discrete([1, 2], [0.5, 0.4]), "probabilities of discrete must add up to 1, got 0.9"),
        (lambda: discrete([1, 2], [1.5, -0.5]), "probabilities of discrete must not be negative, got -0.5"),
        (lambda: discrete([1, 2], [1.0]), "as many probabilities as values, got 1 and 2"),
        (lambda: discrete([], []), "values of discrete must be a list of finite numbers, at least one"),
        (lambda: empirical([]), "sample of empirical must hold finite numbers, at least one"),
        (lambda: empirical([1, math.inf]), "sample of empirical must hold finite numbers"),
        (lambda: Distribution("weibull", (1, 2)), "kind of a distribution must be one of constant, .*, got 'weibull'"),
        (lambda: Distribution("discrete", (), (2, 1), (0.5, 0.5)), "values of discrete must ascend, got 1"),
        (lambda: Distribution("gamma", (1, 1), (2,)), "gamma takes no values or chances"),
        (lambda: Distribution("gamma", (1,)), "gamma takes 2 parameters, got 1"),
        (lambda: Distribution.from_dict({"kind": "gamma", "mean": 1}), "gamma takes mean, sd, got mean"),
        (lambda: Distribution.from_dict({"kind": "poisson", "mean": "4"}), "mean of poisson must be a number, got '4'"),
        (lambda: Distribution.from_dict({"mean": 4}), "kind of a distribution must be one of .*, got None"),
        (lambda: exponential(1).scaled(0), "factor must be above 0 and finite, got 0"),
        (lambda: exponential(1).quantile(1), "u must lie strictly between 0 and 1, got 1"),
        (lambda: exponential(1).quantiles([0.5, 0.0]), "u must lie strictly between 0 and 1, got 0.0 to 0.5"),
    ],
)
def test_what_no_distribution_has_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_distribution_shows_how_it_is_made():
    assert repr(gamma(mean=3, sd=0.5)) == "gamma(mean=3, sd=0.5)"
    assert repr(discrete([1, 2], [0.5, 0.5])) == "discrete(values=[1, 2], probabilities=[0.5, 0.5])"
