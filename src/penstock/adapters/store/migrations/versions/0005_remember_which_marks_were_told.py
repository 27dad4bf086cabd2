"""Which marks of a cap were told, so that each is told once however it is reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

REACHED = """
UPDATE budgets SET told_mark = 100 * settled_{kind} / cap_{kind}
WHERE settled_{kind} < cap_{kind} AND 100 * settled_{kind} / cap_{kind} > told_mark
"""
SPENT = "UPDATE budgets SET told_mark = 100 WHERE cap_{kind} > 0 AND settled_{kind} >= cap_{kind}"


def upgrade() -> None:
    """Add the column; what is reached already counts as told."""
    op.add_column("budgets", sa.Column("told_mark", sa.Integer(), nullable=False, server_default=sa.text("0")))
    for kind in ("tokens", "micros"):
        op.execute(REACHED.format(kind=kind))
        op.execute(SPENT.format(kind=kind))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("budgets", "told_mark")
