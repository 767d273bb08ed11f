"""The demo company is reproducible, consistent and shows what its truth says."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.samples import DemoCompany, demo_company

END = date(2025, 6, 30)
LEDGER_KEY = ["sku", "location"]


@pytest.fixture(scope="module")
def small() -> DemoCompany:
    return demo_company(end=END, days=120, skus=40)


@pytest.fixture(scope="module")
def full() -> DemoCompany:
    return demo_company(end=END)


def frames(company: DemoCompany) -> dict[str, pd.DataFrame]:
    fields = [field.name for field in dataclasses.fields(company)]
    return {name: value for name in fields if isinstance(value := getattr(company, name), pd.DataFrame)}


def goods_rows(company: DemoCompany) -> pd.DataFrame:
    orders = company.orders
    return orders[orders["sku"] != "SHIPPING"]


def sold_rows(company: DemoCompany) -> pd.DataFrame:
    rows = goods_rows(company)
    rows = rows[rows["quantity"] > 0]
    return rows.assign(shipped=(rows["quantity"] - rows["cancelled_quantity"]) * rows["shipped_at"].notna())


def return_rows(company: DemoCompany) -> pd.DataFrame:
    return company.orders[company.orders["quantity"] < 0]


def stock_events(company: DemoCompany) -> pd.DataFrame:
    """Every change of stock: sku, location, at, units; the opening count before everything."""
    opening = company.opening_stock.assign(at=pd.Timestamp(company.start), units=company.opening_stock["on_hand"])
    received = company.purchases.dropna(subset="received_at")
    received = received.assign(at=received["received_at"], units=received["received_quantity"])
    shipped = sold_rows(company).dropna(subset="shipped_at")
    shipped = shipped.assign(at=shipped["shipped_at"], units=-shipped["shipped"])
    restocked = return_rows(company).query("disposition == 'restock'")
    restocked = restocked.assign(at=restocked["shipped_at"], units=-restocked["quantity"])
    columns = [*LEDGER_KEY, "at", "units"]
    return pd.concat([part[columns] for part in (opening, received, shipped, restocked)], ignore_index=True)


def weekly_demand(company: DemoCompany, demand_class: str) -> pd.DataFrame:
    """Units sold per week (rows) and SKU (columns) of one class."""
    chosen = company.item_truth.query("demand_class == @demand_class")["sku"]
    rows = sold_rows(company)
    rows = rows[rows["sku"].isin(chosen)]
    week = (rows["order_date"] - pd.Timestamp(company.start)).dt.days // 7
    table = rows["quantity"].groupby([week, rows["sku"]]).sum().unstack(fill_value=0)
    weeks = (pd.Timestamp(company.end) - pd.Timestamp(company.start)).days // 7
    return table.reindex(index=range(weeks), columns=sorted(chosen), fill_value=0)


def test_same_seed_gives_equal_frames(small: DemoCompany) -> None:
    again = frames(demo_company(end=END, days=120, skus=40))
    for name, frame in frames(small).items():
        pd.testing.assert_frame_equal(frame, again[name], check_exact=True, obj=name)


def test_different_seed_gives_different_orders(small: DemoCompany) -> None:
    other = demo_company(seed=8, end=END, days=120, skus=40)
    assert not other.orders.equals(small.orders)
    assert not other.items.equals(small.items)


def test_global_randomness_is_left_alone() -> None:
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    demo_company(end=END, days=60, skus=20)
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize("company_size", ["small", "full"])
def test_stock_is_never_negative_in_event_order(company_size: str, request: pytest.FixtureRequest) -> None:
    events = stock_events(request.getfixturevalue(company_size))
    # Within the same second goods leave before others come in: the less favourable order.
    events["is_opening"] = events["at"] == events["at"].min()
    events = events.sort_values(["is_opening", "at", "units"], ascending=[False, True, True], kind="stable")
    assert (events.groupby(LEDGER_KEY)["units"].cumsum() >= 0).all()


def test_quantities_are_whole_numbers(small: DemoCompany) -> None:
    whole = {
        "items": ["lead_time_days", "moq", "pack_size"],
        "opening_stock": ["on_hand", "on_order"],
        "purchases": ["quantity", "received_quantity"],
        "orders": ["quantity", "cancelled_quantity"],
    }
    for name, columns in whole.items():
        assert (frames(small)[name][columns].dtypes == np.int64).all(), name


def test_import_layouts_have_the_agreed_columns(small: DemoCompany) -> None:
    agreed = {
        "items": "sku name category supplier lead_time_days moq pack_size unit_cost volume",
        "locations": "location name kind time_zone",
        "opening_stock": "sku location on_hand on_order expected_date",
        "purchases": "po_number supplier sku location quantity unit_cost ordered_at expected_date"
        " received_at received_quantity",
        "orders": "order_id order_date customer_id sku quantity unit_price country channel location"
        " promotion shipped_at cancelled_quantity cancel_reason return_reason disposition returns_order",
        "parcels": "parcel_id order_id carrier service tracking_number shipped_at promised_date delivered_at status",
    }
    for name, columns in agreed.items():
        assert list(frames(small)[name].columns) == columns.split(), name


def test_names_and_numbers_are_unique(full: DemoCompany) -> None:
    assert full.items["sku"].is_unique
    assert full.items["name"].is_unique
    assert full.parcels["parcel_id"].is_unique
    assert full.parcels["tracking_number"].is_unique
    assert not goods_rows(full).duplicated(["order_id", "sku"]).any()


def test_every_row_names_known_items_suppliers_and_locations(small: DemoCompany) -> None:
    skus, locations = set(small.items["sku"]), set(small.locations["location"])
    for frame in (small.opening_stock, small.purchases, goods_rows(small), small.truth):
        assert set(frame["sku"]) <= skus
        assert set(frame["location"]) <= locations
    supplier = small.items.set_index("sku")["supplier"]
    assert (small.purchases["sku"].map(supplier) == small.purchases["supplier"]).all()


def test_volume_and_margin_are_those_of_a_mid_size_retailer(full: DemoCompany) -> None:
    sold = sold_rows(full)
    unit_cost = sold["sku"].map(full.items.set_index("sku")["unit_cost"])
    revenue = (sold["shipped"] * sold["unit_price"]).sum()
    assert 60_000 <= len(sold) <= 90_000
    assert 3e6 <= revenue <= 6e6
    assert 0.35 <= 1 - (sold["shipped"] * unit_cost).sum() / revenue <= 0.55
    assert sold.groupby("order_id").size().between(1, 8).all()


def test_moments_exist_once_in_the_companys_time_zone(full: DemoCompany) -> None:
    moments = pd.concat(
        [
            *(full.orders[column] for column in ("order_date", "shipped_at")),
            *(full.purchases[column] for column in ("ordered_at", "received_at")),
            *(full.parcels[column] for column in ("shipped_at", "delivered_at")),
        ]
    ).dropna()
    moments.dt.tz_localize(full.time_zone, ambiguous="raise", nonexistent="raise")
    assert moments.max() <= pd.Timestamp(full.end) + pd.Timedelta(hours=16)
    assert moments.min() >= pd.Timestamp(full.start)


def test_store_is_closed_on_sundays(full: DemoCompany) -> None:
    store = full.orders.query("channel == 'store'")
    assert len(store) > 0
    assert set(store["order_date"].dt.day_of_week) == {0, 1, 2, 3, 4, 5}
    assert (store["location"] == "STORE-CITY").all()


def test_goods_leave_after_they_are_ordered(small: DemoCompany) -> None:
    sold = sold_rows(small)
    gone = sold["shipped_at"].notna()
    assert (sold["shipped_at"] >= sold["order_date"])[gone].all()
    assert (sold["cancelled_quantity"] <= sold["quantity"]).all()
    assert (sold["shipped"] > 0)[gone].all()
    assert ((sold["cancel_reason"] != "") == (sold["cancelled_quantity"] > 0)).all()


def test_seasonal_products_peak_in_their_season(full: DemoCompany) -> None:
    truth = full.truth.merge(full.item_truth.query("demand_class == 'seasonal'"), on="sku")
    truth = truth.merge(full.items[["sku", "category"]], on="sku")
    month = truth["date"].dt.to_period("M")
    by_month = truth["demand"].groupby([truth["category"] == "Gifts", month]).sum()
    summer, gifts = by_month.loc[False], by_month.loc[True]
    assert summer["2024-05"] > 5 * summer["2024-12"]
    assert summer["2025-05"] > 5 * summer["2025-01"]
    assert gifts["2024-12"] > 3 * gifts["2024-07"]


def test_intermittent_products_sell_in_few_weeks(full: DemoCompany) -> None:
    weekly = weekly_demand(full, "intermittent")
    assert weekly.shape[1] > 40
    assert (weekly == 0).mean().median() > 0.75
    assert ((weekly == 0).mean() > 0.6).all()


def test_fast_products_sell_every_week(full: DemoCompany) -> None:
    assert (weekly_demand(full, "fast") > 0).mean().median() > 0.99


def test_dying_products_fade_and_trending_ones_grow(full: DemoCompany) -> None:
    quarter = 550 // 7 // 4
    dying, trending = weekly_demand(full, "dying").sum(axis=1), weekly_demand(full, "trending").sum(axis=1)
    assert dying.iloc[-quarter:].sum() < 0.35 * dying.iloc[:quarter].sum()
    assert trending.iloc[-quarter:].sum() > 1.8 * trending.iloc[:quarter].sum()


def test_new_products_have_no_rows_before_their_launch(full: DemoCompany) -> None:
    launch = full.item_truth.dropna(subset="launch_date").set_index("sku")["launch_date"]
    assert len(launch) > 20
    assert not full.opening_stock["sku"].isin(launch.index).any()
    sold = sold_rows(full)
    sold = sold[sold["sku"].isin(launch.index)]
    assert (sold["order_date"] >= sold["sku"].map(launch)).all()
    assert set(sold["sku"]) == set(launch.index)
    truth = full.truth[full.truth["sku"].isin(launch.index)]
    assert (truth["date"] >= truth["sku"].map(launch)).all()


def test_promotions_discount_and_lift(full: DemoCompany) -> None:
    sold = sold_rows(full).query("channel == 'web'")
    usual = sold.query("promotion == ''").groupby("sku")["unit_price"].max()
    promoted = sold.query("promotion != ''")
    share_of_price = promoted["unit_price"] / promoted["sku"].map(usual)
    assert share_of_price.between(0.74, 0.91).all()
    sku_days = promoted.groupby(["promotion", "sku"]).size() / 8
    everyday = sold.query("promotion == ''").groupby("sku").size() / 550
    assert (sku_days / everyday.reindex(sku_days.index, level="sku")).median() > 1.3


def test_received_lead_times_follow_the_suppliers_true_ones(full: DemoCompany) -> None:
    truth = full.supplier_truth.set_index("supplier")
    mean = truth["lead_time_days"] * truth["lead_time_bias"]
    purchases = full.purchases.drop_duplicates("po_number")
    # Orders of the last months would show their quick receipts only.
    settled = pd.Timestamp(full.end) - pd.to_timedelta(purchases["supplier"].map(mean) * 2.5, unit="D")
    settled_purchases = purchases[purchases["ordered_at"] < settled].dropna(subset="received_at")
    days = (settled_purchases["received_at"].dt.normalize() - settled_purchases["ordered_at"].dt.normalize()).dt.days
    seen = days.groupby(settled_purchases["supplier"]).agg(["mean", "std", "size"])
    # Sundays and holidays add up to half a day.
    tolerance = 0.5 + 4 * mean * truth["lead_time_cv"] / seen["size"] ** 0.5
    assert ((seen["mean"] - mean).abs() < tolerance).all()
    assert (seen["std"] > 0).all()
    assert len(seen) == 25


def test_purchase_lines_share_supplier_location_and_moments(full: DemoCompany) -> None:
    purchases = full.purchases
    assert (purchases.groupby("po_number")[["supplier", "location", "ordered_at"]].nunique() == 1).all(axis=None)
    assert len(purchases) > 2 * purchases["po_number"].nunique()
    received = purchases["received_at"].notna()
    assert (purchases["received_quantity"][~received] == 0).all()
    assert (purchases["received_quantity"] <= purchases["quantity"]).all()
    assert 0.005 < (purchases["received_quantity"] < purchases["quantity"])[received].mean() < 0.05
    moq = purchases["sku"].map(full.items.set_index("sku")["moq"])
    assert (purchases["quantity"] >= moq).all()


def test_stock_outs_censor_sales(full: DemoCompany) -> None:
    """On days that begin and stay without stock, customers want goods and none are sold."""
    truth = full.truth.set_index([*LEDGER_KEY, "date"])
    events = stock_events(full)
    events["came"] = events["units"].clip(lower=0)
    daily = events.groupby([*LEDGER_KEY, events["at"].dt.normalize()])[["came", "units"]].sum()
    daily.index.names = truth.index.names
    daily = daily.reindex(truth.index, fill_value=0)
    closing = daily.groupby(level=LEDGER_KEY)["units"].cumsum()
    opening = closing - daily["units"]
    # Goods bought for a launch come before the first day of truth: leave those points out.
    old = full.item_truth.query("launch_date.isna()")["sku"]
    empty = (opening == 0) & (daily["came"] == 0) & truth.index.get_level_values("sku").isin(old)
    sold = sold_rows(full)
    sold = sold.groupby([*LEDGER_KEY, sold["order_date"].dt.normalize()])["shipped"].sum()
    sold.index.names = truth.index.names
    assert empty.sum() > 500
    assert truth["lost_units"][empty].sum() > 100
    assert sold.reindex(truth.index[empty], fill_value=0).sum() == 0
    assert 0.02 < truth["lost_units"].sum() / truth["demand"].sum() < 0.12


def test_demand_is_sold_lost_or_cancelled_by_the_customer(small: DemoCompany) -> None:
    sold = sold_rows(small)
    by_stock = sold["cancelled_quantity"].where(sold["cancel_reason"] == "out of stock", 0)
    recorded = (sold["quantity"] - by_stock).groupby([sold["sku"], sold["location"]]).sum()
    truth = small.truth.groupby(LEDGER_KEY)[["demand", "lost_units"]].sum()
    expected = truth["demand"] - truth["lost_units"]
    pd.testing.assert_series_equal(recorded.reindex(expected.index, fill_value=0), expected, check_names=False)


def test_true_demand_is_near_its_rate(full: DemoCompany) -> None:
    totals = full.truth[["demand", "demand_rate"]].sum()
    assert totals["demand"] == pytest.approx(totals["demand_rate"], rel=0.03)


def test_returns_are_of_goods_shipped_before(full: DemoCompany) -> None:
    sold = sold_rows(full).set_index(["order_id", "sku"])
    returned = return_rows(full)
    assert not returned.duplicated(["returns_order", "sku"]).any()
    original = sold.loc[pd.MultiIndex.from_frame(returned[["returns_order", "sku"]])].reset_index()
    returned = returned.reset_index(drop=True)
    assert (original["shipped"] >= -returned["quantity"]).all()
    assert (original["shipped_at"] < returned["shipped_at"]).all()
    for column in ("customer_id", "unit_price", "location", "channel", "country"):
        assert (original[column] == returned[column]).all(), column
    assert returned["order_id"].str.fullmatch(r"R-\d+").all()
    assert (returned.groupby("order_id")["returns_order"].nunique() == 1).all()


def test_late_parcels_come_back_more_often(full: DemoCompany) -> None:
    late = full.parcels["delivered_at"].dt.normalize() > full.parcels["promised_date"]
    is_returned = full.parcels["order_id"].isin(return_rows(full)["returns_order"])
    assert 0.055 < late.mean() < 0.085
    assert is_returned[late].mean() > 1.5 * is_returned[~late].mean()
    too_late = return_rows(full).query("return_reason == 'too late'")["returns_order"]
    assert too_late.isin(full.parcels["order_id"][late]).all()


def test_parcels_are_of_shipped_orders(full: DemoCompany) -> None:
    sold = sold_rows(full).query("channel != 'store'").dropna(subset="shipped_at")
    shipped_at = sold.groupby("order_id")["shipped_at"].first()
    assert set(full.parcels["order_id"]) == set(shipped_at.index)
    assert (full.parcels["shipped_at"] == full.parcels["order_id"].map(shipped_at)).all()
    delivered = full.parcels["status"] == "delivered"
    assert (full.parcels["delivered_at"].notna() == delivered).all()
    assert (full.parcels["delivered_at"] > full.parcels["shipped_at"])[delivered].all()
    assert 0.002 < (full.parcels["status"] == "lost").mean() < 0.007


def test_history_ends_in_the_middle_of_things(full: DemoCompany) -> None:
    end = pd.Timestamp(full.end)
    waiting = full.purchases[full.purchases["received_at"].isna()]
    assert (waiting["expected_date"] < end).any()
    assert (waiting["expected_date"] > end).any()
    overdue = full.parcels.query("status == 'in_transit' and promised_date < @end")
    assert len(overdue) > 0
    sold = sold_rows(full)
    is_open = sold["shipped_at"].isna() & (sold["cancelled_quantity"] < sold["quantity"])
    assert is_open.sum() > 0
    assert (sold["order_date"][is_open] > end - pd.Timedelta(days=3)).all()
    on_hand = stock_events(full).groupby(LEDGER_KEY)["units"].sum()
    recent = full.truth[full.truth["date"] > end - pd.Timedelta(days=56)].groupby(LEDGER_KEY)["demand"].mean()
    cover_days = on_hand / recent.clip(lower=0.01)
    assert (cover_days > 365).sum() > 20
    assert (cover_days < 7).sum() > 20


def test_heavy_customers_place_many_of_the_orders(full: DemoCompany) -> None:
    orders = sold_rows(full).groupby("customer_id")["order_id"].nunique().sort_values(ascending=False)
    assert 2_000 < len(orders) < 8_000
    assert 0.3 < orders.head(len(orders) // 10).sum() / orders.sum() < 0.7


def test_refuses_a_company_too_small_to_be_believable() -> None:
    with pytest.raises(ValueError, match="skus must be at least 20, got 5"):
        demo_company(end=END, skus=5)
    with pytest.raises(ValueError, match="days must be at least 60, got 10"):
        demo_company(end=END, days=10)


def test_refuses_more_products_than_it_has_names_for() -> None:
    with pytest.raises(ValueError, match=r"category \w+ has names for \d+ products"):
        demo_company(end=END, days=60, skus=3_000)
