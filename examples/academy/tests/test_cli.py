"""``academy import``, as an author meets it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from academy.catalog.contract import Catalog
from academy.catalog.service import CatalogService
from academy.cli import app
from academy.importing import APPLICATION
from freestone import local

TEA = "# Tea\n\n## Phase 1: Leaves\n\n1. **Green** — [Article]\n   - Duration: 5 minutes\n"
Import = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an application of its own, which listens where there is room."""
    text = APPLICATION.read_text(encoding="utf-8").replace("127.0.0.1:8000", "127.0.0.1:0")
    (tmp_path / "freestone.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Runs ``academy import`` on a document of that text."""

    # Whoever runs the tests may have them set.
    monkeypatch.delenv("FREESTONE_FILE", raising=False)
    monkeypatch.delenv("FREESTONE_HOME", raising=False)

    def run(text: str | bytes, name: str = "tea.md") -> Result:
        document = folder / name
        document.write_bytes(text.encode() if isinstance(text, str) else text)
        return CliRunner().invoke(app, ["import", str(document), "--application", str(folder)])

    return run


def titles(folder: Path) -> list[str]:
    """Return the titles of the paths that the application's catalog has."""

    async def ask() -> list[str]:
        async with local(directory=folder / ".freestone" / "data", catalog=CatalogService) as application:
            return [path.title for path in await application.client(Catalog).paths()]

    return asyncio.run(ask())


def test_takes_a_document_in(run: Import, folder: Path) -> None:
    """A document becomes a path; what changed is printed."""
    result = run(TEA)
    assert (result.exit_code, result.stdout) == (0, "new path “Tea” with 1 resource\n")
    assert titles(folder) == ["Microservices Architecture", "Tea"]


def test_changes_nothing_the_second_time(run: Import) -> None:
    """To import the same again says so."""
    run(TEA)
    assert run(TEA).stdout == "nothing changed\n"
    assert run(TEA.replace("\n", "\r\n").replace("5 minutes", "5 min")).stdout == "nothing changed\n"


def test_tells_what_a_new_edition_changes(run: Import) -> None:
    """Each change is a line."""
    run(TEA)
    result = run(TEA.replace("5 minutes", "6 minutes") + "\n## Notes\n\nDrink it.\n")
    assert result.stdout == "changed notes\nchanged resource “Green”\n"


def test_names_line_and_reason_and_changes_nothing(run: Import, folder: Path) -> None:
    """Every problem is a line on standard error that editors can follow; the path stays as it was."""
    run(TEA)
    result = run(TEA.replace("5 minutes", "a while").replace("# Tea", "# Tea\n\n## Colours"))
    assert result.exit_code == 1
    assert result.stdout == ""
    document = folder / "tea.md"
    assert result.stderr.splitlines() == [
        f"{document}:3: there is no section “Colours”; there are “Overview”, “Prerequisites”, “Learning Path”, "
        "“Additional Resources”, “Supplementary Videos”, “Completion Checklist”, “Notes” and “Phase 1: …”",
        f"{document}:8: “a while” is not a duration such as “40 minutes” or “1 h 20 min”",
    ]
    assert run(TEA).stdout == "nothing changed\n"


def test_reads_articles_beside_the_document(run: Import, folder: Path) -> None:
    """An article is a file that a title links to; one that is missing is a problem of that line."""
    linked = TEA.replace("**Green**", "[Green](green.md)")
    result = run(linked)
    assert result.stderr == f"{folder / 'tea.md'}:5: the article green.md does not exist\n"
    (folder / "green.md").write_text("# Green\n\nPick it.\n", encoding="utf-8")
    assert run(linked).stdout == "new path “Tea” with 1 resource\n"


def test_does_not_follow_a_link_out_of_the_folder(run: Import, folder: Path) -> None:
    """A document can't read what its author could not."""
    (folder / "green.md").symlink_to("/etc/hostname")
    result = run(TEA.replace("**Green**", "[Green](green.md)"))
    assert result.stderr == f"{folder / 'tea.md'}:5: the article green.md is outside of the document's directory\n"


def test_wants_text(run: Import, folder: Path) -> None:
    """A file in another encoding is named with the line where that shows."""
    assert run(b"# Tea\n\n\xff\n").stderr == f"{folder / 'tea.md'}:3: the document is not UTF-8 in line 3\n"


def test_wants_a_file(folder: Path) -> None:
    """A file that is not there, or is a directory, is told in a sentence."""
    for name, reason in (("none.md", "does not exist"), (".", "is a directory")):
        result = CliRunner().invoke(app, ["import", str(folder / name), "--application", str(folder)])
        assert (result.exit_code, result.stderr) == (1, f"{folder / name}:1: the document {reason}\n")


def test_finds_the_data_where_the_variable_says(run: Import, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One checkout may run twice, each with its own data: FREESTONE_HOME says with which."""
    monkeypatch.setenv("FREESTONE_HOME", str(folder / "elsewhere"))
    assert run(TEA).stdout == "new path “Tea” with 1 resource\n"
    assert (folder / "elsewhere" / "data" / "catalog.db").exists()
    assert not (folder / ".freestone").exists()


def test_takes_a_path_out(run: Import, folder: Path) -> None:
    """It is not taught any more; one that there is not is told in a sentence."""
    run(TEA)
    retire = ["retire", "tea", "--application", str(folder)]
    result = CliRunner().invoke(app, retire)
    assert (result.exit_code, result.stdout) == (0, "retired tea\n")
    assert titles(folder) == ["Microservices Architecture"]
    result = CliRunner().invoke(app, retire)
    assert (result.exit_code, result.stderr) == (1, "there is no path tea\n")


def test_wants_an_application(folder: Path) -> None:
    """Without an application file there is nothing to import into."""
    (folder / "tea.md").write_text(TEA, encoding="utf-8")
    (folder / "freestone.toml").unlink()
    result = CliRunner().invoke(app, ["import", str(folder / "tea.md"), "--application", str(folder)])
    assert result.exit_code == 1
    assert "freestone.toml" in result.stderr


@pytest.fixture
def running(folder: Path) -> Iterator[None]:
    """The application of that folder, really running, cut into processes."""
    freestone = shutil.which("freestone", path=str(Path(sys.executable).parent))
    assert freestone is not None
    process = subprocess.Popen(
        [freestone, "run", "split"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "FREESTONE_HOME": str(folder / ".freestone")},
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "http://" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.mark.usefixtures("running")
def test_asks_the_application_that_runs(run: Import) -> None:
    """While the application runs, its own catalog takes the document in, and has it at once."""
    assert run(TEA).stdout == "new path “Tea” with 1 resource\n"
    assert run(TEA).stdout == "nothing changed\n"
