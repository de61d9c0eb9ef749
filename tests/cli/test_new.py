"""The application that ``freestone new`` makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone.cli.failure import UsageMistake
from freestone.cli.new import package_name, rendered

if TYPE_CHECKING:
    from .conftest import Words


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_passes_its_tests_at_once(freestone: Words, tmp_path: Path) -> None:
    """In every placement that its tests name."""
    made = freestone("new", "corner-shop", cwd=tmp_path)
    assert made.returncode == 0
    assert "cd corner-shop" in made.stdout
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "corner-shop",
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_its_plan_has_no_mistake(freestone: Words, tmp_path: Path) -> None:
    """In both of its topologies."""
    assert freestone("new", "corner-shop", cwd=tmp_path).returncode == 0
    for topology in ("monolith", "split"):
        assert freestone("plan", topology, cwd=tmp_path / "corner-shop").returncode == 0


def test_the_environment_of_the_process_says_what_it_is_run_for(freestone: Words, tmp_path: Path) -> None:
    """The plan shows it, and what is none is refused with the status of a wrong configuration."""
    assert freestone("new", "corner-shop", cwd=tmp_path).returncode == 0
    shop = tmp_path / "corner-shop"
    shown = freestone("plan", cwd=shop, env={"FREESTONE_ENVIRONMENT": "production"})
    assert "placed as monolith for production" in shown.stdout
    refused = freestone("plan", cwd=shop, env={"FREESTONE_ENVIRONMENT": "prod"})
    assert refused.returncode == 78
    assert 'FREESTONE_ENVIRONMENT: the environment variable is "prod"' in refused.stderr


def test_no_placeholder_is_left() -> None:
    """Neither in the files nor in their names."""
    for path, text in rendered("corner-shop", "corner_shop"):
        assert "package" not in path.parts
        assert "$package" not in text
        assert "$name" not in text


@pytest.mark.parametrize("words", [["format", "--check"], ["check", "--select", "E,F,I,UP,B,RUF"]], ids=" ".join)
def test_its_python_is_clean(freestone: Words, tmp_path: Path, words: list[str]) -> None:
    """Whoever starts with it starts clean."""
    assert freestone("new", "shop", cwd=tmp_path).returncode == 0
    shown = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", "."],
        cwd=tmp_path / "shop",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout


@pytest.mark.slow
@pytest.mark.timeout(220)
def test_its_types_are_strict(freestone: Words, tmp_path: Path) -> None:
    """As its own settings ask."""
    assert freestone("new", "shop", cwd=tmp_path).returncode == 0
    shown = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "shop"],
        cwd=tmp_path / "shop",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout


def test_nothing_is_overwritten(freestone: Words, tmp_path: Path) -> None:
    """A directory that has something in it is left as it is."""
    (tmp_path / "corner").mkdir()
    (tmp_path / "corner" / "precious").touch()
    shown = freestone("new", "corner", cwd=tmp_path)
    assert shown.returncode == 2
    assert f"{tmp_path / 'corner'} exists and is not empty; name another directory with --directory" in shown.stderr
    assert [path.name for path in (tmp_path / "corner").iterdir()] == ["precious"]


def test_an_empty_directory_may_be_used(freestone: Words, tmp_path: Path) -> None:
    """As one that was made to be a repository's."""
    (tmp_path / "place").mkdir()
    assert freestone("new", "corner", "--directory", "place", cwd=tmp_path).returncode == 0
    assert (tmp_path / "place" / "corner" / "edge.py").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Corner Shop", '"Corner Shop" can\'t be the name of an application; use lower-case letters'),
        ("class", '"class" is a word of Python'),
        ("json", '"json" is the name of a module already'),
        ("tests", '"tests" is the name of a module already'),
        ("msgspec", 'a module "msgspec" is installed here already'),
    ],
)
def test_a_name_that_would_lead_to_trouble_is_refused(name: str, sentence: str) -> None:
    """Before anything is made."""
    with pytest.raises(UsageMistake) as raised:
        package_name(name)
    assert str(raised.value).startswith(sentence)


def test_dashes_of_the_name_are_underscores_of_the_package() -> None:
    """As Python wants them."""
    assert package_name("learning-paths") == "learning_paths"
