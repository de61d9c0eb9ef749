"""Make the table of what was announced, and note of which enrolments it tells."""

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
    op.add_column("enrolment", sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("enrolment") as enrolment:
        enrolment.drop_column("told")
    op.drop_table("milestone")
