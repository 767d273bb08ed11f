"""Forecasts made again at past origins and judged by what came."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.accuracy import coverage, mase, owa, rmsse, scaled_pinball, smape, stock_cost
from forecasting.backtest import TotalForecast, backtest
from forecasting.backtest_scores import Backtest, scored
from forecasting.calibration import clustered_coverage
from forecasting.combination_weights import combination_weights, combined, combined_method
from forecasting.lead_time_demand import lead_time_demand_of_panel
from forecasting.naive2 import naive2
from forecasting.panel import Panel
from forecasting.point_backtest import point_backtest

LEVELS = np.array([0.5, 0.9, 0.99])


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(
        tuple(f"S{number}" for number in range(len(series))), values, np.concatenate(([0], np.cumsum(lengths)))
    )


def history_of(panel, number):
    return panel.values[panel.offsets[number] : panel.offsets[number + 1]]


def mean_rate(panel):
    histories = [history_of(panel, one) for one in range(len(panel.ids))]
    return np.array([np.nanmean(one) if len(one) else 0.0 for one in histories])


def poisson(panel, window, levels):
    mean = mean_rate(panel) * window
    return TotalForecast(mean, levels, np.nan_to_num(stats.poisson.ppf(levels, mean[:, None])))


def too_high(panel, window, levels):
    right = poisson(panel, window, levels)
    return TotalForecast(right.mean * 2, levels, right.quantiles * 2)


def ours(panel, window, levels):
    return lead_time_demand_of_panel(panel, periods=float(window), quantiles=levels)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(1)
    return panel_of(
        *[rng.poisson(rate, length) for rate, length in zip([0.3, 2, 8, 30] * 10, range(30, 70), strict=True)]
    )


@pytest.fixture(scope="module")
def found(panel):
    return backtest(panel, {"poisson": poisson, "high": too_high}, window=3, origins=4, levels=LEVELS)


# Rolling origins


def test_a_method_sees_nothing_of_what_it_forecasts(panel):
    seen = []

    def watching(known, window, levels):
        seen.append(known)
        return poisson(known, window, levels)

    result = backtest(panel, {"watching": watching}, window=3, origins=3, step=2, levels=LEVELS)
    for known, origin in zip(seen, (3, 5, 7), strict=True):
        for number in range(len(panel.ids)):
            np.testing.assert_array_equal(history_of(known, number), history_of(panel, number)[:-origin])
            row = result.frame.query("unique_id == @panel.ids[@number] and origin == @origin")
            came = history_of(panel, number)[len(history_of(panel, number)) - origin :][:3]
            assert row["actual"].tolist() == [came.sum()]


def test_windows_with_unknown_periods_and_series_not_begun_are_left_out_and_counted():
    panel = panel_of([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 5, 6], [1, 2, 3, 4, np.nan, 6], [7, 8], [], [9])
    result = backtest(panel, {"poisson": poisson}, window=2, origins=2, levels=LEVELS)
    assert result.left_out.to_dict("list") == {"origin": [2, 4], "not_begun": [4, 4], "unknown": [1, 0]}
    assert result.frame[["unique_id", "origin", "actual"]].values.tolist() == [
        ["S0", 2, 11.0],
        ["S0", 4, 7.0],
        ["S2", 4, 7.0],
    ]


def test_a_panel_without_any_demand_gives_an_empty_backtest():
    result = backtest(panel_of(np.zeros(30), []), {"poisson": poisson}, window=2, origins=2, levels=LEVELS)
    assert result.frame.empty
    assert result.scores().empty
    assert result.calibration().empty
    assert result.pit_histogram(seed=1).empty
    assert result.left_out["not_begun"].tolist() == [2, 2]
    with pytest.raises(ValueError, match="must hold forecasts to learn weights from"):
        combination_weights(result)


def test_progress_is_told_to_the_end(panel):
    told = []
    backtest(
        panel,
        {"a": poisson, "b": poisson},
        window=2,
        origins=2,
        levels=LEVELS,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_lead_time_demand_answers_can_be_judged(panel):
    scores = backtest(panel, {"ours": ours}, window=3, origins=4, levels=LEVELS).scores().iloc[0]
    assert scores["forecasts"] == 160
    assert scores["coverage_0.99"] == pytest.approx(0.99, abs=0.02)


def test_a_method_that_answers_wrongly_is_named(panel):
    def short(known, window, levels):
        return TotalForecast(np.zeros(3), levels, np.zeros((3, len(levels))))

    def unknown(known, window, levels):
        right = poisson(known, window, levels)
        return TotalForecast(np.where(np.arange(40) == 7, np.nan, right.mean), levels, right.quantiles)

    def falling(known, window, levels):
        right = poisson(known, window, levels)
        return TotalForecast(right.mean, levels, right.quantiles[:, ::-1] - 1.0 * np.arange(3))

    for method, complaint in {
        short: r"'odd' must answer with mean \(40,\)",
        unknown: r"finite quantiles .* for 'S7' at origin 3",
        falling: "that do not fall",
    }.items():
        with pytest.raises(ValueError, match=complaint):
            backtest(panel, {"odd": method}, window=3, origins=1, levels=LEVELS)


@pytest.mark.parametrize("name", ["window", "origins", "step"])
def test_a_backtest_of_nothing_is_refused(panel, name):
    numbers = {"window": 2, "origins": 2, "step": 2} | {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        backtest(panel, {"poisson": poisson}, levels=LEVELS, **numbers)


odd_values = st.one_of(st.integers(0, 9).map(float), st.sampled_from([np.nan, 0.0, 74_215.0, 0.25, 1e9]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(odd_values, max_size=14), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 3))
def test_any_panel_can_be_backtested(series, window, step):
    panel = panel_of(*series)
    result = backtest(panel, {"ours": ours, "poisson": poisson}, window=window, origins=3, step=step, levels=LEVELS)
    judged = len(result.frame) // 2
    assert judged + result.left_out[["not_begun", "unknown"]].to_numpy().sum() == 3 * len(series)
    scores, calibration = result.scores(), result.calibration()
    assert (scores[["mase", "rmsse", "pinball", "tail_pinball", "cost"]].fillna(0) >= 0).all(axis=None)
    assert calibration["covered"].between(0, 1).all()
    assert ((result.pit(seed=1) >= 0) & (result.pit(seed=1) <= 1)).all()
    if judged:
        np.testing.assert_allclose(result.pit_histogram(seed=1).groupby("method")["share"].sum(), 1)
        weights = combination_weights(result).of(panel.ids)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        assert (weights >= 0).all()


# Scores


def test_scores_are_those_of_the_single_measures(found):
    for method, rows in found.frame.groupby("method"):
        scores = found.scores().set_index("method").loc[method]
        assert scores["forecasts"] == len(rows)
        for level in LEVELS:
            quantile = rows[f"q{level:g}"]
            assert scores[f"pinball_{level:g}"] == pytest.approx(scaled_pinball(rows.actual, quantile, level=level))
            assert scores[f"coverage_{level:g}"] == pytest.approx(coverage(rows.actual, quantile))
            share = clustered_coverage(rows.actual <= quantile, rows.origin)
            assert scores[f"coverage_se_{level:g}"] == pytest.approx(share.standard_error)
        assert scores["bias"] == pytest.approx((rows["mean"] - rows.actual).sum() / rows.actual.sum())


def test_mase_and_rmsse_divide_by_repeating_the_total_of_the_window_before():
    history = [4, 6, 1, 5, 3, 3, 8, 2, 9, 9]
    result = backtest(panel_of(history), {"poisson": poisson}, window=2, origins=1, levels=LEVELS)
    known = pd.Series(history[:-2])
    totals = known.rolling(2).sum().dropna().to_numpy()
    mean = 2 * known.mean()
    scores = result.scores().iloc[0]
    assert scores["mase"] == pytest.approx(abs(18 - mean) / np.mean(np.abs(totals[2:] - totals[:-2])))
    assert scores["rmsse"] == pytest.approx(abs(18 - mean) / np.sqrt(np.mean((totals[2:] - totals[:-2]) ** 2)))


def test_methods_keep_their_order_and_classes_are_sorted(found):
    labels = {f"S{number}": ("slow", "fast")[number % 4 > 1] for number in range(40)}
    scores = found.labelled(labels).scores(by="class")
    assert scores[["method", "class"]].values.tolist() == [
        ["poisson", "fast"],
        ["poisson", "slow"],
        ["high", "fast"],
        ["high", "slow"],
    ]
    assert scores["forecasts"].tolist() == [80] * 4
    with pytest.raises(ValueError, match="class must be given for every series, got none for 'S39'"):
        found.labelled({key: value for key, value in labels.items() if key != "S39"})


def test_cost_is_that_of_stocking_the_newsvendors_quantile(found):
    rows = found.frame[found.frame.method == "poisson"]
    over = rows["q0.9"] - rows.actual
    expected = (np.maximum(over, 0) + 9 * np.maximum(-over, 0)).sum() / rows.actual.sum()
    scores = found.scores(holding_cost=1, shortage_cost=9).set_index("method")
    assert scores.loc["poisson", "cost"] == pytest.approx(expected)
    assert scores.loc["poisson", "cost"] < scores.loc["high", "cost"]


def test_money_lost_on_stock_and_on_shortages_adds_up_by_series_costs(found):
    holding = pd.Series({f"S{one}": 1.0 + one for one in range(40)})
    money = found.costs(holding_cost=holding, shortage_cost=9 * holding).set_index("method")
    rows = found.frame[found.frame.method == "poisson"]
    over, unit = rows["q0.9"] - rows.actual, holding[rows.unique_id].to_numpy()
    assert money.loc["poisson", "stock"] == pytest.approx((unit * np.maximum(over, 0)).sum())
    assert money.loc["poisson", "shortage"] == pytest.approx((9 * unit * np.maximum(-over, 0)).sum())
    assert money.loc["poisson", "cost"] == pytest.approx(
        stock_cost(rows.actual, rows["q0.9"], holding_cost=unit, shortage_cost=9 * unit).sum()
    )
    # 3 / 4 lies between the levels 0.5 and 0.9, at five eighths of the way.
    between = found.costs(holding_cost=1.0, shortage_cost=3.0).set_index("method").loc["poisson"]
    stocked = rows["q0.5"] + 0.625 * (rows["q0.9"] - rows["q0.5"])
    assert between["stock"] == pytest.approx(np.maximum(stocked - rows.actual, 0).sum())
    with pytest.raises(ValueError, match="holding_cost must be given for every series, got none for 'S39'"):
        found.costs(holding_cost=holding.drop("S39"), shortage_cost=1.0)
    with pytest.raises(ValueError, match="shortage_cost must be positive, got 0"):
        found.costs(holding_cost=holding, shortage_cost=0)


def test_a_good_method_scores_better_than_one_twice_too_high(found):
    scores = found.scores().set_index("method")
    for measure in ("mase", "rmsse", "pinball", "tail_pinball", "cost"):
        assert scores.loc["poisson", measure] < scores.loc["high", measure]
    assert scores.loc["high", "bias"] == pytest.approx(1, abs=0.1)


def test_calibration_of_a_right_forecast_of_counts_holds_the_level_between_below_and_covered():
    rng = np.random.default_rng(5)
    rate = rng.choice([0.5, 3, 20], 3000)
    panel = panel_of(*rng.poisson(rate[:, None], (3000, 12)))

    def right(known, window, levels):
        return TotalForecast(rate * window, levels, stats.poisson.ppf(levels, rate[:, None] * window))

    result = backtest(panel, {"right": right}, window=2, origins=4, levels=LEVELS)
    result = result.labelled(dict(zip(panel.ids, rate, strict=True)))
    calibration = result.calibration(by="class")
    assert len(calibration) == 9
    assert (calibration.below < calibration.level + 0.01).all()
    assert (calibration.covered > calibration.level - 0.01).all()
    assert (calibration.forecasts.sum(), calibration.origins.unique().tolist()) == (3 * len(result.frame), [4])
    histogram = result.pit_histogram(seed=2)
    np.testing.assert_allclose(histogram["share"], [0.5, 0.4, 0.09, 0.01], atol=0.02)
    np.testing.assert_allclose(histogram["density"][:2], 1, atol=0.05)


def test_the_worst_series_are_those_that_lost_most_by_weight(found):
    loss = found.losses_by_series()["high"]
    worst = found.worst(3, method="high")
    assert worst["unique_id"].tolist() == loss.sort_values(ascending=False).index[:3].tolist()
    weights = pd.Series(0.0, index=loss.index)
    weights["S0"] = 1.0
    assert found.worst(1, method="high", weight=weights)[["unique_id", "share_of_loss"]].values.tolist() == [
        ["S0", 1.0]
    ]


def test_a_comparison_is_paired_by_origin(found):
    comparison = found.compared("high", "poisson")
    losses = found.frame.assign(loss=found.frame[["q0.5"]].sum(axis=1) * 0)
    for level in LEVELS:
        short = losses.actual - losses[f"q{level:g}"]
        losses["loss"] += np.maximum(level * short, (level - 1) * short) / 3
    wide = losses.pivot_table(index=["unique_id", "origin", "actual"], columns="method", values="loss").reset_index()
    gain = (wide.high - wide.poisson).groupby(wide.origin).sum()
    demanded = wide.actual.groupby(wide.origin).sum()
    ratio = gain.sum() / demanded.sum()
    assert comparison.difference == pytest.approx(ratio)
    error = np.sqrt(4 / 3 * ((gain - ratio * demanded) ** 2).sum()) / demanded.sum()
    assert comparison.standard_error == pytest.approx(error)
    assert (comparison.origins, comparison.forecasts) == (4, 160)


def test_series_may_be_known_by_sku_and_location(found):
    pairs = {one: (one, "EAST") for one in found.frame["unique_id"].unique()}
    paired = scored(found.frame.assign(unique_id=[pairs[one] for one in found.frame["unique_id"]]))
    pd.testing.assert_frame_equal(paired.scores(by="unique_id").iloc[:, 2:], found.scores(by="unique_id").iloc[:, 2:])
    labelled = paired.labelled({pair: pair[1] for pair in pairs.values()}, name="location")
    assert labelled.scores(by="location")["location"].tolist() == ["EAST"] * 2
    weight = dict.fromkeys(pairs.values(), 2.0)
    assert (
        paired.worst(1, method="high", weight=weight)["unique_id"][0]
        == pairs[found.worst(1, method="high")["unique_id"][0]]
    )
    weights = combination_weights(paired)
    np.testing.assert_array_equal(weights.of(tuple(pairs.values())), combination_weights(found).of(tuple(pairs)))
    assert paired.compared("high", "poisson") == found.compared("high", "poisson")
    assert len(paired.common().frame) == len(found.frame)
    assert paired.pit(seed=1).tobytes() == found.pit(seed=1).tobytes()
    peer = paired.frame[paired.frame.method == "high"].assign(method="peer")
    assert paired.beside(peer).scores()["forecasts"].tolist() == [160] * 3


# Forecasts made elsewhere


def test_forecasts_made_elsewhere_are_scored_alike(panel, found):
    elsewhere = found.frame[["unique_id", "origin", "method", "actual", "mean", "q0.5", "q0.9", "q0.99"]]
    theirs, own = scored(elsewhere).scores(), found.scores()
    pd.testing.assert_frame_equal(theirs.drop(columns=["mase", "rmsse"]), own.drop(columns=["mase", "rmsse"]))
    assert theirs["mase"].isna().all()


def test_forecasts_made_elsewhere_join_a_backtest_and_are_judged_by_what_all_forecast(found):
    peer = found.frame[found.frame.method == "high"].drop(columns=["actual", "scale_absolute", "scale_squared"])
    peer = peer.assign(method="peer").query("unique_id != 'S3'")
    stranger = peer.iloc[:1].assign(unique_id="elsewhere")
    joined = found.beside(pd.concat([peer, stranger]))
    scores = joined.scores().set_index("method")
    assert scores["forecasts"].tolist() == [160, 160, 156]
    shared = joined.common().scores().set_index("method").drop(columns=["forecasts"])
    pd.testing.assert_series_equal(shared.loc["peer"], shared.loc["high"], check_names=False)


def test_forecasts_made_elsewhere_that_cannot_be_scored_are_named(found):
    frame = found.frame.copy()
    with pytest.raises(ValueError, match="must have a column mean"):
        scored(frame.drop(columns="mean"))
    with pytest.raises(ValueError, match=r"several by 'poisson' for 'S0' at origin 3"):
        scored(pd.concat([frame, frame.iloc[:1]]))
    with pytest.raises(ValueError, match=r"must be finite, .* by 'poisson' for 'S0'"):
        scored(frame.assign(**{"q0.9": np.where(frame.index == 0, np.nan, frame["q0.9"])}))
    with pytest.raises(ValueError, match="for series and origins of the backtest, got none"):
        found.beside(frame[frame.method == "high"].assign(origin=frame.origin + 100, method="peer"))
    with pytest.raises(ValueError, match="'high' again"):
        found.beside(frame[frame.method == "high"])


# Combining


def test_weights_sum_to_one_and_lean_to_the_better_method(found):
    weights = combination_weights(found)
    np.testing.assert_allclose(weights.weights.sum(axis=1), 1)
    assert weights.methods == ("poisson", "high")
    assert weights.weights[:, 0].mean() > 0.55
    np.testing.assert_array_equal(combination_weights(found, equal_windows=np.inf).weights, 0.5)
    np.testing.assert_array_equal(weights.of(("never seen",)), 0.5)


def test_weights_are_inverse_losses_where_equal_ones_are_not_believed_in(found):
    losses = found.losses_by_series()[["poisson", "high"]]
    inverse = 1 / losses.to_numpy()
    bounded = (losses.to_numpy() > 0.1 * losses.to_numpy().mean(axis=1, keepdims=True)).all(axis=1)
    expected = inverse[bounded] / inverse[bounded].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(combination_weights(found, equal_windows=0).weights[bounded], expected)


def test_a_series_weights_do_not_depend_on_the_others(found):
    alone = Backtest(found.frame[found.frame.unique_id == "S5"], found.levels, found.left_out)
    together = combination_weights(found)
    assert combination_weights(alone).weights.tobytes() == together.of(("S5",)).tobytes()


def test_combining_two_forecasts_wrong_in_opposite_ways_beats_both(panel):
    def too_low(known, window, levels):
        right = poisson(known, window, levels)
        return TotalForecast(right.mean * 0.5, levels, np.floor(right.quantiles * 0.5))

    methods = {"low": too_low, "high": too_high}
    learned = combination_weights(backtest(panel, methods, window=3, origins=3, levels=LEVELS))
    both = methods | {"combined": combined_method(methods, learned)}
    scores = backtest(panel, both, window=3, origins=6, levels=LEVELS).scores().set_index("method")
    assert scores["pinball"].idxmin() == "combined"


def test_combined_quantiles_are_weighted_means_in_whole_units(found):
    one = TotalForecast(np.array([1.0]), np.array([0.5]), np.array([[2.0]]))
    other = TotalForecast(np.array([2.0]), np.array([0.5]), np.array([[5.0]]))
    weights = combination_weights(found, equal_windows=np.inf)
    result = combined({"poisson": one, "high": other}, ("S0",), weights)
    assert (result.mean.tolist(), result.quantiles.tolist()) == ([1.5], [[4.0]])
    with pytest.raises(ValueError, match="none of 'high'"):
        combined({"poisson": one}, ("S0",), weights)


# Point forecasts


def naive(panel, horizon):
    last = [history_of(panel, one)[-1] if panel.lengths[one] else 0.0 for one in range(len(panel.ids))]
    return np.repeat(np.array(last)[:, None], horizon, axis=1)


@pytest.fixture(scope="module")
def monthly():
    rng = np.random.default_rng(9)
    season = np.resize(rng.uniform(0.4, 1.8, 12), 100)
    return panel_of(*[rng.poisson(season[:length] * 60) + 1 for length in range(60, 90)])


def test_point_scores_are_those_of_the_competitions(monthly):
    result = point_backtest(monthly, {"naive": naive}, horizon=6, origins=1, season_length=12)
    scores = result.scores().set_index("method")
    measures = {"naive": [], "naive2": []}
    for number in range(len(monthly.ids)):
        known, came = np.split(history_of(monthly, number), [-6])
        alone = panel_of(known)
        for name, mean in {"naive": naive(alone, 6), "naive2": naive2(alone, horizon=6, season_length=12)}.items():
            one = (came, mean[0])
            measures[name].append(
                (mase(*one, known, season_periods=12), rmsse(*one, known, season_periods=12), smape(*one))
            )
    for name, rows in measures.items():
        np.testing.assert_allclose(scores.loc[name, ["mase", "rmsse", "smape"]].astype(float), np.mean(rows, axis=0))
    ours, reference = scores.loc["naive"], scores.loc["naive2"]
    assert reference["owa"] == pytest.approx(1)
    assert ours["owa"] == pytest.approx(
        owa(smape=ours["smape"], mase=ours["mase"], naive2_smape=reference["smape"], naive2_mase=reference["mase"])
    )
    assert ours["owa"] > 1.5


def test_point_scores_by_period_ahead(monthly):
    scores = point_backtest(monthly, {"naive": naive}, horizon=4, origins=3, season_length=12).scores(by="ahead")
    assert scores[["method", "ahead"]].values.tolist() == [[m, a] for m in ("naive", "naive2") for a in (1, 2, 3, 4)]
    assert (scores["forecasts"] == 90).all()
    np.testing.assert_allclose(scores.loc[scores.method == "naive2", "owa"], 1)


def test_unknown_periods_are_left_out_of_point_scores():
    panel = panel_of([1, 2, 3, 4, np.nan, 6], [0, 0, 0, 0, 1, 2], [])
    result = point_backtest(panel, {"naive": naive}, horizon=2, origins=1)
    assert result.frame[["unique_id", "method", "ahead", "actual"]].values.tolist() == [
        ["S0", "naive", 2, 6.0],
        ["S0", "naive2", 2, 6.0],
    ]
    assert point_backtest(panel_of([0, 0, 0]), {"naive": naive}, horizon=1, origins=1).scores().empty
    with pytest.raises(ValueError, match="must not hold 'naive2'"):
        point_backtest(panel, {"naive2": naive}, horizon=2, origins=1)
