"""JetStream keeps the rules of brokers, with a real server that is really killed."""

from __future__ import annotations

import pytest

from freestone.testing.conformance.broker import (
    CHECKS,
    CHECKS_OF_PUBLISHING,
    CHECKS_OF_RESTARTS,
    CHECKS_OF_RESTORING,
    Bench,
    Check,
)


@pytest.mark.parametrize(
    "check",
    [*CHECKS, *CHECKS_OF_PUBLISHING, *CHECKS_OF_RESTARTS, *CHECKS_OF_RESTORING],
    ids=lambda check: check.__name__,
)
async def test_jetstream_keeps_the_rules(check: Check, bench: Bench) -> None:
    """The suite of the seam."""
    await check(bench)
