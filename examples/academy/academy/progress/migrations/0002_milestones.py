"""Make the tables of what was announced, and of the editions that were heard of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "milestone",
        sa.Column("learner", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("phase", sa.String(), primary_key=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner", "path"], ["enrolment.learner", "enrolment.path"], ondelete="CASCADE"),
    )
    op.create_table(
        "edition",
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("edition")
    op.drop_table("milestone")
