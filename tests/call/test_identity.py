"""Whom a certificate names, and whether that is who speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call import Certified
from freestone.call.identity import certified_by, misfit_of_callee, misfit_of_caller
from freestone.wire import Hello

NAMES = st.from_regex(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", fullmatch=True)


def hello(application: str, process: str) -> Hello:
    return Hello(application=application, process=process, instance="1")


@given(NAMES, NAMES)
def test_every_process_has_a_name_that_is_read_back(application: str, process: str) -> None:
    """Whatever names an application and its processes may have."""
    who = Certified(application, process)
    assert certified_by({"subjectAltName": (("URI", str(who)),)}) == who


@given(st.lists(st.tuples(st.sampled_from(["URI", "DNS", "email"]), st.text(max_size=30)), max_size=4))
def test_anything_else_names_nobody(names: list[tuple[str, str]]) -> None:
    """It is refused with a sentence, or is one process exactly."""
    certificate = {"subjectAltName": tuple(names)}
    uris = [value for kind, value in names if kind == "URI"]
    try:
        who = certified_by(certificate)
    except ValueError:
        with pytest.raises(ValueError, match="its certificate names "):
            certified_by(certificate)
    else:
        assert uris == [str(who)]


@pytest.mark.parametrize(
    "name",
    [
        "spiffe://academy/",
        "spiffe:///catalog",
        "spiffe://academy",
        "spiffe://academy/catalog/1",
        "spiffe://academy/catalog?x",
        "spiffe://academy/Catalog",
        "SPIFFE://academy/catalog",
        "spiffe://academy/*",
        "spiffe://*/catalog",
        " spiffe://academy/catalog",
        "spiffe://academy/catalog\n",
    ],
)
def test_a_name_that_is_nearly_right_is_wrong(name: str) -> None:
    """There is one form."""
    with pytest.raises(ValueError, match="is not spiffe://APPLICATION/PROCESS"):
        certified_by({"subjectAltName": (("URI", name),)})


def test_a_caller_is_the_process_that_its_certificate_names() -> None:
    """Where it had to show one."""
    who = Certified("academy", "edge")
    assert misfit_of_caller(who, hello("academy", "edge")) == ""
    assert "it is catalog" in misfit_of_caller(who, hello("academy", "catalog"))
    assert misfit_of_caller(None, hello("academy", "catalog")) == ""


def test_a_callee_is_the_process_that_was_dialled() -> None:
    """By its certificate, and by what it says."""
    who = Certified("academy", "catalog")
    assert misfit_of_callee(who, hello("academy", "catalog"), "catalog") == ""
    assert misfit_of_callee(who, hello("academy", "catalog"), None) == ""
    assert "dialled" in misfit_of_callee(who, hello("academy", "catalog"), "progress")
    assert "says" in misfit_of_callee(who, hello("academy", "progress"), "progress")
    assert "says" in misfit_of_callee(who, hello("shop", "catalog"), None)
    assert misfit_of_callee(None, hello("shop", "catalog"), "progress") == ""
