"""What the copier promises: what is mutable is copied, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.contract import Message, Parameter
from freestone.contract.copier import argument_copier, copier, is_mutable, result_copier
from freestone.contract.nesting import parts
from freestone.errors import Internal, InvalidArgument


class Plain(Message):
    title: str
    steps: tuple[str, ...] = ()


class Video(Message, tag=True):
    chapters: list[str]


class Article(Message, tag=True):
    words: int


class Tree(Message):
    children: tuple[Tree, ...] = ()
    notes: list[str] = []


class First(Message):
    second: Second | None
    notes: list[str]


class Second(Message):
    first: First | None


def mutable_objects(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, dict, set, bytearray)):
        yield value
    for part in parts(value):
        yield from mutable_objects(part)


def types_in(value: Any) -> list[type]:
    """Return the types of a value and of its parts, in an order that does not depend on that of a set."""
    found = [type(value)]
    inner = [types_in(part) for part in parts(value)]
    return found + [kind for types in sorted(inner, key=repr) for kind in types]


@settings(deadline=None)
@given(data=st.data())
def test_a_copy_equals_and_shares_nothing_that_can_change(
    typed_values: st.SearchStrategy[tuple[Any, Any]], data: st.DataObject
) -> None:
    """The copy equals the value, has the same types throughout, and holds none of its mutable objects."""
    kind, value = data.draw(typed_values)
    copy = copier(kind)
    if copy is None:
        assert not list(mutable_objects(value))
        return
    made = copy(value)
    shared = {id(part) for part in mutable_objects(value)} & {id(part) for part in mutable_objects(made)}
    assert made == value
    assert types_in(made) == types_in(value)
    assert not shared


@pytest.mark.parametrize(
    "kind", [int, str, tuple[str, ...], Plain, tuple[Plain, int], frozenset[str], Plain | None, Article]
)
def test_what_is_immutable_needs_no_copier(kind: Any) -> None:
    """There is nothing to call for a type whose values can't change."""
    assert copier(kind) is None
    assert not is_mutable(kind)


def test_immutable_parts_are_shared() -> None:
    """Only what can change costs a copy."""
    copy = copier(tuple[Plain, list[Plain]])
    assert copy is not None
    value = (Plain("a"), [Plain("b")])

    made = copy(value)

    assert made[0] is value[0]
    assert made[1] is not value[1]
    assert made[1][0] is value[1][0]


def test_a_union_copies_the_member_that_it_has() -> None:
    """A union of a mutable and an immutable message copies the one, and shares the other."""
    copy = copier(Video | Article | None)
    assert copy is not None
    video, article = Video(["one"]), Article(3)

    assert copy(video) == video
    assert copy(video).chapters is not video.chapters
    assert copy(article) is article
    assert copy(None) is None


def test_a_message_made_of_itself_is_copied_to_its_leaves() -> None:
    """Recursion is followed."""
    copy = copier(Tree)
    assert copy is not None
    tree = Tree((Tree((), ["leaf"]),), ["root"])

    made = copy(tree)

    assert made == tree
    assert made.children[0].notes is not tree.children[0].notes


def test_messages_made_of_each_other_are_copied() -> None:
    """Whichever of the two comes first."""
    inner = First(None, ["inner"])
    for kind, value in ((First, First(Second(inner), [])), (Second, Second(inner))):
        copy = copier(kind)
        assert copy is not None
        made = copy(value)
        found = list(mutable_objects(made))
        assert made == value
        assert all(part is not inner.notes for part in found)


def test_an_abstract_collection_arrives_as_over_the_wire() -> None:
    """What is declared a Sequence or a Mapping is a list or a dict on the other side, here too."""
    sequence, mapping = copier(Sequence[int]), copier(Mapping[str, int])
    assert sequence is not None
    assert mapping is not None

    assert sequence((1, 2)) == [1, 2]
    assert mapping({"a": 1}) == {"a": 1}


def test_lists_within_dicts_within_tuples_are_copied() -> None:
    """Depth makes no difference."""
    copy = copier(tuple[dict[str, list[int]], ...])
    assert copy is not None
    value = ({"a": [1]},)

    made = copy(value)
    value[0]["a"].append(2)

    assert made == ({"a": [1]},)


def test_arguments_of_another_type_are_refused_by_name() -> None:
    """As a wire would refuse them: the callee does not see them."""
    copy = argument_copier([Parameter("title", str), Parameter("tags", list[str])])
    assert copy is not None

    assert copy(("a", ["b"])) == ("a", ["b"])
    with pytest.raises(InvalidArgument, match=r"^tags: it is no list\[str\]$") as caught:
        copy(("a", None))
    assert caught.value.field == "tags"


def test_a_result_of_another_type_is_internal() -> None:
    """It is the service's mistake."""
    copy = result_copier("Catalog.tags", list[str])
    assert copy is not None

    assert copy(["a"]) == ["a"]
    with pytest.raises(Internal, match=r"^Catalog.tags returned what is no list\[str\]$"):
        copy(None)
    assert result_copier("Catalog.title", str) is None
    assert argument_copier([Parameter("title", str)]) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [(list[str], "text"), (set[str], "text"), (list[str], {"a": 1}), (dict[str, int], [("a", 1)]), (bytearray, 3)],
    ids=str,
)
def test_what_only_iterates_alike_is_refused(kind: Any, value: Any) -> None:
    """A text is no list of letters, here as little as across a wire."""
    copy = copier(kind)
    assert copy is not None

    with pytest.raises(TypeError):
        copy(value)


def test_a_tuple_in_the_place_of_a_list_arrives_as_a_list() -> None:
    """As it would across a wire."""
    copy = copier(list[str])
    assert copy is not None

    assert copy(("a", "b")) == ["a", "b"]
