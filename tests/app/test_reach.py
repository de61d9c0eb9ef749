"""What a file says about how processes are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from freestone.app.document import Document
from freestone.app.reach import read_nameservers, read_tls
from freestone.call import Nameserver, TlsFiles


@pytest.mark.parametrize(
    ("written", "server"),
    [
        ("10.0.0.2", Nameserver("10.0.0.2", 53)),
        ("127.0.0.1:5353", Nameserver("127.0.0.1", 5353)),
        ("::1", Nameserver("::1", 53)),
        ("[::1]:5353", Nameserver("::1", 5353)),
    ],
)
def test_a_name_server_is_an_ip_address_with_or_without_a_port(written: str, server: Nameserver) -> None:
    """A name would have to be looked up first."""
    document = Document(Path("f"), f'nameservers = "{written}"')
    assert read_nameservers(document.root()) == (server,)
    assert document.mistakes == []


def test_what_is_no_name_server_is_refused() -> None:
    """Each with what is wrong, and an example."""
    document = Document(Path("f"), 'nameservers = ["dns.example", "10.0.0.2:0", "10.0.0.2:x"]\nserver = "10.0.0.2"')
    read_nameservers(document.root())
    advice = 'write an IP address, as "10.0.0.2", "10.0.0.2:5353" or "[::1]:53"'
    assert [str(mistake) for mistake in document.mistakes] == [
        f'f:1: nameservers: "dns.example" has no IP address; {advice}',
        f'f:1: nameservers: "10.0.0.2:0" has no port from 1 to 65535; {advice}',
        f'f:1: nameservers: "10.0.0.2:x" has no port from 1 to 65535; {advice}',
        'f:2: server: there is no such key; did you mean "nameservers"?',
    ]


def test_the_files_of_tls_are_a_processs_own() -> None:
    """Paths start at the file's directory; what is not named is one of the secrets."""
    document = Document(Path("f"), 'certificate = "certificates/{process}.pem"\nguests = ["shop"]')
    tls = read_tls(document.root(), Path("/app"), Path("/run/secrets"))
    assert document.mistakes == []
    assert tls.guests == ("shop",)
    assert tls.files("catalog") == TlsFiles(
        Path("/app/certificates/catalog.pem"), Path("/run/secrets/tls.key"), Path("/run/secrets/ca.crt")
    )


def test_what_is_no_key_of_tls_is_refused() -> None:
    """By its name."""
    document = Document(Path("f"), 'certificates = "x"')
    read_tls(document.root(), Path("/app"), Path("/run/secrets"))
    [mistake] = map(str, document.mistakes)
    assert mistake == 'f:1: certificates: there is no such key; did you mean "certificate"?'
