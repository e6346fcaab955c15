"""A journal for tests: two workers and an operator, several small segments, sealed several times, with an unsealed tail."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway_addons.adapters.journal.acts import act_now, record_act
from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.checkpoints import CheckpointMaker
from gateway_addons.adapters.journal.key_files import load_key, write_new_key
from tests.journal.settings import journal_settings

AT = "2026-03-31T16:04:11.318000Z"


@dataclass(frozen=True)
class Made:
    """Where it is, and the key that sealed it."""

    folder: Path
    key_file: Path

    @property
    def public(self) -> Ed25519PublicKey:
        return load_key(self.key_file).public

    def maker(self) -> CheckpointMaker:
        return CheckpointMaker(journal_settings(self.folder, self.key_file))

    def copy(self, to: Path) -> "Made":
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return Made(to, self.key_file)


def make(root: Path, *, rounds: int = 4, calls: int = 6, unsealed: int = 3, segment_bytes: int = 1500) -> Made:
    made = Made(root / "journal", root / "key.pem")
    write_new_key(made.key_file)
    maker = made.maker()
    for number in range(rounds):
        for writer in ("worker-0", "worker-1"):
            append(made.folder / writer, [f"{writer}-{number}-{n}" for n in range(calls)], segment_bytes)
        record_act(made.folder, act_now("quota.reset", "moi", "essai", {"tour": str(number)}))
        maker.make()
    append(made.folder / "worker-0", [f"tail-{n}" for n in range(unsealed)], segment_bytes)
    return made


def append(folder: Path, names: list[str], segment_bytes: int = 1500) -> None:
    chain = Chain(folder, segment_bytes=segment_bytes)
    chain.open()
    for name in names:
        chain.append({"type": "appel", "horodatage": AT, "requestId": name, "convention": "C", "motifs": ["é", 1, None]})
    chain.sync()
    chain.close()
