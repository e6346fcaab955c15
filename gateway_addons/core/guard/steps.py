"""One step outside a right, in each dimension (4-C5): refused by the control rights, with exactly the dimension's code."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway_addons.core.facts import rfc3339
from gateway_addons.core.guard.question import Document, Question, with_values

PARIS = ZoneInfo("Europe/Paris")
BUDGETS = ("BP/01", "BP/02", "BA/01", "BA/02", "SACD/01", "SACD/07")
FOREIGN_SIRET = "99999999900011"

type Right = Mapping[str, Any]


def outside(document: Document, right: Right, rights: Sequence[Right]) -> Iterator[Question]:
    """The allowed call with one dimension moved just past every right of its contract that could cover it instead."""
    same = [r for r in rights if r["flux"] == right["flux"]]
    perimeter = document["rights"]["perimeters"][0]
    for code, dimension, changes in (
        *_flux(rights), *_operations(perimeter, same), *_sirets(perimeter, same), *_budgets(perimeter, same),
        *_exercices(perimeter, same), *_periodes(perimeter, same), *_windows(right, same),
    ):
        changed = with_values(document, changes)
        if changed is not None:
            yield Question(f"outside {dimension}", changed, ("rights",), (code,))


def outside_at_once(document: Document, right: Right, rights: Sequence[Right]) -> Question:
    """The same steps in one call, a perimeter for each: every dimension must give its code. Not the windows: they need
    another moment (`outside_the_windows`).
    """
    same = [r for r in rights if r["flux"] == right["flux"]]
    perimeter = document["rights"]["perimeters"][0]
    steps = (*_flux(rights), *_operations(perimeter, same), *_sirets(perimeter, same), *_budgets(perimeter, same),
             *_exercices(perimeter, same), *_periodes(perimeter, same))
    first = {code: changes for code, _, changes in reversed(steps)}
    perimeters = [
        {**perimeter, **{place.removeprefix(FIRST): value for place, value in changes.items() if place.startswith(FIRST)}}
        for changes in first.values()]
    return Question("outside in every dimension", {**document, "rights": {**document["rights"], "perimeters": perimeters,
                                                                         "entries": len(perimeters)}},
                    ("rights",), tuple(sorted(first)))


def outside_the_windows(document: Document, right: Right, rights: Sequence[Right]) -> Iterator[Question]:
    """The call before the first window of any right, and after the last."""
    for code, name, changes in _windows(right, rights):
        changed = with_values(document, changes)
        if changed is not None:
            yield Question(f"outside {name}", changed, ("rights",), (code,))


type Step = tuple[str, str, dict[str, Any]]
FIRST = "rights.perimeters.0."


def _flux(rights: Sequence[Right]) -> Iterator[Step]:
    known = {r["flux"] for r in rights}
    for flux in ("inconnu", *sorted({"budgetaire", "comptable", "financiere", "referentiel"} - known)):
        yield "INF-DRT-01", "flux", {"call.flux": flux, FIRST + "flux": flux}
    yield "INF-DRT-01", "flux of the body alone", {FIRST + "flux": "inconnu"}


def _operations(perimeter: Document, same: Sequence[Right]) -> Iterator[Step]:
    known = {o for r in same for o in r["operations"]}
    for operation in ("inconnue", *sorted({"creer", "modifier", "supprimer"} - known)):
        yield "INF-DRT-02", "operation", {"call.operation": operation, FIRST + "operation": operation}


def _sirets(perimeter: Document, same: Sequence[Right]) -> Iterator[Step]:
    known = {r["siret"] for r in same}
    neighbour = f"{int(perimeter['siret']) + 1:014}"
    for siret in {FOREIGN_SIRET, neighbour} - known:
        yield "INF-DRT-03", "SIRET", {FIRST + "siret": siret}


def _budgets(perimeter: Document, same: Sequence[Right]) -> Iterator[Step]:
    known = {b for r in same if r["siret"] == perimeter["siret"] for b in r["budgets"]}
    for budget in {*BUDGETS, None, str(perimeter["budget"]).lower()} - known:
        yield "INF-DRT-04", "budget", {FIRST + "budget": budget}


def _exercices(perimeter: Document, same: Sequence[Right]) -> Iterator[Step]:
    exercice = perimeter["exercice"]
    if exercice is None:
        yield "INF-DRT-05", "exercice", {FIRST + "exercice": 2026}
        return
    known = {e for r in same for e in r["exercices"] if e is not None}
    for other in (min(known) - 1, max(known) + 1):
        periode = perimeter["periode"] and f"{other:04}{perimeter['periode'][4:]}"
        yield "INF-DRT-05", "exercice", {FIRST + "exercice": other, FIRST + "periode": periode}


def _periodes(perimeter: Document, same: Sequence[Right]) -> Iterator[Step]:
    exercice, periode = perimeter["exercice"], perimeter["periode"]
    before = f"{exercice:04}-" if exercice is not None else ""
    if periode is None:
        yield "INF-DRT-06", "periode", {FIRST + "periode": before + "01"}
        return
    known = {m for r in same for m in r["months"] if m is not None}
    for month in sorted({f"{n:02}" for n in range(15)} - known):
        yield "INF-DRT-06", "periode", {FIRST + "periode": before + month}
    wrong = [None, periode + "-"]
    if exercice is not None:
        wrong.append(f"{exercice - 1:04}-{periode[5:]}")
    for other in wrong:
        yield "INF-DRT-06", "periode", {FIRST + "periode": other}


def _windows(right: Right, same: Sequence[Right]) -> Iterator[Step]:
    """The day before every window of the flux begins, the day after all have ended; the same for the texts (13-b)."""
    begins = [max(r["from"], r["text"]["from"]) for r in same]
    ends = [min(r["to"], r["text"]["to"]) for r in same]
    yield "INF-DRT-06", "the window's beginning", _moved(date.fromisoformat(min(begins)) - timedelta(days=1))
    yield "INF-DRT-06", "the window's end", _moved(date.fromisoformat(max(ends)) + timedelta(days=1))


def _moved(day: date) -> dict[str, Any]:
    """The call at noon of this day in Paris, with a certificate and a token that are good then: only the right is over."""
    noon = datetime.combine(day, time(12), PARIS)
    return {
        "now": rfc3339(noon), "certificate.not_before": rfc3339(noon - timedelta(days=1)),
        "certificate.not_after": rfc3339(noon + timedelta(days=1)), "identity.issued_at": rfc3339(noon - timedelta(minutes=1)),
        "identity.expires_at": rfc3339(noon + timedelta(minutes=9)),
    }
