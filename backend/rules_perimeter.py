"""INF-MET-01 and the first half of INF-MET-02, and whose data it may be: rules on the perimeter of any entry."""

from collections.abc import Iterator
from functools import lru_cache

from backend.legal_numbers import siret_key_holds
from backend.prepared import Perimeter

type Finding = tuple[str, str]

_key_holds = lru_cache(maxsize=4096)(siret_key_holds)


def perimeter_findings(perimeter: Perimeter, siren: str) -> Iterator[Finding]:
    """Codes and paths of what is wrong with a perimeter declared by a caller of that SIREN.

    INF-DRT-03 rests on the SIREN of the gateway's assertion alone, before the store is asked anything: so a refusal for
    another organisme's data is the same whether or not that data exists.
    """
    yield from siret_findings(perimeter.siret, siren)
    if perimeter.periode[:4] != f"{perimeter.exercice:04d}":
        yield "INF-MET-02", "/periode"


def siret_findings(siret: str, siren: str) -> Iterator[Finding]:
    """As `perimeter_findings`, for a nomenclature, which has no période."""
    if siret[:9] != siren:
        yield "INF-DRT-03", "/organisme/siret"
    if not _key_holds(siret):
        yield "INF-MET-01", "/organisme/siret"
