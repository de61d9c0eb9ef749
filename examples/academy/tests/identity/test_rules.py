"""Names and passwords that learners may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.identity import rules
from freestone.errors import InvalidArgument


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Ada", "Ada"),
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("José-María_2.0", "José-María_2.0"),
        ("7", "7"),
        ("李", "李"),
    ],
)
def test_a_name_is_kept_as_it_is_given(name: str, clean: str) -> None:
    """Only spaces are put in order."""
    assert rules.clean_name(name) == clean


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty"),
        (" \t", "the name is empty"),
        ("x" * 41, "the name has more than 40 characters"),
        ("-ada", "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"),
        ("_ada", "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"),
        ("<b>ada", "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"),
        ("ada\u200b", "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"),
        ("ada\x00", "a name starts with a letter or digit; letters, digits, spaces and ._- may follow"),
    ],
)
def test_a_name_that_nobody_may_have_is_refused(name: str, reason: str) -> None:
    """The error says which rule is broken, and that it is about the name."""
    with pytest.raises(InvalidArgument) as caught:
        rules.clean_name(name)
    assert (str(caught.value), caught.value.field) == (reason, "name")


@pytest.mark.parametrize("other", ["ada lovelace", "ADA LOVELACE", " Ada  Lovelace ", "Ａda Lovelace"])
def test_spellings_of_one_name_are_one(other: str) -> None:
    """Case, spaces and the width of letters do not make another name."""
    assert rules.name_key(other) == rules.name_key("Ada Lovelace")


@given(st.text())
def test_a_key_of_a_key_is_the_key(name: str) -> None:
    """Any text has a key, which is stable."""
    assert rules.name_key(rules.name_key(name)) == rules.name_key(name)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "the password has fewer than 8 characters"),
        ("1234567", "the password has fewer than 8 characters"),
        ("x" * 257, "the password has more than 256 characters"),
        ("ADA lovelace", "the password is the name"),
    ],
)
def test_a_password_that_nobody_may_have_is_refused(password: str, reason: str) -> None:
    """The error says which rule is broken, and that it is about the password."""
    with pytest.raises(InvalidArgument) as caught:
        rules.check_password(password, "Ada Lovelace")
    assert (str(caught.value), caught.value.field) == (reason, "password")


@pytest.mark.parametrize("password", ["12345678", "correct horse battery staple", "😀" * 8, "x" * 256])
def test_any_other_password_is_welcome(password: str) -> None:
    """Length is all that is asked for."""
    rules.check_password(password, "Ada")


@pytest.mark.parametrize(
    "email", ["", "  ", "ada@example.org", "a.b+c@sub.example.org", "ada@localhost", "o'neill@x.org"]
)
def test_an_address_may_be_any_that_a_browser_takes(email: str) -> None:
    """Without the spaces around it; or none."""
    assert rules.clean_email(f" {email}") == email.strip()


@pytest.mark.parametrize(
    "email",
    ["ada", "@x.org", "ada@", "a b@x.org", "ada@x..org", "ada@-x.org", "ada@x.org\r\nBcc: y@x.org",
     "<ada@x.org>", "a,b@x.org",
     "ä@x.org", f"{'x' * 65}@x.org", f"ada@{'x.' * 130}org"],
)  # fmt: skip
def test_what_is_no_address_is_refused(email: str) -> None:
    """Nothing that could be read as two addresses, or as a header."""
    with pytest.raises(InvalidArgument) as caught:
        rules.clean_email(email)
    assert caught.value.field == "email"
