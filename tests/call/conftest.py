"""Both event loops: what drives the wire is tested on asyncio's own and on uvloop, which differ in how they close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

ON_BOTH_LOOPS = {
    "test_admission",
    "test_conformance",
    "test_exchange",
    "test_fuzz",
    "test_gather",
    "test_link",
    "test_memory",
    "test_moving",
    "test_names",
    "test_network",
    "test_pool",
    "test_server",
    "test_starter",
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tell pytest-asyncio the loops to run a test on."""
    if item.path.stem in ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
