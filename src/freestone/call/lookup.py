"""The seam to the DNS: what a name stands for now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias, final

import msgspec

from freestone.errors import ConfigurationError, Mistake

from .address import Address, DnsName, DnsService, Name, TcpAddress

_SECONDS: Final = 4.0
"""How long a lookup may take, with all that it repeats."""


@final
class Nameserver(msgspec.Struct, frozen=True):
    """A server of the DNS."""

    host: str
    """An IP address."""
    port: int = 53


@final
class Found(msgspec.Struct, frozen=True):
    """The name stands for these addresses, for ``ttl`` seconds."""

    addresses: tuple[Address, ...]
    ttl: float


@final
class Missing(msgspec.Struct, frozen=True):
    """There is no such name, or nothing under it."""

    reason: str


LookedUp: TypeAlias = Found | Missing


class LookupFailed(Exception):
    """There was no answer, or one of no use: whether there is such a name is not known."""


class Lookup(Protocol):
    """Asks what names stand for."""

    async def look_up(self, name: Name) -> LookedUp:
        """Return what the name stands for now. Raises LookupFailed."""
        ...


@final
class DnsLookup:
    """Asks the DNS, by dnspython: the servers that are given, or those of this machine (``/etc/resolv.conf``).

    A name is looked up as it is and in the search domains of the machine. Raises ConfigurationError if dnspython is not
    installed, or this machine has no name server to ask.
    """

    def __init__(self, nameservers: Sequence[Nameserver] = ()) -> None:
        try:
            import dns.asyncresolver
            import dns.exception
            import dns.nameserver
            import dns.resolver
        except ImportError:
            problem = "names in the DNS are looked up by dnspython, which is not installed"
            raise ConfigurationError([Mistake("dns://", problem, 'install "freestone[dns]"')]) from None
        self._resolver: Any
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            advice = 'write [dns] nameservers = ["10.0.0.2"] in freestone.toml'
            raise ConfigurationError([Mistake("dns://", f"no name server is known: {error}", advice)]) from None
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(each.host, each.port) for each in nameservers]
        self._failure: type[Exception] = dns.exception.DNSException
        self._no_name: type[Exception] = dns.resolver.NXDOMAIN
        self._no_answer: type[Exception] = dns.resolver.NoAnswer

    async def look_up(self, name: Name) -> LookedUp:
        match name:
            case DnsName(host, port):
                return await self._hosts([(host, port)])
            case DnsService(service):
                return await self._service(service)

    async def _hosts(self, hosts: Sequence[tuple[str, int]]) -> LookedUp:
        """Look up the IP addresses of hosts, each with the port to dial there."""
        kinds = [(host, port, kind) for host, port in hosts for kind in ("A", "AAAA")]
        answers = await asyncio.gather(*(self._records(host, kind) for host, _, kind in kinds), return_exceptions=True)
        addresses: list[Address] = []
        ttls: list[float] = []
        failures: list[BaseException] = []
        for (_, port, _), answer in zip(kinds, answers, strict=True):
            if isinstance(answer, BaseException):
                failures.append(answer)
            elif answer:
                ttls.append(float(answer.ttl))
                addresses.extend(TcpAddress(record.address, port) for record in answer)
        # An answer for one family is of use while the other fails: but nothing and a failure are not "no such name".
        if addresses:
            return Found(tuple(addresses), min(ttls))
        if failures:
            raise failures[0]
        return Missing(f"the DNS has no address of {' and '.join(dict.fromkeys(host for host, _ in hosts))}")

    async def _service(self, service: str) -> LookedUp:
        """Look up a service: the hosts of the most preferred priority that has any.

        Weights are not used, because calls are balanced by how busy each replica is.
        """
        records = await self._records(service, "SRV")
        # A target that is the root says: the service is decidedly not available here (RFC 2782).
        offers = [record for record in records or () if record.target.to_text() != "."]
        for priority in sorted({record.priority for record in offers}):
            group = [record for record in offers if record.priority == priority]
            found = await self._hosts([(record.target.to_text(omit_final_dot=True), record.port) for record in group])
            if isinstance(found, Found):
                return Found(found.addresses, min(found.ttl, float(records.ttl)))
        return Missing(f"the DNS has no host that offers {service}")

    async def _records(self, name: str, kind: str) -> Any:
        """Return the records of a kind, as dnspython has them; None if there are none. Raises LookupFailed."""
        try:
            return (await self._resolver.resolve(name, kind, lifetime=_SECONDS, search=True)).rrset
        except (self._no_name, self._no_answer):
            return None
        except (self._failure, OSError) as error:
            raise LookupFailed(f"the DNS gave no answer for {name}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
