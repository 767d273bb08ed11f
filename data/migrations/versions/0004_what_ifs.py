"""What-ifs that were saved under a name."""

import sqlalchemy as sa
from alembic import op

from data.schema import Id, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "what_if",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("command_key", sa.String(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("removed_by", sa.String(), nullable=True),
        sa.CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name=op.f("ck_what_if_removed")),
        sa.ForeignKeyConstraint(["command_key"], ["command.key"], name=op.f("fk_what_if_command_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_what_if")),
    )
