"""What docs/gateway.md says is so."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from freestone.gateway.problems import STATUS

DOCUMENT = Path(__file__).parents[2] / "docs" / "gateway.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
EXCHANGES = re.findall(r"^```http\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
STATUS_LINE = re.compile(r"[1-5][0-9]{2} [A-Z]")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The code of the page, as a module."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    path = tmp_path_factory.mktemp("docs") / "documented_edge.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("documented_edge", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["documented_edge"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["documented_edge"]


@pytest.fixture
def services(edge: ModuleType) -> dict[type[Any], Any]:
    """What stands behind the page's gateway."""

    class CatalogService(edge.Catalog):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            resources = (edge.Resource(title="Basics", minutes=30),)
            self.kept = {"microservices": edge.LearningPath(slug="microservices", resources=resources)}

        async def paths(self, longer_than: int = 0) -> tuple[str, ...]:
            minutes = {slug: sum(it.minutes for it in path.resources) for slug, path in self.kept.items()}
            return tuple(slug for slug, total in minutes.items() if total > longer_than)

        async def path(self, path: str) -> Any:
            if path not in self.kept:
                raise edge.errors.NotFound(f"there is no path {path}")
            return self.kept[path]

        async def save(self, path: str, document: Any) -> Any:
            self.kept[path] = document
            return document

    class ProgressService(edge.Progress):  # type: ignore[name-defined,misc]
        async def complete(self, learner: str, path: str, resource: str, minutes: int = 0) -> int:
            if resource == "advanced":
                raise edge.Locked("advanced is locked", needs=("basics",))
            return 1

        async def undo(self, learner: str, path: str, resource: str) -> None:
            return None

    return {edge.Catalog: CatalogService(), edge.Progress: ProgressService()}


@pytest.fixture
async def http(edge: ModuleType, services: dict[type[Any], Any]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(edge.gateway.asgi(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        yield client


def test_the_page_has_examples() -> None:
    """Else the tests below would say nothing."""
    assert len(EXCHANGES) == 8


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[it.splitlines()[0] for it in EXCHANGES])
async def test_an_exchange_is_as_it_is_written(http: httpx.AsyncClient, exchange: str) -> None:
    """The answer has the status and the body of the page, but for the trace id."""
    parts = exchange.strip().split("\n\n")
    position = next(index for index, part in enumerate(parts) if STATUS_LINE.match(part))
    request, *headers = parts[0].splitlines()
    method, url = request.split()
    response = await http.request(
        method,
        url,
        content="\n\n".join(parts[1:position]),
        headers={"content-type": "application/json", **dict(it.split(": ", 1) for it in headers)},
    )
    assert f"{response.status_code} {response.reason_phrase}" == parts[position]
    expected = "\n\n".join(parts[position + 1 :])
    if "json" in response.headers.get("content-type", ""):
        body = response.json()
        if isinstance(body, dict) and "trace_id" in body:
            body["trace_id"] = "…"
        assert body == httpx.Response(200, text=expected).json()
    else:
        assert response.text == expected


def test_the_table_of_statuses_is_the_one_in_the_code() -> None:
    """All sixteen."""
    found = re.findall(r"\| ([A-Z_]+) \| ([0-9]{3})", TEXT)
    assert {code: int(status) for code, status in found} == {code.name: status for code, status in STATUS.items()}
