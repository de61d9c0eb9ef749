"""``[calls]`` of the application file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app.differences import policy_lines
from freestone.app.document import Document
from freestone.app.policies import read_policies
from freestone.call import Balance, Breaking, CallPolicy, Hedge, Policies, Retry

Reading = Callable[[str], tuple[Policies, list[str]]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Return a function from the text of a file to its policies, and the mistakes in it."""

    def read(text: str) -> tuple[Policies, list[str]]:
        document = Document(tmp_path / "freestone.toml", text)
        policies = read_policies(document.root().table("calls"), ("catalog", "progress"))
        return policies, [str(mistake).removeprefix(f"{tmp_path}/freestone.toml:") for mistake in document.mistakes]

    return read


def test_nothing_is_the_default(reading: Reading) -> None:
    policies, mistakes = reading("")
    assert policies == Policies()
    assert mistakes == []
    assert policies.of("catalog.path") == CallPolicy()
    assert list(policy_lines(policies)) == ["calls: deadline 10s"]


WHOLE = """
[calls]
deadline = "5s"
retry = { attempts = 2, budget = 0.1 }
breaker = { errors = 1, open = "1s" }
limit = 100

[calls.services.catalog]
hedge = true
limit = 50
deadline = "2s"
balance = { slow_start = "1m" }

[calls.methods]
"catalog.path" = { retry = { first = "1ms" }, hedge = { least = "20ms" }, limit = 10 }
"progress.complete" = { retry = false, deadline = 1 }
"""


def test_each_level_begins_with_what_holds_further_out(reading: Reading) -> None:
    """And what comes out is complete: the method of a service has what the service has."""
    policies, mistakes = reading(WHOLE)
    assert mistakes == []
    assert policies.deadline == 5.0
    breaking, retry = Breaking(errors=1.0, open=1.0), Retry(attempts=2, budget=0.1)
    assert policies.of("progress.enrolment") == CallPolicy(retry=retry, breaker=breaking, limit=100)
    assert policies.of("catalog.paths") == CallPolicy(
        deadline=2.0, retry=retry, hedge=Hedge(), breaker=breaking, limit=50, balance=Balance(slow_start=60.0)
    )
    assert policies.of("catalog.path") == CallPolicy(
        deadline=2.0,
        retry=Retry(attempts=2, first=0.001, budget=0.1),
        hedge=Hedge(least=0.02),
        breaker=breaking,
        limit=10,
        balance=Balance(slow_start=60.0),
    )
    assert policies.of("progress.complete").retry.attempts == 1
    assert policies.deadlines.limit("catalog.paths") == 2.0
    assert policies.deadlines.limit("progress.complete") == 1.0
    assert policies.deadlines.limit("progress.enrolment") is None


def test_the_plan_shows_where_they_differ(reading: Reading) -> None:
    """From the defaults, and from what holds further out."""
    policies, _ = reading(WHOLE)
    assert list(policy_lines(policies)) == [
        "calls: deadline 5s, limit 100, retry 2 attempts, 10ms to 1s apart, budget 10 %, "
        "breaker at 100 % errors of at least 10 calls in 5s, open 1s",
        "    catalog: deadline 2s, limit 50, hedge after 95 %, at least 1ms, "
        "balance with a memory of 2s and a slow start of 1m",
        "    catalog.path: limit 10, retry 2 attempts, 1ms to 1s apart, budget 10 %, hedge after 95 %, at least 20ms",
        "    progress.complete: deadline 1s, retry off",
    ]


def test_what_was_turned_off_is_turned_on_again(reading: Reading) -> None:
    policies, mistakes = reading(
        "[calls]\nretry = false\nbreaker = false\nhedge = true\n"
        "[calls.services]\ncatalog = { retry = true, breaker = true, hedge = false }\n"
        'progress = { retry = { first = "1ms" }, breaker = { calls = 5 } }'
    )
    assert mistakes == []
    assert policies.service("catalog") == CallPolicy()
    assert policies.service("progress") == CallPolicy(
        retry=Retry(first=0.001), breaker=Breaking(calls=5), hedge=Hedge()
    )
    assert next(policy_lines(policies)) == (
        "calls: deadline 10s, retry off, hedge after 95 %, at least 1ms, breaker off"
    )


def test_a_budget_is_of_a_service(reading: Reading) -> None:
    """What fails is the service, whichever operation notices."""
    _, mistakes = reading('[calls.methods]\n"catalog.path" = { retry = { budget = 0.5 } }')
    assert mistakes == [
        '2: calls.methods."catalog.path".retry.budget: a budget is of all calls to a service; '
        "write it below [calls.services.catalog]"
    ]


def test_all_mistakes_are_told_together(reading: Reading) -> None:
    """Each with its line."""
    _, mistakes = reading(
        '[calls]\ndeadline = "0s"\nretries = 3\n'
        'retry = { attempts = 0, first = "2s", budget = 20 }\n'
        "hedge = 0.9\nlimit = 0\n"
        "[calls.services]\ncatalgo = {}\ncatalog = { limit = 5, breaker = { errors = 0, open = 0 } }\n"
        "progress = { hedge = { after = 0.2 }, balance = { slow = 1 } }\n"
        '[calls.methods]\n"catalog.path" = { limit = 6, breaker = false, balance = {} }\npath = {}\n'
        '"catalog.paths" = { deadline = "soon" }\n'
    )
    assert mistakes == [
        '2: calls.deadline: it is nothing, so that no call could be made; write a time, as "10s", or leave it out',
        "6: calls.limit: it is 0, so that no call could be made; leave it out where there is none",
        "4: calls.retry.attempts: it is 0; it must be at least 1",
        "4: calls.retry.budget: it is 20; it must be from 0 to 1; for 20 % write 0.2",
        '4: calls.retry.first: it is longer than any wait may be, which is 1 s; change "first" or "most"',
        "5: calls.hedge: it must be true, false or a table; write { after = 0.95 }",
        '8: calls.services.catalgo: there is no service "catalgo"; did you mean "catalog"?',
        "9: calls.services.catalog.breaker.errors: it is nothing, so that one error would open it; "
        "write a share, as 0.5",
        '9: calls.services.catalog.breaker.open: it is nothing; write a time, as "5s", or leave it out',
        "10: calls.services.progress.hedge.after: it is 0.2, and more than every second query would be sent twice; "
        "write a number from 0.5 to 0.999",
        "10: calls.services.progress.balance.slow: there is no such key; the keys are memory, slow_start",
        '12: calls.methods."catalog.path".breaker: a breaker watches a replica whatever the method; '
        "write it below [calls.services.catalog]",
        '12: calls.methods."catalog.path".balance: replicas are compared whatever the method; '
        "write it below [calls.services.catalog]",
        '12: calls.methods."catalog.path".limit: it is never reached: catalog has a limit of 5 calls for all of its '
        "methods",
        '13: calls.methods.path: it is no method; write it as "service.method", in quotes',
        '14: calls.methods."catalog.paths".deadline: it is no duration, such as "250ms", "10s", "2m" or a number of '
        "seconds",
        '3: calls.retries: there is no such key; did you mean "retry"?',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retry = 3", "retry: it must be true, false or a table; write { attempts = 2 }"),
        ('breaker = "off"', "breaker: it must be true, false or a table; write { errors = 0.5 }"),
        ('breaker = { errors = "50%" }', "breaker.errors: it must be a number, and is a text; write a share, as 0.5"),
        ("hedge = { after = 95 }", "hedge.after: it is 95; it must be from 0 to 1; for 95 % write 0.95"),
        ("balance = true", 'balance: it must be a table, and is true or false; write { memory = "2s" }'),
        ("retry = { budget = -1 }", "retry.budget: it is -1; it must be from 0 to 1"),
        ("services.catalog = 4", "services.catalog: it must be a table, and is an integer; write { limit = 50 }"),
        (
            'methods."catalog.path" = 4',
            'methods."catalog.path": it must be a table, and is an integer; write { deadline = "2s" }',
        ),
        (
            "methods.catalog.path = { limit = 4 }",
            'methods.catalog: it is no method; write it as "catalog.path", in quotes',
        ),
        (
            "balance = { slow_start = 0 }",
            'balance.slow_start: it is nothing; write a time, as "10s", or leave it out',
        ),
    ],
)
def test_a_mistake_is_told_once_with_what_to_do(reading: Reading, text: str, said: str) -> None:
    """What was meant is written there, as it is to be written."""
    _, mistakes = reading(f"[calls]\n{text}\n")
    assert mistakes == [f"2: calls.{said}"]


def test_a_table_without_a_header_of_its_own_has_a_line(reading: Reading) -> None:
    """That of the first header which leads through it."""
    _, mistakes = reading("[calls.service.catalog]\nlimit = 4\n[calls.methods.catalog.path]\nlimit = 4\n")
    assert sorted(mistakes) == [
        '1: calls.service: there is no such key; did you mean "services"?',
        '3: calls.methods.catalog: it is no method; write it as "catalog.path", in quotes',
    ]
