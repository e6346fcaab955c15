"""Where the journal is written, what seals it, how long it is kept."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway_addons.settings.values import Frozen, Seconds


class Retention(Frozen):
    """How long a category of records is kept, and why so long (clause 5.1)."""

    months: Annotated[int, Field(ge=1, le=240)]
    justification: Annotated[str, StringConstraints(min_length=10, strip_whitespace=True)]


class Retentions(Frozen):
    """`calls`: the workers' chains; `acts`: the operator's; `checkpoints`: what proves both. None has a default."""

    calls: Retention
    acts: Retention
    checkpoints: Retention


class PersonalData(Frozen):
    """How the journal tells personal data: as it is, masked, or as a pseudonym under the key of `key_file`.

    What is masked cannot be decided again by `poterne journal replay`; pseudonyms can.
    """

    ip: Literal["clear", "mask", "pseudonym"] = "clear"
    client_id: Literal["clear", "mask", "pseudonym"] = "clear"
    subject: Literal["clear", "mask", "pseudonym"] = "clear"
    key_file: Path | None = None

    @model_validator(mode="after")
    def _key(self) -> "PersonalData":
        if "pseudonym" in (self.ip, self.client_id, self.subject) and self.key_file is None:
            raise ValueError("pseudonyms need a key_file (`poterne journal key pseudonyms` makes it)")
        return self


class JournalSettings(Frozen):
    """The folder of all chains, one for each writer.

    A segment ends with its day (UTC) and above `segment_max_bytes`. Below `reserve_bytes` of free disk no new call goes on,
    so that the calls under way can still be concluded. Every `checkpoint_s` what was written is sealed with the Ed25519 key
    of `signing_key_file` (`poterne journal key new` makes it).
    """

    folder: Path
    signing_key_file: Path
    retention: Retentions
    personal_data: PersonalData = PersonalData()
    checkpoint_s: Seconds = 10.0
    segment_max_bytes: Annotated[int, Field(ge=1 << 16, le=1 << 32)] = 64 << 20
    reserve_bytes: Annotated[int, Field(ge=0)] = 64 << 20
