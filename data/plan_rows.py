"""Plans, their recommendations, the decisions on them, and proofs, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from data.schema import decision, location, party, plan_run, proof_run, recommendation, sku


def write_plan(
    connection: Connection,
    *,
    as_of: date,
    created_at: datetime,
    created_by: str,
    terms: Mapping[str, Any],
    summary: Mapping[str, Any],
    recommendations: Sequence[Mapping[str, Any]],
) -> int:
    """A plan with all its recommendations; returns its id."""
    header = {
        "as_of": as_of,
        "created_at": created_at,
        "created_by": created_by,
        "terms": dict(terms),
        "summary": dict(summary),
    }
    plan = int(connection.execute(insert(plan_run).values(header).returning(plan_run.c.id)).scalar_one())
    if recommendations:
        connection.execute(insert(recommendation), [{"plan_run_id": plan, **row} for row in recommendations])
    return plan


def latest_plan(connection: Connection) -> Row[Any] | None:
    """The newest plan's header, if there is a plan."""
    return connection.execute(select(plan_run).order_by(plan_run.c.id.desc()).limit(1)).one_or_none()


def as_of(connection: Connection, plan: int) -> date:
    """The day that a plan was made as of."""
    day: date = connection.execute(select(plan_run.c.as_of).where(plan_run.c.id == plan)).scalar_one()
    return day


def recommendations(connection: Connection, plan: int) -> Sequence[Row[Any]]:
    """A plan's recommendations with the codes and names they are read by, most margin at risk first."""
    wanted = (
        select(
            recommendation,
            sku.c.display_code.label("sku"),
            sku.c.name.label("name"),
            sku.c.category.label("category"),
            location.c.code.label("location"),
            party.c.name.label("supplier"),
        )
        .join_from(recommendation, sku, recommendation.c.sku_id == sku.c.id)
        .join(location, recommendation.c.location_id == location.c.id)
        .outerjoin(party, recommendation.c.supplier_id == party.c.id)
        .where(recommendation.c.plan_run_id == plan)
        .order_by(recommendation.c.margin_at_risk_minor.desc(), sku.c.code, location.c.code)
    )
    return connection.execute(wanted).all()


def find_recommendation(connection: Connection, recommendation_id: int) -> Row[Any] | None:
    """One recommendation, if it exists."""
    wanted = select(recommendation).where(recommendation.c.id == recommendation_id)
    return connection.execute(wanted).one_or_none()


def lock_plan(connection: Connection, plan: int) -> None:
    """Hold a plan's header against other writers until the transaction ends."""
    connection.execute(select(plan_run.c.id).where(plan_run.c.id == plan).with_for_update())


def last_decision(connection: Connection, recommendation_id: int) -> Row[Any] | None:
    """The newest decision on a recommendation."""
    wanted = select(decision).where(decision.c.recommendation_id == recommendation_id)
    return connection.execute(wanted.order_by(decision.c.id.desc()).limit(1)).one_or_none()


def write_decision(connection: Connection, row: Mapping[str, Any]) -> int:
    """One decision; returns its id."""
    return int(connection.execute(insert(decision).values(row).returning(decision.c.id)).scalar_one())


def write_proof(
    connection: Connection, *, as_of: date, created_at: datetime, seed: int, result: Mapping[str, Any]
) -> int:
    """A proof and all its figures; returns its id."""
    row = {"as_of": as_of, "created_at": created_at, "seed": seed, "result": dict(result)}
    return int(connection.execute(insert(proof_run).values(row).returning(proof_run.c.id)).scalar_one())


def latest_proof(connection: Connection) -> Row[Any] | None:
    """The newest proof, if there is one."""
    return connection.execute(select(proof_run).order_by(proof_run.c.id.desc()).limit(1)).one_or_none()
