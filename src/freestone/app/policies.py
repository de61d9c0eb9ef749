"""``[calls]`` of the application file: what holds for calls, for those to one service, and for single operations.

Each level begins with what holds further out and changes what it names. A record that comes out is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import MappingProxyType
from typing import TypeVar

from msgspec.structs import replace

from freestone.call import Balance, Breaking, CallPolicy, Hedge, Policies, Retry
from freestone.service import meant, seconds, shown

from .document import Table

R = TypeVar("R")

_OF_A_SERVICE = ("breaker", "balance")
_EXAMPLES = {"retry": "{ attempts = 2 }", "hedge": "{ after = 0.95 }", "breaker": "{ errors = 0.5 }"}


def read_policies(table: Table, services: Collection[str]) -> Policies:
    """Return what the table says. ``services`` are those that calls can be made to; mistakes are noted."""
    deadline = read_duration(table, "deadline", Policies().deadline)
    default = _policy(table, CallPolicy())
    of_services: dict[str, CallPolicy] = {}
    for name, inner in table.table("services").tables("write { limit = 50 }"):
        if name not in services:
            problem = f'there is no service "{name}"'
            table.table("services").note(name, problem, meant(name, sorted(services), "services"))
        of_services[name] = _limited(inner, _policy(inner, default))
    policies = Policies(default, MappingProxyType(of_services), MappingProxyType({}), deadline)
    of_methods: dict[str, CallPolicy] = {}
    for name, service, inner in table.table("methods").methods('write { deadline = "2s" }'):
        if service not in services:
            problem = f'there is no service "{service}"'
            table.table("methods").note(name, problem, meant(service, sorted(services), "services"))
        of_methods[name] = _method(inner, service, policies)
    table.refuse_unknown()
    return replace(policies, methods=MappingProxyType(of_methods))


def read_duration(table: Table, key: str, default: float) -> float:
    """Return the seconds of a duration that is more than nothing."""
    value = table.get(key)
    if value is None:
        return default
    try:
        duration = seconds(value)
    except ValueError as error:
        table.note(key, str(error))
        return default
    if duration == 0:
        nothing = "it is nothing, so that no call could be made" if key == "deadline" else "it is nothing"
        table.note(key, nothing, f'write a time, as "{shown(default or 1.0)}", or leave it out')
        return default
    return duration


def _limited(table: Table, policy: CallPolicy) -> CallPolicy:
    """Read the deadline of a service or a method, beyond which its calls do not go."""
    if table.get("deadline") is not None:
        policy = replace(policy, deadline=read_duration(table, "deadline", policy.deadline or Policies().deadline))
    table.refuse_unknown()
    return policy


def _method(table: Table, service: str, policies: Policies) -> CallPolicy:
    outer = policies.service(service)
    for key in _OF_A_SERVICE:
        if table.get(key) is not None:
            what = "a breaker watches a replica" if key == "breaker" else "replicas are compared"
            advice = f"write it below [calls.services.{service}]"
            table.note(key, f"{what} whatever the method", advice)
    retry = table.get("retry")
    if isinstance(retry, dict) and "budget" in retry:
        advice = f"write it below [calls.services.{service}]"
        table.table("retry").note("budget", "a budget is of all calls to a service", advice)
    policy = _limited(table, _policy(table, replace(outer, limit=None), method=True))
    if policy.limit is not None and outer.limit is not None and policy.limit > outer.limit:
        table.note("limit", f"it is never reached: {service} has a limit of {outer.limit} calls for all of its methods")
    return policy


def _policy(table: Table, outer: CallPolicy, method: bool = False) -> CallPolicy:
    limit = outer.limit
    if table.get("limit") is not None:
        limit = table.integer("limit", 1)
        if limit < 1:
            table.note("limit", f"it is {limit}, so that no call could be made", "leave it out where there is none")
    retry = _choice(table, "retry", outer.retry, Retry(attempts=1), Retry(), _retry) or Retry(attempts=1)
    return CallPolicy(
        deadline=outer.deadline,
        retry=retry,
        hedge=_choice(table, "hedge", outer.hedge, None, Hedge(), _hedge),
        breaker=outer.breaker if method else _choice(table, "breaker", outer.breaker, None, Breaking(), _breaking),
        limit=limit,
        balance=outer.balance if method else _balance(table.table("balance", 'write { memory = "2s" }'), outer.balance),
    )


def _choice(table: Table, key: str, outer: R, off: R, on: R, read: Callable[[Table, R], R]) -> R:
    """Return what a key says that is ``true``, ``false`` or a table."""
    value = table.get(key)
    if value is None:
        return outer
    if isinstance(value, bool):
        if value:
            return on if outer == off else outer
        return off
    if not isinstance(value, dict):
        table.note(key, "it must be true, false or a table", f"write {_EXAMPLES[key]}")
        return outer
    return read(table.table(key), on if outer is None else outer)


def _retry(table: Table, outer: Retry) -> Retry:
    if outer.attempts == 1 and "attempts" not in table:  # it was turned off further out, and is wanted here
        outer = replace(outer, attempts=Retry().attempts)
    found = Retry(
        attempts=_at_least(table, "attempts", outer.attempts, 1),
        first=read_duration(table, "first", outer.first),
        most=read_duration(table, "most", outer.most),
        budget=_share(table, "budget", outer.budget),
    )
    if found.first > found.most:
        table.note("first", f"it is longer than any wait may be, which is {found.most:g} s", 'change "first" or "most"')
    table.refuse_unknown()
    return found


def _hedge(table: Table, outer: Hedge | None) -> Hedge | None:
    outer = outer or Hedge()
    after = _share(table, "after", outer.after)
    if not 0.5 <= after < 1:
        table.note("after", f"it is {after:g}, and more than every second query would be sent twice" if after < 0.5 else
                   "it is 1, and no answer comes later than all", "write a number from 0.5 to 0.999")  # fmt: skip
    found = Hedge(after, read_duration(table, "least", outer.least))
    table.refuse_unknown()
    return found


def _breaking(table: Table, outer: Breaking | None) -> Breaking | None:
    outer = outer or Breaking()
    errors = _share(table, "errors", outer.errors)
    if not errors:
        table.note("errors", "it is nothing, so that one error would open it", "write a share, as 0.5")
    found = Breaking(
        read_duration(table, "window", outer.window),
        errors,
        _at_least(table, "calls", outer.calls, 1),
        read_duration(table, "open", outer.open),
    )
    table.refuse_unknown()
    return found


def _balance(table: Table, outer: Balance) -> Balance:
    found = Balance(
        memory=read_duration(table, "memory", outer.memory),
        slow_start=read_duration(table, "slow_start", outer.slow_start),
    )
    table.refuse_unknown()
    return found


def _at_least(table: Table, key: str, default: int, least: int) -> int:
    number = table.integer(key, default)
    if number < least:
        table.note(key, f"it is {number}; it must be at least {least}")
        return default
    return number


def _share(table: Table, key: str, default: float) -> float:
    share = table.number(key, default, "write a share, as 0.5")
    if not 0 <= share <= 1:
        percent = f"for {share:g} % write {share / 100:g}" if 1 < share <= 100 else ""
        table.note(key, f"it is {share:g}; it must be from 0 to 1", percent)
        return default
    return share
