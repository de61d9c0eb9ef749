"""How the policies of calls differ from those further out: what ``freestone plan`` shows of them."""

from __future__ import annotations

from collections.abc import Iterator

from freestone.call import Balance, Breaking, CallPolicy, Hedge, Policies, Retry
from freestone.service import shown


def policy_lines(policies: Policies) -> Iterator[str]:
    """Yield a line for all calls, and one for each service and method that differs.

    >>> print(*policy_lines(Policies(methods={"shop.buy": CallPolicy(deadline=2.0, retry=Retry(attempts=1))})))
    calls: deadline 10s     shop.buy: deadline 2s, retry off
    """
    general = [f"deadline {shown(policies.deadline)}", *_differences(policies.default, CallPolicy())]
    yield f"calls: {', '.join(general)}"
    for name, policy in policies.services.items():
        if found := list(_differences(policy, policies.default)):
            yield f"    {name}: {', '.join(found)}"
    for name, policy in policies.methods.items():
        outer = policies.service(name.rpartition(".")[0])
        # A method's limit is its own: what the service has in flight altogether is another number.
        if found := list(_differences(policy, outer, own_limit=True)):
            yield f"    {name}: {', '.join(found)}"


def _differences(policy: CallPolicy, outer: CallPolicy, own_limit: bool = False) -> Iterator[str]:
    if policy.deadline is not None and policy.deadline != outer.deadline:
        yield f"deadline {shown(policy.deadline)}"
    if policy.limit is not None and (own_limit or policy.limit != outer.limit):
        yield f"limit {policy.limit}"
    if policy.retry != outer.retry:
        yield _retry(policy.retry)
    if policy.hedge != outer.hedge:
        yield _hedge(policy.hedge)
    if policy.breaker != outer.breaker:
        yield _breaker(policy.breaker)
    if policy.balance != outer.balance:
        yield _balance(policy.balance)


def _retry(retry: Retry) -> str:
    if retry.attempts == 1:
        return "retry off"
    return (
        f"retry {retry.attempts} attempts, {shown(retry.first)} to {shown(retry.most)} apart, "
        f"budget {retry.budget * 100:g} %"
    )


def _hedge(hedge: Hedge | None) -> str:
    return "hedge off" if hedge is None else f"hedge after {hedge.after * 100:g} %, at least {shown(hedge.least)}"


def _breaker(breaker: Breaking | None) -> str:
    if breaker is None:
        return "breaker off"
    return (
        f"breaker at {breaker.errors * 100:g} % errors of at least {breaker.calls} calls in {shown(breaker.window)}, "
        f"open {shown(breaker.open)}"
    )


def _balance(balance: Balance) -> str:
    return f"balance with a memory of {shown(balance.memory)} and a slow start of {shown(balance.slow_start)}"
