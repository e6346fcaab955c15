"""Control C3: presence and conformity of the technical identifier, header ID_Teleservice (clause 4-C3)."""

import re
from collections.abc import Sequence

from gateway_addons.core.facts import IdentifierFacts

FORMAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")


def identifier_facts(values: Sequence[str]) -> IdentifierFacts:
    """The facts of control C3 from every ID_Teleservice header of the request, in order."""
    if not values:
        return IdentifierFacts(presented=False, value=None, failure="absent")
    if len(values) > 1:
        return IdentifierFacts(presented=True, value=None, failure="duplicate")
    if not FORMAT.fullmatch(values[0]):
        return IdentifierFacts(presented=True, value=None, failure="malformed")
    return IdentifierFacts(presented=True, value=values[0], failure=None)
