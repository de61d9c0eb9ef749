"""Addresses as they are written."""

from __future__ import annotations

import pytest

from freestone.call import MemoryAddress, TcpAddress, UnixAddress, parse_address


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
