"""What the outside may call, over HTTP without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from academy.catalog.service import CatalogService
from academy.edge import gateway
from academy.identity.service import IdentityService
from academy.notifications.service import NotificationsService
from academy.progress.service import ProgressService
from academy.search.contract import Search
from academy.search.service import SearchService
from academy.web.visitor import COOKIE
from freestone import local

PATH = "/api/paths/microservices-architecture"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, with the services behind it."""
    async with local(
        catalog=CatalogService,
        progress=ProgressService,
        identity=IdentityService,
        search=SearchService,
        notifications=NotificationsService,
    ) as application:
        await application.client(Search).refresh("microservices-architecture")
        clients = {contract: application.client(contract) for contract in gateway.needs}
        transport = httpx.ASGITransport(app=gateway.asgi(clients))
        async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as http:
            yield http


async def signed_up(http: httpx.AsyncClient, name: str = "Ada") -> str:
    """Sign a learner up; return the session's token."""
    response = await http.post("/api/learners", json={"name": name, "password": "correct horse"})
    assert response.status_code == 201
    token: str = response.json()["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_everybody_may_read_paths(http: httpx.AsyncClient) -> None:
    """The list, a path and an article need no session."""
    (summary,) = (await http.get("/api/paths")).json()
    assert summary["slug"] == "microservices-architecture"
    path = (await http.get(PATH)).json()
    assert [phase["title"] for phase in path["phases"]] == ["Foundations", "Core Concepts", "Advanced Topics"]
    lesson = (await http.get(f"{PATH}/resources/microservices-basics")).json()
    assert lesson["article"].startswith("A **service** is a program")


async def test_a_learners_way_through_phase_1(http: httpx.AsyncClient) -> None:
    """Sign up, enrol, complete phase 1, see phase 2 unlock, undo; and find it again after signing in anew."""
    headers = bearer(await signed_up(http))
    assert (await http.post(f"{PATH}/enrolment", headers=headers)).json()["next"] == "microservices-basics"
    for resource in ("microservices-basics", "microservices-vs-monolith"):
        standing = (await http.post(f"{PATH}/resources/{resource}/done", headers=headers)).json()
    assert standing["phases"][0]["complete"]
    assert standing["phases"][1]["resources"][0]["state"] == "open"
    await http.delete(f"{PATH}/resources/microservices-vs-monolith/done", headers=headers)
    session = await http.post("/api/sessions", json={"name": "ada", "password": "correct horse"})
    assert session.status_code == 201
    headers = bearer(session.json()["token"])
    assert (await http.get(f"{PATH}/standing", headers=headers)).json()["done"] == 1
    (enrolment,) = (await http.get("/api/enrolments", headers=headers)).json()
    assert (enrolment["path"], enrolment["percent"]) == ("microservices-architecture", 14)


async def test_everybody_may_search(http: httpx.AsyncClient) -> None:
    """By words, in all paths or in one."""
    response = await http.get("/api/search", params={"text": "finding boundaries", "limit": 1})
    (found,) = response.json()["results"]
    assert (found["kind"], found["resource"]) == ("resource", "microservices-design")
    elsewhere = await http.get("/api/search", params={"text": "boundaries", "path": "tea"})
    assert elsewhere.json()["results"] == []
    assert (await http.get("/api/search", params={"text": "x", "limit": 1000})).status_code == 400


async def test_a_learner_ticks_a_box(http: httpx.AsyncClient) -> None:
    """Ticking is a POST, unticking a DELETE of the same address."""
    headers = bearer(await signed_up(http))
    await http.post(f"{PATH}/enrolment", headers=headers)
    box = f"{PATH}/checklist/supplementary-materials-reviewed"
    assert (await http.post(box, headers=headers)).json()["checklist"][3]["ticked"]
    assert not (await http.delete(box, headers=headers)).json()["checklist"][3]["ticked"]


async def test_a_locked_resource_says_what_it_needs(http: httpx.AsyncClient) -> None:
    """The problem document has the fields of the error."""
    headers = bearer(await signed_up(http))
    await http.post(f"{PATH}/enrolment", headers=headers)
    response = await http.post(f"{PATH}/resources/microservices-vs-monolith/done", headers=headers)
    assert response.status_code == 400
    problem = response.json()
    assert problem["fields"] == {"needs": [{"slug": "microservices-basics", "title": "Microservices Basics"}]}
    assert problem["detail"] == "“Microservices vs Monolith” needs “Microservices Basics” first"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/enrolments"),
        ("GET", f"{PATH}/standing"),
        ("POST", f"{PATH}/enrolment"),
        ("POST", f"{PATH}/resources/microservices-basics/done"),
        ("DELETE", f"{PATH}/resources/microservices-basics/done"),
        ("POST", f"{PATH}/checklist/supplementary-materials-reviewed"),
        ("DELETE", f"{PATH}/checklist/supplementary-materials-reviewed"),
    ],
)
@pytest.mark.parametrize(
    "headers", [{}, bearer("nonsense"), {"authorization": "Basic QTpi"}, {"cookie": f"{COOKIE}=x"}]
)
async def test_what_is_about_a_learner_needs_a_session(
    http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    """Nobody is let in without a token that identity knows."""
    sent = {**headers, "sec-fetch-site": "same-origin"}
    assert (await http.request(method, path, headers=sent)).status_code == 401


async def test_a_session_that_is_signed_out_is_over(http: httpx.AsyncClient) -> None:
    """The token is worth nothing afterwards."""
    token = await signed_up(http)
    assert (await http.post("/api/sign-out", json={"token": token})).status_code == 204
    assert (await http.get("/api/enrolments", headers=bearer(token))).status_code == 401


async def test_the_sites_cookie_is_a_session_too(http: httpx.AsyncClient) -> None:
    """A page's own scripts need no token; what another site makes a browser send is refused."""
    cookie = {"cookie": f"{COOKIE}={await signed_up(http)}"}
    assert (await http.get("/api/enrolments", headers=cookie)).json() == []
    own = {**cookie, "sec-fetch-site": "same-origin"}
    assert (await http.post(f"{PATH}/enrolment", headers=own)).status_code == 200
    foreign = {**cookie, "sec-fetch-site": "cross-site"}
    response = await http.post(f"{PATH}/resources/microservices-basics/done", headers=foreign)
    assert response.status_code == 403
    assert (await http.get(f"{PATH}/standing", headers=cookie)).json()["done"] == 0


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"name": "", "password": "correct horse"}, 400, "name"),
        ({"name": "Ada", "password": "short"}, 400, "password"),
        ({"name": "Ada"}, 400, "password"),
        ({"name": 5, "password": "correct horse"}, 400, "name"),
    ],
)
async def test_wrong_input_is_named(http: httpx.AsyncClient, body: dict[str, Any], status: int, pointer: str) -> None:
    """The problem document points at the field."""
    response = await http.post("/api/learners", json=body)
    assert response.status_code == status
    assert pointer in str(response.json()["errors"])


async def test_a_taken_name_is_a_conflict(http: httpx.AsyncClient) -> None:
    """409, with the name."""
    await signed_up(http)
    response = await http.post("/api/learners", json={"name": "ADA", "password": "correct horse"})
    assert (response.status_code, response.json()["fields"]) == (409, {"name": "ADA"})


async def test_authors_and_their_imports_stay_inside(http: httpx.AsyncClient) -> None:
    """The outside can't change the catalog."""
    own = {"sec-fetch-site": "same-origin"}
    assert (await http.post("/api/paths", json={}, headers=own)).status_code == 404
    assert (await http.put(PATH, json={}, headers=own)).status_code == 404


async def test_the_site_is_at_the_root(http: httpx.AsyncClient) -> None:
    """What is not below /api is the web site's."""
    response = await http.get("/")
    assert response.status_code == 200
    assert "Microservices Architecture" in response.text
