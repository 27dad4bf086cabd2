"""Whether a person has set a cap, so that no settings change it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KINDS = ("tokens", "micros")


def upgrade() -> None:
    """Add the columns. Who set the caps that are there nobody knows: they stay, as if a person had."""
    for kind in KINDS:
        op.add_column("budgets", sa.Column(f"by_hand_{kind}", sa.Boolean(), nullable=False, server_default=sa.false()))
        op.execute(sa.text(f"UPDATE budgets SET by_hand_{kind} = (cap_{kind} IS NOT NULL)"))  # noqa: S608 - our names


def downgrade() -> None:
    """Take them away again."""
    for kind in KINDS:
        op.drop_column("budgets", f"by_hand_{kind}")
