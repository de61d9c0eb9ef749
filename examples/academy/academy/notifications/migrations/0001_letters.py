"""Make the tables of readers, of what they study, and of letters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "reader",
        sa.Column("learner", sa.String(), primary_key=True),
        sa.Column("wants", sa.Boolean(), nullable=False),
        sa.Column("token", sa.String(), nullable=False, unique=True),
        sa.Column("reminded_at", moment, nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
    )
    op.create_table(
        "study",
        sa.Column("learner", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("moved_at", moment, nullable=False),
    )
    op.create_index("ix_study_moved_at", "study", ["moved_at"])
    op.create_table(
        "letter",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("learner", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("written_at", moment, nullable=False),
        sa.Column("sent_at", moment, nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("ix_letter_learner", "letter", ["learner"])
    op.create_index("ix_letter_written_at", "letter", ["written_at"])


def downgrade() -> None:
    for table in ("letter", "study", "reader"):
        op.drop_table(table)
