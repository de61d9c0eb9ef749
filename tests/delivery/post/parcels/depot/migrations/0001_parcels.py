"""Make the tables of streets and confirmed parcels."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "street",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("shipped", sa.Integer(), nullable=False),
    )
    op.create_table(
        "confirmed",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("confirmed")
    op.drop_table("street")
