"""``freestone certificates``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from freestone.app import CLIENT, read

if TYPE_CHECKING:
    from .conftest import Words


def test_every_process_gets_a_certificate_and_the_file_its_lines(freestone: Words, shop: Path) -> None:
    """What is printed can be put into the file as it is."""
    made = freestone("certificates", "certificates", cwd=shop)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("made the authority certificates/authority.pem\n")
    file = shop / "freestone.toml"
    file.write_text(file.read_text() + made.stdout[made.stdout.index("[tls]") :])
    application = read(file)
    assert application.tls is not None
    processes = {each.name for topology in application.topologies.values() for each in topology.processes}
    for process in (*processes, CLIENT):
        assert application.tls.credentials(application.name, process).who.process == process


def test_an_authority_stays(freestone: Words, shop: Path) -> None:
    """The second time, certificates alone are new."""
    freestone("certificates", "certificates", cwd=shop)
    again = freestone("certificates", "certificates", "--topology", "monolith", cwd=shop)
    assert again.stdout.startswith(
        "used the authority certificates/authority.pem\nmade certificates/app.pem and its key"
    )


def test_an_unknown_topology_is_named(freestone: Words, shop: Path) -> None:
    """With those that there are."""
    wrong = freestone("certificates", "certificates", "--topology", "splt", cwd=shop)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith('Error: shop has no topology "splt"; it has ')
