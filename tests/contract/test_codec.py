"""What the codec of arguments and results promises."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.contract import Message, Parameter
from freestone.contract.codec import ArgumentCodec, argument_codec, result_codec
from freestone.contract.nesting import NESTING
from freestone.errors import Internal, InvalidArgument


class Resource(Message):
    title: str
    minutes: int


class Outline(Message):
    resources: tuple[Resource, ...]
    scores: dict[str, int] = {}


class NewerResource(Message):
    title: str
    minutes: int
    level: str = "easy"


class Tree(Message):
    children: tuple[Tree, ...] = ()


def codec_of(**types: Any) -> ArgumentCodec:
    return argument_codec("Catalog.change", [Parameter(name, kind) for name, kind in types.items()])


OUTLINES = codec_of(outline=Outline, learner=str)


def tree(levels: int) -> Tree:
    """Return a tree of so many levels, each of which is a message and a tuple."""
    made = Tree()
    for _ in range(levels):
        made = Tree((made,))
    return made


@settings(deadline=None)
@given(data=st.data())
def test_arguments_and_results_come_back_as_they_were(
    typed_values: st.SearchStrategy[tuple[Any, Any]], data: st.DataObject
) -> None:
    """Whatever type may cross crosses unchanged."""
    kind, value = data.draw(typed_values)
    arguments, result = codec_of(it=kind), result_codec("Catalog.path", kind)

    assert arguments.decode(arguments.encode((value,))) == (value,)
    assert result.decode(result.encode(value)) == value


@settings(deadline=None)
@given(data=st.data(), noise=st.binary(max_size=40))
def test_any_bytes_decode_or_are_refused(
    typed_values: st.SearchStrategy[tuple[Any, Any]], data: st.DataObject, noise: bytes
) -> None:
    """Bytes from a peer, wholly random or changed in one place, never raise anything but the errors of the codec."""
    kind, value = data.draw(typed_values)
    codec, result = codec_of(it=kind), result_codec("Catalog.path", kind)
    sound = codec.encode((value,))
    position = data.draw(st.integers(0, len(sound) - 1))
    for hostile in (noise, sound[:position] + noise[:1] + sound[position + 1 :], sound[:position]):
        with contextlib.suppress(InvalidArgument):
            codec.decode(hostile)
        with contextlib.suppress(Internal):
            result.decode(hostile)


@settings(deadline=None)
@given(extra=st.dictionaries(st.text(min_size=1), st.none() | st.integers(0, 9) | st.lists(st.text()), max_size=3))
def test_unknown_parameters_and_fields_are_ignored(extra: dict[str, Any]) -> None:
    """A newer caller may send what this reader does not know."""
    resource: dict[str, Any] = {"title": "Basics", "minutes": 3}
    sent = {**extra, "outline": {**extra, "resources": [{**extra, **resource}], "scores": {}}, "learner": "ada"}

    outline, learner = OUTLINES.decode(msgspec.msgpack.encode(sent))

    assert outline == Outline((Resource(**resource),), {})
    assert learner == "ada"


@settings(deadline=None)
@given(title=st.text(), minutes=st.integers(0, 99), level=st.text())
def test_versions_understand_each_other(title: str, minutes: int, level: str) -> None:
    """An added field with a default is ignored by an old reader and filled in by a new one."""
    old, new = codec_of(it=Resource), codec_of(it=NewerResource)

    assert old.decode(new.encode((NewerResource(title, minutes, level),))) == (Resource(title, minutes),)
    assert new.decode(old.encode((Resource(title, minutes),))) == (NewerResource(title, minutes, "easy"),)


def test_arguments_are_a_map_by_name() -> None:
    """So that parameters may be added and reordered."""
    data = codec_of(learner=str, path=str).encode(("ada", "basics"))

    assert msgspec.msgpack.decode(data) == {"learner": "ada", "path": "basics"}


def test_a_missing_parameter_takes_its_default() -> None:
    """A caller of an older version does not send what was added."""
    codec = argument_codec("Catalog.paths", [Parameter("level", str), Parameter("limit", int, 10)])

    assert codec.decode(msgspec.msgpack.encode({"level": "easy"})) == ("easy", 10)


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ({"learner": "ada"}, "outline", "outline: it is missing"),
        ({"outline": {"resources": []}, "learner": 1}, "learner", "learner: Expected `str`, got `int`"),
        (
            {"outline": {"resources": [{"title": "a", "minutes": 1}, {"title": "b", "minutes": "2"}]}, "learner": ""},
            "outline.resources[1].minutes",
            "outline.resources[1].minutes: Expected `int`, got `str`",
        ),
        (
            {"outline": {"resources": [{"title": "a"}]}, "learner": ""},
            "outline.resources[0].minutes",
            "outline.resources[0].minutes: it is missing",
        ),
        (
            {"outline": {"resources": [], "scores": {1: 1}}, "learner": ""},
            "outline.scores",
            "outline.scores: Expected `str`, got `int` as a key",
        ),
        ([1], "", "Expected `object`, got `array`"),
    ],
)
def test_a_refusal_names_the_field(sent: Any, field: str, message: str) -> None:
    """The path of what is wrong is in the error, for programs and for people."""
    with pytest.raises(InvalidArgument) as caught:
        OUTLINES.decode(msgspec.msgpack.encode(sent))

    assert caught.value.field == field
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("resource", "field", "message"),
    [
        (Resource("a", 2**64), "outline.resources[1].minutes", "the number does not fit into 64 bits"),
        (Resource("a", -(2**63) - 1), "outline.resources[1].minutes", "the number does not fit into 64 bits"),
        (Resource("\ud800", 1), "outline.resources[1].title", "the text can't be written as UTF-8"),
        (Resource("a", object()), "outline.resources[1].minutes", "Encoding objects of type object is unsupported"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_encoded_is_refused_by_field(resource: Resource, field: str, message: str) -> None:
    """The caller hears of it, before anything is sent."""
    with pytest.raises(InvalidArgument) as caught:
        OUTLINES.encode((Outline((Resource("ok", 1), resource)), "ada"))

    assert caught.value.field == field
    assert str(caught.value) == f"{field}: {message}"


def test_nesting_has_a_limit_on_both_sides() -> None:
    """A type that is made of itself nests no deeper than the limit, for whoever sends and whoever receives."""
    codec, result = codec_of(tree=Tree), result_codec("Catalog.tree", Tree)
    fits, too_deep = tree(NESTING // 2 - 1), tree(NESTING // 2 + 1)

    assert codec.decode(codec.encode((fits,))) == (fits,)
    assert result.decode(result.encode(fits)) == fits
    for refused in (
        lambda: codec.encode((too_deep,)),
        lambda: codec.decode(msgspec.msgpack.encode({"tree": too_deep})),
    ):
        with pytest.raises(InvalidArgument, match="tree: it is nested too deeply") as caught:
            refused()
        assert caught.value.field == "tree"
    with pytest.raises(Internal, match=r"Catalog.tree returned what can't cross: it is nested too deeply"):
        result.encode(too_deep)
    with pytest.raises(Internal, match=r"Catalog.tree returned what its contract does not say: it is nested"):
        result.decode(msgspec.msgpack.encode(too_deep))


@pytest.mark.parametrize("nested", [b"\x91" * 100_000, b"\x81\xa1x" * 100_000, b"\x81\xa5later" + b"\x91" * 100_000])
def test_hostile_nesting_is_refused(nested: bytes) -> None:
    """Bytes that only open, and never close, are an error and no crash, in an unknown field too."""
    with pytest.raises(InvalidArgument):
        codec_of(tree=Tree).decode(nested)


def test_arguments_are_made_of_what_json_has() -> None:
    """The gateway and the command line give builtins; texts stand for numbers where that is allowed."""
    assert OUTLINES.convert({"outline": {"resources": [{"title": "a", "minutes": 1}]}, "learner": "ada"}, True) == (
        Outline((Resource("a", 1),)),
        "ada",
    )
    assert codec_of(limit=int, all=bool).convert({"limit": "3", "all": "true"}, False) == (3, True)
    with pytest.raises(InvalidArgument, match="limit: Expected `int`, got `str`"):
        codec_of(limit=int).convert({"limit": "3"}, True)


def test_binding_reads_as_a_call() -> None:
    """Arguments by position and by name become one full tuple; what is wrong is a TypeError as Python says it."""
    codec = argument_codec("Catalog.paths", [Parameter("level", str), Parameter("limit", int, 10)])

    assert codec.bind(("easy",), {}) == ("easy", 10)
    assert codec.bind((), {"limit": 3, "level": "hard"}) == ("hard", 3)
    with pytest.raises(TypeError, match=r"Catalog.paths\(\) missing 1 required positional argument: 'level'"):
        codec.bind((), {})
    with pytest.raises(TypeError, match=r"Catalog.paths\(\) got an unexpected keyword argument 'colour'"):
        codec.bind(("easy",), {"colour": "red"})
    with pytest.raises(TypeError, match=r"Catalog.paths\(\) takes from 1 to 2 positional arguments but 3 were given"):
        codec.bind(("easy", 1, 2), {})


def test_an_operation_without_parameters() -> None:
    """Nothing crosses as an empty map."""
    codec = codec_of()

    assert codec.bind((), {}) == ()
    assert codec.encode(()) == b"\x80"
    assert codec.decode(b"\x80") == ()


def test_a_result_that_the_contract_does_not_say_is_internal() -> None:
    """It is the service's mistake, and says what and where."""
    codec = result_codec("Catalog.path", Resource)

    with pytest.raises(Internal, match=r"Catalog.path returned what can't cross: minutes: the number does not fit"):
        codec.encode(Resource("a", 2**64))
    with pytest.raises(Internal, match=r"Catalog.path returned what its contract does not say: minutes: it is missing"):
        codec.decode(msgspec.msgpack.encode({"title": "a"}))
