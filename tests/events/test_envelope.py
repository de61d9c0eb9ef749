"""The envelope, in both encodings."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Event
from freestone.events import (
    JSON,
    MSGPACK,
    Envelope,
    Malformed,
    encode_data,
    from_json,
    from_msgpack,
    partition_of,
    subject_of,
    to_json,
    to_msgpack,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
named = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
fields = st.dictionaries(texts, values, max_size=4)
fit = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
contents = (
    fields.map(lambda it: (msgspec.msgpack.encode(it), MSGPACK))
    | fields.map(lambda it: (msgspec.json.encode(it), JSON))
    | st.binary().map(lambda it: (it, "application/x-own"))
)
times = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda it: it.replace(tzinfo=UTC)
)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    data, content_type = draw(contents)
    subject = draw(fit)
    return Envelope(
        id=draw(named),
        type=draw(named),
        source=draw(named),
        subject=subject,
        time=draw(times),
        version=draw(st.integers(1, 1000)),
        data=data,
        content_type=content_type,
        traceparent=draw(st.none() | named),
        tracestate=draw(st.none() | named),
        partition=partition_of(subject, 8),
    )


ONE = Envelope(
    id="0190", type="progress.ResourceCompleted", source="/academy/progress", subject="ada",
    time=datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC), version=1,
    data=msgspec.json.encode({"learner": "ada"}), content_type=JSON, partition=7,
)  # fmt: skip


@given(envelopes())
def test_an_envelope_goes_through_json(envelope: Envelope) -> None:
    """And is the same afterwards, whatever its data is."""
    assert from_json(to_json(envelope), 8) == envelope


@given(envelopes())
def test_an_envelope_goes_through_messagepack(envelope: Envelope) -> None:
    """And is the same afterwards, whatever its data is."""
    assert from_msgpack(to_msgpack(envelope), 8) == envelope


@given(st.binary(max_size=200) | envelopes().map(to_json) | envelopes().map(to_msgpack), st.integers(0, 200))
def test_any_bytes_are_an_envelope_or_malformed(data: bytes, cut: int) -> None:
    """And never anything else: what a broker brings may have been written by anybody."""
    for read in (from_json, from_msgpack):
        for encoded in (data, data[:cut], data[cut:]):
            with contextlib.suppress(Malformed):
                assert isinstance(read(encoded), Envelope)


def test_json_is_the_format_of_cloudevents() -> None:
    """With the names and the forms of its specification; the partition is no business of others."""
    assert json.loads(to_json(ONE)) == {
        "specversion": "1.0",
        "id": "0190",
        "type": "progress.ResourceCompleted",
        "source": "/academy/progress",
        "subject": "ada",
        "time": "2026-11-25T12:00:00.250000Z",
        "datacontenttype": "application/json",
        "data": {"learner": "ada"},
    }


def test_data_that_is_no_json_is_base64_in_json() -> None:
    """As section 3.1.1 of the format says."""
    envelope = msgspec.structs.replace(ONE, data=b"\x81\xa1a\x01", content_type=MSGPACK)
    written = json.loads(to_json(envelope))
    assert (written["data_base64"], written["datacontenttype"]) == ("gaFhAQ==", MSGPACK)
    assert "data" not in written


def test_messagepack_has_the_same_attributes() -> None:
    """By the same names; the fields of the event are a map in it."""
    envelope = msgspec.structs.replace(ONE, data=msgspec.msgpack.encode({"learner": "ada"}), content_type=MSGPACK)
    written = msgspec.msgpack.decode(to_msgpack(envelope))
    assert written["data"] == {"learner": "ada"}
    assert written.keys() == json.loads(to_json(ONE)).keys()


def test_what_another_program_has_sent_is_read() -> None:
    """Without what CloudEvents leaves open, with an offset in its time, and with extensions that nobody here knows."""
    sent: dict[str, Any] = {
        "specversion": "1.0", "id": "1", "source": "https://shop.example", "type": "shop.Paid",
        "time": "2026-11-25T13:00:00+01:00", "partitionkey": "x", "data": {"order": 1},
    }  # fmt: skip
    envelope = from_json(json.dumps(sent).encode())
    assert (envelope.subject, envelope.version, envelope.content_type) == ("", 1, JSON)
    assert envelope.time == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert json.loads(envelope.data) == {"order": 1}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"specversion": "0.3"}, "it is of version 0.3 of CloudEvents, and 1.0 is read here"),
        ({"id": ""}, "its id is empty"),
        ({"time": "2026-11-25T12:00:00"}, "its time 2026-11-25T12:00:00 has no offset"),
        ({"time": "yesterday"}, "Invalid RFC3339"),
        ({"data": None, "data_base64": "?"}, "Only base64 data is allowed|Incorrect padding|Non-base64"),
        ({"subject": "a\0b"}, r"its subject is 'a\\x00b', and control characters can't be in one"),
        ({"id": "é" * 501}, "its id has 1002 bytes, and one has 1000 at most"),
        ({"version": 0}, "its version is 0"),
        ({"version": 2**31}, "its version is 2147483648"),
        ({"version": "two"}, "Expected `int`, got `str`"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_said(change: dict[str, Any], problem: str) -> None:
    """In a sentence that names the attribute."""
    with pytest.raises(Malformed, match=problem):
        from_json(json.dumps({**json.loads(to_json(ONE)), **change}).encode())


def test_a_trace_that_no_database_takes_is_left_out() -> None:
    """It is no reason to lose the event."""
    sent = {**json.loads(to_json(ONE)), "traceparent": "00-\0", "tracestate": "a=b"}
    found = from_json(json.dumps(sent).encode())
    assert (found.traceparent, found.tracestate) == (None, "a=b")


def test_an_envelope_without_data_is_malformed() -> None:
    """An event has fields, if only the one that is its key."""
    written = json.loads(to_json(ONE))
    del written["data"]
    with pytest.raises(Malformed, match="it has no data"):
        from_json(json.dumps(written).encode())
    del written["datacontenttype"]
    with pytest.raises(Malformed, match="it has no data"):
        from_msgpack(msgspec.msgpack.encode(written))


@given(texts, st.integers(1, 64))
def test_the_events_of_a_subject_are_in_one_partition(subject: str, partitions: int) -> None:
    """One of those that there are."""
    assert 0 <= partition_of(subject, partitions) < partitions
    assert partition_of(subject, partitions) == partition_of(str(subject), partitions)


class Counted(Event, key="number"):
    number: int


class Named(Event, key="name"):
    name: str


class Owned(Event, key="owner"):
    owner: UUID
    price: Decimal = Decimal("1.50")
    day: date = date(2026, 11, 25)
    raw: bytes = b""


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (Named("ada"), "ada"),
        (Named(""), ""),
        (Named('"'), '"'),
        (Counted(7), "7"),
        (Owned(UUID(int=1)), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_the_subject_is_the_key_as_text(event: Event, subject: str) -> None:
    """Text as it is, everything else as JSON writes it."""
    assert subject_of(event) == subject


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\x85", "\ud800"])
def test_a_key_with_control_characters_is_refused(name: str) -> None:
    """CloudEvents forbids them, and PostgreSQL knows no NUL."""
    with pytest.raises(ValueError, match=r"its key name is .*, and control characters can't be in one"):
        subject_of(Named(name))


def test_a_key_that_is_too_long_for_an_index_is_refused() -> None:
    """It is found by its key where it is kept for later."""
    assert subject_of(Named("x" * 1000)) == "x" * 1000
    with pytest.raises(ValueError, match="its key name has 1001 bytes, and one has 1000 at most"):
        subject_of(Named("x" * 1001))


@pytest.mark.parametrize(("content_type", "module"), [(MSGPACK, msgspec.msgpack), (JSON, msgspec.json)])
def test_data_is_the_fields_of_the_event(content_type: str, module: Any) -> None:
    """In either form, as its class reads them back."""
    event = Owned(UUID(int=7), raw=b"\xff")
    data = encode_data(event, content_type)
    assert module.decode(data, type=Owned) == event
    assert set(module.decode(data)) == {"owner", "price", "day", "raw"}


def test_data_that_can_not_be_encoded_is_refused() -> None:
    """With msgspec's own sentence."""
    with pytest.raises(ValueError, match=r"can.t serialize ints"):
        encode_data(Counted(2**70))


class Measured(Event, key="place"):
    place: str
    degrees: float
    before: float | None = None


def test_a_number_that_json_does_not_know_is_refused() -> None:
    """It would be read as none. MessagePack knows it."""
    for event in (Measured("here", math.nan), Measured("here", 1.0, math.inf)):
        with pytest.raises(ValueError, match=r"a number in it is not finite|Expected `float`, got `null`"):
            encode_data(event, JSON)
        assert encode_data(event, MSGPACK)
    assert msgspec.json.decode(encode_data(Measured("null", 1.0), JSON)) == {
        "place": "null", "degrees": 1.0, "before": None,
    }  # fmt: skip


def test_times_are_read_in_utc() -> None:
    """Whatever offset they were given with."""
    there = msgspec.structs.replace(ONE, time=datetime(2026, 11, 25, 13, tzinfo=timezone(timedelta(hours=1))))
    assert from_json(to_json(there)).time == datetime(2026, 11, 25, 12, tzinfo=UTC)
