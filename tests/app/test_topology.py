from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.app import Process, Topology
from freestone.app.document import Document
from freestone.app.topology import cut_everywhere, monolith, read_topologies
from freestone.call import HOW_TO_PROVE, IN_THE_CLEAR, DnsName, DnsService, TcpAddress

SERVICES = ("catalog", "progress")


def said(text: str, *, gateway: bool = True) -> list[str]:
    """Return the mistakes in the topologies of a text, with their lines."""
    document = Document(Path("f"), text)
    read_topologies(document.root(), SERVICES, gateway)
    return [str(mistake).removeprefix("f:") for mistake in document.mistakes]


def test_a_topology_is_a_table_of_processes() -> None:
    document = Document(
        Path("f"),
        """
        [split]
        edge = { gateway = true }
        catalog = { services = ["catalog"], replicas = 2 }
        progress = { services = "progress", listen = "tcp://0.0.0.0:7000", plaintext = true }
        """,
    )
    topologies = read_topologies(document.root(), SERVICES, True)
    assert document.mistakes == []
    assert topologies["split"] == Topology(
        "split",
        (
            Process("edge", gateway=True),
            Process("catalog", ("catalog",), replicas=2),
            Process("progress", ("progress",), listen=TcpAddress("0.0.0.0", 7000), plaintext=True),
        ),
    )


def test_the_first_topology_of_the_file_is_the_first_of_all() -> None:
    document = Document(Path("f"), '[b]\nall = { services = ["*"] }\n[a]\nall = { services = ["*"] }')
    assert list(read_topologies(document.root(), SERVICES, False)) == ["b", "a", "monolith", "cut-everywhere"]


def test_a_star_stands_for_every_service() -> None:
    document = Document(Path("f"), '[one]\nall = { services = ["*"] }')
    assert read_topologies(document.root(), SERVICES, False)["one"].processes == (Process("all", SERVICES),)


def test_the_file_may_say_what_the_monolith_is() -> None:
    document = Document(Path("f"), '[monolith]\nall = { services = ["*"], replicas = 3 }')
    topologies = read_topologies(document.root(), SERVICES, False)
    assert topologies["monolith"].processes == (Process("all", SERVICES, replicas=3),)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('a = { services = ["catalog"], gateway = true }', "1: t: it leaves out progress; name each service once"),
        ('a = { services = ["*", "catalog"], gateway = true }', '1: t: it places "catalog" twice: in a; keep one'),
        (
            'a = { services = ["*"], gateway = true }\nb = { services = ["progress"] }',
            '1: t: it places "progress" twice: in a and b; keep one of them',
        ),
        (
            'a = { services = ["*"], gateway = true }\nb = { gateway = true }',
            "1: t: it places the gateway twice: in a and b; keep one of them",
        ),
        ('a = { services = ["*"] }', "1: t: it places the gateway nowhere; write gateway = true in one process"),
        (
            'a = { services = ["*", "catlog"], gateway = true }',
            '2: t.a.services: there is no service "catlog" to run; did you mean "catalog"?',
        ),
        ('a = { services = ["*"], gateway = true, replicas = 0 }', "2: t.a.replicas: a process has at least 1 replica"),
        ('a = { services = ["*"], gateway = true, replicas = "2" }', "2: t.a.replicas: it must be an integer"),
        ('a = { services = ["*"], gateway = true, listen = "7000" }', "2: t.a.listen: '7000' is no address; write"),
        (
            'a = { services = ["*"], gateway = true, listen = "tcp://127.0.0.1:7", replicas = 2 }',
            "2: t.a.listen: 2 replicas can't listen on one address; leave out listen, or replicas; "
            "or say with at where the replicas on other machines are found",
        ),
        (
            'a = { services = ["*"], listen = "tcp://[::1]:7" }\nb = { gateway = true, listen = "tcp://[::1]:7" }',
            "3: t.b.listen: a listens on tcp://[::1]:7 already",
        ),
        ('a = { services = ["*"], gateway = true }\nb = {}', "3: t.b: it holds nothing"),
        (
            'a = { services = ["*"], gateway = true }\nb = ["catalog"]',
            '3: t.b: it must be a table, and is a list; write { services = ["*"] }',
        ),
        (
            'a = { services = ["*"], gateway = true, replica = 2 }',
            '2: t.a.replica: there is no such key; did you mean "r',
        ),
        ("a = { services = [1], gateway = true }", "2: t.a.services: it must be a list of texts"),
        ("a = 1", "2: t.a: it must be a table, and is an integer"),
        ('"A B" = { services = ["*"], gateway = true }', '2: t."A B": "A B" is no name for a process'),
        (
            'freestone = { services = ["*"], gateway = true }',
            '2: t.freestone: "freestone" is the name of the framework',
        ),
    ],
)
def test_a_mistake_is_told_where_it_is(text: str, mistake: str) -> None:
    assert any(line.startswith(mistake) for line in said(f"[t]\n{text}")), said(f"[t]\n{text}")


def test_a_gateway_that_is_not_declared_can_not_be_placed() -> None:
    assert said('[t]\na = { services = ["*"], gateway = true }', gateway=False) == [
        "2: t.a.gateway: there is no [gateway]; declare one, or take this line out"
    ]


def test_a_mistake_in_one_topology_does_not_hide_one_in_another() -> None:
    assert len(said('[t]\na = { services = ["*"] }\n[u]\na = { services = ["catalog"], gateway = true }')) == 2


_SERVICES = st.lists(st.sampled_from(["a", "b", "edge", "gateway", "edge-2"]), unique=True, min_size=1)


@given(_SERVICES, st.booleans())
def test_the_topologies_that_every_application_has_place_each_service_once(services: list[str], gateway: bool) -> None:
    for topology in (monolith(services, gateway), cut_everywhere(services, gateway)):
        placed = [service for process in topology.processes for service in process.services]
        assert sorted(placed) == sorted(services)
        assert sum(process.gateway for process in topology.processes) == gateway
        names = [process.name for process in topology.processes]
        assert len(set(names)) == len(names)


def test_a_process_on_other_machines_says_where_it_is_found() -> None:
    """By addresses, or by names that the DNS knows. Then all may listen alike, each on a machine of its own."""
    text = """[split]
a = { services = ["catalog"], replicas = 3, listen = "tcp://0.0.0.0:7000", at = "dns://catalog:7000", plaintext = true }
[split.b]
services = ["progress"]
gateway = true
listen = "tcp://0.0.0.0:7000"
plaintext = true
at = ["tcp://10.0.0.6:7000", "dns+srv://_b._tcp.x"]
"""
    document = Document(Path("f"), text)
    first, second = read_topologies(document.root(), SERVICES, True)["split"].processes
    assert document.mistakes == []
    assert first.at == (DnsName("catalog", 7000),)
    assert second.at == (TcpAddress("10.0.0.6", 7000), DnsService("_b._tcp.x"))


def test_a_process_that_is_found_elsewhere_listens_there() -> None:
    """A Unix socket is of this machine."""
    assert said('[t]\na = { services = ["*"], gateway = true, at = "dns://a:1" }') == [
        "2: t.a.at: it is found there, and listens on a Unix socket alone; "
        'write where it accepts calls, as listen = "tcp://0.0.0.0:7000"'
    ]


def test_a_place_that_is_none_is_refused() -> None:
    """With the reason."""
    text = '[t]\na = { services = ["*"], gateway = true, listen = "tcp://[::1]:7000", at = ["dns://a", "tcp://b:0"] }'
    assert said(text) == [
        "2: t.a.at: 'dns://a' has no name and port; write dns://catalog:7000",
        "2: t.a.at: 'tcp://b:0' names no port that others could know",
    ]


def test_others_do_not_reach_a_process_in_the_clear_unless_that_is_meant() -> None:
    """A loopback is reached from this machine alone; [tls] proves who is who; plaintext says that it is meant."""
    text = '[t]\na = { services = ["*"], gateway = true, listen = "tcp://10.0.0.5:7000" }'
    assert said(text) == [f"2: t.a.listen: {IN_THE_CLEAR}; {HOW_TO_PROVE}"]
    assert said(text.replace("10.0.0.5", "127.0.0.1")) == []
    assert said(text.replace(" }", ", plaintext = true }")) == []
    encrypted = Document(Path("f"), text)
    read_topologies(encrypted.root(), SERVICES, True, encrypted=True)
    assert encrypted.mistakes == []


def test_where_there_is_tls_no_process_goes_without() -> None:
    """It is one or the other."""
    text = '[t]\na = { services = ["*"], gateway = true, listen = "tcp://10.0.0.5:7000", plaintext = true }'
    document = Document(Path("f"), text)
    read_topologies(document.root(), SERVICES, True, encrypted=True)
    assert [str(mistake) for mistake in document.mistakes] == [
        "f:2: t.a.plaintext: there is [tls], and it holds for every process; take one of them out"
    ]
