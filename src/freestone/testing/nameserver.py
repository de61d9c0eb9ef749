"""A small DNS server for tests, on a UDP port of this machine. It needs dnspython, the extra ``dns``.

It answers what its table says, and can be told to fail as servers do. The resolver and the packets are real.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT: Final = "silent"
"""Said in place of a code: it gives no answer at all."""


@final
class TestNameserver(asyncio.DatagramProtocol):
    """Serves records that a test puts in.

    >>> async def test_a_name_moves():
    ...     async with TestNameserver() as server:
    ...         server.put("catalog.test", "A", "127.0.0.1")
    ...         ...  # ask the server at 127.0.0.1, port server.port
    ...         server.put("catalog.test", "A", "127.0.0.2")
    """

    __test__ = False

    def __init__(self, host: str = "127.0.0.1", port: int = 0, ttl: int = 0) -> None:
        self.host = host
        self.port = port
        """The port that it has, once it is entered."""
        self.ttl = ttl
        """Seconds for which its answers hold."""
        self.failing: str | None = None
        """How it fails just now: a code of the DNS, as ``SERVFAIL``, or SILENT; None if it does not."""
        self.asked: Counter[str] = Counter()
        """How often each name was asked for."""
        self._records: dict[tuple[str, str], tuple[str, ...]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def put(self, name: str, kind: str, *values: str) -> None:
        """Say what a name has of a kind, as ``A`` or ``SRV``; with no value, that the name has none of it."""
        self._records[f"{name}.", kind] = values

    def remove(self, name: str) -> None:
        """Say from now on that there is no such name."""
        self._records = {key: values for key, values in self._records.items() if key[0] != f"{name}."}

    async def __aenter__(self) -> TestNameserver:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self.port))
        self.port = int(self._transport.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.failing != SILENT and self._transport is not None:
            self._transport.sendto(self._answer(dns.message.from_wire(data)).to_wire(), addr)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        [question] = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name] += 1
        if self.failing is not None:
            answer.set_rcode(dns.rcode.from_text(self.failing))
        elif values := self._records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *values))
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
