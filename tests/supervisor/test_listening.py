"""One socket for each slot on one port; what listens there already is never joined in silence."""

import socket
from pathlib import Path

import pytest
import yaml

from deploy.demo.ports import free_port
from gateway_addons.settings.gateway import Settings, parse
from gateway_addons.settings.values import SettingsError
from gateway_addons.supervisor.listening import ListeningSockets

EXAMPLE = Path(__file__).resolve().parents[2] / "config/gateway.yaml"


def settings(**ports: int) -> Settings:
    document = yaml.safe_load(EXAMPLE.read_text())
    document["environments"] = {name: own | {"listen": {"host": "127.0.0.1", "port": ports[name]}}
                                for name, own in document["environments"].items() if name in ports}
    return parse(yaml.safe_dump(document), EXAMPLE)


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def test_slots_share_the_port_and_each_has_its_own_socket() -> None:
    sockets, wanted = ListeningSockets(), settings(production=0, sandbox=0)
    sockets.provide(wanted, 3)
    of_slots = [sockets.of_slot(wanted, slot, 3) for slot in range(3)]
    assert len({port_of(s) for own in of_slots for s in own["production"]}) == 1
    assert len({s.fileno() for own in of_slots for sockets_ in own.values() for s in sockets_}) == 6
    sockets.close()


def test_a_slot_gets_no_connections_before_its_worker_serves() -> None:
    """A socket that listens takes its share of the connections, whether or not somebody accepts them."""
    sockets, wanted = ListeningSockets(), settings(production=0)
    sockets.provide(wanted, 1)
    sockets.provide(wanted, 3)
    first, *others = (sockets.of_slot(wanted, slot, 3)["production"][0] for slot in range(3))
    assert [s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for s in (first, *others)] == [1, 0, 0]
    for _ in range(50):
        with socket.create_connection(first.getsockname()):
            first.accept()[0].close()  # raises where the connection went to another slot's socket
    sockets.close()


def test_a_slot_that_pauses_leaves_new_connections_to_the_others_until_it_listens_again() -> None:
    sockets, wanted = ListeningSockets(), settings(production=free_port())
    sockets.provide(wanted, 2)
    first, second = (sockets.of_slot(wanted, slot, 2)["production"][0] for slot in range(2))
    second.listen()
    sockets.pause(wanted, 0, 2)
    sockets.pause(wanted, 0, 2)
    for _ in range(50):
        with socket.create_connection(second.getsockname()):
            second.accept()[0].close()  # raises where the connection waits at the socket that pauses
    first.listen()
    second.close()
    with socket.create_connection(first.getsockname()):
        first.accept()[0].close()
    sockets.close()


def test_a_port_of_the_kernel_s_choice_is_not_lost() -> None:
    sockets, wanted = ListeningSockets(), settings(production=0)
    sockets.provide(wanted, 1)
    only = sockets.of_slot(wanted, 0, 1)["production"][0]
    port = port_of(only)
    sockets.pause(wanted, 0, 1)
    with socket.create_connection(("127.0.0.1", port)):
        only.accept()[0].close()
    sockets.close()


def test_fewer_slots_inherit_the_sockets_of_those_that_are_gone() -> None:
    """Closing them would reset the connections that wait in their queues."""
    sockets, wanted = ListeningSockets(), settings(production=0)
    sockets.provide(wanted, 5)
    shared = [[s.fileno() for s in sockets.of_slot(wanted, slot, 2)["production"]] for slot in range(2)]
    assert [len(own) for own in shared] == [3, 2]
    assert len({fd for own in shared for fd in own}) == 5
    sockets.close()


def test_a_port_in_use_is_refused_even_where_the_kernel_would_share_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        sockets = ListeningSockets()
        with pytest.raises(SettingsError, match=r"production\.listen .* cannot be used"):
            sockets.provide(settings(production=port_of(other)), 1)
        sockets.provide(settings(production=0), 1)
        sockets.close()


def test_what_a_failed_change_opened_is_closed_again() -> None:
    sockets = ListeningSockets()
    with socket.create_server(("127.0.0.1", 0)) as other, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        wanted = port_of(free)
        free.close()
        with pytest.raises(SettingsError):
            sockets.provide(settings(production=wanted, sandbox=port_of(other)), 2)
        with socket.create_server(("127.0.0.1", wanted)):
            pass
    sockets.close()


def test_addresses_that_are_no_longer_wanted_are_closed() -> None:
    sockets, before, after = ListeningSockets(), settings(production=0, sandbox=0), settings(production=0)
    sockets.provide(before, 1)
    gone = port_of(sockets.of_slot(before, 0, 1)["sandbox"][0])
    sockets.keep_only(after)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gone), timeout=2)
    sockets.close()
