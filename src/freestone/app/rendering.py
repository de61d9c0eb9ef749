"""A plan, shown: as text for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins
from msgspec.structs import asdict

from freestone.schedule import schedules

from .address import http_url
from .app import SubscriptionSpec
from .broker import event_lines
from .data import data_lines
from .differences import policy_lines
from .leases import lease_lines
from .plan import ExternalRoute, LocalRoute, PeerRoute, Plan, ProcessPlan, Route
from .serving import serving_lines

GATEWAY = "(gateway)"
"""How the gateway is named where it calls a service; no service can have that name."""


def render(plan: Plan) -> str:
    """Return a plan as lines for a terminal.

    ::

        academy, placed as split for development: 3 processes

        edge
            (gateway) on http://127.0.0.1:8000
                → catalog   wire, to process catalog
        catalog ×2
            catalog
        progress
            progress
                ← catalog.PathRetired   close_enrolments, from now on
                ⟳ close_idle   every 5m, missed once

        calls: deadline 10s
            catalog: limit 50, retry off

        each process: finds its limit up to 10000 calls at a time, 1000 more wait 1s at most

        data: in postgresql://academy@db.example/academy, a schema and a role each service, 10 connections at most

        events: by NATS, in JSON, kept 14d; 8 partitions, 1 replica in files, duplicates absorbed for 2m

        leases: in NATS, 1 replica
    """
    count = len(plan.processes)
    placed = f"{plan.application}, placed as {plan.topology} for {plan.app.environment.value}"
    lines = [f"{placed}: {count} process{'es' if count != 1 else ''}", ""]
    for process in plan.processes:
        lines.extend(_process_lines(plan, process))
    lines += ["", *policy_lines(plan.app.policies), "", *serving_lines(plan.app.serving)]
    if data := data_lines(plan.app.urls, plan.app.connections):
        lines += ["", *data]
    if plan.broker is not None:
        lines += ["", *event_lines(plan.app.events, plan.broker)]
    if leases := list(lease_lines(plan.app.leases, plan.leasing)):
        lines += ["", *leases]
    return "\n".join(lines) + "\n"


def describe(plan: Plan) -> dict[str, Any]:
    """Return a plan as values that JSON has. Durations are in seconds."""
    policies, serving = plan.app.policies, plan.app.serving
    deadlines = policies.deadlines
    return {
        "application": plan.application,
        "topology": plan.topology,
        "environment": plan.app.environment.value,
        "processes": [
            {
                "name": process.name,
                "services": list(process.services),
                "replicas": process.replicas,
                "gateway": None if process.gateway is None else http_url(process.gateway.listen),
                "listen": None if process.listen is None else str(process.listen),
                "at": [str(endpoint) for endpoint in process.at],
                "discovered": process.discovered,
                "stage": process.stage,
                "calls": [
                    {"from": caller, "to": callee, **_route_described(process.routes[callee])}
                    for caller, callee in _edges(plan, process)
                ],
                "subscriptions": [
                    _subscription_described(service, spec)
                    for service in process.services
                    for spec in plan.app.services[service].subscriptions
                ],
                "schedules": list(_schedules_described(plan, process)),
            }
            for process in plan.processes
        ],
        "deadline": deadlines.default,
        "deadlines": dict(deadlines.methods),
        "calls": {
            "default": to_builtins(policies.default),
            "services": {name: to_builtins(policy) for name, policy in policies.services.items()},
            "methods": {name: to_builtins(policy) for name, policy in policies.methods.items()},
        },
        "serve": {**asdict(serving), "methods": dict(serving.methods)},
        "events": {**asdict(plan.app.events), "broker": plan.broker},
        "leases": {name: plan.app.leases.of(name) for name in plan.leasing},
    }


def _process_lines(plan: Plan, process: ProcessPlan) -> Iterator[str]:
    replicas = f" ×{process.replicas}" if process.replicas > 1 else ""
    listen = f", on {process.listen}" if process.listen is not None else ""
    found = f", found at {', '.join(map(str, process.at))}" if process.at else ""
    if process.discovered:
        found = ", found through NATS"
    clear = " in the clear" if process.plaintext and process.listen is not None else ""
    yield f"{process.name}{replicas}{listen}{clear}{found}"
    edges = list(_edges(plan, process))
    width = max((len(callee) for _, callee in edges), default=0)
    callers = [GATEWAY] if process.gateway is not None else []
    for caller in (*callers, *process.services):
        on = ""
        if process.gateway is not None and caller == GATEWAY:
            on = f" on {http_url(process.gateway.listen)}"
        yield f"    {caller}{on}"
        for other, callee in edges:
            if other == caller:
                yield f"        → {callee:<{width}}   {_route_shown(process.routes[callee])}"
        if caller in process.services:
            yield from _subscription_lines(plan, plan.app.services[caller].subscriptions)
            yield from _schedule_lines(plan, caller)


def _subscription_lines(plan: Plan, specs: tuple[SubscriptionSpec, ...]) -> Iterator[str]:
    width = max((len(spec.type) for spec in specs), default=0)
    for spec in specs:
        heard = spec.subscription
        since = "from now on" if heard.start == "now" else "from the beginning"
        whose = "" if spec.source.application == plan.application else f", of {spec.source.application}"
        yield f"        ← {spec.type:<{width}}   {heard.name}, {since}{whose}"


def _subscription_described(service: str, spec: SubscriptionSpec) -> dict[str, Any]:
    heard = spec.subscription
    return {
        "service": service,
        "name": heard.name,
        "event": spec.type,
        "application": spec.source.application,
        "start": heard.start,
        "tries": heard.tries,
        "deadline": heard.deadline,
        "on_failure": heard.on_failure,
    }


def _schedule_lines(plan: Plan, service: str) -> Iterator[str]:
    declared = schedules(plan.app.services[service].cls)
    width = max((len(each.name) for each in declared), default=0)
    for each in declared:
        yield f"        ⟳ {each.name:<{width}}   {each.timetable}, missed {each.missed}"


def _schedules_described(plan: Plan, process: ProcessPlan) -> Iterator[dict[str, Any]]:
    for service in process.services:
        for each in schedules(plan.app.services[service].cls):
            yield {
                "service": service,
                "name": each.name,
                "method": each.method,
                "when": str(each.timetable),
                "missed": each.missed,
                "deadline": each.deadline,
                "jitter": each.jitter,
            }


def _edges(plan: Plan, process: ProcessPlan) -> Iterator[tuple[str, str]]:
    """Yield who calls whom from a process: the caller, a service or the gateway, and the service called."""
    if process.gateway is not None:
        for callee in process.gateway.calls:
            yield GATEWAY, callee
    for service in process.services:
        for callee in dict.fromkeys(plan.app.services[service].calls.values()):
            yield service, callee


def _route_shown(route: Route) -> str:
    match route:
        case LocalRoute():
            return "local"
        case PeerRoute(process):
            return f"wire, to process {process}"
        case ExternalRoute(at):
            return f"wire, to {', '.join(map(str, at))}"


def _route_described(route: Route) -> dict[str, Any]:
    match route:
        case LocalRoute():
            return {"by": "local"}
        case PeerRoute(process):
            return {"by": "wire", "process": process}
        case ExternalRoute(at):
            return {"by": "wire", "at": [str(address) for address in at]}
