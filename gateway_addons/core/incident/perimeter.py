"""The perimeter of an incident (8-g2): what the calls of a period touched."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

MAX_NAMED = 10_000
"""Of each kind; beyond that only how many more there are is told."""

_SETS = {"conventions": "convention", "certificats": "certificat", "idTeleservices": "idTeleservice", "adresses": "ip",
         "exercices": "exercice", "periodes": "periode", "organismes": "sirets", "flux": "flux", "revisions": "revision"}


class Perimeter:
    """Counts what the records touch. Only calls that reached the backend have touched data."""

    def __init__(self) -> None:
        self._touched: dict[str, Counter[str]] = {name: Counter() for name in _SETS}
        self._seen: dict[str, Counter[str]] = {name: Counter() for name in _SETS}
        self._calls = self._passed = self._interrupted = 0

    def take(self, record: Mapping[str, Any], *, interrupted: bool) -> None:
        """One call, masked or not."""
        self._calls += 1
        self._interrupted += interrupted
        passed = bool(record.get("transmis")) or interrupted
        self._passed += passed
        for name, field in _SETS.items():
            for value in _values(record.get(field)):
                (self._touched if passed else self._seen)[name][value] += 1

    def document(self) -> dict[str, Any]:
        """What was touched, and what was only asked for and refused."""
        return {"appels": self._calls, "transmis": self._passed, "interrompus": self._interrupted,
                "touches": {name: _told(counter) for name, counter in self._touched.items()},
                "refuses": {name: _told(counter) for name, counter in self._seen.items()}}


def _values(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def _told(counter: Counter[str]) -> dict[str, int]:
    told = dict(counter.most_common(MAX_NAMED))
    more = len(counter) - len(told)
    return told | ({"et d'autres": more} if more else {})
