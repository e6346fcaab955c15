"""The journal takes no record, so nothing is exchanged: told at once, with the way back; and told when exchanges go on (I3)."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import JournalStopped

BROKEN = "journal arrêté"
FULL = "journal sans place"
SEEN = "journal en défaut"
"""What the gateway's own processes say of it, where nothing of the others is seen from outside."""

_RESTORE = "puis `poterne journal verify` et `poterne journal restore --by NOM --reason TEXTE`"
_WAY_BACK = {
    BROKEN: f"regarder ce qui est arrivé au disque, {_RESTORE}",
    FULL: "faire de la place ; les échanges reprennent d'eux-mêmes",
    SEEN: f"lire ce que dit la passerelle, {_RESTORE}",
}


class JournalStop:
    """Remembers since when the journal has been stopped, and by what."""

    def __init__(self, rule: JournalStopped) -> None:
        self._rule = rule
        self._since: dict[str, datetime] = {}

    def look(self, stops: Mapping[str, str], now: datetime) -> Iterator[Alert]:
        """`stops` are what stops it now (`BROKEN`, `FULL`, `SEEN`), each with why."""
        for name, why in stops.items():
            if name not in self._since:
                self._since[name] = now
                yield self._alert(name, now, f"{name}, aucun échange n'a lieu (503 INF-INT-01) : {why}. "
                                             f"Le retour : {_WAY_BACK.get(name, _WAY_BACK[SEEN])}.")
        for name in [n for n in self._since if n not in stops]:
            seconds = (now - self._since.pop(name)).total_seconds()
            if not stops:
                yield self._alert(f"{name}, rétabli", now, f"les échanges reprennent après {seconds:.0f} s ({name})", over=True)

    def _alert(self, subject: str, at: datetime, message: str, *, over: bool = False) -> Alert:
        return Alert(rule=self._rule.id, kind=self._rule.kind, severity="info" if over else self._rule.severity, at=at,
                     subject=subject, message=message)
