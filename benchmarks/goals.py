"""The goals: each a ratio within a round, with what must be reached, what is aimed at, and what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from . import colocated, commands, events
from .between import Key, Results, ratios
from .load import Round
from .peers import ECHO, FASTAPI, FREESTONE, FREESTONE_TASKS, GRPC, NATS, Peer

Sizes = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Goal:
    """One of them. ``values`` has one for each round."""

    what: str
    must: float
    aim: float
    values: list[float]
    unit: str = "×"
    cpu: str = ""
    """CPU microseconds a request of this project and of the other, each of the server and of the client."""

    @property
    def measured(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    def reaches(self, bound: float) -> bool:
        """Return whether it was reached; a goal whose aim is below its must is one of little cost."""
        return self.measured >= bound if self.aim > self.must else self.measured <= bound


def goals(
    calls: Results,
    near: dict[str, list[float]],
    sizes: Sizes,
    written: commands.Results,
    carried: events.Results,
) -> list[Goal]:
    """Return all of them."""

    def faster(other: Peer, kind: str, level: int, must: float, aim: float) -> Goal:
        ours, theirs = (FREESTONE.name, kind, level), (other.name, kind, level)
        what = f"a second ÷ {other.name}, {kind}, at {level}"
        return Goal(what, must, aim, ratios(calls, ours, theirs, _per_second), cpu=_cpu(calls, ours, theirs))

    one, large = (FREESTONE.name, "small", 1), (FREESTONE.name, "large", 32)
    later, tasks = (FREESTONE.name, "later", 32), (FREESTONE_TASKS.name, "later", 32)
    grpc_at_1 = (GRPC.name, "small", 1)
    ours, fastapi = sizes[FREESTONE.name], sizes[FASTAPI.name]
    return [
        faster(GRPC, "small", 32, 10, 18),
        faster(GRPC, "small", 256, 18, 30),
        Goal(
            "p50 of grpc.aio ÷ ours, small, at 1",
            3,
            4,
            ratios(calls, grpc_at_1, one, lambda it: it.p50),
            cpu=_cpu(calls, one, grpc_at_1),
        ),
        faster(FASTAPI, "small", 32, 6, 10),
        faster(NATS, "small", 32, 2, 3),
        faster(GRPC, "large", 32, 2.5, 4),
        Goal("p99 ÷ p50 of our own, large, at 32", 4, 3, ratios_of_own(calls, large)),
        faster(ECHO, "small", 32, 0.30, 0.45),
        faster(ECHO, "small", 256, 0.20, 0.30),
        Goal(
            "handler that waits: server CPU ÷ that with a task a call",
            1.25,
            1.1,
            ratios(calls, later, tasks, lambda it: it.server),
            cpu=_cpu(calls, later, tasks),
        ),
        Goal(
            "a trace that is not sampled, more a hop",
            2,
            1,
            colocated.more(near, colocated.MANY_TRACED, colocated.MANY),
            "µs",
        ),
        Goal(
            "co-located call, more than a direct await",
            1.5,
            0.7,
            colocated.more(near, colocated.CALL, colocated.DIRECT),
            "µs",
        ),
        Goal(
            "the same with a copy of mutable arguments",
            5,
            3.5,
            colocated.more(near, colocated.CALL_MUTABLE, colocated.DIRECT_MUTABLE),
            "µs",
        ),
        Goal(
            "wire in the same process ÷ co-located, at 1",
            10,
            20,
            [a / b for a, b in zip(near[colocated.WIRE], near[colocated.CALL], strict=True)],
        ),
        Goal(
            "start of a small service ÷ FastAPI on uvicorn",
            0.30,
            0.20,
            [a[0] / b[0] for a, b in zip(ours, fastapi, strict=True)],
        ),
        Goal(
            "memory of a small service ÷ FastAPI on uvicorn",
            0.75,
            0.65,
            [a[1] / b[1] for a, b in zip(ours, fastapi, strict=True)],
        ),
        Goal(
            "commands with an event ÷ the better of SQLAlchemy's, SQLite, at 32",
            2,
            5,
            commands.ratios(written, "SQLite", 32),
            cpu=commands.cpu(written, "SQLite", 32),
        ),
        Goal(
            "commands with an event ÷ the better of SQLAlchemy's, PostgreSQL, at 32",
            0.8,
            1,
            commands.ratios(written, "PostgreSQL", 32),
            cpu=commands.cpu(written, "PostgreSQL", 32),
        ),
        Goal("events a second, end to end ÷ nats-py's publish, pull and acknowledge", 0.6, 0.8, events.share(carried)),
        Goal("p50 from commit to handler, ms", 5, 3, [it.p50 for it in carried[events.OURS]]),
    ]


def ratios_of_own(calls: Results, key: Key) -> list[float]:
    """Return, for each round, the p99 divided by the p50."""
    return [it.p99 / it.p50 for it in calls[key]]


def _per_second(it: Round) -> float:
    return it.per_second


def _cpu(calls: Results, ours: Key, theirs: Key) -> str:
    def both(key: Key) -> str:
        server: Callable[[Round], float] = lambda it: it.server  # noqa: E731 - two of a kind
        client: Callable[[Round], float] = lambda it: it.client  # noqa: E731
        return f"{median(map(server, calls[key])):.1f} + {median(map(client, calls[key])):.1f}"

    def spent(key: Key) -> list[float]:
        return [it.server + it.client for it in calls[key]]

    less = median(b / a for a, b in zip(spent(ours), spent(theirs), strict=True))
    return f"{both(ours)} against {both(theirs)}: {less:.1f} times"


def table(reached: list[Goal]) -> str:
    """Return the goals as a Markdown table."""
    lines = [
        "| goal | must | aim | measured | lowest to highest | | CPU µs a request, server + client |",
        "|---|---|---|---|---|---|---|",
    ]
    for goal in reached:
        verdict = "aim" if goal.reaches(goal.aim) else "must" if goal.reaches(goal.must) else "**missed**"
        sign = "≥" if goal.aim > goal.must else "≤"
        unit = " µs" if goal.unit == "µs" else ""
        lines.append(
            f"| {goal.what} | {sign} {goal.must:g}{unit} | {goal.aim:g}{unit} | {goal.measured:.2f}{unit} | "
            f"{min(goal.values):.2f} to {max(goal.values):.2f} | {verdict} | {goal.cpu} |"
        )
    return "\n".join(lines)
