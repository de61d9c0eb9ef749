"""What a process is run for, from the variable to the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app import Environment, describe, load, plan, render
from freestone.errors import ConfigurationError

FILE = """
name = "shop"

[services]
prices = "shop:PricesService"
"""


def test_an_application_is_run_for_development_if_nobody_says_otherwise(written: Callable[..., Path]) -> None:
    """A variable that is set to nothing is not set."""
    file = written(FILE)
    assert load(file).environment is Environment.DEVELOPMENT
    assert load(file, variables={"FREESTONE_ENVIRONMENT": ""}).environment is Environment.DEVELOPMENT


def test_the_variable_says_production_and_the_plan_shows_it(written: Callable[..., Path]) -> None:
    made = plan(load(written(FILE), variables={"FREESTONE_ENVIRONMENT": "production"}))
    assert made.app.environment is Environment.PRODUCTION
    assert render(made).startswith("shop, placed as monolith for production: 1 process\n")
    assert describe(made)["environment"] == "production"


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("productoin", 'did you mean "production"?'),
        ("Production", 'did you mean "production"?'),
        ("staging", "the environments are development, production"),
    ],
)
def test_another_value_is_refused_with_what_is_meant(written: Callable[..., Path], value: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(written(FILE), variables={"FREESTONE_ENVIRONMENT": value})
    assert str(caught.value) == (
        f'FREESTONE_ENVIRONMENT: the environment variable is "{value}", and there is no such one; {advice}'
    )


def test_a_wrong_value_is_told_together_with_what_is_wrong_in_the_file(written: Callable[..., Path]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(written(FILE + 'orders = "shop:OrderService"\n'), variables={"FREESTONE_ENVIRONMENT": "test"})
    told = [mistake.subject for mistake in caught.value.mistakes]
    assert told == ["FREESTONE_ENVIRONMENT", "services.orders"]
