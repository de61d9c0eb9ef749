"""Every example runs: the Python blocks of the README and the guide, and the docstrings of the code."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

_ELSEWHERE = ("docs/configuration.md", "docs/gateway.md")
"""What has a test of its own, which does more than run the blocks: it asks the application that they make."""


class _Blocks(PythonCodeBlockParser):
    """Runs a block, and then the tests that it defines, as pytest would."""

    def evaluate(self, example: Example) -> None:
        known = set(example.namespace)
        super().evaluate(example)
        for name in sorted(example.namespace.keys() - known):
            test: Any = example.namespace[name]
            if name.startswith("test_") and inspect.iscoroutinefunction(test):
                asyncio.run(test())


_PAGES = Sybil(parsers=[_Blocks()])


class _Page(pytest.File):
    """A page of the guide. All its blocks are one test: each goes on where the one before it ended."""

    def collect(self) -> Iterator[pytest.Item]:
        yield _Examples.from_parent(self, name="examples")


class _Examples(pytest.Item):
    def runtest(self) -> None:
        document = _PAGES.parse(self.path)
        # A module of its own: what a page declares is beside nothing that another page does.
        module = ModuleType(f"page_{self.path.stem}")
        document.namespace = vars(module)
        sys.modules[module.__name__] = module
        for example in document.examples():
            example.evaluate()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    page = file_path.relative_to(parent.config.rootpath)
    listed = page.suffix == ".md" and (page.parent == Path("docs") or page.name == str(page) == "README.md")
    return _Page.from_parent(parent, path=file_path) if listed and str(page) not in _ELSEWHERE else None


@pytest.fixture(autouse=True)
def _names_in_docstrings(doctest_namespace: dict[str, Any]) -> None:
    """Give the examples in docstrings the application that they speak of."""
    if not doctest_namespace:
        doctest_namespace.update(_academy())


def _academy() -> dict[str, Any]:
    from freestone import Contract, Settings, command, query
    from freestone.gateway import get, mount, post

    class Catalog(Contract):
        @query
        async def path(self, path: str) -> str:
            """Return a path."""
            ...

    class Progress(Contract):
        @command
        async def complete(self, learner: str, path: str, resource: str) -> str:
            """Record a resource as done."""
            ...

    class IdentitySettings(Settings):
        session_days: int = 30

    async def learner(request: object) -> None:
        """Stands for an authentication."""

    async def website(scope: object, receive: object, send: object) -> None:
        """Stands for an ASGI application."""

    return {
        **{it.__name__: it for it in (Catalog, Progress, IdentitySettings, learner, website)},
        **{it.__name__: it for it in (command, get, mount, post, query)},
    }
