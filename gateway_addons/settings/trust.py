"""Online revocation: the authorities whose certificates are asked for by OCSP."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway_addons.settings.values import Frozen, Seconds


class OcspAuthority(Frozen):
    """One authority, one of those in `anchors_file`, whose certificates need no list because its responder is asked.

    `url` is the responder; without it, the one that the certificate names (authorityInfoAccess), http only: the response is
    signed. With `nonce` every response must have been made for the question. `max_age_s` bounds how long a response counts.
    A responder that does not answer in `timeout_s` makes the state `unknown`, and policy refuses.
    """

    authority_file: Path
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")] | None = None
    nonce: bool = False
    timeout_s: Seconds = 2.0
    max_age_s: Annotated[int, Field(ge=10, le=7 * 86400)] = 3600
