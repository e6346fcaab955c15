"""Looking into the journal: everything is found by whatever is known of it, and nothing is shown that was altered."""

import asyncio
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_addons.__main__ import app
from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.journal.checkpoints import CheckpointMaker
from gateway_addons.adapters.journal.evidence_check import verify_bundle
from gateway_addons.adapters.journal.index import JournalIndex, Query
from gateway_addons.adapters.journal.journal_writer import JournalWriter
from gateway_addons.adapters.journal.key_files import load_public_key, public_pem, write_new_key
from gateway_addons.adapters.journal.segments import segments
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.facts import rfc3339
from gateway_addons.core.journal.evidence import EvidenceRefused
from gateway_addons.core.switch.order import Order, target
from tests.journal.settings import journal_settings
from tests.support.settings_file import write_settings

T0 = datetime.now(UTC) - timedelta(minutes=5)
SIRETS = ["13099990700012", "13099990700020", "13099990700038"]


def call(n: int) -> dict[str, Any]:
    refused = n % 5 == 4
    return {"requestId": f"r-{n}", "correlationId": f"c-{n // 2}", "horodatage": rfc3339(T0 + timedelta(seconds=n)), "environnement": "production",
            "convention": f"C{n % 2}", "organismes": [SIRETS[n % 3]], "periode": ["2026-03", "2026-04"] if n % 4 == 0 else "2026-03",
            "codeErreur": "INF-DRT-03" if refused else None, "transmis": False, "statut": None, "dureeMs": None, "methode": "POST", "chemin": "/x",
            "entree": {"x": 1}, "detail": "operator's own"}


async def fill(folder: Path, first: int = 0, last: int = 40) -> None:
    journals = [JournalWriter(journal_settings(folder), f"worker-{n}") for n in range(2)]
    for journal in journals:
        journal.open()
    for n in range(first, last):
        record, journal = call(n), journals[n % 2]
        if record["codeErreur"] is None:
            await journal.announce(record)
        await journal.conclude(record | {"statut": 403 if record["codeErreur"] else 201, "transmis": not record["codeErreur"], "dureeMs": n})
    for journal in journals:
        journal.close()


@pytest.fixture
def index(tmp_path: Path) -> JournalIndex:
    asyncio.run(fill(tmp_path / "journal"))
    record_act(tmp_path / "journal", act_now("quota.reset", "moi", "essai", {"convention": "C1"}))
    made = JournalIndex(tmp_path / "journal", tmp_path / "state" / "index.sqlite")
    made.update()
    return made


def ids(index: JournalIndex, **query: Any) -> list[str]:
    return [r.fields.get("requestId", r.kind) for r in index.find(Query(**query))]


LOOKS: list[tuple[dict[str, Any], Any]] = [
    ({"request_id": "r-7"}, lambda n: n == 7), ({"correlation_id": "c-3"}, lambda n: n // 2 == 3), ({"contract": "C0"}, lambda n: n % 2 == 0),
    ({"siret": SIRETS[1]}, lambda n: n % 3 == 1), ({"period": "2026-04"}, lambda n: n % 4 == 0), ({"code": "INF-DRT-03"}, lambda n: n % 5 == 4),
    ({"since": T0 + timedelta(seconds=10), "until": T0 + timedelta(seconds=20)}, lambda n: 10 <= n < 20),
    ({"contract": "C0", "siret": SIRETS[0], "since": T0 + timedelta(seconds=9)}, lambda n: n % 2 == 0 and n % 3 == 0 and n >= 9),
    ({"environment": "sandbox"}, lambda n: False), ({"period": "2026-0"}, lambda n: False)]


@pytest.mark.parametrize(("query", "fits"), LOOKS)
def test_found_by_whatever_is_known(index: JournalIndex, query: dict[str, Any], fits: Any) -> None:
    found = [i for i in ids(index, **query) if i != "acte"]
    assert found == [f"r-{n}" for n in range(40) if fits(n)]


def test_acts_are_found_too(index: JournalIndex) -> None:
    assert ids(index, act="quota.reset") == ["acte"]
    assert ids(index, contract="C1")[-1] == "acte"
    assert ids(index, limit=3) == ["r-0", "r-1", "r-2"]


def test_a_record_is_shown_whole(index: JournalIndex) -> None:
    (record,) = index.find(Query(request_id="r-2"))
    assert (record.fields["statut"], record.fields["convention"], record.fields["dureeMs"], record.interrupted, record.open) == (201, "C0", 2, False, False)


def test_what_is_new_is_added(index: JournalIndex, tmp_path: Path) -> None:
    assert index.update() == 0
    asyncio.run(fill(tmp_path / "journal", 40, 50))
    assert index.update() > 0
    assert len(ids(index)) == 51


def test_rebuilt_it_is_the_same(index: JournalIndex) -> None:
    before = ids(index)
    index.update(rebuild=True)
    assert ids(index) == before


async def test_a_call_without_conclusion_is_open_and_then_interrupted(tmp_path: Path) -> None:
    journal = JournalWriter(journal_settings(tmp_path / "journal"), "worker-0")
    journal.open()
    await journal.announce(call(1))
    index = JournalIndex(tmp_path / "journal", tmp_path / "i.sqlite")
    index.update()
    assert [(r.open, r.interrupted) for r in index.find(Query())] == [(True, False)]
    journal.close()
    again = JournalWriter(journal_settings(tmp_path / "journal"), "worker-0")
    assert again.open() == 1
    again.close()
    index.update()
    assert [(r.open, r.interrupted) for r in index.find(Query())] == [(False, True)]


def test_an_altered_line_is_not_shown(index: JournalIndex, tmp_path: Path) -> None:
    (file,) = segments(tmp_path / "journal" / "worker-0")
    file.write_bytes(file.read_bytes().replace(b'"requestId":"r-4"', b'"requestId":"r-6"', 1))
    with pytest.raises(JournalUnavailable, match="poterne journal verify"):
        ids(index, request_id="r-4")
    assert ids(index, request_id="r-2") == ["r-2"]


def test_a_spoilt_index_is_an_error_and_can_be_rebuilt(index: JournalIndex, tmp_path: Path) -> None:
    file = tmp_path / "state" / "index.sqlite"
    file.write_bytes(file.read_bytes()[:4096] + b"x" * 8192)
    with pytest.raises(JournalUnavailable, match="--rebuild"):
        index.update()
    index.update(rebuild=True)
    assert len(ids(index)) == 41


# --- the commands ---

@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_new_key(tmp_path / "journal.key")
    asyncio.run(fill(tmp_path / "journal"))
    record_act(tmp_path / "journal", act_now("quota.reset", "Jeanne", "essai", {"convention": "C1"}))
    CheckpointMaker(journal_settings(tmp_path / "journal", tmp_path / "journal.key")).make()
    return write_settings(tmp_path)


def poterne(config: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["journal", *words, *(() if words[0] == "check-export" else ("--config", str(config)))])
    assert done.exit_code == status, done.output
    return done.output


def test_show_and_search(config: Path) -> None:
    (shown,) = json.loads(poterne(config, "show", "r-7", "--json"))
    assert (shown["convention"], shown["statut"], shown["writer"]) == ("C1", 201, "worker-1")
    assert [r["requestId"] for r in json.loads(poterne(config, "show", "c-3", "--json"))] == ["r-6", "r-7"]
    assert "r-7" in poterne(config, "show", "r-7")
    assert "no record" in poterne(config, "show", "nobody", status=2)
    found = [json.loads(line) for line in poterne(config, "search", "--organisme", SIRETS[1], "--code", "INF-DRT-03", "--json").splitlines()]
    assert [r["requestId"] for r in found] == [f"r-{n}" for n in range(40) if n % 3 == 1 and n % 5 == 4]
    assert "--limit shows more" in poterne(config, "search", "--limit", "2")
    assert "no moment" in poterne(config, "search", "--from", "hier", status=2)
    assert poterne(config, "index", "--rebuild").strip() == "the index is up to date"


def test_stats(config: Path) -> None:
    rows = json.loads(poterne(config, "stats", "--by", "contract,code", "--json"))
    assert sum(r["calls"] for r in rows) == 40
    assert {(r["contract"], r["code"]): (r["calls"], r["forwarded"]) for r in rows} == {
        ("C0", None): (16, 16), ("C0", "INF-DRT-03"): (4, 0), ("C1", None): (16, 16), ("C1", "INF-DRT-03"): (4, 0)}
    assert "forwarded" in poterne(config, "stats")
    assert "--by knows" in poterne(config, "stats", "--by", "ip", status=2)


def test_an_export_has_all_and_only_the_consumer_s_own(config: Path, tmp_path: Path) -> None:
    out, pem = tmp_path / "c1.jsonl", tmp_path / "public.pem"
    poterne(config, "key", "public", "--out", str(pem))
    assert "20 calls and 1 acts of C1" in poterne(config, "export", str(out), "--convention", "C1")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [x["requestId"] for x in lines if x["type"] == "appel"] == [f"r-{n}" for n in range(40) if n % 2]
    assert {x["convention"] for x in lines if x["type"] == "appel"} == {"C1"}
    text = out.read_text()
    assert "operator's own" not in text
    assert "Jeanne" not in text
    assert json.loads(poterne(config, "check-export", str(out), "--public-key", str(pem), "--json"))["calls"] == 20
    rows = out.read_bytes().splitlines(keepends=True)
    for bent in (rows[:3] + rows[4:], rows[:-1], [*rows[:2], rows[2].replace(b"201", b"403"), *rows[3:]], rows[1:], []):
        out.write_bytes(b"".join(bent))
        poterne(config, "check-export", str(out), "--public-key", str(pem), status=2)
    out.write_bytes(b"".join(rows))
    other = tmp_path / "other.pem"
    other.write_bytes(public_pem(write_new_key(tmp_path / "other.key").public))
    assert "none of the keys" in poterne(config, "check-export", str(out), "--public-key", str(other), status=2)
    assert "exists" in poterne(config, "export", str(out), "--convention", "C1", status=2)


def test_verify_by_command(config: Path, tmp_path: Path) -> None:
    poterne(config, "key", "public", "--out", str(tmp_path / "public.pem"))
    assert json.loads(poterne(config, "verify", "--json"))["whole"] is True
    assert "The journal is whole" in poterne(config, "verify", str(tmp_path / "journal"), "--public-key", str(tmp_path / "public.pem"))
    (file,) = segments(tmp_path / "journal" / "worker-0")
    file.write_bytes(file.read_bytes().replace(b'"convention":"C0"', b'"convention":"C1"', 1))
    told = json.loads(poterne(config, "verify", "--json", status=1))
    assert [f["kind"] for c in told["chains"] for f in c["findings"]] == ["alteration"]
    assert "alteration" in poterne(config, "verify", status=1)
    assert "no journal" in poterne(config, "verify", str(tmp_path / "none"), status=2)


def test_keys_by_command(config: Path) -> None:
    assert "exists" in poterne(config, "key", "new", status=2)
    assert "can go on verifying" in poterne(config, "key", "rotate", "--reason", "annuelle", "--by", "rssi")
    assert "must say why" in poterne(config, "key", "rotate", "--reason", " ", status=2)
    assert json.loads(poterne(config, "verify", "--json"))["whole"] is True
    acts = [json.loads(line) for line in poterne(config, "search", "--act", "journal.key_rotate", "--json").splitlines()]
    assert [a["sujet"]["etat"] for a in acts] == ["annonce", "fait"]


def test_each_exports_check_says_whose_the_other_is(config: Path, tmp_path: Path) -> None:
    poterne(config, "key", "public", "--out", str(tmp_path / "public.pem"))
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        archive.writestr("manifest.json", "{}")
    key = ("--public-key", str(tmp_path / "public.pem"))
    assert "incident verify-export" in poterne(config, "check-export", str(tmp_path / "bundle.zip"), *key, status=2).replace("\n", " ")
    poterne(config, "export", str(tmp_path / "own.jsonl"), "--convention", "C1")
    with pytest.raises(EvidenceRefused, match="journal check-export"):
        verify_bundle(tmp_path / "own.jsonl", [load_public_key(tmp_path / "public.pem")])


def test_a_switch_on_a_convention_is_found_with_its_records(config: Path, tmp_path: Path) -> None:
    order = Order("cut", target(None, {"convention": "C1"}), "securite", "essai", "moi", datetime.now(UTC))
    record_act(tmp_path / "journal", act_now("switch.cut", "moi", "essai", order.about("SW-1", ("C1",))))
    found = [json.loads(line) for line in poterne(config, "search", "--convention", "C1", "--act", "switch.*", "--json").splitlines()]
    assert [one["sujet"]["interrupteur"] for one in found] == ["SW-1"]
    assert poterne(config, "search", "--convention", "C0", "--act", "switch.*", "--json") == ""
