"""Patterns, ABC and XYZ classes, and the life cycle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasting import Panel
from forecasting.demand_class import abc_classes, demand_classes, demand_pattern, life_cycle, xyz_classes

NAN = np.nan


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))


demands = st.one_of(st.just(0.0), st.integers(0, 50).map(float), st.just(NAN))
histories = st.lists(st.lists(demands, max_size=30), min_size=1, max_size=5)


def test_the_four_patterns_of_syntetos_boylan_and_croston():
    smooth, erratic = [10, 12, 9, 11] * 5, [1, 30, 2, 1] * 5
    intermittent, lumpy = [0, 0, 5, 0, 6] * 4, [0, 0, 1, 0, 40] * 4
    found = demand_pattern(panel_of(smooth, erratic, intermittent, lumpy, [0, 0], []))
    assert found.pattern.tolist() == ["smooth", "erratic", "intermittent", "lumpy", "none", "none"]


def test_interval_and_variation_worked_by_hand():
    """Five known periods, two demands 2 and 4: interval 2.5; sd √2 and mean 3, so CV² 2/9."""
    found = demand_pattern(panel_of([0, 2, NAN, 0, 4, 0]))
    assert found.interval[0] == 2.5
    assert found.size_cv2[0] == pytest.approx(2 / 9)


def test_a_pattern_on_a_cut_is_the_plainer_one():
    hundred_in_132 = np.concatenate((np.ones(100), np.zeros(32)))
    assert demand_pattern(panel_of(hundred_in_132, [*hundred_in_132, 0])).pattern.tolist() == ["smooth", "intermittent"]


def test_abc_follows_the_share_of_value():
    """Shares of 60, 25, 10, 3 and 2 %: the second crosses 80 %, the third 95 %."""
    assert abc_classes([2, 60, 10, 25, 3]).tolist() == ["C", "A", "B", "A", "C"]


def test_abc_on_a_cut_begins_the_next_class():
    assert abc_classes([80, 15, 5]).tolist() == ["A", "B", "C"]


def test_items_of_equal_value_share_their_class_and_what_is_worth_nothing_is_c():
    assert abc_classes([1, 1, 1, 1, 0]).tolist() == ["A", "A", "A", "A", "C"]
    assert abc_classes([0, 0]).tolist() == ["C", "C"]
    assert abc_classes([]).tolist() == []


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_abc_does_not_depend_on_the_order_of_the_items(value, random):
    order = list(range(len(value)))
    random.shuffle(order)
    np.testing.assert_array_equal(abc_classes(np.array(value)[order]), abc_classes(value)[order])


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_class_a_holds_its_share_of_value_and_would_not_without_its_least(value):
    classes, worth = abc_classes(value), np.array(value, dtype=float)
    in_a = worth[classes == "A"]
    assert in_a.sum() >= 0.8 * worth.sum() - 1e-9
    assert in_a[in_a > in_a.min()].sum() < 0.8 * worth.sum()


def test_xyz_follows_the_coefficient_of_variation():
    panel = panel_of([10, 11, 9, 10], [10, 2, 12, 3], [0, 0, 0, 9], [0, 0, 0], [5], [])
    assert xyz_classes(panel).tolist() == ["X", "Y", "Z", "Z", "Z", "Z"]


@given(histories)
def test_variation_is_that_of_pandas(series):
    variation = demand_classes(panel_of(*series)).variation
    for number, one in enumerate(series):
        known = pd.Series(one, dtype=float).dropna()
        expected = known.std() / known.mean() if len(known) > 1 and known.sum() > 0 else 0
        assert variation[number] == pytest.approx(expected)


def test_the_stages_of_a_life():
    rng = np.random.default_rng(1)
    steady = rng.poisson(5, 104).astype(float)
    born = np.concatenate((np.zeros(95), steady[:9]))
    fading = np.concatenate((steady[:84], rng.poisson(1, 20)))
    gone = np.concatenate((steady[:84], np.zeros(20)))
    found = life_cycle(panel_of(steady, born, steady[:9], fading, gone, np.zeros(104), np.zeros(5), []))
    assert found.stage.tolist() == ["mature", "new", "new", "dying", "dead", "dead", "new", "new"]
    np.testing.assert_array_equal(found.age, [104, 9, 9, 104, 104, 0, 0, 0])
    assert found.silence[4:].tolist() == [20, 104, 5, 0]
    assert found.recent_rate[0] == pytest.approx(steady[-13:].mean())
    assert found.earlier_rate[3] == pytest.approx(fading[: 104 - 13].mean())


def test_a_silence_that_is_usual_for_an_item_does_not_make_it_dead():
    """Sold every 26 weeks: 20 weeks without demand have a chance of about one half."""
    rare = np.zeros(150)
    rare[[3, 25, 51, 77, 103, 129]] = 2
    often = np.zeros(150)
    often[3:130:2] = 2
    found = life_cycle(panel_of(rare, often))
    assert found.stage.tolist() == ["mature", "dead"]
    np.testing.assert_array_equal(found.silence, [20, 20])


def test_unknown_periods_are_no_silence():
    stocked_out = [3.0] * 40 + [NAN] * 20
    found = life_cycle(panel_of(stocked_out))
    assert found.stage.tolist() == ["mature"]
    assert found.silence[0] == 0


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(1, 15))
def test_the_p_value_is_that_of_the_rank_sum_test_of_scipy(demand, recent_periods):
    life = np.trim_zeros(np.array(demand, dtype=float), "f")
    found = life_cycle(panel_of(demand), recent_periods=recent_periods)
    earlier, recent = life[:-recent_periods], life[-recent_periods:]
    if len(earlier) == 0 or (life == life[0]).all():
        assert found.decline_p_value[0] == 1
        return
    expected = stats.mannwhitneyu(recent, earlier, alternative="less", method="asymptotic").pvalue
    assert found.decline_p_value[0] == pytest.approx(expected, rel=1e-9)


def test_steady_demand_is_seldom_called_dying_or_dead():
    rng = np.random.default_rng(2)
    rate = np.exp(rng.normal(0.5, 1, 2000))
    stage = life_cycle(panel_of(*rng.poisson(rate[:, None], (2000, 78)))).stage
    assert np.mean(np.isin(stage, ["dying", "dead"])) < 0.01


def test_demand_that_fell_to_a_fifth_is_mostly_called_dying():
    rng = np.random.default_rng(3)
    demand = np.hstack([rng.poisson(5, (500, 65)), rng.poisson(1, (500, 13))])
    assert np.mean(life_cycle(panel_of(*demand)).stage == "dying") > 0.95


def test_the_frame_has_a_row_per_series_and_a_column_per_class():
    panel = Panel(("B-7", "A-1"), np.array([4.0, 4, 4, 0, 0, 9]), np.array([0, 3, 6]))
    frame = demand_classes(panel, unit_value=[10.0, 0.5]).to_frame()
    assert frame["unique_id"].tolist() == ["B-7", "A-1"]
    assert frame["value"].tolist() == [120, 4.5]
    assert frame["abc"].tolist() == ["A", "C"]
    assert frame["xyz"].tolist() == ["X", "Z"]
    assert frame["pattern"].tolist() == ["smooth", "intermittent"]
    assert frame["stage"].tolist() == ["new", "new"]
    assert frame["value_share"].sum() == pytest.approx(1)


@given(histories)
def test_any_history_has_classes_without_a_missing_number(series):
    frame = demand_classes(panel_of(*series)).to_frame()
    assert len(frame) == len(series)
    assert not frame.isna().any().any()
    found = life_cycle(panel_of(*series))
    assert np.isfinite([found.recent_rate, found.earlier_rate, found.decline_p_value]).all()


@given(histories)
def test_classes_but_for_abc_do_not_depend_on_the_other_series(series):
    own = ["pattern", "interval", "size_cv2", "value", "variation", "xyz", "stage"]
    together = demand_classes(panel_of(*series)).to_frame()[own]
    alone = pd.concat([demand_classes(panel_of(one)).to_frame()[own] for one in series], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)


def test_an_empty_panel_has_an_empty_frame():
    assert len(demand_classes(panel_of()).to_frame()) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: abc_classes([1, -2]), "value must be finite and not negative, got -2.0 at position 1"),
        (lambda _: abc_classes([[1]]), r"value must have one dimension, got shape \(1, 1\)"),
        (lambda _: abc_classes([1], cuts=(0.9, 0.8)), "cuts must rise strictly between 0 and 1"),
        (lambda panel: xyz_classes(panel, cuts=(1, 1)), "cuts must be positive and rise"),
        (lambda panel: demand_classes(panel, unit_value=[1, 2]), r"unit_value must be one number or one per series"),
        (lambda panel: demand_classes(panel, unit_value=NAN), "unit_value must be finite and not negative, got nan"),
        (lambda panel: life_cycle(panel, new_periods=0), "new_periods must be at least 1, got 0"),
        (lambda panel: life_cycle(panel, recent_periods=0), "recent_periods must be at least 1, got 0"),
        (lambda panel: life_cycle(panel, dying_ratio=1.5), r"dying_ratio must lie in \(0, 1\], got 1.5"),
        (lambda panel: life_cycle(panel, significance=1), "significance must lie strictly between 0 and 1, got 1"),
    ],
)
def test_what_means_nothing_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(panel_of([1, 0, 2]))
