from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from freestone.app import find, read
from freestone.call import TcpAddress, UnixAddress
from freestone.errors import ConfigurationError

WHOLE = """
name = "academy"

[services]
catalog  = "academy.catalog.service:CatalogService"
payments = { contract = "payments:Payments", at = ["tcp://10.0.0.7:7000", "unix:///run/payments.sock"] }

[gateway]
app = "academy.edge:gateway"

[settings.catalog]
page_size = 30

[calls]
deadline = "5s"

[calls.methods]
"catalog.path" = { deadline = "250ms" }
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[[str], list[str]]:
    """Read a wrong file and return what is said about it, without the path."""

    def read_and_fail(toml: str) -> list[str]:
        file = tmp_path / "freestone.toml"
        file.write_text(toml)
        with pytest.raises(ConfigurationError) as caught:
            read(file)
        return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]

    return read_and_fail


def test_a_file_is_read_without_importing_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "freestone.toml").write_text(WHOLE)
    imported = set(sys.modules)
    file = read(tmp_path / "freestone.toml")
    assert file.name == "academy"
    assert file.services == {"catalog": "academy.catalog.service:CatalogService"}
    assert file.externals["payments"].at == (TcpAddress("10.0.0.7", 7000), UnixAddress("/run/payments.sock"))
    assert file.settings == {"catalog": {"page_size": 30}}
    assert file.deadlines.default == 5.0
    assert file.deadlines.methods == {"catalog.path": 0.25}
    assert not any(name.startswith("academy") for name in set(sys.modules) - imported)


def test_what_is_not_written_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "freestone.toml").write_text('name = "a"\nservices.s = "m:S"\ngateway.app = "m:g"')
    file = read(tmp_path / "freestone.toml")
    assert file.gateway is not None
    assert file.gateway.listen == TcpAddress("127.0.0.1", 8000)
    assert file.data.directory == tmp_path / ".freestone/data"
    assert file.secrets == Path("/run/secrets")
    assert not file.python_gc
    assert file.deadlines.default == 10.0
    assert list(file.topologies) == ["monolith", "cut-everywhere"]


def test_a_process_can_keep_the_garbage_collector_of_python(tmp_path: Path) -> None:
    """For an application that makes many reference cycles."""
    path = tmp_path / "freestone.toml"
    path.write_text('name = "a"\nservices.s = "m:S"\nprocess.python_gc = true')
    assert read(path).python_gc
    path.write_text('name = "a"\nservices.s = "m:S"\nprocess.python_gc = "no"\nprocess.gc = 3')
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert "python_gc" in str(caught.value)
    assert len(caught.value.mistakes) == 2


def test_the_file_is_found_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "freestone.toml").touch()
    assert find(None, deep) == tmp_path / "freestone.toml"
    assert find(Path("../.."), deep) == tmp_path / "freestone.toml"
    assert find(Path("../../freestone.toml"), deep) == tmp_path / "freestone.toml"


def test_a_file_that_is_nowhere_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="or above it; go to an application's directory"):
        find(None, tmp_path)
    with pytest.raises(ConfigurationError, match=r"there is no file .*other\.toml"):
        find(Path("other.toml"), tmp_path)
    with pytest.raises(ConfigurationError, match=r"there is no file .*freestone\.toml"):
        find(tmp_path, tmp_path)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(wrong: Callable[[str], list[str]]) -> None:
    said = wrong("""
nme = "academy"
[services]
catalog = "academy.catalog"
Progress = "academy.progress:ProgressService"
payments = { contract = "payments:Payments", at = "10.0.0.7", port = 1 }
[gateway]
app = 3
listen = "localhost"
colour = "red"
[settings.catalogue]
page = 1
[data]
directory = ""
durability = "fast"
[calls]
deadline = "soon"
[calls.methods]
"path" = { deadline = "1s" }
"catalgo.path" = { deadline = "1s", retries = 3 }
""")
    assert said[0].endswith('name: it is missing; write name = "…" at the top of the file')
    assert said[1:] == [
        '2: nme: there is no such key; did you mean "name"?',
        '4: services.catalog: "academy.catalog" names no object of a module; '
        'write it as "academy.catalog.service:CatalogService"',
        '5: services.Progress: "Progress" is no name for a service; '
        "use lower-case letters and digits, with single dashes or underscores between them",
        "6: services.payments.at: '10.0.0.7' is no address; write unix:///path or tcp://host:port",
        "6: services.payments.port: there is no such key; the keys are contract, at, application, plaintext",
        "8: gateway.app: it must be a text, and is an integer",
        "9: gateway.listen: 'localhost' is no host and port; write it as \"127.0.0.1:8000\"",
        "10: gateway.colour: there is no such key; the keys are app, listen",
        '11: settings.catalogue: there is no service "catalogue" to set; did you mean "catalog"?',
        "14: data.directory: it is empty; write something or leave it out",
        '15: data.durability: it can\'t be "fast"; the choices are full, normal',
        '17: calls.deadline: it is no duration, such as "250ms", "10s", "2m" or a number of seconds',
        '19: calls.methods.path: it is no method; write it as "service.method", in quotes',
        '20: calls.methods."catalgo.path": there is no service "catalgo"; did you mean "catalog"?',
        '20: calls.methods."catalgo.path".retries: there is no such key; did you mean "retry"?',
    ]


def test_a_file_without_services_says_how_to_name_one(wrong: Callable[[str], list[str]]) -> None:
    assert "services: there are none" in wrong('name = "a"')[0]


def test_a_service_of_somebody_else_needs_a_contract_and_a_place(wrong: Callable[[str], list[str]]) -> None:
    said = wrong('name = "a"\n[services]\ns = "m:S"\nt = {}\nu = { contract = "m:U", at = [] }')
    assert [line.partition(";")[0] for line in said] == [
        "4: services.t.contract: it is missing",
        "4: services.t.at: it is missing",
        "5: services.u.at: it has no address",
    ]


def test_the_name_of_the_framework_is_taken(wrong: Callable[[str], list[str]]) -> None:
    said = wrong('name = "a"\n[services]\nfreestone = "m:S"')
    assert said == [
        '3: services.freestone: "freestone" is the name of the framework itself; give a service another name'
    ]


def test_a_deadline_is_more_than_nothing(wrong: Callable[[str], list[str]]) -> None:
    assert wrong('name = "a"\nservices.s = "m:S"\n[calls]\ndeadline = "0s"') == [
        '4: calls.deadline: it is nothing, so that no call could be made; write a time, as "10s", or leave it out'
    ]


def test_a_duration_may_be_a_number_of_seconds(tmp_path: Path) -> None:
    (tmp_path / "freestone.toml").write_text('name = "a"\nservices.s = "m:S"\n[calls]\ndeadline = 2.5')
    assert read(tmp_path / "freestone.toml").deadlines.default == 2.5
