"""Two connections that talk to each other, doing whatever the protocol allows, over a network that cuts anywhere."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from freestone.wire import (
    Cancel,
    Connection,
    Credit,
    End,
    Error,
    Event,
    Goodbye,
    Hello,
    Item,
    Limits,
    Pong,
    Reply,
    Request,
    RequestEncoder,
    Side,
    State,
    request_tail,
)

LIMITS = Limits(calls=4)


class Conversation(RuleBasedStateMachine):
    """A caller and a callee, and what a driver of each would know.

    The property: sides that keep the rules never see a violation, every call ends exactly once, items arrive in
    order and as sent, and both sides agree on what is in flight when nothing is under way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.caller = Connection(Side.CALLER, Hello(application="a", process="edge", instance="1"), LIMITS)
        self.callee = Connection(Side.CALLEE, Hello(application="a", process="shop", instance="2"), LIMITS)
        self.caller.start()
        self.callee.start()
        self.to_callee = b""
        self.to_caller = b""
        self.waiting: dict[int, bool] = {}  # what the caller waits for: does it stream?
        self.serving: dict[int, bool] = {}
        self.sent: dict[int, list[bytes]] = {}
        self.came: dict[int, list[bytes]] = {}
        self.counter = 0

    # --- the network

    def take(self) -> None:
        """Move what was queued onto the network."""
        self.to_callee += self.caller.data_to_send()
        self.to_caller += self.callee.data_to_send()

    @rule(size=st.integers(1, 60))
    def bytes_reach_the_callee(self, size: int) -> None:
        self.take()
        piece, self.to_callee = self.to_callee[:size], self.to_callee[size:]
        self.at_callee(self.callee.receive_data(piece))

    @rule(size=st.integers(1, 60))
    def bytes_reach_the_caller(self, size: int) -> None:
        self.take()
        piece, self.to_caller = self.to_caller[:size], self.to_caller[size:]
        self.at_caller(self.caller.receive_data(piece))

    @rule()
    def everything_arrives(self) -> None:
        self.take()
        while self.to_callee or self.to_caller:
            down, self.to_callee = self.to_callee, b""
            self.at_callee(self.callee.receive_data(down))
            up, self.to_caller = self.to_caller, b""
            self.at_caller(self.caller.receive_data(up))
            self.take()
        assert self.callee.in_flight == len(self.serving)
        if self.callee.state is State.OPEN:
            assert self.caller.in_flight == self.callee.in_flight

    def at_callee(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Request(call_id, header):
                    self.serving[call_id] = bool(header.credit)
                    self.sent[call_id] = []
                case Hello() | Cancel() | Credit() | Goodbye() | Pong():
                    pass
                case _:
                    raise AssertionError(event)

    def at_caller(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Reply(call_id):
                    assert self.waiting.pop(call_id) is False
                case Error(call_id):
                    del self.waiting[call_id]
                case End(call_id):
                    assert self.waiting.pop(call_id) is True
                    assert self.came[call_id] == self.sent[call_id]
                case Item(call_id, item):
                    self.came[call_id].append(item)
                    assert self.came[call_id] == self.sent[call_id][: len(self.came[call_id])]
                case Hello() | Goodbye() | Pong():
                    pass
                case _:
                    raise AssertionError(event)

    # --- the caller

    @precondition(lambda self: self.caller.accepts)
    @rule(credit=st.integers(0, 3), deadline=st.integers(-1, 10**9))
    def a_call_is_opened(self, credit: int, deadline: int) -> None:
        encoder = RequestEncoder("shop.buy", command=True, credit=credit)
        call_id = self.caller.send_request(encoder, deadline, b"0" * 32, request_tail(), b"\x80")
        self.waiting[call_id] = credit > 0
        self.came[call_id] = []

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_call_is_cancelled(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.waiting)))
        self.caller.send_cancel(call_id)
        del self.waiting[call_id]

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data(), items=st.integers(1, 3))
    def credit_is_granted(self, data: st.DataObject, items: int) -> None:
        streams = [call_id for call_id, streams in self.waiting.items() if streams]
        self.caller.send_credit(data.draw(st.sampled_from(streams)), items)

    # --- the callee

    @precondition(lambda self: self.serving)
    @rule(data=st.data(), well=st.booleans())
    def a_call_is_answered(self, data: st.DataObject, well: bool) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.serving)))
        if not well:
            self.callee.send_error(Error(call_id, 5, "NotFound", "none", b"\x80", None, begun=True))
        elif self.serving[call_id]:
            self.callee.send_end(call_id)
        else:
            self.callee.send_reply(call_id, b"\xc0")
        del self.serving[call_id]

    @precondition(lambda self: any(self.callee.credit(call_id) for call_id in self.serving))
    @rule(data=st.data())
    def an_item_is_sent(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from([it for it in self.serving if self.callee.credit(it)]))
        self.counter += 1
        item = self.counter.to_bytes(2, "big")
        self.callee.send_item(call_id, item)
        self.sent[call_id].append(item)

    # --- both

    @precondition(lambda self: self.caller.peer and self.callee.peer)
    @rule(side=st.sampled_from(Side))
    def a_sign_of_life_is_asked_for(self, side: Side) -> None:
        (self.caller if side is Side.CALLER else self.callee).send_ping(b"12345678")
        self.everything_arrives()

    @precondition(lambda self: self.callee.state in (State.OPEN, State.LEAVING))
    @rule()
    def the_callee_says_goodbye(self) -> None:
        self.callee.send_goodbye("restarting")

    @precondition(lambda self: self.caller.state in (State.OPEN, State.LEAVING))
    @rule()
    def the_caller_says_goodbye(self) -> None:
        self.caller.send_goodbye("done")

    @invariant()
    def nobody_is_closed(self) -> None:
        assert State.CLOSED not in (self.caller.state, self.callee.state)

    def teardown(self) -> None:
        """Answer everything: then nothing is left anywhere."""
        self.everything_arrives()
        for call_id, streams in list(self.serving.items()):
            if streams:
                self.callee.send_end(call_id)
            else:
                self.callee.send_reply(call_id, b"\xc0")
        self.serving.clear()
        self.everything_arrives()
        assert not self.waiting
        assert self.caller.in_flight == self.callee.in_flight == 0
        assert not self.caller._calls.credit
        assert not self.callee._calls.credit


Conversation.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestConversation = Conversation.TestCase
