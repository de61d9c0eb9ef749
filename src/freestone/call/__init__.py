"""One service asks another: a client, a transport under it, and the dispatcher at the other end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freestone.lazy import lazily

from .address import Address as Address
from .address import DnsName as DnsName
from .address import DnsService as DnsService
from .address import Endpoint as Endpoint
from .address import MemoryAddress as MemoryAddress
from .address import TcpAddress as TcpAddress
from .address import UnixAddress as UnixAddress
from .address import is_loopback as is_loopback
from .address import parse_address as parse_address
from .address import parse_endpoint as parse_endpoint
from .client import client as client
from .credentials import Credentials as Credentials
from .credentials import Proof as Proof
from .credentials import TlsFiles as TlsFiles
from .dispatch import Dispatcher as Dispatcher
from .dispatch import Streaming as Streaming
from .dispatch import invoke as invoke
from .eager import WRAPS as WRAPS
from .gather import gather as gather
from .gather import gather_all as gather_all
from .gather import settle as settle
from .identity import Certified as Certified
from .network import HOW_TO_PROVE as HOW_TO_PROVE
from .network import IN_THE_CLEAR as IN_THE_CLEAR
from .network import Listener as Listener
from .network import Network as Network
from .network import ProtocolFactory as ProtocolFactory
from .network import SocketNetwork as SocketNetwork
from .policy import LIMIT_KINDS as LIMIT_KINDS
from .policy import LimitKind as LimitKind
from .policy import Serving as Serving
from .policy import affinity as affinity
from .server import Server as Server
from .target import Target as Target
from .transport import Transport as Transport
from .watch import CallInTransaction as CallInTransaction
from .watch import Watch as Watch

if TYPE_CHECKING:
    from .bulkhead import Bulkheads as Bulkheads
    from .fallback import FallbackTransport as FallbackTransport
    from .fallback import stand_in as stand_in
    from .invalidation import forget as forget
    from .invalidation import invalidate as invalidate
    from .invalidation import when_kept as when_kept
    from .local import LocalTransport as LocalTransport
    from .lookup import Nameserver as Nameserver
    from .memory import MemoryNetwork as MemoryNetwork
    from .names import resolver_of as resolver_of
    from .policy import Backoff as Backoff
    from .policy import Balance as Balance
    from .policy import Breaking as Breaking
    from .policy import CallPolicy as CallPolicy
    from .policy import Deadlines as Deadlines
    from .policy import Hedge as Hedge
    from .policy import Policies as Policies
    from .policy import Retry as Retry
    from .pool import Pool as Pool
    from .rehearsal import BoundaryMismatch as BoundaryMismatch
    from .rehearsal import CodecTransport as CodecTransport
    from .remote import WireTransport as WireTransport
    from .resolver import Resolver as Resolver
    from .resolver import StaticResolver as StaticResolver
    from .resolver import TableResolver as TableResolver

__getattr__ = lazily(
    __name__,
    {
        "bulkhead": ("Bulkheads",),
        "fallback": ("FallbackTransport", "stand_in"),
        "invalidation": ("forget", "invalidate", "when_kept"),
        "local": ("LocalTransport",),
        "lookup": ("Nameserver",),
        "memory": ("MemoryNetwork",),
        "names": ("resolver_of",),
        "policy": ("Backoff", "Balance", "Breaking", "CallPolicy", "Deadlines", "Hedge", "Policies", "Retry"),
        "pool": ("Pool",),
        "rehearsal": ("BoundaryMismatch", "CodecTransport"),
        "remote": ("WireTransport",),
        "resolver": ("Resolver", "StaticResolver", "TableResolver"),
    },
)
"""Imported at the first use: who only serves has no use for what calls, and it is a tenth of its start."""
