"""Reads a document and its articles from files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from academy.catalog.contract import Article, Document

from .draft import ArticleFile, read
from .problem import Problem, Problems, UnreadableDocument

LARGEST: Final = 1024 * 1024
"""Bytes of one file."""


def load(file: Path) -> Document:
    """Read a learning path, and the articles that its resources link to.

    Raises UnreadableDocument with every problem: of the document, or else of the files of its articles.
    """
    try:
        text = _text(file)
    except _UnreadableFile as error:
        raise UnreadableDocument([Problem(str(file), error.line, f"the document {error}")]) from error
    draft = read(text, str(file))
    problems = Problems(str(file))
    articles = tuple(_article(file.parent, named, problems) for named in draft.articles)
    problems.check()
    return Document(path=draft.path, articles=articles)


def _article(directory: Path, named: ArticleFile, problems: Problems) -> Article:
    file = directory / named.file
    text = ""
    if not file.resolve().is_relative_to(directory.resolve()):
        problems.add(named.line, f"the article {named.file} is outside of the document's directory")
    else:
        try:
            text = _without_title(_text(file))
        except _UnreadableFile as error:
            problems.add(named.line, f"the article {named.file} {error}")
    return Article(resource=named.resource, text=text)


class _UnreadableFile(Exception):
    """Why a file can't be read, as the end of a sentence, and in which line."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise _UnreadableFile("does not exist") from None
    except IsADirectoryError:
        raise _UnreadableFile("is a directory") from None
    except OSError as error:
        raise _UnreadableFile(f"can't be opened: {error.strerror}") from error
    if len(data) > LARGEST:
        raise _UnreadableFile(f"is larger than {LARGEST} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _UnreadableFile(f"is not UTF-8 in line {line}", line) from None


def _without_title(text: str) -> str:
    """Return the text without the heading that it starts with, which repeats the title of its resource."""
    tokens = MarkdownIt("commonmark").parse(text)
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1" and tokens[0].map:
        text = "\n".join(text.replace("\r\n", "\n").split("\n")[tokens[0].map[1] :])
    return text.strip() + "\n"
