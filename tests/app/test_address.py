from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.app.address import (
    LONGEST_SOCKET_PATH,
    from_here,
    http_address,
    http_url,
    known_address,
    replica_address,
)
from freestone.call import TcpAddress, UnixAddress
from freestone.errors import ConfigurationError


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("unix:///run/a.sock", UnixAddress("/run/a.sock")),
        ("tcp://10.0.0.7:7000", TcpAddress("10.0.0.7", 7000)),
        ("tcp://payments.internal:7000", TcpAddress("payments.internal", 7000)),
        ("tcp://[::1]:7000", TcpAddress("::1", 7000)),
    ],
)
def test_an_address_is_written_as_a_url_and_shown_as_it_was_written(written: str, address: object) -> None:
    assert known_address(written) == address
    assert str(address) == written


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("10.0.0.7:7000", "is no address"),
        ("dns://payments:7000", "is a name that has to be looked up, and no address"),
        ("tcp://10.0.0.7", "has no host and port"),
        ("tcp://10.0.0.7:70000", "a port above 65535"),
        ("tcp://10.0.0.7:0", "names no port that others could know"),
        ("unix://relative.sock", "has no absolute path"),
        ("unix:///" + "x" * LONGEST_SOCKET_PATH, "at most"),
        ("", "is no address"),
    ],
)
def test_a_bad_address_is_refused_with_the_reason(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        known_address(written)


def test_the_gateway_may_have_any_free_port() -> None:
    assert http_address("127.0.0.1:0").port == 0


def test_the_gateway_is_shown_as_a_url() -> None:
    assert http_url(http_address("127.0.0.1:8000")) == "http://127.0.0.1:8000"


def test_a_file_names_no_address_within_a_process() -> None:
    with pytest.raises(ValueError, match="within one process"):
        known_address("memory://catalog")


@pytest.mark.parametrize(
    ("written", "problem"), [("localhost", "no host and port"), ("a:70000", "above 65535"), (":8000", "no host")]
)
def test_a_gateway_listens_on_a_host_and_a_port(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        http_address(written)


def test_what_listens_everywhere_is_reached_on_the_loopback() -> None:
    assert str(from_here(TcpAddress("0.0.0.0", 7))) == "tcp://127.0.0.1:7"
    assert str(from_here(TcpAddress("::", 7))) == "tcp://[::1]:7"
    assert str(from_here(TcpAddress("10.1.1.1", 7))) == "tcp://10.1.1.1:7"


def test_each_replica_has_a_socket_in_the_directory_of_the_run() -> None:
    assert str(replica_address(Path("/run/academy"), "catalog", 1)) == "unix:///run/academy/catalog-1.sock"


def test_a_path_that_is_too_long_for_a_socket_is_refused_by_name() -> None:
    directory = Path("/" + "d" * LONGEST_SOCKET_PATH)
    with pytest.raises(ConfigurationError, match=r"process catalog: the path of its socket has \d+ bytes") as caught:
        replica_address(directory, "catalog", 0)
    assert "shorter path" in str(caught.value)


def test_the_longest_path_is_counted_in_bytes() -> None:
    rest = len("/c-0.sock")
    replica_address(Path("/" + "d" * (LONGEST_SOCKET_PATH - rest - 1)), "c", 0)
    with pytest.raises(ConfigurationError):
        replica_address(Path("/" + "d" * (LONGEST_SOCKET_PATH - rest)), "c", 0)
    with pytest.raises(ConfigurationError):
        replica_address(Path("/" + "é" * (LONGEST_SOCKET_PATH // 2)), "c", 0)


_PROCESSES = st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3}){0,2}", fullmatch=True)


@given(st.tuples(_PROCESSES, st.integers(0, 20)), st.tuples(_PROCESSES, st.integers(0, 20)))
def test_no_two_replicas_share_a_socket(one: tuple[str, int], other: tuple[str, int]) -> None:
    here = Path("/run")
    assert (replica_address(here, *one) == replica_address(here, *other)) == (one == other)


@given(st.text())
def test_any_text_is_an_address_that_shows_itself_again_or_is_refused(written: str) -> None:
    for text in (written, f"tcp://{written}", f"unix:///{written}"):
        try:
            address = known_address(text)
        except ValueError:
            continue
        assert known_address(str(address)) == address
