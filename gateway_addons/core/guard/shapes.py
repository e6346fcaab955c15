"""Which contracts are alike for policy: one of each shape is broken in every way, so that 10,000 contracts stay practical.

What policy does with a contract depends on its shape: which members it has and of what kind, not on the names and numbers
in them. The names and numbers are looked at for every contract all the same, by the calls that must be allowed and by the
steps outside its rights.
"""

from collections.abc import Mapping
from typing import Any

from gateway_addons.core.contract.compile import NEVER

type Shape = tuple[Any, ...]


def shape_of(environment: str, contract: Mapping[str, Any]) -> Shape:
    """Contracts with equal shapes take the same ways through policy."""
    security = contract["security"]
    return (
        environment, contract["api"], contract["etat"], bool(contract["missing"]), contract["ends"] is not None,
        contract["termination"] is not None, len(contract["suspensions"]) > 0, security["way"], security["risk"] is not None,
        len(security.get("attestations", ())),
        tuple(sorted({key.partition(":")[0] for key in contract["certificates"]})),
        tuple(sorted({"v6" if ":" in network else "v4" for network in contract["addresses"]})),
        len(contract["clients"]), tuple(sorted({str(client.get("auth")) for client in contract["clients"].values()})),
        tuple(sorted({right_shape(right) for right in contract["rights"]})),
    )


def right_shape(right: Mapping[str, Any]) -> Shape:
    """Rights with equal shapes are matched in the same way."""
    return (*(right[dimension] == [None] for dimension in ("budgets", "exercices", "months")), right["text"]["to"] == NEVER)
