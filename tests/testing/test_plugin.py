"""The pytest plugin, used as a project would use it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

APPLICATION = """
name = "shop"

[services]
prices = "shop_under_test:PricesService"
"""

MODULE = """
from freestone import Contract, query, service

class Prices(Contract):
    @query
    async def of(self, item: str) -> int:
        '''Return cents.'''

@service
class PricesService(Prices):
    async def of(self, item: str) -> int:
        return len(item)
"""

TEST = """
import pytest
from shop_under_test import Prices

async def test_a_price(application):
    assert await application.client(Prices).of("tea") == 3

@pytest.mark.placements("local", "memory")
async def test_in_one_process(application):
    assert await application.client(Prices).of("salt") == 4
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".toml", freestone=APPLICATION)
    pytester.makepyfile(shop_under_test=MODULE, test_prices=TEST)
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    return pytester


def test_a_test_runs_once_a_placement(project: pytest.Pytester) -> None:
    """In all four, and in those that its mark names."""
    result = project.runpytest_subprocess("-v", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        [f"*test_a_price[[]{name}[]] PASSED*" for name in ("local", "codec", "memory", "processes")]
        + [f"*test_in_one_process[[]{name}[]] PASSED*" for name in ("local", "memory")]
    )


def test_the_placements_are_chosen_by_an_option(project: pytest.Pytester) -> None:
    """The mark still holds."""
    result = project.runpytest_subprocess("--placement", "local, codec", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_a_placement_that_there_is_not_is_refused(project: pytest.Pytester) -> None:
    """By name, with those that there are."""
    result = project.runpytest_subprocess("--placement", "cloud", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--placement: there is no cloud; there are local, codec, memory, processes*"])
