"""The keys of SIREN, SIRET and UAI (domain model, section 6); python-stdnum knows La Poste's exception."""

import re

from stdnum.fr import siret

_UAI = re.compile(r"[0-9]{7}[A-Z]")
_UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def siret_key_holds(number: str) -> bool:
    """Whether both the SIRET's key and that of its SIREN prefix hold; `number` is 14 ASCII digits."""
    return bool(siret.is_valid(number))


def uai_holds(number: str) -> bool:
    """Whether `number` is seven digits and their key letter."""
    return _UAI.fullmatch(number) is not None and _UAI_LETTERS[int(number[:7]) % 23] == number[7]
