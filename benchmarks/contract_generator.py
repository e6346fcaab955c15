"""Many valid, varied contracts for the production environment, made from the worked example; the same seed gives the same files.

    python -m benchmarks.contract_generator FOLDER --count 10000

Every contract has identities of its own (certificate, networks, identifier, client), one to three establishments, one to
six lines of rights, and one of several states: homologation renewed or not, questionnaire, notice, end, suspension.
"""

import json
import random
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from stdnum import luhn

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "config" / "contracts" / "production" / "anfm.yaml"
VARIED = ("convention", "organisme", "acces", "droits", "volumetrie", "securite", "resiliation", "suspensions")
SCOPES = {"budgetaire": "infinoe_budgetaire_ecriture", "comptable": "infinoe_comptable_ecriture",
          "financiere": "infinoe_financiere_ecriture", "referentiel": "infinoe_referentiel_ecriture"}
OPERATIONS = ("creer", "modifier", "supprimer")
MAX_COUNT = 100_000


def write_contracts(folder: Path, count: int, seed: int = 1) -> list[str]:
    """Write `count` files below `folder`/production; returns the contracts' ids. `folder` may hold other contracts."""
    if not 0 < count <= MAX_COUNT:
        raise ValueError(f"between 1 and {MAX_COUNT} contracts can be made")
    base: dict[str, Any] = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    common = yaml.safe_dump({k: v for k, v in base.items() if k not in VARIED}, allow_unicode=True, sort_keys=False)
    target = folder / "production"
    target.mkdir(parents=True, exist_ok=True)
    (folder / "sandbox").mkdir(exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - variety, not secrecy
    ids = []
    for number in range(count):
        own = varied_sections(base, number, chance)
        ids.append(own["convention"]["id"])
        lines = [f"{name}: {json.dumps(own[name], ensure_ascii=False, default=str)}\n" for name in VARIED]
        (target / f"genere-{number:05}.yaml").write_text(common + "".join(lines), encoding="utf-8")
    return ids


def varied_sections(base: dict[str, Any], number: int, chance: random.Random) -> dict[str, Any]:
    """The sections that make contract `number` one of its own."""
    siren = with_key(f"{10_000_000 + number:08}")
    sirets = [with_key(f"{siren}{n:04}") for n in range(1, chance.randint(2, 4))]
    budgets = {siret: ["BP/01", *(f"{kind}/{chance.randint(2, 99):02}" for kind in ("BA", "SACD") if chance.random() < 0.4)]
               for siret in sirets}
    rights = [line(sirets, budgets, chance) for _ in range(chance.randint(1, 6))]
    scopes = sorted({SCOPES[right["flux"]] for right in rights})
    entities = [{"siret": s, "budgets": [{"type": b.partition("/")[0], "code": b.partition("/")[2]} for b in budgets[s]]}
                for s in sirets]
    state = chance.choices(("homologation", "renewed", "questionnaire", "notice", "suspended"), (60, 15, 15, 5, 5))[0]
    return {
        "convention": base["convention"] | {"id": f"CONV-GEN-{number:05}"},
        "organisme": base["organisme"] | {
            "nom": f"Organisme genere {number}", "siren": siren, "siret_demandeur": sirets[0], "entites": entities,
            "soumis_rgs": state != "questionnaire"},
        "acces": {
            "certificats": [{"sujet": f"CN=g{number}.example,OU=0002 {sirets[0]},O=Genere {number},C=FR",
                             "emetteur": "CN=AC Generee,O=IGC fictive,C=FR", "du": "2026-01-01", "au": "2031-12-31"}],
            "adresses_ip": [f"10.{number >> 12 & 255}.{number >> 4 & 255}.{(number & 15) * 16}/28", f"2001:db8:{number:x}::/64"],
            "identifiants_techniques": [f"TS-GEN-{number:05}"],
            "clients_oauth2": [{"client_id": f"gen-{number:05}", "auth": "client_secret_basic+mtls", "scopes": scopes}]},
        "droits": rights,
        "volumetrie": {"appels_par_minute": 200, "limites": limits(rights, chance)},
        "securite": security(base["securite"], state, chance),
        "resiliation": {"par": "consommateur", "notifiee_le": "2026-11-01", "motif": "fin du besoin", "canal": "ecrit"}
        if state == "notice" else None,
        "suspensions": [{"motif": "maintenance", "du": "2026-06-01T10:00:00+02:00", "au": "2026-06-01T12:00:00+02:00",
                         "avertie_le": "2026-06-01T09:00:00+02:00", "message": "bascule"}] if state == "suspended" else [],
    }


def line(sirets: list[str], budgets: dict[str, list[str]], chance: random.Random) -> dict[str, Any]:
    """One line of rights."""
    flux, siret = chance.choice(list(SCOPES)), chance.choice(sirets)
    first = chance.randint(2024, 2027)
    right: dict[str, Any] = {
        "flux": flux, "siret": siret, "exercices": list(range(first, first + chance.randint(1, 4))),
        "depot_du": f"{first}-01-01", "depot_au": "2031-03-16", "texte_id": "T1"}
    if flux == "referentiel":
        return right | {"operations": ["modifier"]}
    return right | {"operations": list(OPERATIONS[:chance.randint(1, 3)]),
                    "periodes": [chance.choice(("01..13", "01..06", "12"))],
                    "budgets": chance.sample(budgets[siret], chance.randint(1, len(budgets[siret])))}


def limits(rights: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """Sometimes a limit of its own for the first flux."""
    return [{"flux": rights[0]["flux"], "octets_par_minute": 10_000_000}] if chance.random() < 0.2 else []


def security(base: dict[str, Any], state: str, chance: random.Random) -> dict[str, Any]:
    """The evidence of security: way 1, with or without a successor, or way 2."""
    if state == "questionnaire":
        answers = {"modele_version": "2025-1", "transmis_le": "2025-11-01", "retourne_le": "2025-12-01", "sha256": "0" * 64,
                   "groupe1": {"decision": "ouverture", "le": "2026-02-10", "par": "agent-0117"}}
        return base | {"voie": "questionnaire", "homologation": None, "questionnaire": answers}
    end = date(2027, 6, 1) + timedelta(days=chance.randint(0, 1800))
    following = {"valide_du": str(end + timedelta(days=1)), "valide_au": str(end + timedelta(days=1000)), "recu_le": "2026-02-01",
                 "document_sha256": "0" * 64} if state == "renewed" else None
    return base | {"homologation": base["homologation"] | {"valide_au": str(end), "successeur": following}}


def with_key(digits: str) -> str:
    """The number with its Luhn key."""
    return digits + luhn.calc_check_digit(digits)


def main(folder: Path, count: Annotated[int, typer.Option(min=1, max=MAX_COUNT)] = 10_000, seed: int = 1) -> None:
    """Write generated contracts into FOLDER."""
    started = time.perf_counter()
    write_contracts(folder, count, seed)
    typer.echo(f"{count} contracts in {folder} in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    typer.run(main)
