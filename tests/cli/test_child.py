"""What a process of a run is, before it is anything of the application."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from freestone.cli.imports import importing
from freestone.cli.inheritance import Inheritance


def test_a_child_imports_nothing_that_it_does_not_use() -> None:
    """No command line, and what only some services need: each of these would be a tenth of its start, and more."""
    source = "import sys; from freestone.cli import child, tenant; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30, check=True)
    loaded = {name.partition(".")[0] for name in shown.stdout.split()}
    heavy = {"alembic", "click", "nats", "pydantic", "pygments", "rich", "sqlalchemy", "starlette", "typer", "uvicorn"}
    assert "freestone" in loaded
    assert loaded & heavy == set()


@pytest.mark.parametrize(("gateway", "descriptors"), [(None, (7,)), (8, (7, 8))])
def test_what_a_child_is_given_goes_by_its_command_line(gateway: int | None, descriptors: tuple[int, ...]) -> None:
    """Which also names it, for whoever looks at the processes of the machine."""
    given = Inheritance("/shop/freestone.toml", "split", "stock", 1, 30.0, "/tmp/run", 7, gateway, "/bad day.toml", 3)
    *_, program, name, told = given.command
    assert (program, name) == ("freestone.cli.child", "stock.1")
    assert Inheritance.decode(told) == given
    assert given.descriptors == descriptors


def test_no_garbage_is_looked_for_while_modules_are_imported() -> None:
    """And what has been imported is passed over afterwards."""
    before = gc.get_freeze_count()
    try:
        with importing():
            assert not gc.isenabled()
            made = [[] for _ in range(10)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(made)
    finally:
        gc.unfreeze()


def test_it_is_looked_for_again_if_an_import_fails() -> None:
    try:
        with pytest.raises(ImportError), importing():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
