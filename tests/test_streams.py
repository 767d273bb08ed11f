"""Random numbers by address: known answers, uniformity, and independence of what else is in the run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

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


def philox(counter, key):
    """The published algorithm in whole numbers, one counter at a time."""
    c0, c1, c2, c3 = counter
    for step in range(10):
        k0, k1 = (key[0] + step * 0x9E3779B9) % 2**32, (key[1] + step * 0xBB67AE85) % 2**32
        first, second = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = second // 2**32 ^ c1 ^ k0, second % 2**32, first // 2**32 ^ c3 ^ k1, first % 2**32
    return c0, c1, c2, c3


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_the_plain_algorithm_gives_the_published_answers(counter, key, answer):
    assert philox(counter, key) == answer


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
    words = philox((draw // 4, entity % 2**32, entity // 2**32, replication), key)
    number = uniform_at(np.uint64(key[0]), np.uint64(key[1]), entity, draw, replication)
    assert number == (words[draw % 4] + 0.5) / 2**32
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
