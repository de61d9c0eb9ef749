"""Makes the parcels importable, as their own file does in the processes that run them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

sys.path.insert(0, str(HERE / "post"))
# The checks are no test modules, and shall say all the same what they have found instead of what they expect.
pytest.register_assert_rewrite("tests.delivery.suite", "tests.delivery.misfortunes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the checks of what a placement does not have: a broker, replicas, a server of databases."""
    items[:] = [it for it in items if it.path.parent != HERE or _has_it(it)]


def _has_it(item: pytest.Item) -> bool:
    from .misfortunes import misfortunes
    from .suite import suite

    if not hasattr(item, "callspec"):
        return True
    given = item.callspec.params
    return given["check"] in (*suite(given["placed"]), *misfortunes(given["placed"]))
