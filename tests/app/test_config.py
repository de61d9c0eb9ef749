from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, settings_of, variable_name
from freestone.errors import ConfigurationError
from freestone.service import Secret

KEYS = """
from datetime import timedelta
from pathlib import Path
from freestone.contract import Contract, Message, query
from freestone.service import Secret, Settings, service

class Mail(Message):
    host: str
    password: Secret = Secret("")

class Keys(Contract):
    @query
    async def key(self) -> int:
        '''Return the key.'''

class KeysSettings(Settings):
    token: Secret
    days: int = 30
    strict: bool = False
    hosts: tuple[str, ...] = ()
    place: Path | None = None
    pause: timedelta | None = None
    spare: Secret | None = None
    mail: Mail | None = None

    def __post_init__(self):
        if self.days > 1000:
            raise ValueError("days is 1000 at most")

@service
class KeysService(Keys):
    settings: KeysSettings
    async def key(self): return 1
"""


@pytest.fixture
def app(loaded: Callable[..., App], tmp_path: Path) -> Callable[..., App]:
    """Load an application with the service ``my-keys`` and the given lines under its settings."""

    def load(settings: str = "") -> App:
        (tmp_path / "secrets").mkdir(exist_ok=True)
        return loaded(
            f'name = "a"\nsecrets.directory = "secrets"\n[services]\n'
            f'my-keys = "keys:KeysService"\n[settings.my-keys]\n{settings}',
            keys=KEYS,
        )

    return load


def secret(app: App, field: str, text: str | bytes) -> Path:
    """Write a secret file of the service."""
    file = app.secrets / f"my-keys_{field}"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(app: App, **environment: str) -> Any:
    """Return the settings of the service, with variables named by their fields."""
    return settings_of(app, {variable_name("my-keys", field): text for field, text in environment.items()})["my-keys"]


def refusal(app: App, environment: Mapping[str, str]) -> list[str]:
    """Return what is said about wrong settings."""
    with pytest.raises(ConfigurationError) as caught:
        settings_of(app, environment)
    return str(caught.value).splitlines()


def test_a_variable_is_named_after_the_service_and_the_field() -> None:
    assert variable_name("learning-paths", "page_size") == "FREESTONE_LEARNING_PATHS_PAGE_SIZE"


def test_a_field_that_is_set_nowhere_has_its_default(app: Callable[..., App]) -> None:
    assert read(app('token = "t"')).days == 30


def test_the_file_sets_a_field(app: Callable[..., App]) -> None:
    assert read(app('token = "t"\ndays = 7')).days == 7


def test_a_variable_wins_over_the_file(app: Callable[..., App]) -> None:
    assert read(app('token = "t"\ndays = 7'), days="8").days == 8


def test_a_secret_file_wins_over_a_variable(app: Callable[..., App]) -> None:
    application = app('token = "t"\ndays = 7')
    secret(application, "days", "9\n")
    assert read(application, days="8").days == 9


def test_a_secret_file_loses_the_end_of_its_line_only(app: Callable[..., App]) -> None:
    application = app()
    secret(application, "token", " spaced \r\n")
    assert read(application).token == Secret(" spaced ")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("days", "5", 5),
        ("strict", "true", True),
        ("strict", "0", False),
        ("hosts", '["a", "b"]', ("a", "b")),
        ("hosts", "a,b", ("a", "b")),
        ("pause", "250ms", timedelta(milliseconds=250)),
        ("place", "/srv/x", Path("/srv/x")),
        ("spare", "word", Secret("word")),
        ("spare", "12", Secret("12")),
    ],
)
def test_a_text_becomes_the_type_of_its_field(app: Callable[..., App], field: str, text: str, value: object) -> None:
    assert getattr(read(app('token = "t"'), **{field: text}), field) == value


def test_a_record_within_is_written_as_a_table_or_as_json(app: Callable[..., App]) -> None:
    table = read(app('token = "t"\nmail = { host = "a", password = "p" }')).mail
    json = read(app('token = "t"'), mail='{"host": "a", "password": "p"}').mail
    assert table == json
    assert table.password == Secret("p")


def test_what_is_missing_is_told_with_all_ways_to_set_it(app: Callable[..., App]) -> None:
    application = app()
    assert refusal(application, {}) == [
        "settings.my-keys.token: it is missing; set it in [settings.my-keys], in the environment variable "
        f"FREESTONE_MY_KEYS_TOKEN, or in the file {application.secrets}/my-keys_token"
    ]


def test_every_problem_is_listed_with_where_the_value_came_from(app: Callable[..., App]) -> None:
    application = app()
    file = secret(application, "strict", "perhaps")
    assert refusal(application, {"FREESTONE_MY_KEYS_DAYS": "many"}) == [
        "settings.my-keys.token: it is missing; set it in [settings.my-keys], in the environment variable "
        f"FREESTONE_MY_KEYS_TOKEN, or in the file {application.secrets}/my-keys_token",
        "settings.my-keys.days, from the environment variable FREESTONE_MY_KEYS_DAYS: "
        "it does not fit: expected `int`, got `str`",
        f"{file}: settings.my-keys.strict, from the secret file: it does not fit: expected `bool`, got `str`",
    ]


def test_the_check_of_the_record_itself_is_told(app: Callable[..., App]) -> None:
    assert refusal(app('token = "t"'), {"FREESTONE_MY_KEYS_DAYS": "2000"}) == ["settings.my-keys: days is 1000 at most"]


def test_a_secret_is_never_shown(app: Callable[..., App]) -> None:
    application = app()
    secret(application, "mail", '{"host": 1, "password": "hunter2"}')
    secret(application, "token", b"hunter2 \xff")
    said = "\n".join(refusal(application, {"FREESTONE_MY_KEYS_DAYS": "hunter2"}))
    assert "hunter2" not in said
    assert "settings.my-keys.token: the secret file can't be read: it is not UTF-8" in said
    assert (
        "settings.my-keys.mail, from the secret file: it does not fit: expected `str`, got `int` - at `$.host`" in said
    )
    assert "hunter2" not in repr(read(application_with(app, "hunter2")))


def application_with(app: Callable[..., App], token: str) -> App:
    """Return the application with a good secret and nothing else."""
    application = app()
    for file in application.secrets.iterdir():
        file.unlink()
    secret(application, "token", token)
    return application


def test_a_secret_in_the_file_must_be_a_text(mistakes: Callable[..., list[str]]) -> None:
    lines = mistakes('name = "a"\n[services]\nkeys = "keys:KeysService"\n[settings.keys]\ntoken = 123456', keys=KEYS)
    assert lines == ["freestone.toml:5: settings.keys.token: it does not fit: expected `str`, got `int`"]


def test_a_secret_file_that_can_not_be_read_is_told(app: Callable[..., App], monkeypatch: pytest.MonkeyPatch) -> None:
    application = app()
    file = secret(application, "token", "t")

    def refuse(self: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", refuse)  # root, who may run the tests, reads whatever its mode is
    assert refusal(application, {}) == [
        f"{file}: settings.my-keys.token: the secret file can't be read: Permission denied"
    ]


def test_only_the_settings_of_the_services_that_run_here_are_needed(app: Callable[..., App]) -> None:
    assert settings_of(app(), {}, services=[]) == {}


def test_a_variable_that_would_set_two_things_is_refused(loaded: Callable[..., App]) -> None:
    source = """
    from freestone.contract import Contract, query
    from freestone.service import Settings, service

    class A(Contract):
        @query
        async def a(self) -> int:
            '''Return a number.'''

    class B(Contract):
        @query
        async def b(self) -> int:
            '''Return a number.'''

    class ASettings(Settings):
        b_c: int = 1

    class BSettings(Settings):
        c: int = 1

    @service
    class AService(A):
        settings: ASettings
        async def a(self): return 1

    @service
    class BService(B):
        settings: BSettings
        async def b(self): return 1
    """
    app = loaded('name = "a"\n[services]\na = "ab:AService"\na-b = "ab:BService"', ab=source)
    assert refusal(app, {}) == [
        "settings.a-b.c: FREESTONE_A_B_C would set settings.a.b_c as well; rename a service or a field"
    ]
