"""One service asks another: a client, a transport under it, and the dispatcher at the other end."""

from .client import client as client
from .dispatch import Dispatcher as Dispatcher
from .dispatch import Streaming as Streaming
from .dispatch import Target as Target
from .dispatch import invoke as invoke
from .local import LocalTransport as LocalTransport
from .policy import Deadlines as Deadlines
from .rehearsal import BoundaryMismatch as BoundaryMismatch
from .rehearsal import CodecTransport as CodecTransport
from .transport import Transport as Transport
