"""A service is replaced again and again, by another version of its code, while callers go on."""

from __future__ import annotations

import asyncio
import collections
import importlib.util
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from freestone import deadline
from freestone.app import load
from freestone.call import client as client_through
from freestone.contract import operations
from freestone.testing import Processes, processes

RESTARTS = 20
EVERY = 1 / 200
"""Seconds between two calls."""

FILE = """
name = "library"

[services]
shelf = "shelf:ShelfService"

[topologies.split]
shelf = { services = ["shelf"], replicas = 2 }
"""

OLD = '''
import os

from freestone import Contract, Message, command, query, service


class Book(Message):
    isbn: str
    title: str
    shelf: str = "on no shelf"  # which the newer version has not


class Shelf(Contract):
    @query
    async def book(self, isbn: str) -> Book:
        """Return a book."""
        ...

    @command
    async def put(self, book: Book) -> str:
        """Note a book, and return its number."""
        ...


@service
class ShelfService(Shelf):
    async def book(self, isbn: str) -> Book:
        return Book(isbn, f"title of {isbn}", shelf="first shelf")

    async def put(self, book: Book) -> str:
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(book.isbn + "\\n")
        return book.isbn
'''

NEW = (
    OLD.replace('shelf: str = "on no shelf"  # which the newer version has not', "pages: int = -1")
    .replace('shelf="first shelf"', "pages=len(isbn)")
    .replace("isbn: str) -> Book", 'isbn: str, language: str = "en") -> Book')
)


@pytest_asyncio.fixture
async def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    """A service in two replicas, on a folder whose code can be replaced."""
    (tmp_path / "freestone.toml").write_text(FILE)
    (tmp_path / "shelf.py").write_text(OLD)
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        async with processes(load(cwd=tmp_path), "split", tmp_path / "home") as it:
            yield it
    finally:
        sys.modules.pop("shelf", None)


def version(code: str, name: str, directory: Path) -> ModuleType:
    """Return the module that a caller of that version has."""
    path = directory / f"{name}.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


async def restart(library: Processes, number: int) -> None:
    """End one replica as a deployment does, and wait until its successor serves."""

    def replica() -> Any:
        (found,) = (it for it in library.record().replicas if it.replica == number)
        return found

    before = replica().pid
    os.kill(before, signal.SIGTERM)
    for _ in range(1000):
        if replica().pid not in (None, before) and replica().state == "running":
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the successor of {before} does not serve: {replica()}")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_p40_no_call_fails_while_replicas_of_two_versions_take_turns(library: Processes, tmp_path: Path) -> None:
    """Twenty restarts under 200 calls a second, to a newer version and back: nothing fails, and each command that was
    answered took effect once. A field that one side has and the other has not is its default.
    """
    old, new = version(OLD, "shelf_old", tmp_path), version(NEW, "shelf_new", tmp_path)
    assert set(operations(old.Shelf)) == set(operations(new.Shelf))
    through = library.client(load(cwd=tmp_path).services["shelf"].contract)._transport  # type: ignore[attr-defined]
    callers = {module: client_through(module.Shelf, through) for module in (old, new)}
    seen: collections.Counter[Any] = collections.Counter()
    answered: list[str] = []

    async def read(module: ModuleType, number: int) -> None:
        isbn = str(number)
        book = await callers[module].book(isbn)
        assert (book.isbn, book.title) == (isbn, f"title of {isbn}")
        seen[module.__name__, book.shelf if module is old else book.pages >= 0] += 1

    async def write(module: ModuleType, number: int) -> None:
        answered.append(await callers[module].put(module.Book(str(number), "any")))

    async def load_it(stop: asyncio.Event) -> None:
        numbers = itertools.count()
        async with deadline(120), asyncio.TaskGroup() as calls:
            while not stop.is_set():
                number = next(numbers)
                act = (read, read, read, write)[number % 4]
                calls.create_task(act((old, new)[number % 8 < 4], number))
                await asyncio.sleep(EVERY)

    stop = asyncio.Event()
    loading = asyncio.create_task(load_it(stop))
    try:
        for count in range(RESTARTS):
            (tmp_path / "shelf.py").write_text((NEW, OLD)[count // 2 % 2])
            await restart(library, count % 2)
            assert not loading.done()
    finally:
        stop.set()
        await loading

    assert collections.Counter((tmp_path / "notes").read_text().split()) == collections.Counter(answered)
    assert len(answered) > 200
    # Each kind of caller has met both kinds of callee.
    assert set(seen) == {
        ("shelf_old", "first shelf"),
        ("shelf_old", "on no shelf"),
        ("shelf_new", True),
        ("shelf_new", False),
    }
    assert sum(it.restarts for it in library.record().replicas) == RESTARTS
