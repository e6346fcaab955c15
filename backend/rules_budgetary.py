"""Rules on one budgetary entry: what goes together (model 3.1), INF-MET-02, 04 and the stateless part of 05."""

from collections.abc import Iterator
from types import MappingProxyType

from backend.model_budgetary import BudgetaryEntry
from backend.prepared import Caller, EntryFacts, Lookup, Perimeter
from backend.rules_perimeter import Finding

_SENSES = MappingProxyType({
    "AE": ("CONSOMMATION", "ANNULATION"),
    "CP": ("CONSOMMATION", "ANNULATION"),
    "RECETTE": ("ENCAISSEMENT", "REVERSEMENT"),
})
# A CP without a prior commitment is said by the same event as an AE without one (the model requires an engagement "for CP
# unless SANS_ENGAGEMENT_PREALABLE").
_EVENTS = MappingProxyType({
    "AE": ("ENGAGEMENT_JURIDIQUE", "RETRAIT_ENGAGEMENT", "SANS_ENGAGEMENT_PREALABLE"),
    "CP": ("PAIEMENT", "SANS_ENGAGEMENT_PREALABLE"),
    "RECETTE": ("ENCAISSEMENT",),
})
_REQUIRED = MappingProxyType({
    "AE": ("nature", "destination"), "CP": ("nature", "destination"), "RECETTE": ("origine", "typeRecette", "flechee"),
})  # fmt: skip
_EXCLUDED = MappingProxyType({
    "AE": ("origine", "typeRecette", "flechee"),
    "CP": ("origine", "typeRecette", "flechee"),
    "RECETTE": ("nature", "destination", "engagement"),
})
# The three earmarked kinds of GBCP table 2.
_EARMARKED = ("FINANCEMENTS_ETAT_FLECHES", "AUTRES_FINANCEMENTS_PUBLICS_FLECHES", "RECETTES_PROPRES_FLECHES")
_NEGATIVE_SENSES = ("ANNULATION", "REVERSEMENT")


def findings(entry: BudgetaryEntry, perimeter: Perimeter, caller: Caller) -> Iterator[Finding]:
    """Codes and paths (relative to the entry) of the rules the entry breaks by itself."""
    yield from _coherence(entry)
    if entry.dateBudgetaire.year != perimeter.exercice:
        yield "INF-MET-02", "/dateBudgetaire"
    if not _envelope_accepted(entry, caller.intervention_distinct):
        yield "INF-MET-04", "/enveloppe"
    if entry.mouvement == "CP" and entry.evenement == "PAIEMENT" and entry.engagement is None:
        yield "INF-MET-05", "/engagement"


def _coherence(entry: BudgetaryEntry) -> Iterator[Finding]:
    movement = entry.mouvement
    if entry.sens not in _SENSES[movement]:
        yield "4015", "/sens"
    if entry.evenement not in _EVENTS[movement]:
        yield "4015", "/evenement"
    for name in _REQUIRED[movement]:
        if getattr(entry, name) is None:
            yield "4008", f"/{name}"
    for name in _EXCLUDED[movement]:
        if getattr(entry, name) is not None:
            yield "4015", f"/{name}"
    if None not in (entry.typeRecette, entry.flechee) and entry.flechee != (entry.typeRecette in _EARMARKED):
        yield "4015", "/flechee"


def _envelope_accepted(entry: BudgetaryEntry, intervention_distinct: bool) -> bool:
    """Décret 2012-1246, art. 178: intervention is an envelope of its own only when the contract says so."""
    if entry.mouvement == "RECETTE":
        return entry.enveloppe is None
    refused = "FONCTIONNEMENT_INTERVENTION" if intervention_distinct else "INTERVENTION"
    return entry.enveloppe is not None and entry.enveloppe != refused


def facts(entry: BudgetaryEntry) -> EntryFacts:
    """What the store keeps in columns: the signed amount, and the commitment the entry counts for."""
    sign = -1 if entry.sens in _NEGATIVE_SENSES else 1
    return EntryFacts(
        lookups=tuple(_lookups(entry)),
        movement=entry.mouvement,
        commitment=_commitment(entry),
        amount_centimes=sign * entry.montant,
    )


def _commitment(entry: BudgetaryEntry) -> str | None:
    """The AE it consumes or amends; an AE that consumes is its own; a withdrawal that names none counts for none."""
    if entry.engagement is not None or entry.mouvement != "AE":
        return entry.engagement
    return entry.identifiant if entry.sens == "CONSOMMATION" else None


def _lookups(entry: BudgetaryEntry) -> Iterator[Lookup]:
    for nomenclature, name in (
        ("nature", "nature"),
        ("destination", "destination"),
        ("origine", "origine"),
        ("pluriannuel", "operationPluriannuelle"),
        ("tiers", "tiers"),
    ):
        code = getattr(entry, name)
        if code is not None:
            yield Lookup(nomenclature, code, entry.dateBudgetaire, f"/{name}")
