"""The cast is read from the contracts; what the handout promises of a consumer is allowed by its contract."""

from itertools import product
from pathlib import Path

import pytest

from deploy.demo import cast
from deploy.demo.cast import CastError, Consumer, consumers, working

CONTRACTS = Path(__file__).resolve().parents[2] / "config" / "contracts"
EVERYONE = consumers(CONTRACTS)
ALL = [(environment, name) for environment, named in EVERYONE.items() for name in working(named)]


def allowed(consumer: Consumer, flux: str, operation: str, budget: str, periode: str) -> bool:
    return any(right.flux == flux and operation in right.operations and budget in right.budgets
               and int(periode[:4]) in right.exercices and periode[5:] in right.months() for right in consumer.rights)


@pytest.mark.parametrize(("environment", "name"), ALL)
def test_every_combination_that_is_promised_is_a_right(environment: str, name: str) -> None:
    consumer = EVERYONE[environment][name]
    flux = {f: o for f, o in consumer.operations.items() if f != "referentiel"}
    assert flux
    assert consumer.budgets
    assert consumer.periodes
    for one, budget, periode in product(flux, consumer.budgets, consumer.periodes):
        assert all(allowed(consumer, one, operation, budget, periode) for operation in flux[one])


def test_the_forms_are_those_of_the_contract_of_the_issue() -> None:
    anfm = EVERYONE["production"]["anfm"]
    assert anfm.budgets == ["BP/01"]
    assert "2026-01" in anfm.periodes
    assert 2026 in anfm.exercices
    assert anfm.operations["budgetaire"] == ["creer", "modifier", "supprimer"]
    assert anfm.identifiers == ("TS-INFINOE-0042",)


def test_one_consumer_of_each_environment_is_for_load() -> None:
    for named in EVERYONE.values():
        high = [c for c in working(named).values() if c.contract.calls_per_minute >= 100_000]
        assert len(high) == 1
        assert high[0].contract.volumetrie.justification


def test_at_least_three_consumers_and_both_ways_to_say_a_siren() -> None:
    subjects = [c.identity.subject for c in working(EVERYONE["production"]).values()]
    assert len(subjects) >= 3
    assert any("OU=0002 " in s for s in subjects)
    assert any("2.5.4.97=NTRFR-" in s for s in subjects)


def test_the_refused_ones_are_there_and_kept_apart() -> None:
    assert set(cast.REFUSED) <= set(EVERYONE["production"])
    assert not set(cast.REFUSED) & set(working(EVERYONE["production"]))


def test_without_the_model_consumer_there_is_no_demonstration(tmp_path: Path) -> None:
    for environment in ("production", "sandbox"):
        (tmp_path / environment).mkdir()
        source = CONTRACTS / environment / "ecole.yaml"
        (tmp_path / environment / "ecole.yaml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CastError, match=r"anfm\.yaml"):
        consumers(tmp_path)
