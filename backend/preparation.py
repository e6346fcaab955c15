"""From the bytes of a body to what the transaction needs: read, validate, apply every rule that needs no store.

Runs in a worker thread; a lot is taken in slices so that no single call holds the interpreter for long.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from backend.canonical import canonical_json, lot_fingerprint
from backend.codes import CODES
from backend.errors import MAX_DETAILS, Detail, refuse_if_any
from backend.form_errors import form_details
from backend.json_reading import read_object
from backend.kinds import Kind
from backend.model_nomenclature import Nomenclature
from backend.model_operations import Deletion, Lot, Modification, Perimetric
from backend.model_types import OwnPerimeter
from backend.prepared import Caller, Perimeter, PreparedChange, PreparedEntry, PreparedLot
from backend.rules_financial import lot_findings
from backend.rules_perimeter import perimeter_findings, siret_findings

SLICE = 250


def prepare_lot(body: bytes, kind: Kind, caller: Caller) -> PreparedLot:
    """A lot to create.

    Raises:
        Refusal: form (400) or SIREN (403). Broken business rules are left in `findings`, for a replay answers first.
    """
    document = read_object(body)
    lot = _validated(Lot, document)
    perimeter = _perimeter(lot)
    refuse_if_any(_flux_details(lot.flux, kind))
    entries, findings, warnings = _entries(document["ecritures"], kind, perimeter, caller)
    findings = [*(Detail(*found) for found in perimeter_findings(perimeter, caller.siren)), *findings]
    findings.extend(_repeated(entries))
    findings.extend(lot_findings(entries))
    _refuse_before_store(findings)
    return PreparedLot(
        flux=kind.flux,
        number=lot.numeroLot,
        perimeter=perimeter,
        emitter=(lot.systemeEmetteur.nom, lot.systemeEmetteur.version),
        fingerprint=lot_fingerprint(document, [entry.content for entry in entries]),
        entries=entries,
        findings=findings,
        warnings=warnings,
    )


def prepare_modification(body: bytes, kind: Kind, identifiant: str, version: int, caller: Caller) -> PreparedChange:
    """The new content of one entry.

    Raises:
        Refusal: form (400) or SIREN (403).
    """
    document = read_object(body)
    change = _validated(Modification, document)
    refuse_if_any(_flux_details(change.flux or kind.flux, kind))
    model = _one_entry(change.ecriture, kind)
    entry, found, warned = _entry(model, change.ecriture, kind, _perimeter(change), caller, None)
    findings = [*_declared(change, caller), *found]
    if model.identifiant != identifiant:
        findings.append(entry.detail("4018", "/identifiant"))
    if entry.perimeter != _perimeter(change):
        findings.append(entry.detail("4015"))
    _refuse_before_store(findings)
    return PreparedChange(
        kind.flux, identifiant, entry.perimeter, version, change.motif, entry, findings, warned
    )


def prepare_deletion(body: bytes, kind: Kind, identifiant: str, version: int, caller: Caller) -> PreparedChange:
    """The deletion of one entry.

    Raises:
        Refusal: form (400) or SIREN (403).
    """
    deletion = _validated(Deletion, read_object(body))
    refuse_if_any(_flux_details(deletion.flux or kind.flux, kind))
    findings = list(_declared(deletion, caller))
    _refuse_before_store(findings)
    return PreparedChange(kind.flux, identifiant, _perimeter(deletion), version, deletion.motif, None, findings)


def prepare_nomenclature(body: bytes, name: str, caller: Caller) -> Nomenclature:
    """A nomenclature to extend or replace.

    Raises:
        Refusal: form (400), SIREN (403), or SIRET key (422).
    """
    nomenclature = _validated(Nomenclature, read_object(body))
    details = [Detail(*found) for found in siret_findings(nomenclature.organisme.siret, caller.siren)]
    if nomenclature.nomenclature != name:
        details.append(Detail("4018", "/nomenclature"))
    refuse_if_any([*details, *nomenclature_findings(nomenclature)])
    return nomenclature


def nomenclature_findings(nomenclature: Nomenclature) -> Iterator[Detail]:
    """Codes given twice, and validities that end before they begin."""
    seen: set[str] = set()
    for position, item in enumerate(nomenclature.codes):
        if item.code in seen:
            yield Detail("4016", f"/codes/{position}/code")
        seen.add(item.code)
        if item.valideDu is not None and item.valideAu is not None and item.valideAu < item.valideDu:
            yield Detail("INF-MET-02", f"/codes/{position}/valideAu")


def _validated[M: BaseModel](model: type[M], document: dict[str, Any]) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as e:
        refuse_if_any(form_details(e))
        raise


def _one_entry(raw: Any, kind: Kind) -> OwnPerimeter:
    try:
        return kind.model.model_validate(raw)
    except ValidationError as e:
        refuse_if_any(form_details(e, base=("ecriture",)))
        raise


def _entries(
    raws: list[Any], kind: Kind, common: Perimeter, caller: Caller
) -> tuple[list[PreparedEntry], list[Detail], list[Detail]]:
    """All entries of a lot; refuses when any has a wrong form, with the details of at most `MAX_DETAILS` of them."""
    entries: list[PreparedEntry] = []
    findings: list[Detail] = []
    warnings: list[Detail] = []
    wrong: list[Detail] = []
    for first in range(0, len(raws), SLICE):
        raw_slice = raws[first : first + SLICE]
        try:
            models = kind.validate(raw_slice)
        except ValidationError as e:
            wrong.extend(form_details(e, base=("ecritures",), first=first))
            if len(wrong) >= MAX_DETAILS:
                break
            continue
        for index, (model, raw) in enumerate(zip(models, raw_slice, strict=True), first):
            entry, found, warned = _entry(model, raw, kind, common, caller, index)
            entries.append(entry)
            findings.extend(found)
            warnings.extend(warned)
    refuse_if_any(wrong)
    return entries, findings, warnings


def _entry(
    model: OwnPerimeter, raw: Any, kind: Kind, common: Perimeter, caller: Caller, index: int | None
) -> tuple[PreparedEntry, list[Detail], list[Detail]]:
    perimeter = _own_perimeter(model, common)
    base = "/ecriture" if index is None else f"/ecritures/{index}"
    entry = PreparedEntry(model.identifiant, perimeter, canonical_json(raw), kind.facts(model), base, index)
    findings = [entry.detail(*found) for found in kind.findings(model, perimeter, caller)]
    if perimeter is not common:
        findings.extend(entry.detail(*found) for found in perimeter_findings(perimeter, caller.siren))
    return entry, findings, [entry.detail(*found) for found in kind.warnings(model, perimeter)]


def _perimeter(body: Perimetric) -> Perimeter:
    return Perimeter(body.organisme.siret, body.budget.key, body.exercice, body.periode)


def _own_perimeter(model: OwnPerimeter, common: Perimeter) -> Perimeter:
    if model.organisme is None and model.budget is None and model.exercice is None and model.periode is None:
        return common
    return Perimeter(
        siret=model.organisme.siret if model.organisme else common.siret,
        budget=model.budget.key if model.budget else common.budget,
        exercice=model.exercice or common.exercice,
        periode=model.periode or common.periode,
    )


def _flux_details(flux: str, kind: Kind) -> Iterator[Detail]:
    if flux != kind.flux:
        yield Detail("4005", "/flux")


def _declared(body: Perimetric, caller: Caller) -> Iterator[Detail]:
    return (Detail(*found) for found in perimeter_findings(_perimeter(body), caller.siren))


def _repeated(entries: list[PreparedEntry]) -> Iterator[Detail]:
    """The same identifier twice in one book, or the same document number twice in one journal (model 2 and 3.2)."""
    identifiers: set[tuple[object, ...]] = set()
    pieces: set[tuple[object, ...]] = set()
    for entry in entries:
        key = (entry.perimeter.book, entry.identifiant)
        if key in identifiers:
            yield entry.detail("4016", "/identifiant")
        identifiers.add(key)
        if entry.facts.journal is not None:
            piece = (entry.perimeter.book, entry.facts.journal, entry.facts.piece)
            if piece in pieces:
                yield entry.detail("INF-MET-14", "/piece")
            pieces.add(piece)


def _refuse_before_store(findings: list[Detail]) -> None:
    """Form and rights never depend on the store; broken business rules (422) wait for its answer."""
    refuse_if_any(detail for detail in findings if CODES[detail.code].status in (400, 403))
