"""What detection keeps across a restart: how far the journal was read, and what the rules have learnt."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_addons.adapters.journal.follow import Position
from gateway_addons.adapters.journal.segments import sync_folder

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """The kept state; `fresh` when there was none, so that the past is learnt from and not alerted on."""

    positions: dict[str, Position] = field(default_factory=dict)
    learnt: dict[str, Any] = field(default_factory=dict)
    fresh: bool = True


def load(file: Path) -> Memory:
    """The state in the file, or a fresh one when there is no file.

    Raises:
        ValueError: the file is there and is not what `save` wrote; it must be looked at, not guessed about.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Memory()
    try:
        document = json.loads(raw)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}")
        positions = {str(w): Position(str(s), int(o)) for w, (s, o) in document["positions"].items()}
        return Memory(positions, dict(document["learnt"]), fresh=False)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise ValueError(f"{file}: is not the state of detection ({e}); move it away to learn anew from the journal") from e


def save(file: Path, memory: Memory) -> None:
    """Replace the file; either the old state or the new one is there after a crash. Raises `OSError`."""
    document = {"format": FORMAT, "positions": {w: [p.segment, p.offset] for w, p in memory.positions.items()},
                "learnt": memory.learnt}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as stream:
        stream.write(json.dumps(document).encode())
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    sync_folder(file.parent)
