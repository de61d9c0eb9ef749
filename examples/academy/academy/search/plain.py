"""Markdown to the words in it."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_TEXT: Final = frozenset({"text", "code_inline", "image"})
_BREAK: Final = frozenset({"softbreak", "hardbreak"})
_CODE: Final = frozenset({"fence", "code_block"})


def plain(markdown: str) -> str:
    """Return a text as somebody reads it aloud: no signs, no addresses of links, a line and a stop for each block.

    >>> plain("## Where to *cut*\\n\\nSee [the guide](https://example.org), `along` the grain.")
    'Where to cut.\\nSee the guide, along the grain.'
    """
    lines: list[str] = []
    for token in _MARKDOWN.parse(markdown):
        if token.type in _CODE:
            lines.append(token.content)
        elif token.type == "inline":
            lines.append(_stopped("".join(_said(it) for it in token.children or ())))
    return "\n".join(line for line in lines if line.strip())


def _said(token: Token) -> str:
    if token.type in _TEXT:
        return token.content
    return " " if token.type in _BREAK else ""


def _stopped(line: str) -> str:
    """End what has no end, as a heading, so that it does not run into what follows."""
    return f"{line}." if line[-1:].isalnum() else line
