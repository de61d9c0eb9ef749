"""Make the tables of what can be found, and the index of its words in the database's own way."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "path",
        sa.Column("slug", sa.String(), primary_key=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
    )
    op.create_table(
        "entry",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("path", sa.String(), sa.ForeignKey("path.slug", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=True),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("focus", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("ix_entry_path", "entry", ["path"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE words (rowid integer PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE, "
            "vector tsvector NOT NULL)"
        )
        op.execute("CREATE INDEX ix_words_vector ON words USING gin (vector)")
    else:
        # Words come folded, with spaces between them: the plain tokenizer takes all that is not ASCII as it is.
        op.execute("CREATE VIRTUAL TABLE words USING fts5 (title, focus, body, tokenize = 'ascii', prefix = '1 2 3')")


def downgrade() -> None:
    op.drop_table("words")
    op.drop_table("entry")
    op.drop_table("path")
