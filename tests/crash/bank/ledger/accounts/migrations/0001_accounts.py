"""Make the tables of accounts and transfers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("movements", sa.Integer(), nullable=False),
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("transfer")
    op.drop_table("account")
