"""What the checkpoints say of one chain: which line had which hash, and which lines were removed by right."""

from array import array
from dataclasses import dataclass, field

from gateway_addons.core.journal.findings import PurgedRange, Resumption

_HASH_BYTES = 32


@dataclass(slots=True)
class Seals:
    """Kept small: forty bytes for each checkpoint at which the chain had grown, since there are thousands each day."""

    seqs: array[int] = field(default_factory=lambda: array("Q"))
    hashes: bytearray = field(default_factory=bytearray)
    last_segment: str = ""
    purged: dict[int, PurgedRange] = field(default_factory=dict)
    resumed: dict[int, Resumption] = field(default_factory=dict)

    def add(self, seq: int, digest: str, segment: str) -> None:
        """A checkpoint said that line `seq` had this hash."""
        if not self.seqs or self.seqs[-1] != seq:
            self.seqs.append(seq)
            self.hashes += bytes.fromhex(digest.removeprefix("sha256:"))
            self.last_segment = segment

    @property
    def last(self) -> int:
        """The last line that a checkpoint vouches for; 0 when none does."""
        return self.seqs[-1] if self.seqs else 0

    def hash_at(self, index: int) -> str:
        """The hash of the `index`-th sealed line."""
        return f"sha256:{self.hashes[index * _HASH_BYTES:(index + 1) * _HASH_BYTES].hex()}"

    def removed(self, seq: int) -> bool:
        """Was this line removed by right?"""
        return any(gone.first <= seq <= gone.last for gone in self.purged.values())

    def after_purges(self, seq: int, digest: str | None) -> tuple[int, str | None]:
        """Where the chain goes on behind the purged ranges that begin with line `seq`, whose predecessor has `digest`."""
        while (gone := self.purged.get(seq)) is not None and digest in (None, gone.previous):
            seq, digest = gone.last + 1, gone.hash
        return seq, digest
