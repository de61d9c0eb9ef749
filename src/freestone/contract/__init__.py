"""What a service promises: contracts, their operations and messages, and the codec for them.

``Report`` and what finds places, annotations and shapes are for rooms that check declarations of their own.
"""

from .annotations import Unresolved, class_annotations, function_annotations, names_around
from .contract import Contract, contract_of, contracts_of, is_contract, operations
from .copier import is_mutable
from .declaration import command, query
from .digest import digest
from .duration import seconds, shown
from .error_body import ErrorBody
from .events import contract_of_event, events_of, type_name
from .message import Event, Message
from .operation import Operation
from .options import Options
from .parameter import REQUIRED, Kind, Parameter
from .place import Place, class_place, function_place
from .rendering import render
from .report import Report
from .schema import fingerprint, schema
from .shape import Form, Shape, record_fields, shape_of, type_text
from .upcast import upcast, upcasted
from .value import ValueCodec, identity_of, immutable_codec, value_codec

__all__ = [
    "REQUIRED",
    "Contract",
    "ErrorBody",
    "Event",
    "Form",
    "Kind",
    "Message",
    "Operation",
    "Options",
    "Parameter",
    "Place",
    "Report",
    "Shape",
    "Unresolved",
    "ValueCodec",
    "class_annotations",
    "class_place",
    "command",
    "contract_of",
    "contract_of_event",
    "contracts_of",
    "digest",
    "events_of",
    "fingerprint",
    "function_annotations",
    "function_place",
    "identity_of",
    "immutable_codec",
    "is_contract",
    "is_mutable",
    "names_around",
    "operations",
    "query",
    "record_fields",
    "render",
    "schema",
    "seconds",
    "shape_of",
    "shown",
    "type_name",
    "type_text",
    "upcast",
    "upcasted",
    "value_codec",
]
