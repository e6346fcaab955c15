"""Where a system lives: its folder, its lock, its socket, its ports."""

import socket
import stat
from pathlib import Path

import pytest

from deploy.demo import ports
from deploy.demo.place import Place, PlaceBusy, places


def test_up_and_demo_have_places_of_their_own(tmp_path: Path) -> None:
    up, demo = places(tmp_path / "var")
    assert up.handout == tmp_path / "var" / "demo" / "demo.json"
    assert demo.folder != up.folder


def test_a_place_is_held_by_one_command_at_a_time(tmp_path: Path) -> None:
    place, other = places(tmp_path)
    with place.exclusively():
        with pytest.raises(PlaceBusy, match="another VAR"), place.exclusively():
            pass
        with other.exclusively():
            pass
    with place.exclusively():
        pass


def test_each_run_starts_empty_and_the_last_one_is_kept_once(tmp_path: Path) -> None:
    place = places(tmp_path)[0]
    for content in ("first", "second", "third"):
        place.renew()
        assert not (place.folder / "file").exists()
        (place.folder / "file").write_text(content)
    assert (place.folder.with_name("demo.previous") / "file").read_text() == "second"
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("depth", [1, 120])
def test_the_socket_path_fits_a_socket(tmp_path: Path, depth: int) -> None:
    place = Place(tmp_path / ("d" * depth))
    place.renew()
    path = place.socket()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    inside = path.parent == place.folder
    place.forget_socket()
    assert path.parent.exists() is inside


def test_free_ports_are_different_and_free() -> None:
    chosen = ports.choose(None)
    numbers = [chosen.production, chosen.sandbox, chosen.admin, chosen.redis, chosen.backend_production, chosen.backend_sandbox,
               chosen.bundles]
    assert len(set(numbers)) == ports.COUNT
    assert chosen.listener("sandbox") == chosen.sandbox
    assert chosen.backend("production") == chosen.backend_production


def test_ports_from_a_base_follow_each_other() -> None:
    base = free_base()
    chosen = ports.choose(base)
    assert (chosen.production, chosen.backend_sandbox) == (base, base + 5)


def test_a_port_in_use_is_said() -> None:
    with socket.socket() as held:
        held.bind((ports.HOST, 0))
        held.listen(1)
        port = held.getsockname()[1]
        with pytest.raises(ports.PortTaken, match=f"port {port} cannot be used"):
            ports.choose(port)


def free_base() -> int:
    for base in range(21000, 32000, 50):
        try:
            ports.choose(base)
        except ports.PortTaken:
            continue
        return base
    raise AssertionError("no six free ports in a row")
