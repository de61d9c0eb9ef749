"""What visitors type."""

from __future__ import annotations

import pytest

from academy.web.form import LIMIT, local


async def test_a_form_over_the_limit_is_refused(visitor):
    """Nobody fills the memory with a form."""
    answer = await visitor.post("/sign-in", data={"name": "x" * LIMIT, "password": "y"})
    assert answer.status_code == 413
    assert "That is too much" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"name=%ff", b"&".join(b"a=1" for _ in range(40))])
async def test_a_form_that_is_no_text_is_refused(visitor, body):
    """Bytes that are not UTF-8, or more fields than any form has."""
    answer = await visitor.post("/sign-in", content=body)
    assert answer.status_code == 400
    assert "can&#39;t be read" in answer.text


async def test_missing_fields_are_empty(town, visitor):
    """What was not sent is answered as what was left empty."""
    assert (await visitor.post("/sign-in")).status_code == 401


@pytest.mark.parametrize("address", ["/", "/paths/x", "/paths/x?a=b#c", "/sign-in?next=%2F"])
def test_an_address_within_the_site_is_kept(address):
    """A path from the root."""
    assert local(address) == address


@pytest.mark.parametrize(
    "address",
    ["", "x", "//x", "/\\x", "\\\\x", "https://x", "javascript:x", "/\t/x", "/\n/x", "/\r\nset-cookie: a", "/\x00"],
)
def test_an_address_that_may_lead_elsewhere_is_dropped(address):
    """Whatever a browser might read as another host, or a header might break on."""
    assert local(address) is None
