"""What the planner says of demand: overrides, the calendar of events, successions, analogues, outlier decisions."""

import sqlalchemy as sa
from alembic import op

from data.schema import Id, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCOPE = (
    "(scope = 'all' AND category IS NULL AND sku_id IS NULL)"
    " OR (scope = 'category' AND category IS NOT NULL AND sku_id IS NULL)"
    " OR (scope = 'sku' AND category IS NULL AND sku_id IS NOT NULL)"
)


def upgrade() -> None:
    _table(
        "forecast_override",
        _number("sku_id"),
        _number("location_id", nullable=True),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("weekly_rate_statistical", sa.Float(), nullable=True),
        references={"sku_id": "sku", "location_id": "location"},
        checks={
            "days": "from_date <= until_date",
            "kind": "kind IN ('set', 'multiply', 'add')",
            "value": "value >= 0 OR kind = 'add'",
            "weekly_rate_statistical": "weekly_rate_statistical IS NULL OR weekly_rate_statistical >= 0",
        },
        indexed=["sku_id"],
    )
    _table(
        "demand_event",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        _number("sku_id", nullable=True),
        _number("location_id", nullable=True),
        sa.Column("uplift", sa.Float(), nullable=True),
        sa.Column("is_excluded_from_history", sa.Boolean(), nullable=False),
        references={"sku_id": "sku", "location_id": "location"},
        checks={
            "days": "from_date <= until_date",
            "kind": "kind IN ('promotion', 'holiday', 'event', 'one_off')",
            "scope": SCOPE,
            "uplift": "uplift IS NULL OR uplift >= 0",
            "excluded": "kind = 'one_off' OR NOT is_excluded_from_history",
        },
        indexed=["sku_id"],
    )
    _table(
        "item_succession",
        _number("old_sku_id"),
        _number("new_sku_id"),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("run_down_note", sa.String(), nullable=True),
        references={"old_sku_id": "sku", "new_sku_id": "sku"},
        checks={"not_itself": "old_sku_id <> new_sku_id", "share": "share > 0 AND share <= 1"},
        indexed=["old_sku_id", "new_sku_id"],
    )
    _table(
        "item_analogue",
        _number("sku_id"),
        _number("analogue_sku_id"),
        sa.Column("weight", sa.Float(), nullable=False),
        references={"sku_id": "sku", "analogue_sku_id": "sku"},
        checks={"not_itself": "sku_id <> analogue_sku_id", "weight": "weight > 0"},
        indexed=["sku_id"],
    )
    _table(
        "outlier_decision",
        _number("sku_id"),
        _number("location_id", nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        _number("order_line_id", nullable=True),
        sa.Column("decision", sa.String(), nullable=False),
        references={"sku_id": "sku", "location_id": "location", "order_line_id": "order_line"},
        checks={
            "decision": "decision IN ('accepted', 'excluded')",
            "order_line": "order_line_id IS NULL OR location_id IS NOT NULL",
        },
        indexed=["sku_id"],
    )


def _table(
    name: str, *columns: sa.Column, references: dict[str, str], checks: dict[str, str], indexed: list[str]
) -> None:
    """A table of what somebody said: its own columns, then who, when, why, and who took it back."""
    op.create_table(
        name,
        sa.Column("id", Id, autoincrement=True, nullable=False),
        *columns,
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("command_key", sa.String(), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.Column("withdrawal_reason", sa.String(), nullable=True),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f(f"ck_{name}_withdrawn")),
        *(sa.CheckConstraint(check, name=op.f(f"ck_{name}_{what}")) for what, check in checks.items()),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}"))
            for column, table in references.items()
        ),
        sa.ForeignKeyConstraint(["command_key"], ["command.key"], name=op.f(f"fk_{name}_command_key")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    for column in indexed:
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column], unique=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, Id, nullable=nullable)
