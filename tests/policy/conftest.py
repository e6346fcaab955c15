"""The contracts of the repository, and a real OPA that serves them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_addons.adapters.policy.bundle import Sources, build_bundle
from gateway_addons.adapters.policy.contract_files import load_contracts
from gateway_addons.core.contract.model import Contract
from tests.policy.opa_server import ROOT, OpaServer, opa_binary
from tests.policy.variants import VARIANTS, write_variants

CONTRACTS = ROOT / "config" / "contracts"


def sources(contracts: Path, readings: Path = ROOT / "config" / "readings.yaml") -> Sources:
    """The repository's policies, with these contracts and readings."""
    return Sources(opa_binary(), ROOT / "policies", contracts, readings, ROOT / "config" / "schemas")


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return dict(load_contracts(CONTRACTS))


@pytest.fixture(scope="session")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    """OPA with the repository's contracts."""
    bundle = tmp_path_factory.mktemp("bundle") / "bundle.tar.gz"
    build_bundle(sources(CONTRACTS), bundle)
    with OpaServer(bundle) as server:
        yield server


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of contracts: the same one, each with one thing changed."""
    folder = tmp_path_factory.mktemp("variants") / "contracts"
    write_variants(folder, VARIANTS)
    return folder


@pytest.fixture(scope="session")
def variant_contracts(variants: Path) -> dict[str, Contract]:
    return dict(load_contracts(variants))


@pytest.fixture(scope="session")
def variant_opa(variants: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    """OPA with the changed contracts, read as the repository reads."""
    bundle = tmp_path_factory.mktemp("bundle") / "variants.tar.gz"
    build_bundle(sources(variants), bundle)
    with OpaServer(bundle) as server:
        yield server
