"""Every error that Freestone raises, as one tree.

The first split is the one that a caller acts on: may this be tried again without thinking?

    FreestoneError
    ├── ServiceError                          a call ended without a result
    │   ├── DidNotHappen                      the call had no effect
    │   │   ├── InvalidArgument       3
    │   │   │   └── KeyReused         3       its key stands for another command
    │   │   ├── NotFound              5
    │   │   ├── AlreadyExists         6
    │   │   ├── PermissionDenied      7
    │   │   ├── ResourceExhausted     8
    │   │   ├── FailedPrecondition    9
    │   │   ├── Aborted              10
    │   │   ├── OutOfRange           11
    │   │   ├── Unimplemented        12
    │   │   ├── Unavailable          14       it never reached a service
    │   │   └── Unauthenticated      16
    │   └── MayHaveHappened                   the call may have had its effect
    │       ├── Cancelled             1
    │       ├── Unknown               2
    │       ├── DeadlineExceeded      4
    │       ├── Internal             13
    │       ├── ConnectionLost       14       it was sent, and no answer came
    │       └── DataLoss             15
    ├── Misconfigured                         as it is, it can't run; to try again changes nothing
    │   ├── DeclarationError                  mistakes in a contract or a service
    │   └── ConfigurationError                mistakes in freestone.toml or in settings
    ├── Reject                                an event that its subscriber will never handle
    └── ProtocolError                         a peer does not speak the wire

The numbers are the canonical codes of gRPC (https://grpc.io/docs/guides/status-codes/). A connection that is
lost shares the code of ``Unavailable``, but is a class of its own: the request had left.

An application's own errors derive from one of the sixteen and have fields, as a message has:

>>> class Locked(FailedPrecondition):
...     '''The resource needs another one first.'''
...     needs: tuple[str, ...]
>>> error = Locked("not yet", needs=("basics",))
>>> error.code.name, error.needs, str(error)
('FAILED_PRECONDITION', ('basics',), 'not yet')
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_origin

import msgspec

_T = TypeVar("_T")
_REQUIRED: Any = object()


class Code(enum.IntEnum):
    """The canonical status codes of gRPC, without OK."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class FreestoneError(Exception):
    """The root of the tree."""


def _field(*, default: Any, kw_only: bool = True, init: bool = True) -> Any:
    """Tell type checkers what an annotation of ServiceError itself is to the constructor."""
    return default


@dataclass_transform(kw_only_default=True, field_specifiers=(_field,))
class _Fields(type):
    """Tells type checkers that annotations of an error are arguments of its constructor."""


class ServiceError(FreestoneError, metaclass=_Fields):
    """A call ended without a result.

    ``message`` is for people; the annotated fields of a subclass are for programs, are given by keyword, and
    cross the boundary with it. Raises TypeError for a field that is missing or unknown.
    """

    code: ClassVar[Code] = Code.UNKNOWN
    fields: ClassVar[dict[str, Any]] = {}
    """The names of the fields, each with its default or a marker for "none"."""

    message: str = _field(default="", kw_only=False)
    """For people; the first line of the class's docstring by default."""
    trace_id: str | None = _field(default=None, init=False)
    """Under which the failure was logged where it happened; not a field, set by the framework."""
    retried: bool = _field(default=False, init=False)
    """Whether a policy has repeated the call and given up, so that nobody above should repeat it; set as above."""
    lost_race: bool = _field(default=False, init=False)
    """Whether it is the transaction of this place that lost a race, and is worth another run; set as above. It crosses
    no boundary."""

    def __init__(self, message: str = "", **values: Any) -> None:
        unknown = values.keys() - self.fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        missing = [name for name, default in self.fields.items() if default is _REQUIRED and name not in values]
        if missing:
            raise TypeError(f"{type(self).__name__} needs the field {', '.join(missing)}")
        for name, default in self.fields.items():
            setattr(self, name, values.get(name, default))
        message = str(message or _first_line(type(self)))
        if not message.isascii():  # half of a character, as of a file's name, could not be sent to anybody
            message = message.encode(errors="backslashreplace").decode()
        self.message = message
        super().__init__(self.message)

    def __init_subclass__(cls, code: Code | None = None) -> None:
        if code is not None:
            cls.code = code
        own = {
            name: cls.__dict__.get(name, _REQUIRED)
            for name, annotation in inspect.get_annotations(cls).items()
            if not _is_class_variable(annotation)
        }
        cls.fields = {**cls.fields, **own}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.values(), self.trace_id, self.retried)

    def values(self) -> dict[str, Any]:
        """Return the fields of this error by name."""
        return {name: getattr(self, name) for name in self.fields}

    @classmethod
    def required(cls, name: str) -> bool:
        """Whether the field has no default."""
        return cls.fields[name] is _REQUIRED


def _rebuild(
    cls: type[ServiceError], message: str, values: dict[str, Any], trace_id: str | None, retried: bool
) -> ServiceError:
    error = cls(message, **values)
    error.trace_id = trace_id
    error.retried = retried
    return error


def _first_line(cls: type) -> str:
    return (inspect.cleandoc(cls.__doc__).splitlines()[0] if cls.__doc__ else cls.__name__).rstrip(".")


def _is_class_variable(annotation: object) -> bool:
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


class DidNotHappen(ServiceError):
    """The call had no effect; to repeat it is safe."""


class MayHaveHappened(ServiceError):
    """The call may have had its effect; nobody here knows."""


class InvalidArgument(DidNotHappen, code=Code.INVALID_ARGUMENT):
    """An argument is wrong, whatever the state of the service."""

    field: str = ""
    """A path to the argument at fault, as ``resources[2].minutes``; empty if it is no single one."""


class KeyReused(InvalidArgument, code=Code.INVALID_ARGUMENT):
    """The idempotency key was used before, for a command with other arguments."""


class NotFound(DidNotHappen, code=Code.NOT_FOUND):
    """What was asked for does not exist."""


class AlreadyExists(DidNotHappen, code=Code.ALREADY_EXISTS):
    """What was to be made exists."""


class PermissionDenied(DidNotHappen, code=Code.PERMISSION_DENIED):
    """The caller is known, and may not."""


class ResourceExhausted(DidNotHappen, code=Code.RESOURCE_EXHAUSTED):
    """A limit is reached."""

    retry_after: float | None = None
    """Seconds after which to try again, where that is known."""


class FailedPrecondition(DidNotHappen, code=Code.FAILED_PRECONDITION):
    """The state of the service does not allow it; something else must be done first."""


class Aborted(DidNotHappen, code=Code.ABORTED):
    """It lost a race against another call; to try again from the start may help."""


class OutOfRange(DidNotHappen, code=Code.OUT_OF_RANGE):
    """It went past the end of what there is."""


class Unimplemented(DidNotHappen, code=Code.UNIMPLEMENTED):
    """The callee does not have this operation."""


class Unavailable(DidNotHappen, code=Code.UNAVAILABLE):
    """No service could be reached; the call was not begun."""


class Unauthenticated(DidNotHappen, code=Code.UNAUTHENTICATED):
    """The caller did not prove who it is."""


class Cancelled(MayHaveHappened, code=Code.CANCELLED):
    """The callee gave up, without having been asked to."""


class Unknown(MayHaveHappened, code=Code.UNKNOWN):
    """The callee answered with an error that the caller does not know."""


class DeadlineExceeded(MayHaveHappened, code=Code.DEADLINE_EXCEEDED):
    """The deadline of the call passed before its answer came."""


class Internal(MayHaveHappened, code=Code.INTERNAL):
    """The callee has a bug; its log has the details under the trace id."""


class ConnectionLost(MayHaveHappened, code=Code.UNAVAILABLE):
    """The request was sent, and the connection was lost before the answer came."""


class DataLoss(MayHaveHappened, code=Code.DATA_LOSS):
    """Data was lost or damaged beyond repair."""


CANONICAL: tuple[type[ServiceError], ...] = (
    Cancelled, Unknown, KeyReused, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists, PermissionDenied,
    ResourceExhausted, FailedPrecondition, Aborted, OutOfRange, Unimplemented, Internal, Unavailable,
    DataLoss, Unauthenticated, ConnectionLost,
)  # fmt: skip
"""The classes that every contract may raise without declaring them."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong in a declaration or in a file: where, what, and what to do."""

    subject: str
    """What it is about, as ``Progress.complete, parameter done: list[object]``."""
    problem: str
    """What is wrong, as ``"object" can't cross a process boundary``."""
    advice: str = ""
    """What to do, as ``name a concrete type``."""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        advice = f"; {self.advice}" if self.advice else ""
        return f"{place}{self.subject}: {self.problem}{advice}"


class Misconfigured(FreestoneError):
    """Something that was written for this application is wrong; to start it again changes nothing."""


class _Mistakes(Misconfigured):
    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class DeclarationError(_Mistakes):
    """A contract, a message or a service is declared wrongly. Holds all mistakes, not the first alone."""


class ConfigurationError(_Mistakes):
    """The application file or a service's settings are wrong. Holds all mistakes, not the first alone."""


class Reject(FreestoneError):
    """Raised by a subscriber for an event that it will never be able to handle: it is set aside at once, not retried.

    >>> error = Reject("order 17 is in a currency that nobody uses")
    """


class ProtocolError(FreestoneError):
    """What a peer sent is not the wire's protocol, or is over its limits."""
