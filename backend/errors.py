"""The one family of refusals: what is raised anywhere below the HTTP boundary and turned into an answer there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.codes import CODES

MAX_DETAILS = 100
_ORDER = (400, 403, 404, 410, 412, 409, 422)


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing wrong: its code, the JSON pointer (RFC 6901) into the caller's body, the entry's position in the lot."""

    code: str
    path: str
    index: int | None = None


class Refusal(Exception):
    """The call is refused with `code`; nothing of it is stored."""

    def __init__(self, code: str, details: Iterable[Detail] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = CODES[code].status
        self.details = tuple(details)[:MAX_DETAILS]
        self.headers = dict(headers or {})


def refuse_if_any(details: Iterable[Detail]) -> None:
    """Refuse with the details of the first status found in the order form, rights, conflict, rules.

    A caller corrects form before meaning; details of a later stage may rest on a wrong reading of the earlier.

    Raises:
        Refusal: with at most `MAX_DETAILS` details, all of the same status.
    """
    found = list(details)
    for status in _ORDER:
        stage = [detail for detail in found if CODES[detail.code].status == status]
        if stage:
            raise Refusal(stage[0].code, stage)
    if found:
        raise LookupError("a detail has a code of no refusing status")
