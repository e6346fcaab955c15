"""Puts and lifts switches: notices first, then the journal, then the register; all of it, or nothing (clauses 8-g, 12)."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_addons.adapters.register.notice_folder import NoticeFolder
from gateway_addons.adapters.register.shared_register import Reach, SharedRegister
from gateway_addons.core.errors import RegisterUnavailable
from gateway_addons.core.journal.act import Act
from gateway_addons.core.register import Entry, RegisterFull
from gateway_addons.core.switch.order import Order, Target, Verification

MAX_SWITCHES = 500
"""Switches on conventions are told to policy at every call, so their number is bounded; `--all` cuts more at once."""


class NoSuchSwitch(Exception):
    """No switch in force is the one that was named."""


@dataclass(frozen=True, slots=True)
class Put:
    """A switch that is in force; `unfinished` says what could not be written after it was."""

    id: str
    reach: Reach
    notices: tuple[str, ...]
    unfinished: str | None = None


class SwitchDesk:
    """One command's work; `register` is open."""

    def __init__(self, register: SharedRegister, notices: NoticeFolder, record: Callable[[Act], None]) -> None:
        self._register = register
        self._notices = notices
        self._record = record

    def entries(self) -> Mapping[str, Entry]:
        """All switches in force, as this machine knows them. Raises `RegisterUnavailable`."""
        entries = self._register.entries()
        self._notices.settle(list(entries))
        return entries

    async def put(self, order: Order, act: Act, notices_of: Callable[[str], Sequence[dict[str, Any]]]) -> Put:
        """Put a switch in force with its notices and its acts in the journal.

        Raises:
            RegisterUnavailable, JournalUnavailable: it is not in force, and nothing is left of it.
        """
        switch_id = f"SW-{order.at:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        notices = notices_of(switch_id)
        names = tuple(str(n["convention"] or n["fichier"]) for n in notices)
        act = act.told("annonce", **order.about(switch_id, names))
        self._notices.prepare(switch_id, notices)
        try:
            self._record(act)
        except Exception:
            self._notices.withdraw(switch_id)
            raise
        # from here on the notices stay prepared whatever happens: a put that failed here may still have come to Redis
        reach = await self._in_force(switch_id, order, act, names)
        unfinished = self._finish(switch_id, act.told("fait", portee=_scope(reach)))
        return Put(switch_id, reach, names, unfinished)

    async def _in_force(self, switch_id: str, order: Order, act: Act, names: tuple[str, ...]) -> Reach:
        try:
            if self._count() >= MAX_SWITCHES:
                raise RegisterUnavailable(f"{MAX_SWITCHES} switches are in force; restore some, or cut --all")
            return await self._register.put(switch_id, order.value(names), by=order.author, expires_at=order.until)
        except (RegisterUnavailable, RegisterFull, ValueError) as e:
            self._record(act.told("echec", cause=str(e)[:300]))
            raise RegisterUnavailable(str(e)) from e

    def _count(self) -> int:
        try:
            return len(self._register.entries())
        except RegisterUnavailable:
            return 0  # nothing is known yet: a cut may all the same be added

    def _finish(self, switch_id: str, act: Act) -> str | None:
        """What comes after: a failure here no longer takes the switch back, and is told."""
        told = []
        steps: tuple[Callable[[], None], ...] = (lambda: self._notices.keep(switch_id), lambda: self._record(act))
        for step in steps:
            try:
                step()
            except Exception as e:  # noqa: BLE001 - the switch is in force; whatever failed is for the operator to know
                told.append(str(e))
        return "; ".join(told) or None

    def named(self, switch_id: str | None, target: Target | None) -> dict[str, Entry]:
        """The switches of that id, or on just that target.

        Raises:
            NoSuchSwitch: there is none. RegisterUnavailable.
        """
        entries = self.entries()
        if switch_id is not None:
            found = {switch_id: entries[switch_id]} if switch_id in entries else {}
        else:
            found = {key: e for key, e in entries.items() if target is not None and _is_on(e.value, target)}
        if not found:
            raise NoSuchSwitch("no such switch is in force; `poterne switch list` shows them")
        return found

    async def lift(self, switch_id: str, act: Act, verification: Verification | None, by: str) -> Reach:
        """End one switch. Raises `RegisterUnavailable`, `JournalUnavailable`: it is still in force."""
        act = act.told("annonce", interrupteur=switch_id, **(verification.about() if verification else {}))
        self._record(act)
        try:
            reach = await self._register.remove(switch_id, by=by)
        except RegisterUnavailable as e:
            self._record(act.told("echec", cause=str(e)[:300]))
            raise
        self._record(act.told("fait", portee=_scope(reach)))
        return reach

    def due(self, switch_id: str | None = None) -> list[tuple[Any, dict[str, Any]]]:
        """Notices with their files. Raises `RegisterUnavailable`."""
        return list(self._notices.notices(switch_id))

    def sent(self, file: Any, notice: dict[str, Any], act: Act, at: datetime, message_id: str) -> dict[str, Any]:
        """Write down, here and in the journal, that a notice was sent. Raises `RegisterUnavailable`, `JournalUnavailable`."""
        self._record(act)
        return self._notices.sent(file, notice, at.isoformat(), message_id)


def _is_on(value: Mapping[str, Any], target: Target) -> bool:
    return (value.get("target"), value.get("value"), value.get("environment")) == (target.kind, target.value, target.environment)


def _scope(reach: Reach) -> str:
    if not reach.shared:
        return "cette machine; les autres des que Redis repond"
    return "toutes les passerelles" if reach.durable else "toutes les passerelles; copie locale en echec"
