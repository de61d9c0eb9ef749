"""A service: a class that keeps a contract, with its dependencies as typed attributes.

It is an ordinary class. The host gives it real dependencies; a unit test constructs it by hand, with fakes::

    service = ProgressService(db=db, catalog=FakeCatalog())
    await service.complete("ada", "microservices", "basics")
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_origin

from freestone.clock import Clock, Ids, Random
from freestone.contract import (
    Contract,
    Operation,
    Place,
    Report,
    Unresolved,
    class_annotations,
    class_place,
    contract_of,
    contracts_of,
    function_place,
    is_contract,
    names_around,
    operations,
    type_text,
)

from .keeping import check_operation
from .mark import check_marks
from .replacing import find_fallbacks
from .settings import Settings

_T = TypeVar("_T")

HOOKS = ("start", "stop")
"""What the host awaits, where a service has it: ``start`` before the first call, ``stop`` after the last."""

_DEPENDENCIES = "__dependencies__"
_FALLBACKS = "__fallbacks__"
_AMBIENT = (Clock, Random, Ids)


@dataclass_transform(kw_only_default=True)
def service(cls: type[_T]) -> type[_T]:
    """Make a class the service that keeps the contract which it derives from.

    Its annotated attributes are its dependencies, and the keyword arguments of its constructor: other contracts, its
    own resources such as a ``Database``, one ``Settings`` record, a ``Clock``, ``Random`` or ``Ids``. It may have the
    hooks ``async def start(self)`` and ``async def stop(self)``. Its methods may leave out annotations; the contract's
    hold.

    >>> @service
    ... class ProgressService(Progress):
    ...     catalog: Catalog
    ...     async def complete(self, learner, path, resource): ...

    Raises DeclarationError with all mistakes.
    """
    scope = {**names_around(), cls.__name__: cls}
    report = Report()
    wanted = _Declaration(cls, scope, report).check()
    fallbacks = find_fallbacks(cls, wanted, scope, report)
    check_marks(cls, scope, report)
    report.raise_if_any()
    setattr(cls, _DEPENDENCIES, MappingProxyType(wanted))
    setattr(cls, _FALLBACKS, MappingProxyType(fallbacks))
    cls.__init__ = _constructor(cls, wanted)  # type: ignore[method-assign]
    return cls


def dependencies(cls: type) -> Mapping[str, Any]:
    """Return the dependencies of a service, attribute by type. Raises TypeError if it is none."""
    found: Mapping[str, Any] | None = vars(cls).get(_DEPENDENCIES)
    if found is None:
        raise TypeError(f"{cls.__qualname__} is no service; decorate it with @service")
    return found


def fallbacks(cls: type) -> Mapping[Operation, str]:
    """Return the fallbacks of a service: the operations of its dependencies, each with the attribute that it has."""
    found: Mapping[Operation, str] = vars(cls).get(_FALLBACKS, {})
    return found


def _constructor(cls: type, wanted: Mapping[str, Any]) -> Any:
    names = frozenset(wanted)

    def construct(self: Any, **given: Any) -> None:
        if given.keys() != names:
            problems = [f"needs {name}" for name in wanted if name not in given]
            problems += [f"does not know {name}" for name in given if name not in names]
            raise TypeError(f"{cls.__name__} {', '.join(problems)}")
        for name in wanted:
            setattr(self, name, given[name])

    construct.__name__ = "__init__"
    construct.__qualname__ = f"{cls.__qualname__}.__init__"
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    parameters += [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=k) for n, k in wanted.items()]
    construct.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return construct


class _Declaration:
    """A class that is becoming a service."""

    def __init__(self, cls: type, scope: Mapping[str, Any], report: Report) -> None:
        self._cls = cls
        self._scope = scope
        self._report = report

    def check(self) -> dict[str, Any]:
        """Report what is wrong, and return the dependencies."""
        contracts = contracts_of(self._cls)
        if is_contract(self._cls):
            self._mistake("", "it is a contract, and keeps none", "derive a class from it, and decorate that")
        elif not contracts:
            self._mistake("", "it keeps no contract", "derive it from one")
        elif len(contracts) > 1:
            names = " and ".join(contract.__name__ for contract in contracts)
            self._mistake("", f"it keeps {names}", "make a service of each")
        else:
            for operation in operations(contracts[0]).values():
                check_operation(self._cls, operation, self._scope, self._report)
        self._hooks()
        return self._dependencies(contracts)

    def _mistake(self, what: str, problem: str, advice: str, field: str = "") -> None:
        place = functools.partial(class_place, self._cls, field)
        self._report.add(self._cls.__name__ + what, problem, advice, place)

    def _hooks(self) -> None:
        for name in HOOKS:
            hook = getattr(self._cls, name, None)
            if hook is None:
                continue
            place = functools.partial(function_place, hook) if inspect.isfunction(hook) else Place
            title = f"{self._cls.__name__}.{name}"
            if not inspect.iscoroutinefunction(hook):
                self._report.add(title, "it is not async", f"say async def {name}(self)", place)
            elif len(inspect.signature(hook).parameters) != 1:
                self._report.add(title, "the host calls it without arguments", f"say async def {name}(self)", place)
        if "__init__" in vars(self._cls):
            place = functools.partial(function_place, vars(self._cls)["__init__"])
            self._report.add(
                f"{self._cls.__name__}.__init__", "a service is constructed from its annotated attributes",
                "move what it does to async def start(self)", place,
            )  # fmt: skip

    def _dependencies(self, contracts: list[type[Contract]]) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        settings: list[str] = []
        for name, kind in class_annotations(self._cls, self._scope).items():
            if get_origin(kind) is ClassVar or kind is ClassVar:
                continue
            wanted[name] = kind
            self._dependency(name, kind, contracts)
            if isinstance(kind, type) and issubclass(kind, Settings):
                settings.append(name)
        if len(settings) > 1:
            self._mistake("", f"it has several Settings: {', '.join(settings)}", "make them one record", settings[1])
        return wanted

    def _dependency(self, name: str, kind: Any, contracts: list[type[Contract]]) -> None:
        what = f".{name}: {type_text(kind)}"
        if any(name in vars(base) for base in self._cls.__mro__):
            taken = any(name in operations(contract) for contract in contracts) or name in HOOKS
            if taken:
                self._mistake(what, "the service has a method of that name", "call the attribute otherwise", name)
            else:
                self._mistake(what, "a dependency has no default", "leave out the value; the host gives one", name)
        problem = _problem(kind, contracts)
        if problem:
            self._mistake(what, *problem, name)


def _problem(kind: Any, contracts: list[type[Contract]]) -> tuple[str, str] | None:
    """Say why a type can't be a dependency, and what to do; None if it can."""
    if isinstance(kind, Unresolved):
        return f"it has no meaning here: {kind.problem}", "import it, and not under TYPE_CHECKING"
    if kind in contracts:
        return "a service can't depend on its own contract", "call the method on self"
    if is_contract(kind) or kind in _AMBIENT or hasattr(kind, "__freestone_resource__"):
        return None
    if isinstance(kind, type) and issubclass(kind, Settings) and kind is not Settings:
        return None
    if isinstance(kind, type) and contracts_of(kind):
        return "a service depends on contracts, not on the classes that keep them", f"say {contract_of(kind).__name__}"
    return (
        f'"{type_text(kind)}" is no contract, and nothing else that a host can give',
        "depend on a contract, a resource, a Settings record, Clock, Random or Ids; make the rest in start",
    )
