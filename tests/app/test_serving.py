"""``[serve]`` of the application file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app.document import Document
from freestone.app.serving import read_serving, serving_lines
from freestone.call import Serving

Reading = Callable[[str], tuple[Serving, list[str]]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Return a function from the text of a file to what it says, and the mistakes in it."""

    def read(text: str) -> tuple[Serving, list[str]]:
        document = Document(tmp_path / "freestone.toml", text)
        serving = read_serving(document.root().table("serve"), ("catalog", "progress"))
        return serving, [str(mistake).removeprefix(f"{tmp_path}/freestone.toml:") for mistake in document.mistakes]

    return read


def test_nothing_is_the_default(reading: Reading) -> None:
    """A limit that finds itself needs no setting."""
    serving, mistakes = reading("")
    assert serving == Serving()
    assert mistakes == []


def test_everything_can_be_set(reading: Reading) -> None:
    """Each key lands where it belongs."""
    serving, mistakes = reading(
        """
        [serve]
        limit = "fixed"
        calls = 100
        queue = 20
        wait = "50ms"

        [serve.methods]
        "catalog.path" = { calls = 3 }
        """
    )
    assert mistakes == []
    assert serving == Serving("fixed", 100, 20, 0.05, {"catalog.path": 3})


def test_the_plan_shows_it(reading: Reading) -> None:
    """For all processes, and for the methods that have their own."""
    serving, _ = reading('[serve]\ncalls = 100\nmethods = { "catalog.path" = { calls = 3 } }')
    assert list(serving_lines(serving)) == [
        "each process: finds its limit up to 100 calls at a time, 1000 more wait 1s at most",
        "    catalog.path: 3 at a time",
    ]
    assert list(serving_lines(Serving("fixed", 7, 8, 2.0))) == [
        "each process: serves 7 calls at a time, 8 more wait 2s at most"
    ]
    assert list(serving_lines(Serving("off"))) == ["each process: no limit on calls"]


def test_all_mistakes_are_told_together(reading: Reading) -> None:
    """Each with its line and what to do."""
    serving, mistakes = reading(
        """[serve]
        limit = "adaptve"
        calls = 0
        queue = -1
        wait = 0
        colour = 1

        [serve.methods]
        "path" = { calls = 1 }
        "catalo.path" = { calls = 1 }
        "catalog.path" = { calls = 0, call = 1 }
        "catalog.other" = {}
        """
    )
    assert serving.limit == "adaptive"
    assert sorted(mistakes) == [
        '10: serve.methods."catalo.path": there is no service "catalo" that runs here; did you mean "catalog"?',
        '11: serve.methods."catalog.path".call: there is no such key; did you mean "calls"?',
        '11: serve.methods."catalog.path".calls: it is 0; it must be at least 1',
        '12: serve.methods."catalog.other": it says nothing; write { calls = 10 }',
        '2: serve.limit: there is no limit "adaptve"; did you mean "adaptive"?',
        "3: serve.calls: it is 0; it must be at least 1",
        "4: serve.queue: it is -1; it must be at least 1",
        '5: serve.wait: it is nothing; write a time, as "1s", or leave it out',
        "6: serve.colour: there is no such key; the keys are methods, limit, calls, queue, wait",
        '9: serve.methods.path: it is no method; write it as "service.method", in quotes',
    ]


def test_bounds_of_no_limit_are_a_mistake(reading: Reading) -> None:
    """Whoever wrote them expects them to hold."""
    _, mistakes = reading('[serve]\nlimit = "off"\ncalls = 10')
    assert mistakes == ['3: serve.calls: it has no effect, since limit = "off"; leave one of the two out']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"catalog.path" = 4', '"catalog.path": it must be a table, and is an integer; write { calls = 10 }'),
        ('"catalog.path" = { call = 4 }', '"catalog.path".call: there is no such key; did you mean "calls"?'),
        ("catalog.path = { calls = 4 }", 'catalog: it is no method; write it as "catalog.path", in quotes'),
        (
            '"catalog.path" = { calls = 10001 }',
            '"catalog.path".calls: it is never reached: each process serves 10000 calls at a time at most; '
            "leave it out, or write a smaller number",
        ),
    ],
)
def test_a_mistake_about_a_method_is_told_once(reading: Reading, text: str, said: str) -> None:
    """With what to do."""
    _, mistakes = reading(f"[serve.methods]\n{text}\n")
    assert mistakes == [f"2: serve.methods.{said}"]
