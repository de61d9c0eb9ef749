"""Make the tables of enrolments, of what is done, and of ticked boxes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "enrolment",
        sa.Column("learner", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
    )
    _of_an_enrolment("completion", "resource", "done_at")
    _of_an_enrolment("tick", "item", "ticked_at")


def downgrade() -> None:
    op.drop_table("tick")
    op.drop_table("completion")
    op.drop_table("enrolment")


def _of_an_enrolment(table: str, name: str, moment: str) -> None:
    op.create_table(
        table,
        sa.Column("learner", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column(name, sa.String(), primary_key=True),
        sa.Column(moment, sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner", "path"], ["enrolment.learner", "enrolment.path"], ondelete="CASCADE"),
    )
