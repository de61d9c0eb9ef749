"""The services that the site calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from academy.catalog.contract import Catalog
from academy.identity.contract import Learners
from academy.notifications.contract import Letters
from academy.progress.contract import Progress
from academy.search.contract import Search
from freestone.gateway import client


@dataclass(frozen=True, slots=True)
class Services:
    """A client of each service, for one request."""

    catalog: Catalog
    progress: Progress
    learners: Learners
    search: Search
    letters: Letters


Find = Callable[[HTTPConnection], Services]
"""Finds the clients for a request: the gateway's in the application, fakes in a test."""


def from_gateway(request: HTTPConnection) -> Services:
    """Return the clients that the gateway has for a request to a mounted application."""
    return Services(
        client(request, Catalog),
        client(request, Progress),
        client(request, Learners),
        client(request, Search),
        client(request, Letters),
    )


def services(request: HTTPConnection) -> Services:
    """Return the clients for a request to the site."""
    find: Find = request.app.state.find
    return find(request)
