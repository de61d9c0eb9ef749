"""From an application's file to its code: what the file names is imported, and held against the rest.

That is everything, for whoever runs or judges the application. For one process of a run it is what that process holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, final

from freestone.contract import Contract, Kind, Operation, contract_of, contract_of_event, is_contract, operations
from freestone.errors import DeclarationError
from freestone.events import Source, subscriptions
from freestone.service import Given, Settings, dependencies, meant, misfits, order

from .app import App, ExternalSpec, GatewaySpec, ServiceSpec, SubscriptionSpec
from .data import find_urls
from .document import Document, Keys
from .entrance import Entrance
from .environment import read_environment
from .file import ApplicationFile, find, parse, refuse
from .outline import Outline, reference_of
from .reference import BadReference, follow, make_importable


def load(
    path: Path | None = None,
    *,
    cwd: Path | None = None,
    home: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> App:
    """Return the application of a file, or of the directory that has one; by default, the nearest upwards of ``cwd``.

    ``home`` is where its runs keep their state and, unless the file names another directory, the databases; by default
    ``.freestone`` beside the file. ``variables`` are those of the process's environment. The file's directory is put on
    ``sys.path``, and the modules that the file names are imported. Raises ConfigurationError with everything that is
    wrong: in the file, between it and the code, and in the variables.
    """
    document = Document.open(find(path, cwd or Path.cwd()))
    environment = read_environment(variables, document.mistakes)
    file = parse(document, home)
    urls = find_urls(file.data, file.services, file.secrets, variables, document.mistakes)
    app = _Linker(document, file).app()
    refuse(document.mistakes)
    return replace(app, environment=environment, urls=urls)


def load_process(
    path: Path,
    topology: str,
    process: str,
    outline: Outline,
    *,
    home: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> App:
    """Return the application as one process of it needs it: with the services that it holds, and no others.

    Their modules are imported, with the contracts that they call, and nothing else; ``outline`` says of the rest what
    there is to know. ``path`` is the application's file. The other arguments, and what is raised, are as for ``load``.
    """
    document = Document.open(path)
    environment = read_environment(variables, document.mistakes)
    file = parse(document, home)
    urls = find_urls(file.data, file.services, file.secrets, variables, document.mistakes)
    app = _Linker(document, outline.narrowed(file, topology, process), outline).app()
    refuse(document.mistakes)
    return replace(app, environment=environment, urls=urls)


@final
class _Linker:
    """Follows what a file names, and notes in its document what leads nowhere.

    With an outline, contracts are not followed: their keepers are found as their callers name them.
    """

    def __init__(self, document: Document, file: ApplicationFile, outline: Outline | None = None) -> None:
        self._document = document
        self._file = file
        self._outline = outline
        self._keepers: dict[type[Contract], str] = {}
        self._externals: dict[str, ExternalSpec] = {}
        self._complete = True

    def app(self) -> App:
        file = self._file
        make_importable(file.directory)
        if self._outline is None:
            for name in file.externals:
                self._follow_external(name)
            self._complete = len(self._externals) == len(file.externals)
        services = {name: spec for name in file.services if (spec := self._service(name)) is not None}
        # A service that did not import may keep any contract: then it is too early to say that one is not kept.
        self._complete = self._complete and len(services) == len(file.services)
        services = {name: self._linked(spec) for name, spec in services.items()}
        gateway = self._gateway()
        self._check_settings(services)
        self._check_leases(services)
        contracts = {name: spec.contract for name, spec in services.items()}
        self._check_methods({**contracts, **{name: spec.contract for name, spec in self._externals.items()}})
        known = {*services, *self._externals}
        return App(
            name=file.name,
            path=file.path,
            services=MappingProxyType(self._ordered(services)),
            externals=MappingProxyType(self._externals),
            elsewhere=MappingProxyType({kind: name for kind, name in self._keepers.items() if name not in known}),
            gateway=gateway,
            topologies=file.topologies,
            settings=file.settings,
            home=file.home,
            data=file.data.directory,
            connections=file.data.connections,
            keys=file.keys,
            durability=file.durability,
            secrets=file.secrets,
            python_gc=file.python_gc,
            policies=file.policies,
            nameservers=file.nameservers,
            serving=file.serving,
            limits=file.limits,
            discovery=file.discovery,
            tls=file.tls,
            nats=file.nats,
            events=file.events,
            leases=file.leases,
        )

    def _follow_external(self, name: str) -> None:
        entry = self._file.externals[name]
        keys = ("services", name, "contract")
        found = self._follow(keys, entry.contract)
        if found is None:
            return
        if not is_contract(found):
            self._document.note(keys, f"{entry.contract} is no contract", "name a class that derives from Contract")
            return
        self._keeps(keys[:2], name, found)
        self._external(name, found)

    def _external(self, name: str, contract: type[Contract]) -> None:
        entry = self._file.externals[name]
        self._externals[name] = ExternalSpec(name, contract, entry.at, entry.application, entry.plaintext)

    def _keeper(self, contract: type[Contract]) -> str | None:
        """Return the service that keeps a contract; None if there is none."""
        if contract not in self._keepers and self._outline is not None:
            name = self._outline.kept_by.get(reference_of(contract))
            if name is not None:
                self._keepers[contract] = name
                if name in self._file.externals:
                    self._external(name, contract)
        return self._keepers.get(contract)

    def _service(self, name: str) -> ServiceSpec | None:
        keys = ("services", name)
        reference = self._file.services[name]
        found = self._follow(keys, reference)
        if found is None:
            return None
        try:
            wanted = dependencies(found)
            contract = contract_of(found)
        except (TypeError, AttributeError):
            advice = "decorate the class with @service, and derive it from its contract"
            self._document.note(keys, f"{reference} is no service", advice)
            return None
        self._keeps(keys, name, contract)
        settings = [kind for kind in wanted.values() if isinstance(kind, type) and issubclass(kind, Settings)]
        return ServiceSpec(name, found, contract, wanted, settings=settings[0] if settings else None)

    def _gateway(self) -> GatewaySpec | None:
        entry = self._file.gateway
        keys = ("gateway", "app")
        found = self._follow(keys, entry.app) if entry is not None else None
        if entry is None or found is None:
            return None
        if isinstance(found, type) or not (hasattr(found, "needs") and hasattr(found, "open")):
            self._document.note(keys, f"{entry.app} is no gateway", "name a Gateway(…)")
            return None
        entrance = cast(Entrance, found)
        calls: list[str] = []
        for contract in entrance.needs:
            if (keeper := self._keeper(contract)) is not None:
                calls.append(keeper)
            else:
                self._note_unkept(keys, contract, "the gateway calls it")
        return GatewaySpec(entrance, entry.listen, tuple(calls))

    def _linked(self, spec: ServiceSpec) -> ServiceSpec:
        """Return the spec with the services that it calls."""
        calls: dict[str, str] = {}
        for attribute, kind in spec.dependencies.items():
            if not is_contract(kind):
                continue
            if (keeper := self._keeper(kind)) is not None:
                calls[attribute] = keeper
            else:
                why = f"{spec.cls.__name__}.{attribute} needs it"
                self._note_unkept(("services", spec.name), kind, why)
        return ServiceSpec(
            spec.name,
            spec.cls,
            spec.contract,
            spec.dependencies,
            MappingProxyType(calls),
            spec.settings,
            self._subscriptions(spec),
        )

    def _subscriptions(self, spec: ServiceSpec) -> tuple[SubscriptionSpec, ...]:
        """Return what a service is subscribed to, each with the service that announces it."""
        found: list[SubscriptionSpec] = []
        for subscription in subscriptions(spec.cls):
            contract = contract_of_event(subscription.event)
            keeper = self._keeper(contract)
            if keeper is None:
                event = subscription.event.__name__
                why = f"{spec.cls.__name__}.{subscription.method} is subscribed to its event {event}"
                self._note_unkept(("services", spec.name), contract, why)
                continue
            external = self._file.externals.get(keeper)
            application = self._file.name if external is None else external.application or self._file.name
            found.append(SubscriptionSpec(subscription, Source(application, keeper)))
        return tuple(found)

    def _ordered(self, services: Mapping[str, ServiceSpec]) -> Mapping[str, ServiceSpec]:
        """Return the services, each after those that it calls; in the file's order if they call in a circle."""
        try:
            return {name: services[name] for name in order({name: spec.cls for name, spec in services.items()})}
        except DeclarationError as error:
            self._document.mistakes.extend(error.mistakes)
            return services

    def _check_settings(self, services: Mapping[str, ServiceSpec]) -> None:
        for name, values in self._file.settings.items():
            spec = services.get(name)
            if spec is None:
                continue
            if spec.settings is None:
                advice = f"give {spec.cls.__name__} an attribute whose type derives from Settings, or take them out"
                self._document.note(("settings", name), f"{spec.cls.__name__} has no settings", advice)
                continue
            given = {key: Given(value) for key, value in values.items()}
            for misfit in misfits(spec.settings, given):
                self._document.note(("settings", name, misfit.field), misfit.problem, misfit.advice)

    def _check_leases(self, services: Mapping[str, ServiceSpec]) -> None:
        for name in self._file.leases.services:
            if name in services and not services[name].takes_leases:
                cls = services[name].cls.__name__
                advice = f"give {cls} an attribute of the type Leases, or take this out"
                self._document.note(("leases", "services", name), f"{cls} takes no leases", advice)

    def _check_hedge(self, keys: Keys, operation: Operation) -> None:
        if operation.kind is Kind.COMMAND:
            self._document.note(keys, f"{operation.name} is a command, and only queries are hedged", "take it out")
        elif operation.streams or operation.takes is not None:
            self._document.note(keys, f"{operation.name} streams, and only single answers are hedged", "take it out")

    def _check_methods(self, contracts: Mapping[str, type[Contract]]) -> None:
        policies = self._file.policies
        for name, policy in policies.methods.items():
            service, _, method = name.rpartition(".")
            if service not in contracts:
                continue
            keys = ("calls", "methods", name)
            known = operations(contracts[service])
            if method not in known:
                problem = f'{contracts[service].__name__} has no method "{method}"'
                self._document.note(keys, problem, meant(method, known, "methods"))
            elif policy.hedge is not None and policy.hedge != policies.service(service).hedge:
                self._check_hedge((*keys, "hedge"), known[method])
        for name in self._file.serving.methods:
            service, _, method = name.rpartition(".")
            if service not in contracts:
                continue
            keys = ("serve", "methods", name)
            known = operations(contracts[service])
            if method not in known:
                problem = f'{contracts[service].__name__} has no method "{method}"'
                self._document.note(keys, problem, meant(method, known, "methods"))
            elif known[method].streams:
                self._document.note(keys, f"{method} streams, and a stream holds no place", "take it out")

    def _keeps(self, keys: tuple[str, ...], name: str, contract: type[Contract]) -> None:
        other = self._keepers.setdefault(contract, name)
        if other != name:
            problem = f"it keeps {contract.__name__}, which {other} keeps already"
            self._document.note(keys, problem, "a contract is kept by one service; take one of them out")

    def _follow(self, keys: tuple[str, ...], reference: str) -> Any:
        if not reference:  # what is wrong with it was noted when the file was read
            return None
        try:
            return follow(reference, self._file.directory)
        except BadReference as error:
            self._document.mistakes.extend(error.mistakes)
            self._document.note(keys, error.problem, error.advice)
            return None

    def _note_unkept(self, keys: tuple[str, ...], contract: type[Any], why: str) -> None:
        if self._complete:
            name = contract.__name__
            advice = f'add the service that keeps {name} to [services], or {{ contract = "…:{name}", at = "…" }}'
            self._document.note(keys, f"no service keeps {name}, and {why}", advice)
