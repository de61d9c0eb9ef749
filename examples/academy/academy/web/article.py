"""Markdown, as people write it, to HTML that is safe to show.

HTML in the text is shown as text, links lead only to web pages and mail, and images from elsewhere become links:
the site's pages load nothing from other sites.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of an article, to jump to."""

    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """A text, ready to show."""

    html: Markup
    headings: tuple[Heading, ...]
    """Those of the highest level."""


def safe(url: str) -> str | None:
    """Return an address if it may be linked to, else None.

    >>> safe("https://microservices.io"), safe("javascript:alert(1)"), safe("notes")
    ('https://microservices.io', None, None)
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in {"http", "https"} and parts.netloc else None


def article(text: str, *, top: int = 2) -> Article:
    """Render a text whose highest headings become headings of level ``top``."""
    tokens = _MARKDOWN.parse(text)
    headings = _place_headings(tokens, top)
    return Article(Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})), headings)


def _place_headings(tokens: Sequence[Token], top: int) -> tuple[Heading, ...]:
    opening = [(token, tokens[index + 1]) for index, token in enumerate(tokens) if token.type == "heading_open"]
    closing = [token for token in tokens if token.type == "heading_close"]
    if not opening:
        return ()
    highest = min(int(token.tag[1]) for token, _ in opening)
    headings: list[Heading] = []
    taken: set[str] = set()
    for (token, inline), close in zip(opening, closing, strict=True):
        level = int(token.tag[1]) - highest + top
        text = _text(inline)
        anchor = stem = "-".join(_WORD.findall(text.lower())) or "section"
        number = 1
        while anchor in taken:
            number += 1
            anchor = f"{stem}-{number}"
        taken.add(anchor)
        token.tag = close.tag = f"h{min(level, 6)}"
        token.attrSet("id", anchor)
        if level == top:
            headings.append(Heading(anchor, text))
    return tuple(headings)


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in {"text", "code_inline"})


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    if safe(str(tokens[index].attrGet("href") or "")):
        tokens[index].attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, index, options, env)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    source, description = str(token.attrGet("src") or ""), escape(token.content or "image")
    if safe(source):
        return f'<a href="{escape(source)}" rel="noopener noreferrer">{description}</a>'
    return f"<em>{description}</em>"


def _code(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    language = escape((tokens[index].info.split() or [""])[0])
    label = f'<span class="code__language">{language}</span>' if language else ""
    # A block that scrolls sideways must be reachable by keyboard.
    return (
        f'<div class="code">{label}<pre tabindex="0" role="region" aria-label="Code">'
        f"<code>{escape(tokens[index].content)}</code></pre></div>\n"
    )


def _table(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    opens = tokens[index].nesting == 1
    return '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n' if opens else "</table></div>\n"


def _cell(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    # Columns are aligned with a class: the site's policy refuses the inline style that markdown-it gives them.
    style = str(tokens[index].attrs.pop("style", ""))
    if style:
        tokens[index].attrSet("class", style.replace("text-align:", "cell--"))
    return renderer.renderToken(tokens, index, options, env)


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "typographer": True})
    markdown.enable(["table", "strikethrough", "replacements", "smartquotes"])
    markdown.add_render_rule("link_open", _link)
    markdown.add_render_rule("image", _image)
    markdown.add_render_rule("fence", _code)
    markdown.add_render_rule("code_block", _code)
    markdown.add_render_rule("table_open", _table)
    markdown.add_render_rule("table_close", _table)
    markdown.add_render_rule("th_open", _cell)
    markdown.add_render_rule("td_open", _cell)
    return markdown


_MARKDOWN: Final = _markdown()
