"""Note when each path was announced (those from before there were events never were), and which are retired."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("path", sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "retired",
        sa.Column("slug", sa.String(), primary_key=True),
        sa.Column("edition", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("retired")
    with op.batch_alter_table("path") as path:
        path.drop_column("announced_at")
