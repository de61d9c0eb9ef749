"""Learning paths as Markdown documents: reads them, or says line and reason for what can't be read."""

from .draft import ArticleFile, Draft, read
from .files import load
from .problem import Problem, UnreadableDocument

__all__ = ["ArticleFile", "Draft", "Problem", "UnreadableDocument", "load", "read"]
