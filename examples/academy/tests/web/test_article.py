"""Markdown to HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.web.article import article, safe


def test_headings_begin_below_the_title_of_the_page():
    """However deep an author begins, the page has no gap and one title."""
    assert "<h2" in article("# One").html
    assert "<h2" in article("### One").html
    assert "<h3" in article("## One\n\n### Two").html
    assert "<h6" in article("# 1\n\n###### 6").html
    assert "<h4" in article("# One", top=4).html


def test_headings_have_anchors_of_their_own():
    """Two of one name can both be jumped to."""
    written = article("## Cut & *mend*\n\n## Cut & mend\n\n## …")
    assert [heading.anchor for heading in written.headings] == ["cut-mend", "cut-mend-2", "section"]
    assert [heading.text for heading in written.headings] == ["Cut & mend", "Cut & mend", "…"]


def test_a_code_block_can_be_scrolled_by_keyboard():
    """It has a name, the focus, and its language as a label."""
    html = article('```python\nprint("<b>")\n```').html
    assert '<span class="code__language">python</span>' in html
    assert 'tabindex="0" role="region" aria-label="Code"' in html
    assert "print(&#34;&lt;b&gt;&#34;)" in html


def test_a_language_is_text():
    """What follows the fence is the author's, and escaped."""
    assert "<script" not in article("```<script>\nx\n```").html


def test_a_table_can_be_scrolled_by_keyboard():
    """A wide table does not widen the page."""
    html = article("| a | b |\n| :-- | --: |\n| 1 | 2 |").html
    assert '<div class="table" tabindex="0" role="region"' in html
    assert "<td" in html


def test_a_table_has_no_inline_style():
    """The policy of the site would refuse it, and browsers would complain."""
    html = article("| a | b |\n| :-- | --: |\n| 1 | 2 |").html
    assert "style=" not in html
    assert '<td class="cell--right">2</td>' in html


@pytest.mark.parametrize("text", ["<script>x</script>", "<b>x</b>", "a <i onclick=x>b</i>", "<!-- x -->"])
def test_html_is_shown_as_text(text):
    """An article has Markdown only."""
    html = article(text).html
    assert "&lt;" in html
    assert not any(tag in html for tag in ("<script", "<b>", "<i ", "<!--"))


@pytest.mark.parametrize("address", ["javascript:x", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x", "file:///etc"])
def test_an_address_that_runs_code_is_no_link(address):
    """It stays text."""
    assert "href" not in article(f"[go]({address})").html
    assert safe(address) is None


def test_a_link_to_elsewhere_tells_nothing():
    """The other site learns nothing of the page."""
    assert '<a href="https://example.org" rel="noopener noreferrer">' in article("[x](https://example.org)").html
    assert article("[x](#cut)").html == '<p><a href="#cut">x</a></p>\n'


def test_an_image_from_elsewhere_becomes_a_link():
    """Pages load nothing from other sites; the reader may."""
    html = article('![a "plan"](https://example.org/plan.png)').html
    assert "<img" not in html
    assert '<a href="https://example.org/plan.png" rel="noopener noreferrer">a &#34;plan&#34;</a>' in html


def test_an_image_that_is_nowhere_leaves_its_description():
    """A document brings no files with it."""
    assert article("![a plan](plan.png)").html == "<p><em>a plan</em></p>\n"


@pytest.mark.parametrize("address", ["https://[", "//example.org", "example.org", "", "http:x", "https://"])
def test_an_address_that_is_none_is_not_linked_to(address):
    """Whatever can't be parsed, or names no host."""
    assert safe(address) is None


@given(st.text(alphabet=st.sampled_from("<>\"'&[]()!#`~*_|-:/ \nabjscript=on"), max_size=60))
def test_no_text_makes_a_tag_or_a_handler_of_its_own(text):
    """Whatever is written, only the tags of Markdown come out."""
    html = str(article(text).html).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    for tag in html.split("<")[1:]:
        assert " on" not in tag.split(">")[0].replace('" ', "").split('="')[0], html
