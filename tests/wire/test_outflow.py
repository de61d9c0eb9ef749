"""Large messages on their way out: cut, interleaved, and kept within what the peer has room for."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from freestone.wire import FrameType
from freestone.wire.outflow import Outflow

REQUEST, ITEM, CHUNK, END = FrameType.REQUEST, FrameType.ITEM, FrameType.CHUNK, FrameType.END
CUT = 10


def outflow(room: int = 1000) -> Outflow:
    """Return one that cuts pieces of ten bytes."""
    return Outflow(room, 5 + CUT)


def read(frames: list[bytes]) -> list[tuple[int, int, bytes]]:
    """Take frames apart: type, call, payload."""
    for frame in frames:
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    return [(frame[4], int.from_bytes(frame[5:9], "big"), frame[9:]) for frame in frames]


def test_a_message_goes_in_chunks_of_which_the_last_has_its_type() -> None:
    """No piece is longer than one frame of the peer."""
    it = outflow()
    it.add(ITEM, 7, b"a" * 25)
    assert read(it.take(1000)) == [(CHUNK, 7, b"a" * 10), (CHUNK, 7, b"a" * 10), (ITEM, 7, b"a" * 5)]
    assert not it.calls
    assert it.waiting == 0


def test_messages_take_turns() -> None:
    """A chunk of each: the shorter does not wait for the longer."""
    it = outflow()
    it.add(ITEM, 1, b"a" * 30)
    it.add(ITEM, 2, b"b" * 20)
    assert [(kind, call) for kind, call, _ in read(it.take(1000))] == [
        (CHUNK, 1), (CHUNK, 2), (CHUNK, 1), (ITEM, 2), (ITEM, 1)
    ]  # fmt: skip


def test_no_more_is_given_than_is_asked_for() -> None:
    """But for the piece that is begun."""
    it = outflow()
    it.add(ITEM, 1, b"a" * 100)
    assert [len(payload) for _, _, payload in read(it.take(25))] == [10, 10, 10]
    assert it.waiting == 100


def test_what_a_call_sends_later_stays_behind() -> None:
    """A small item, or an end, does not overtake a large item of the same call."""
    it = outflow()
    it.add(ITEM, 1, b"a" * 15)
    it.add(ITEM, 1, b"b")
    it.add(END, 1)
    assert read(it.take(1000)) == [(CHUNK, 1, b"a" * 10), (ITEM, 1, b"a" * 5), (ITEM, 1, b"b"), (END, 1, b"")]


def test_a_message_begins_only_where_the_peer_has_room_for_it() -> None:
    """Those that have begun must not be more than it keeps; the first always begins."""
    it = outflow(room=50)
    it.add(ITEM, 1, b"a" * 30)
    it.add(ITEM, 2, b"b" * 30)
    it.add(ITEM, 3, b"c" * 60)
    assert [call for _, call, _ in read(it.take(1000))] == [1] * 3 + [2] * 3 + [3] * 6


def test_messages_may_fill_all_the_room_that_the_peer_has() -> None:
    """What it keeps is a number of bytes, the last of them included."""
    it = outflow(room=50)
    it.add(ITEM, 1, b"a" * 30)
    it.add(ITEM, 2, b"b" * 20)
    assert [call for _, call, _ in read(it.take(1000))] == [1, 2, 1, 2, 1]


def test_what_is_dropped_is_not_sent() -> None:
    """Whether it has begun or not; and others go on."""
    it = outflow(room=50)
    for call in (1, 2, 3):
        it.add(ITEM, call, bytes((call,)) * 40)
    it.take(10)
    assert it.drop(1)
    assert it.drop(3)
    assert not it.drop(3)
    assert it.waiting == 40
    assert [call for _, call, _ in read(it.take(1000))] == [2] * 4
    assert not it.calls


def test_a_request_that_has_to_wait_begins_with_a_byte() -> None:
    """The peer hears of it, and has kept no more for it than that."""
    it = outflow(room=20)
    it.add(REQUEST, 1, b"a" * 20)
    it.add(REQUEST, 2, b"b" * 20)
    assert read([it.begin(1), it.begin(2)]) == [(CHUNK, 1, b"a" * 10), (CHUNK, 2, b"b")]
    assert read(it.take(1000)) == [(REQUEST, 1, b"a" * 10), (CHUNK, 2, b"b" * 9), (REQUEST, 2, b"b" * 10)]


@example([(1, 0), (1, 4), (2, 21)], 21, [10] * 6, {2}, False)  # the pieces of 2 that came go with the rest of it
@example([(1, 21), (2, 4), (3, 4), (4, 4)], 21, [], set(), True)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 80)), max_size=12),
    st.integers(20, 200),
    st.lists(st.integers(1, 60), max_size=40),
    st.sets(st.integers(1, 4)),
    st.booleans(),
)
def test_every_message_arrives_whole_and_in_the_order_of_its_call(
    sizes: list[tuple[int, int]], room: int, takes: list[int], dropped: set[int], begins: bool
) -> None:
    """Joined by call, the frames are the messages; and what is unfinished is never more than the room.

    The first byte of a message does not count. The peer forgets what it has of a message that is dropped.
    """
    it = outflow(room)
    sent: dict[int, list[bytes]] = {}
    came: dict[int, list[bytes]] = {}
    unfinished: dict[int, bytes] = {}

    def arrive(frames: list[bytes]) -> None:
        for kind, call, payload in read(frames):
            whole = unfinished.pop(call, b"") + payload
            if kind == CHUNK:
                assert payload
                unfinished[call] = whole
            else:
                came.setdefault(call, []).append(whole)
            held = sum(len(pieces) - 1 for pieces in unfinished.values())
            assert held <= max(room, *(size for _, size in sizes), 0)

    for number, (call, size) in enumerate(sizes):
        message = bytes((number,)) * size
        it.add(ITEM, call, message[: size // 2], message[size // 2 :])
        if begins and size > 1 and call not in sent:
            arrive([it.begin(call)])
        sent.setdefault(call, []).append(message)
    for number, most in enumerate([*takes, 10**6]):
        if number == len(takes) // 2:
            for call in dropped:
                it.drop(call)
                unfinished.pop(call, None)
        arrive(it.take(most))
    for call, messages in sent.items():
        got = came.get(call, [])
        assert got == (messages[: len(got)] if call in dropped else messages)
    assert not it.calls
    assert it.waiting == 0
