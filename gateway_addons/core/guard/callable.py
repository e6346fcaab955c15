"""The calls that a contract allows, one for each right, and moments at which they may be."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway_addons.core.contract.model import Contract
from gateway_addons.core.contract.sample_call import NoSuchCall, sample_call, sample_token_request
from gateway_addons.core.guard.question import Document
from gateway_addons.core.routes import HEALTH, Api, Route

MAX_MOMENTS = 24
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Callable:
    """A contract with its compiled form, from which allowed calls are made."""

    contract: Contract
    compiled: Mapping[str, Any]
    api: Api

    @property
    def environment(self) -> str:
        """`production` or `sandbox`."""
        return self.contract.environment

    def call(self, number: int, moment: datetime) -> Document | None:
        """The call of the right of this number; None when the API has no route for it."""
        right = self.contract.droits[number]
        route = next((r for r in self.api.routes if r.flux == right.flux and r.operation in right.operations), None)
        if route is None:
            return None
        try:
            document = _plain(sample_call(self.contract, route, moment, right).document())
        except (NoSuchCall, LookupError):
            return None
        document["identity"]["scopes"] = [route.scope]
        return document

    def health(self, moment: datetime) -> Document | None:
        """The call that needs no right."""
        route: Route | None = next((r for r in self.api.routes if r.operation == HEALTH), None)
        if route is None:
            return None
        document = _plain(sample_call(self.contract, route, moment).document())
        document["identity"]["scopes"] = document["identity"]["scopes"][:1]
        return document

    def token(self, moment: datetime) -> Document:
        """The question before a token is issued, for one scope."""
        document = _plain(sample_token_request(self.contract, moment).document())
        document["client"]["requested_scopes"] = document["client"]["requested_scopes"][:1]
        return document


def moments(compiled: Mapping[str, Any], now: datetime) -> Iterator[datetime]:
    """Now, then noon of the days around each date that the contract names: a contract may begin later, or be over."""
    yield now
    days: set[date] = set()
    for text in _texts(compiled):
        for found in _DAY.findall(text):
            try:
                day = date.fromisoformat(found)
            except ValueError:
                continue
            if day == date.max:  # the end of what has none
                continue
            days |= {day, day + timedelta(days=1), day - timedelta(days=1)}
    nearest = sorted(days, key=lambda day: abs((day - now.date()).days))
    for day in nearest[:MAX_MOMENTS]:
        yield datetime.combine(day, time(12), UTC)


def _plain(document: Document) -> Document:
    """The question as OPA gets it: arrays, not tuples."""
    plain: Document = json.loads(json.dumps(document))
    return plain


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from _texts(child)
    elif isinstance(node, Sequence):
        for child in node:
            yield from _texts(child)
