"""Planning terms: what may be set, what is refused, and that all or nothing of a change holds."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from orders.errors import InvalidTerm
from orders.model import Actor
from orders.terms import MEANINGS, Terms, parse_term, read_terms, set_terms, term_values

WHO = {"actor": Actor("planner"), "at": datetime(2024, 5, 1, tzinfo=UTC)}
ACCEPTED = {
    "currency": {"gbp": "GBP"},
    "time_zone": {"Europe/London": "Europe/London"},
    "default_location": {"east": "EAST"},
    "lead_time_days": {"0": 0.0, "21.5": 21.5, "730": 730.0},
    "lead_time_sd_days": {"0": 0.0, "365": 365.0},
    "review_period_days": {"1": 1, "90": 90},
    "unit_cost_share": {"0.4": 0.4},
    "moq": {"1": 1, "1000000000": 10**9},
    "pack_size": {"12": 12},
    "order_cost": {"0": 0.0},
    "holding_cost_rate": {"0.3": 0.3, "5": 5.0},
    "fill_rate_target": {" 0.98 ": 0.98},
    "fill_rate_floor": {"0": 0.0, "0.9": 0.9},
    "stock_budget": {"none": None, "NONE": None, "25000.5": 25000.5},
    "opening_stock_weeks": {"0": 0.0, "104": 104.0},
    "price_tolerance": {"0": 0.0, "0.25": 0.25, "100": 100.0},
    "duplicate_window_hours": {"0": 0.0, "24": 24.0, "8760": 8760.0},
    "unusual_quantity_ratio": {"1": 1.0, "2.5": 2.5},
    "parcel_cost": {"0": 0.0, "4.90": 4.9},
    "parcel_cost_abroad": {"0": 0.0, "17.5": 17.5},
    "transit_days": {"0": 0.0, "1.5": 1.5},
    "transit_days_abroad": {"0": 0.0, "365": 365.0},
}
REFUSED = {
    "currency": ["", "euro", "12"],
    "time_zone": ["", "London", "../etc/passwd", "/etc/passwd"],
    "default_location": ["", "  "],
    "lead_time_days": ["-1", "731", "nan", "soon", ""],
    "lead_time_sd_days": ["-0.1", "366", "inf"],
    "review_period_days": ["0", "91", "7.5"],
    "unit_cost_share": ["0", "1", "nan"],
    "moq": ["0", "-5", "1.5", "10000000000"],
    "pack_size": ["0", "x"],
    "order_cost": ["-1", "1e10"],
    "holding_cost_rate": ["0", "5.1"],
    "fill_rate_target": ["0", "1", "95"],
    "fill_rate_floor": ["-0.1", "1"],
    "stock_budget": ["0", "-1", "inf", "much"],
    "opening_stock_weeks": ["-1", "105"],
    "price_tolerance": ["-0.1", "101", "nan", "25 %"],
    "duplicate_window_hours": ["-1", "8761"],
    "unusual_quantity_ratio": ["0", "0.9", "inf"],
    "parcel_cost": ["-1", "1e10", "free"],
    "parcel_cost_abroad": ["-0.01", "nan"],
    "transit_days": ["-1", "366"],
    "transit_days_abroad": ["-1", "soon"],
}


def in_force(database):
    with database.reading() as connection:
        return read_terms(connection)


def test_every_term_is_explained_and_tried_here():
    names = {field.name for field in fields(Terms)}
    assert names == set(MEANINGS) == set(ACCEPTED) == set(REFUSED)


@pytest.mark.parametrize(("name", "text", "value"), [(n, t, v) for n, of in ACCEPTED.items() for t, v in of.items()])
def test_a_value_within_its_bounds_is_taken(name, text, value):
    assert parse_term(name, text) == value


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_a_value_out_of_bounds_is_refused_in_one_line(name, text):
    with pytest.raises(InvalidTerm) as refused:
        parse_term(name, text)
    assert str(refused.value).startswith(f"{name} must be ")
    assert repr(text) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_term_is_refused_with_those_that_exist():
    with pytest.raises(InvalidTerm, match="one of currency, time_zone"):
        parse_term("service_level", "0.9")


def test_terms_start_with_their_defaults_and_keep_what_was_set(database):
    assert in_force(database) == Terms()
    returned = set_terms(database, {"moq": "5", "stock_budget": "1000", "lead_time_days": "10"}, **WHO)
    assert in_force(database) == returned == Terms(moq=5, stock_budget=1000.0, lead_time_days=10.0)
    set_terms(database, {"stock_budget": "none", "moq": "6"}, **WHO)
    assert in_force(database) == Terms(moq=6, lead_time_days=10.0)


def test_who_set_a_term_and_when_is_kept(database, rows_of):
    set_terms(database, {"moq": "5"}, **WHO)
    assert rows_of(database, "term") == [
        {"name": "moq", "value": "5", "set_at": datetime(2024, 5, 1, tzinfo=UTC), "set_by": "planner"}
    ]


def test_one_wrong_value_keeps_all_of_them_out(database):
    with pytest.raises(InvalidTerm):
        set_terms(database, {"moq": "5", "pack_size": "0"}, **WHO)
    assert in_force(database) == Terms()


def test_the_floor_may_not_lie_above_the_target(database):
    set_terms(database, {"fill_rate_floor": "0.9"}, **WHO)
    with pytest.raises(InvalidTerm, match="fill_rate_floor must be at most fill_rate_target"):
        set_terms(database, {"fill_rate_target": "0.85"}, **WHO)
    assert in_force(database) == Terms(fill_rate_floor=0.9)


@pytest.mark.parametrize("budget", ["1234567.89", "999999999.5", "0.123456789"])
def test_a_number_is_kept_to_its_last_digit(database, budget):
    set_terms(database, {"stock_budget": budget}, **WHO)
    assert in_force(database).stock_budget == float(budget)


def test_terms_as_texts_are_the_same_terms_again():
    terms = Terms(stock_budget=1234567.89, moq=3, time_zone="Asia/Tokyo", lead_time_days=0.1 + 0.2)
    assert Terms(**{name: parse_term(name, value) for name, value in term_values(terms).items()}) == terms
