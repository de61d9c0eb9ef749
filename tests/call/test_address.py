"""Addresses as they are written."""

from __future__ import annotations

import re

import pytest

from freestone.call import MemoryAddress, TcpAddress, UnixAddress, is_loopback, parse_address, parse_endpoint


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/academy/catalog.sock", UnixAddress("/run/academy/catalog.sock")),
        ("tcp://10.0.0.7:7000", TcpAddress("10.0.0.7", 7000)),
        ("tcp://payments.internal:0", TcpAddress("payments.internal", 0)),
        ("tcp://[::1]:7000", TcpAddress("::1", 7000)),
        ("memory://catalog", MemoryAddress("catalog")),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: object) -> None:
    """str() is the inverse of parse_address()."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.7:7000", "'10.0.0.7:7000' is no address; write unix:///path or tcp://host:port"),
        ("http://10.0.0.7", "'http://10.0.0.7' is no address"),
        ("unix://catalog.sock", "'unix://catalog.sock' has no absolute path; write unix:///run/academy/catalog.sock"),
        ("unix:///" + "x" * 107, "the path of a Unix socket has at most 107 bytes; /x+ has more"),
        ("tcp://10.0.0.7", "'tcp://10.0.0.7' has no host and port; write tcp://10.0.0.7:7000"),
        ("tcp://10.0.0.7:70000", "'tcp://10.0.0.7:70000' has a port above 65535"),
        ("memory://", "'memory://' is no address"),
    ],
)
def test_a_text_that_is_no_address_is_refused_with_one_that_is(text: str, message: str) -> None:
    """The sentence shows how to write it."""
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parse_address(text)


@pytest.mark.parametrize("text", ["dns://catalog:7000", "dns+srv://_catalog._tcp.example", "tcp://10.0.0.7:7000"])
def test_an_endpoint_is_an_address_or_a_name(text: str) -> None:
    """And is written as it was read."""
    assert str(parse_endpoint(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dns://catalog", "'dns://catalog' has no name and port; write dns://catalog:7000"),
        ("dns://:7000", "has no name and port"),
        ("dns://catalog:0", "has a port that is not from 1 to 65535"),
        ("dns://catalog:65536", "has a port that is not from 1 to 65535"),
        ("dns://10.0.0.7:7000", "is an IP address and needs no looking up; write tcp://10.0.0.7:7000"),
        ("dns+srv://", "names no service; write dns+srv://_catalog._tcp.example"),
        ("dns+srv://a:7000", "names no service"),
        ("http://x", "is no address"),
    ],
)
def test_an_endpoint_that_is_none_is_refused_with_a_sentence(text: str, problem: str) -> None:
    """With what is wrong and what to write."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_endpoint(text)


def test_a_name_is_no_address() -> None:
    """Where something must be dialled at once."""
    with pytest.raises(ValueError, match="'dns://a:1' is a name that has to be looked up, and no address"):
        parse_address("dns://a:1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_a_loopback_is_reached_from_this_machine_alone(host: str) -> None:
    """Whatever it is called."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "catalog", "localhost.example"])
def test_any_other_host_may_be_reached_from_elsewhere(host: str) -> None:
    """A name could be anything."""
    assert not is_loopback(host)
