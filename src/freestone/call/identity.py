"""Who a process is, as its certificate says.

A certificate names one process of one application, by one URI among its subject alternative names, as SPIFFE has it:
``spiffe://APPLICATION/PROCESS``. Nothing in it stands for more than one: there are no wildcards, and host names in a
certificate are of no meaning here, because a process may move.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec

from freestone.wire import Hello

_SCHEME: Final = "spiffe://"
_FORM: Final = r"spiffe://([a-z0-9_-]+)/([a-z0-9_-]+)"


@final
class Certified(msgspec.Struct, frozen=True):
    """A process whose certificate was checked.

    >>> str(Certified("academy", "catalog"))
    'spiffe://academy/catalog'
    """

    application: str
    process: str

    def __str__(self) -> str:
        return f"{_SCHEME}{self.application}/{self.process}"


def certified_by(certificate: Mapping[str, Any]) -> Certified:
    """Return whom a certificate names, given as ``ssl`` decodes it. Raises ValueError with a sentence.

    >>> certified_by({"subjectAltName": (("DNS", "catalog"), ("URI", "spiffe://academy/catalog"))})
    Certified(application='academy', process='catalog')
    """
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    if len(names) != 1:
        raise ValueError(f"its certificate names {_listed(names)}, and not one process as {_SCHEME}APPLICATION/PROCESS")
    match = re.fullmatch(_FORM, names[0])
    if match is None:
        raise ValueError(f"its certificate names {names[0]!r}, which is not {_SCHEME}APPLICATION/PROCESS")
    return Certified(match[1], match[2])


def misfit_of_caller(certified: Certified | None, hello: Hello) -> str:
    """Return what is wrong with a caller that greets so; empty if nothing is, or it had to prove nothing.

    Which applications may call was decided when its certificate was checked.
    """
    if certified is None or certified.process == hello.process:
        return ""
    return f"the caller says that it is {hello.process}, and its certificate says {certified}"


def misfit_of_callee(certified: Certified | None, hello: Hello, dialled: str | None) -> str:
    """Return what is wrong with a callee that greets so. ``dialled`` is the process that was meant; None is any."""
    if certified is None:
        return ""
    said = Certified(hello.application, hello.process)
    if certified != said:
        return f"the callee says that it is {said}, and its certificate says {certified}"
    if dialled is not None and hello.process != dialled:
        return f"the process {dialled} was dialled, and {certified} answered"
    return ""


def _listed(names: list[str]) -> str:
    return " and ".join(map(repr, names)) or "nobody"
