"""Academy as people meet it: real processes, and a real browser."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

ACADEMY: Final = Path(__file__).resolve().parents[2]
ARTIFACTS: Final = ACADEMY.parents[1] / "tests" / "artifacts" / "academy"
CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START: Final = 40.0
"""Seconds in which a topology must be up, on a machine that does much else."""
PASSWORD: Final = "correct horse battery"
PATH: Final = "Microservices Architecture"

LOOKS: Final = {
    "phone-light": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "phone": True},
    "phone-dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "phone": True},
    "desktop-light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", "phone": False},
    "desktop-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark", "phone": False},
}
expect.set_options(timeout=15_000)  # a busy machine is no failure
_NUMBERS: Final = itertools.count(1)


class Output:
    """What a program prints: kept, and waited for."""

    def __init__(self, stream: IO[str], pattern: re.Pattern[str]) -> None:
        self.lines: list[str] = []
        self.found: re.Match[str] | None = None
        self._pattern = pattern
        self._settled = Event()
        self._thread = Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> re.Match[str]:
        """Return the match of the first line that has one. Raises AssertionError if none comes."""
        self._settled.wait(seconds)
        assert self.found, "Academy did not say where it is:\n" + "\n".join(self.lines)
        return self.found

    def close(self) -> None:
        """Wait for the end of the program's output."""
        self._thread.join(10)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line.rstrip())
            if self.found is None and (found := self._pattern.search(line)):
                self.found = found
                self._settled.set()
        self._settled.set()


@contextlib.contextmanager
def running(topology: str) -> Iterator[str]:
    """Run Academy in a topology with empty data on a free port; give its address, and end it."""
    directory = Path(tempfile.mkdtemp(prefix="academy-"))
    try:
        file = (ACADEMY / "freestone.toml").read_text().replace("127.0.0.1:8000", "127.0.0.1:0")
        (directory / "freestone.toml").write_text(file)
        process = subprocess.Popen(
            [sys.executable, "-m", "freestone.cli", "run", topology, "--file", str(directory / "freestone.toml")],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ACADEMY), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            output = Output(process.stdout, re.compile(r"runs as \w+: (http://[\d.]+:\d+)"))
            try:
                yield output.wait(START)[1]
            finally:
                process.terminate()
                try:
                    process.wait(20)
                finally:
                    process.kill()
                    process.wait()
                    output.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session", params=["monolith", "split"])
def academy(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of Academy, run by ``freestone run`` in each topology."""
    with running(request.param) as address:
        yield address


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@dataclass
class Learner:
    """Somebody in front of the screen. What the browser complains of is kept, and must be nothing."""

    page: Page
    name: str
    complaints: list[str]

    async def sign_up(self) -> None:
        """Sign up, from the front page."""
        await self.page.goto("/sign-up")
        await self.page.get_by_label("Name").fill(self.name)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign up").click()
        await self.page.wait_for_url("**/learning")

    async def enrol(self) -> None:
        """Enrol in the path that ships with Academy."""
        await self.page.goto("/")
        await self.page.get_by_role("link", name=PATH).click()
        await self.page.get_by_role("button", name="Enrol in this path").click()
        await self.page.get_by_role("link", name="Begin:").wait_for()

    async def picture(self, name: str) -> None:
        """Keep a picture of the whole page among the artifacts, to be looked at."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


class Visits:
    """Opens browsers for learners, each with a look."""

    def __init__(self, academy: str, browser: Browser) -> None:
        self._academy = academy
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._learners: list[Learner] = []

    async def learner(self, look: str = "desktop-light", **options: Any) -> Learner:
        """Return a learner with a browser of their own, whom Academy does not know yet."""
        settings = dict(LOOKS[look])
        phone = settings.pop("phone")
        context = await self._browser.new_context(
            base_url=self._academy,
            is_mobile=phone,
            has_touch=phone,
            reduced_motion="reduce",
            **{**settings, **options},
        )
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = await context.new_page()
        learner = Learner(page, f"Learner {os.getpid()}-{next(_NUMBERS)}", [])

        def complain(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                learner.complaints.append(message.text)

        page.on("console", complain)
        page.on("pageerror", lambda error: learner.complaints.append(str(error)))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(self._academy) else learner.complaints.append(sent.url),
        )
        self._learners.append(learner)
        return learner

    async def close(self) -> None:
        """Close all browsers. Raises AssertionError for what any of them complained of."""
        for context in self._contexts:
            await context.close()
        assert [each for learner in self._learners for each in learner.complaints] == []


@pytest.fixture
async def visits(academy: str, chromium: Browser) -> AsyncIterator[Visits]:
    """Browsers for learners. A script that fails or a request that leaves the site fails the test."""
    opened = Visits(academy, chromium)
    yield opened
    await opened.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive a browser, against programs that take their time to start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(180))
            # CI has a browser, and must not pass without; a newcomer's machine may not have one.
            if not Path(CHROMIUM).exists() and "CI" not in os.environ:
                item.add_marker(pytest.mark.skip(reason=f"there is no {CHROMIUM}: install Debian's chromium"))
