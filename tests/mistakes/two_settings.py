# expect: two_settings.py:35: ProgressService: it has several Settings: mail, limits; make them one record
from collections.abc import AsyncIterator

from freestone.contract import Contract, command, query
from freestone.service import Settings, service


class Catalog(Contract):
    @query
    async def title(self, path: str, short: bool = False) -> str:
        """Return the title of a path."""

    @query
    def watch(self, path: str) -> AsyncIterator[str]:
        """Follow a path."""


class Progress(Contract):
    @command
    async def enrol(self, learner: str, path: str) -> None:
        """Enrol a learner."""


class MailSettings(Settings):
    host: str


class LimitSettings(Settings):
    paths: int = 10


@service
class ProgressService(Progress):
    mail: MailSettings
    limits: LimitSettings

    async def enrol(self, learner, path):
        pass
