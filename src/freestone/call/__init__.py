"""One service asks another: a client, a transport under it, and the dispatcher at the other end."""

from .address import Address as Address
from .address import MemoryAddress as MemoryAddress
from .address import TcpAddress as TcpAddress
from .address import UnixAddress as UnixAddress
from .address import parse_address as parse_address
from .client import client as client
from .dispatch import Dispatcher as Dispatcher
from .dispatch import Streaming as Streaming
from .dispatch import Target as Target
from .dispatch import invoke as invoke
from .local import LocalTransport as LocalTransport
from .memory import MemoryNetwork as MemoryNetwork
from .network import Listener as Listener
from .network import Network as Network
from .network import ProtocolFactory as ProtocolFactory
from .network import SocketNetwork as SocketNetwork
from .policy import Deadlines as Deadlines
from .pool import Pool as Pool
from .rehearsal import BoundaryMismatch as BoundaryMismatch
from .rehearsal import CodecTransport as CodecTransport
from .remote import WireTransport as WireTransport
from .resolver import Resolver as Resolver
from .resolver import StaticResolver as StaticResolver
from .server import Server as Server
from .transport import Transport as Transport
