"""What a service promises: contracts, their operations and messages, and the codec for them."""

from .contract import Contract, contract_of, operations
from .declaration import command, query
from .error_body import ErrorBody
from .message import Event, Message
from .operation import Operation
from .parameter import REQUIRED, Kind, Parameter
from .schema import fingerprint, schema

__all__ = [
    "REQUIRED",
    "Contract",
    "ErrorBody",
    "Event",
    "Kind",
    "Message",
    "Operation",
    "Parameter",
    "command",
    "contract_of",
    "fingerprint",
    "operations",
    "query",
    "schema",
]
