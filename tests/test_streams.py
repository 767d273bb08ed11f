"""Random numbers by address: known answers, uniformity, and independence of what else is in the run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulation import philox_4x32, sku_key, uniforms, whole_day_lead_times
from simulation.streams import block_at, stream_key, uniform_at, words_at

# Random123, tests/kat_vectors, "philox4x32 10": counter, key, answer.
KNOWN_ANSWERS = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter, key, answer):
    assert tuple(int(word) for word in philox_4x32(counter, key)) == answer


def test_philox_of_arrays_equals_philox_of_each():
    counters = np.array([counter for counter, _, _ in KNOWN_ANSWERS], dtype=np.uint64).T
    together = np.array(philox_4x32(tuple(counters), (7, 11)))
    for column in range(together.shape[1]):
        alone = philox_4x32(tuple(int(word) for word in counters[:, column]), (7, 11))
        assert together[:, column].tolist() == [int(word) for word in alone]


@pytest.mark.parametrize("axis", ["entity", "first", "second"])
def test_numbers_are_uniform_and_uncorrelated_along_every_counter(axis):
    counters = {"entity": 5, "first": 6, "second": 7} | {axis: np.arange(50_000)}
    drawn = uniforms(2024, "lead time", **counters)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / np.sqrt(50_000)


def test_numbers_use_all_of_a_64_bit_key():
    low, high = uniforms(1, "lead time", np.array([3, 3 + 2**32], dtype=np.uint64))
    assert low != high


def test_another_seed_or_purpose_gives_unrelated_numbers():
    days = np.arange(20_000)
    lead_time = uniforms(1, "lead time", 9, 0, days)
    for other in (uniforms(2, "lead time", 9, 0, days), uniforms(1, "demand", 9, 0, days)):
        assert abs(np.corrcoef(lead_time, other)[0, 1]) < 4 / np.sqrt(20_000)


def test_a_number_does_not_depend_on_what_is_drawn_beside_it():
    keys = np.array([sku_key(f"SKU {number}") for number in range(30)], dtype=np.uint64)
    replications, days = np.arange(4)[:, None, None], np.arange(10)[:, None]
    cube = uniforms(3, "lead time", keys, replications, days)
    assert cube.shape == (4, 10, 30)
    assert uniforms(3, "lead time", keys[[17, 2]], replications, days).tolist() == cube[:, :, [17, 2]].tolist()
    assert float(uniforms(3, "lead time", keys[8], 2, 5)) == cube[2, 5, 8]


def test_numbers_fill_the_open_interval():
    drawn = uniforms(0, "extremes", np.arange(200_000))
    assert 0 < drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1


@pytest.mark.parametrize(("word", "nearest"), [(0, 2.0**-53), (2**32 - 1, 1 - 2.0**-53)])
def test_the_extreme_words_stay_strictly_between_zero_and_one(monkeypatch, word, nearest):
    extreme = (np.uint64(word),) * 4
    monkeypatch.setattr("simulation.streams.philox_4x32", lambda *_: extreme)
    assert float(uniforms(1, "lead time", 0)) == nearest
    assert 0 < nearest < 1


def test_sku_keys_are_the_same_on_every_machine_and_differ_between_names():
    # blake2b-64 of the name, read as a little-endian integer: printf '%s' A-12 | b2sum -l 64
    assert sku_key("A-12").to_bytes(8, "little").hex() == "03c890dd2e6106eb"
    assert len({sku_key(f"SKU-{number:05d}") for number in range(20_000)}) == 20_000


@pytest.mark.parametrize(
    ("counters", "message"),
    [
        ({"entity": 1.5}, "entity must hold whole numbers, got dtype float64"),
        ({"entity": 1, "first": -1}, "first must lie between 0 and 4294967295, got -1 to -1"),
        ({"entity": 1, "second": 2**32}, "second must lie between 0 and 4294967295"),
    ],
)
def test_refuses_counters_that_are_no_address(counters, message):
    with pytest.raises(ValueError, match=message):
        uniforms(1, "lead time", **counters)


@pytest.mark.parametrize(("mean", "sd"), [(14.0, 4.0), (3.0, 2.5), (1.2, 3.0), (30.0, 0.4), (2_000.0, 50.0)])
def test_lead_times_are_gamma_quantiles_in_whole_days(mean, sd):
    chances = uniforms(5, "lead time", np.arange(20_000))[:, None]
    days = whole_day_lead_times(chances, np.array([mean]), np.array([sd]))[:, 0]
    quantiles = stats.gamma.ppf(chances[:, 0], (mean / sd) ** 2, scale=sd**2 / mean)
    assert days.tolist() == np.maximum(np.rint(quantiles), 1).astype(int).tolist()


def test_lead_times_keep_their_mean_and_spread():
    chances = uniforms(6, "lead time", np.arange(100_000))[:, None]
    days = whole_day_lead_times(chances, np.array([14.0]), np.array([4.0]))
    assert abs(days.mean() - 14) < 4 * 4 / np.sqrt(100_000)
    assert days.std() == pytest.approx(np.sqrt(16 + 1 / 12), rel=0.02)


def test_fixed_lead_times_are_rounded_and_at_least_a_day():
    days = whole_day_lead_times(np.full((3, 4), 0.37), np.array([0.2, 5.0, 7.4, 7.6]), np.zeros(4))
    assert days.tolist() == [[1, 5, 7, 8]] * 3


def test_a_longer_mean_never_shortens_a_delivery():
    chances = uniforms(8, "lead time", np.arange(5_000))[:, None]
    means = np.array([5.0, 7.5, 10.0, 20.0])
    days = whole_day_lead_times(np.repeat(chances, 4, axis=1), means, means * 0.3)
    assert (np.diff(days, axis=1) >= 0).all()


def key_words(*of):
    return tuple(np.uint64(word) for word in stream_key(*of))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_compiled_words_are_the_published_answers(counter, key, answer):
    entity = np.uint64(counter[1] + (counter[2] << 32))
    assert words_at(np.uint64(key[0]), np.uint64(key[1]), entity, counter[0], counter[3]) == answer


@given(
    seed=st.integers(-(2**70), 2**70),
    node=st.text(max_size=12),
    entity=st.integers(0, 2**63 - 1),
    draw=st.integers(0, 2**34 - 1),
    replication=st.integers(0, 2**32 - 1),
)
def test_a_compiled_number_is_the_word_of_its_address(seed, node, entity, draw, replication):
    key = stream_key(seed, "lead time", node)
    words = philox_4x32((draw // 4, entity % 2**32, entity // 2**32, replication), key)
    number = uniform_at(np.uint64(key[0]), np.uint64(key[1]), entity, draw, replication)
    assert number == (int(words[draw % 4]) + 0.5) / 2**32
    assert 0 < number < 1


def test_a_block_holds_four_draws_in_a_row():
    key = key_words(3, "size", "A-12@central")
    for block in (0, 1, 10**9):
        alone = tuple(uniform_at(*key, 2**40 + 5, 4 * block + place, 6) for place in range(4))
        assert block_at(*key, 2**40 + 5, block, 6) == alone


def test_a_stream_is_named_by_seed_purpose_and_node_on_every_machine():
    # printf '%s' '7:size:A-12@central' | b2sum -l 64
    low, high = stream_key(7, "size", "A-12@central")
    assert (low | high << 32).to_bytes(8, "little").hex() == "8b91617ac37888fd"
    assert max(low, high) < 2**32


@pytest.mark.parametrize(
    "other", [(2, "size", "A@b"), (1, "patience", "A@b"), (1, "size", "B@b")], ids=["seed", "purpose", "node"]
)
def test_streams_of_another_seed_purpose_or_node_are_unrelated(other):
    key, other_key = key_words(1, "size", "A@b"), key_words(*other)
    drawn = np.array([[uniform_at(*key, 0, draw, 0), uniform_at(*other_key, 0, draw, 0)] for draw in range(5_000)])
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 4 / np.sqrt(5_000)


@pytest.mark.parametrize("axis", ["entity", "draw", "replication"])
def test_numbers_of_a_stream_are_uniform_and_uncorrelated_along_its_addresses(axis):
    key = key_words(11, "interarrival", "A@b")
    address = {"entity": 2, "draw": 3, "replication": 4}
    drawn = np.array([uniform_at(*key, *(address | {axis: number}).values()) for number in range(10_000)])
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / np.sqrt(10_000)
