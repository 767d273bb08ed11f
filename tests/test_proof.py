"""The proof is fair: the plan sees nothing of the weeks it is judged on, and both policies meet the same ones."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from data import demand_history, plan_rows
from data.connection import open_database
from orders.importing import FileImport, OrderImport, StockImport, import_orders, import_purchases, import_stock
from orders.model import Actor
from orders.terms import read_terms
from service import proof as proving
from service.demo import make_demo_company
from service.ledger_scenario import past_world
from service.planning_inputs import default_as_of
from service.proof import COVER, RECOMMENDED, NothingToProve, ProofSettings, picture, prove, verdict
from service.replay import TooShortToReplay, cut_days
from service.stock_levels import forecast_demand, set_levels

TESTER = Actor("tester")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
END = date(2026, 11, 22)
SETTINGS = ProofSettings(cuts=3, window_days=56, replications=4, seed=11)
MEASURES = ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A small demo company: the file of its database, and the company as it was generated."""
    path = tmp_path_factory.mktemp("proof") / "demo.db"
    database = open_database(f"sqlite:///{path}")
    company = make_demo_company(database, end=END, days=450, skus=60, actor=TESTER, at=NOW)
    database.close()
    return path, company


@pytest.fixture
def copy_of_demo(demo, tmp_path):
    shutil.copy(demo[0], tmp_path / "copy.db")
    database = open_database(f"sqlite:///{tmp_path / 'copy.db'}")
    yield database
    database.close()


@pytest.fixture(scope="module")
def proved(demo, tmp_path_factory):
    """A proof, as programs read it, and what the simulator was asked for it."""
    path = shutil.copy(demo[0], tmp_path_factory.mktemp("proved") / "demo.db")
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        real = proving.simulated_curves

        def noting(scenario, policies, **how):
            asked.append((scenario, policies, how))
            return real(scenario, policies, **how)

        patch.setattr(proving, "simulated_curves", noting)
        database = open_database(f"sqlite:///{path}")
        proof = prove(database, settings=SETTINGS, actor=TESTER, at=NOW)
        with database.reading() as connection:
            stored = plan_rows.latest_proof(connection)
        database.close()
    return json.loads(json.dumps(proof)), asked, stored


def all_demand(database):
    with database.reading() as connection:
        terms, as_of = read_terms(connection), default_as_of(connection)
        return demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency), terms, as_of


def past_of(database, cut):
    demand, terms, _ = all_demand(database)
    return past_world(database, cut, demand, terms, days=56)


def names_of(world):
    return (world.items["sku"] + " at " + world.items["location"]).tolist()


def curve_of(proof, label):
    rows = [row for row in proof["curve"] if row["label"] == label]
    return sorted(rows, key=lambda row: row["parameter"])


# The cuts


@pytest.mark.parametrize(("cuts", "window_days"), [(1, 7), (4, 56), (12, 14)])
def test_windows_follow_each_other_without_overlap_and_end_at_as_of(cuts, window_days):
    demand = pd.DataFrame({"ds": [pd.Timestamp(END - timedelta(days=800))]})
    days = cut_days(END, demand, cuts=cuts, window_days=window_days)
    assert len(days) == cuts
    assert all(later - earlier == timedelta(days=window_days) for earlier, later in pairwise(days))
    assert days[-1] + timedelta(days=window_days) == END


def test_the_first_cut_needs_sixteen_weeks_of_history_to_the_day():
    enough = pd.DataFrame({"ds": [pd.Timestamp(END - timedelta(days=2 * 56 + 112 - 1))]})
    assert len(cut_days(END, enough, cuts=2, window_days=56)) == 2
    with pytest.raises(TooShortToReplay, match="needs 224 days of orders, the database holds 223") as refusal:
        cut_days(END - timedelta(days=1), enough, cuts=2, window_days=56)
    assert (refusal.value.days, refusal.value.wanted) == (223, 224)


def test_a_history_too_short_is_refused_and_nothing_is_stored(copy_of_demo):
    with pytest.raises(TooShortToReplay):
        prove(copy_of_demo, settings=ProofSettings(cuts=12, window_days=182), actor=TESTER, at=NOW)
    with copy_of_demo.reading() as connection:
        assert plan_rows.latest_proof(connection) is None


# What a plan may know


def change_everything_after(database, cut, folder):
    """Ten times the demand, returns, another SKU, a count and a purchase, all after the cut."""
    with database.writing() as connection:
        connection.execute(
            text(
                "UPDATE order_line SET quantity = 10 * quantity WHERE sales_order_id IN"
                " (SELECT id FROM sales_order WHERE business_date > :cut)"
            ),
            {"cut": cut.isoformat()},
        )
        sku, place, supplier = connection.execute(
            text(
                "SELECT s.code, p.code, y.name FROM supplier_sku t JOIN sku s ON s.id = t.sku_id"
                " JOIN party y ON y.id = t.supplier_id JOIN stock_balance b ON b.sku_id = s.id"
                " JOIN location p ON p.id = b.location_id WHERE NOT p.is_external LIMIT 1"
            )
        ).one()
    day = cut + timedelta(days=3)
    orders = [
        {"order_id": f"NEW-{number}", "order_date": f"{day} 12:00:00", "customer_id": "c", "sku": one,
         "quantity": 500, "unit_price": "1.00", "country": "DE", "location": place}
        for number, one in enumerate([sku, "NEVER-SEEN"])
    ]  # fmt: skip
    bought = {
        "po_number": "PO-NEW", "supplier": supplier, "sku": sku, "location": place, "quantity": 400,
        "ordered_at": f"{day} 09:00:00", "received_at": f"{day + timedelta(days=40)} 09:00:00",
        "received_quantity": 400,
    }  # fmt: skip
    counted = {"sku": sku, "location": place, "on_hand": 7_000}
    files = {}
    for name, rows in {"orders": orders, "purchases": [bought], "stock": [counted]}.items():
        files[name] = folder / f"{name}.csv"
        pd.DataFrame(rows).to_csv(files[name], index=False)
    counted_at = datetime.combine(day, datetime.min.time(), UTC)
    who = {"actor": TESTER, "at": NOW}
    reports = [
        import_orders(database, OrderImport(files["orders"]), **who),
        import_purchases(database, FileImport(files["purchases"]), **who),
        import_stock(database, StockImport(files["stock"], counted_at=counted_at), **who),
    ]
    assert [report.stored_lines for report in reports] == [2, 1, 1]


def test_nothing_that_happens_after_a_cut_reaches_its_plan(copy_of_demo, tmp_path):
    cut = END - timedelta(days=60)

    def seen():
        past = past_of(copy_of_demo, cut)
        levels = set_levels(past.known, forecast_demand(past.known)).frame
        names = past.known.points["sku"] + " at " + past.known.points["location"]
        return past, levels.set_axis(names)

    before, planned = seen()
    change_everything_after(copy_of_demo, cut, tmp_path)
    after, planned_again = seen()
    assert after.units.sum() > 5 * before.units.sum()
    assert "NEVER-SEEN at " in " ".join(planned_again.index)
    assert (planned_again.drop(index=planned.index)["reorder_point"] == 0).all()
    pd.testing.assert_frame_equal(planned_again.loc[planned.index], planned)
    pd.testing.assert_frame_equal(after.items.drop(columns="point"), before.items.drop(columns="point"))
    for known in ("on_hand", "arrivals"):
        np.testing.assert_array_equal(getattr(after, known), getattr(before, known))


# The common ground


def test_both_policies_face_the_same_scenario_and_luck_at_every_cut(proved):
    proof, asked, _ = proved
    assert [len(scenario.points) for scenario, _, _ in asked] == [cut["points"] for cut in proof["cuts"]]
    for _, policies, how in asked:
        assert {label for label, _ in policies} == {RECOMMENDED, COVER}
        assert how == {"days": SETTINGS.window_days, "replications": SETTINGS.replications, "seed": SETTINGS.seed}


def test_replayed_demand_is_what_the_company_sold_after_the_cut(demo, copy_of_demo):
    cut = END - timedelta(days=60)
    world = past_of(copy_of_demo, cut)
    orders = demo[1].orders
    sold = orders[(orders["quantity"] > 0) & orders["sku"].isin(demo[1].items["sku"])]
    day = (sold["order_date"].dt.normalize() - pd.Timestamp(cut)).dt.days
    units = (sold["quantity"] - sold["cancelled_quantity"])[(day >= 1) & (day <= 56)]
    expected = units.groupby([sold["sku"] + " at " + sold["location"], day - 1]).sum().unstack(fill_value=0)
    expected = expected.reindex(index=names_of(world), columns=range(56), fill_value=0)
    np.testing.assert_array_equal(world.units[0], expected.fillna(0).to_numpy().T)


def test_opening_stock_is_the_ledgers_less_what_was_still_to_ship(demo, copy_of_demo):
    cut = END - timedelta(days=60)
    zone = ZoneInfo(demo[1].time_zone)
    closed_at = datetime.combine(cut + timedelta(days=1), datetime.min.time(), zone)
    with copy_of_demo.reading() as connection:
        moves = connection.execute(
            text(
                "SELECT s.code, a.code, b.code, m.quantity, m.effective_at FROM stock_move m"
                " JOIN sku s ON s.id = m.sku_id JOIN location a ON a.id = m.source_location_id"
                " JOIN location b ON b.id = m.destination_location_id"
            )
        ).all()
    held = {}
    for sku, source, destination, quantity, moved_at in moves:
        if datetime.fromisoformat(moved_at).replace(tzinfo=UTC) < closed_at:
            held[f"{sku} at {source}"] = held.get(f"{sku} at {source}", 0) - quantity
            held[f"{sku} at {destination}"] = held.get(f"{sku} at {destination}", 0) + quantity
    orders = demo[1].orders
    end = pd.Timestamp(cut + timedelta(days=1))
    waiting = orders[
        (orders["quantity"] > 0)
        & (orders["order_date"] < end)
        & (orders["shipped_at"].isna() | (orders["shipped_at"] >= end))
    ]
    owed = (waiting["quantity"] - waiting["cancelled_quantity"]).groupby(waiting["sku"] + " at " + waiting["location"])
    owed = owed.sum().to_dict()
    world = past_of(copy_of_demo, cut)
    expected = [max(held.get(name, 0) - owed.get(name, 0), 0) for name in names_of(world)]
    assert world.on_hand.tolist() == expected
    assert sum(owed.values()) > 0


# The figures


@pytest.mark.parametrize("label", [RECOMMENDED, COVER])
def test_stock_value_rises_with_the_target_and_with_cover(proved, label):
    values = [row["average_stock_value"] for row in curve_of(proved[0], label)]
    assert len(values) > 5
    assert all(less < more for less, more in pairwise(values))


def test_equal_stock_reads_both_curves_at_the_same_stock_value(proved):
    proof, _, _ = proved
    for policy, row in zip(proof["total"]["policies"], proof["equal_stock"], strict=True):
        assert row["stock_of"] == policy["policy"]
        assert row["stock_value"] == policy["average_stock_value"]
        for measure in ("fill_rate", "value_fill_rate"):
            for label in (RECOMMENDED, COVER):
                curve = sorted(
                    (point["average_stock_value"], point[measure])
                    for point in proof["curve"]
                    if point["label"] == label
                )
                stock = [value for value, _ in curve]
                best_so_far = np.maximum.accumulate([rate for _, rate in curve])
                expected = np.interp(row["stock_value"], stock, best_so_far)
                assert stock[0] <= row["stock_value"] <= stock[-1]
                assert row[measure][label] == pytest.approx(expected, abs=1e-12)
        own = next(one for one in proof["total"]["policies"] if one["policy"] == row["stock_of"])
        assert row["fill_rate"][row["stock_of"]] == pytest.approx(own["fill_rate"], abs=0.005)


def test_the_total_weighs_the_cuts_by_their_demand(proved):
    proof, _, _ = proved
    cuts = proof["cuts"]
    units = np.array([cut["demand_units"] for cut in cuts])
    value = np.array([cut["demand_value"] for cut in cuts])
    for number, total in enumerate(proof["total"]["policies"]):
        rows = {name: np.array([cut["policies"][number][name] for cut in cuts]) for name in MEASURES}
        assert total["fill_rate"] == pytest.approx((units * rows["fill_rate"]).sum() / units.sum())
        assert total["value_fill_rate"] == pytest.approx((value * rows["value_fill_rate"]).sum() / value.sum())
        assert total["average_stock_value"] == pytest.approx(rows["average_stock_value"].mean())
        assert total["lost_margin"] == pytest.approx(rows["lost_margin"].sum())


def test_every_figure_comes_with_the_half_width_of_its_interval(proved):
    proof, _, _ = proved
    for policy in [*proof["total"]["policies"], *(one for cut in proof["cuts"] for one in cut["policies"])]:
        assert set(policy["half_widths"]) == {*MEASURES, "orders_per_week"}
        assert all(width >= 0 for width in policy["half_widths"].values())
        assert 0 < policy["half_widths"]["average_stock_value"] < 0.2 * policy["average_stock_value"]
    for row in proof["equal_stock"]:
        widths = row["value_fill_rate_half_widths"]
        assert row["value_fill_rate"]["difference"] == pytest.approx(
            row["value_fill_rate"][RECOMMENDED] - row["value_fill_rate"][COVER]
        )
        assert widths["difference"] is None or widths["difference"] < widths[RECOMMENDED] + widths[COVER]


def test_the_proof_is_stored_as_it_was_returned(proved):
    proof, _, stored = proved
    assert stored.result == proof
    assert (stored.seed, stored.as_of.isoformat()) == (SETTINGS.seed, proof["as_of"])


def test_the_same_seed_gives_the_same_numbers_and_another_one_other_luck(copy_of_demo, proved):
    again = prove(copy_of_demo, settings=SETTINGS, actor=TESTER, at=NOW)
    assert json.loads(json.dumps(again)) == proved[0]
    other = prove(copy_of_demo, settings=ProofSettings(3, 56, 4, seed=12), actor=TESTER, at=NOW)
    assert [cut["demand_units"] for cut in other["cuts"]] == [cut["demand_units"] for cut in again["cuts"]]
    assert other["total"] != again["total"]


def test_the_picture_shows_the_curves(proved):
    figure = picture(proved[0])
    assert [trace.name for trace in figure.data] == [RECOMMENDED, COVER]
    for trace in figure.data:
        rows = curve_of(proved[0], trace.name)
        assert list(trace.x) == [row["average_stock_value"] for row in rows]
        assert list(trace.y) == [row["value_fill_rate"] for row in rows]


# The verdict


def at_equal_stock(ours, rule, *, stock_of=COVER):
    return [{"stock_of": stock_of, "stock_value": 41_618.4, "value_fill_rate": {RECOMMENDED: ours, COVER: rule}}]


@pytest.mark.parametrize(
    ("ours", "rule", "said"),
    [
        (0.962, 0.94, "the recommended policy meets 2.2 points more"),
        (0.94, 0.962, "weeks of cover meet 2.2 points more"),
        (0.951, 0.9511, "both policies meet 95.1% of demand"),
        (0.95, None, "cannot be compared"),
        (None, 0.95, "cannot be compared"),
    ],
)
def test_the_verdict_names_the_winner_whoever_it_is(ours, rule, said):
    sentence = verdict(at_equal_stock(ours, rule), currency="EUR")
    assert sentence.startswith("With the EUR 41,618 of stock that 4 weeks of cover tie up, ")
    assert said in sentence
    for other in {"the recommended policy meets", "weeks of cover meet", "both policies meet"}:
        assert (other in sentence) == (other in said)


def test_the_verdict_of_a_proof_is_that_of_its_figures(proved):
    proof, _, _ = proved
    assert proof["verdict"] == verdict(proof["equal_stock"], currency=proof["currency"])
    assert [row["stock_of"] for row in proof["equal_stock"]] == [RECOMMENDED, COVER]


# Odd histories


def daily_orders(first, days):
    return [
        {"order_id": f"{first + timedelta(days=day)}", "order_date": f"{first + timedelta(days=day)} 12:00:00",
         "customer_id": "c", "sku": "A", "quantity": 2, "unit_price": "3.00", "country": "DE"}
        for day in range(days)
    ]  # fmt: skip


def test_windows_without_sales_are_left_out_on_both_databases(company):
    first = date(2024, 1, 1)
    company.orders(daily_orders(first, 150) + daily_orders(first + timedelta(days=213), 2))
    settings = ProofSettings(cuts=2, window_days=28, replications=2)
    proof = prove(company.database, settings=settings, actor=TESTER, at=NOW)
    assert [cut["demand_units"] for cut in proof["cuts"]] == [2.0]
    quiet = ProofSettings(cuts=1, window_days=28, replications=2)
    with pytest.raises(NothingToProve):
        prove(company.database, as_of=first + timedelta(days=200), settings=quiet, actor=TESTER, at=NOW)
