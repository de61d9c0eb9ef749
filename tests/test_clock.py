"""What is nondeterministic, as the operating system has it."""

from __future__ import annotations

import os

from freestone.clock import trace_id


def test_trace_ids_are_hexadecimal_and_all_different() -> None:
    """Also where one stock of them ends and the next begins."""
    made = [trace_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(it) == 32 and int(it, 16) >= 0 and it == it.lower() for it in made)


def test_a_forked_process_has_trace_ids_of_its_own() -> None:
    """It must not go on with those that its parent has in stock."""
    trace_id()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(trace_id() for _ in range(50)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as answer:
        theirs = answer.read().split()
    ours = [trace_id() for _ in range(200)]
    assert len(theirs) == 50
    assert not set(theirs) & set(ours)
