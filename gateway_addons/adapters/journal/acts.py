"""Acts by command line, in a chain of their own: the workers' chains are theirs alone, and they may not run at all."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway_addons.adapters.journal.chain import Chain
from gateway_addons.adapters.journal.segments import OPERATOR
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.act import Act, ActorType

WAIT_FOR_LOCK_S = 5.0


def record_act(folder: Path, act: Act) -> None:
    """Write an act below the journal's folder; it is on the disk when this returns. Several processes may do so at once.

    Raises:
        JournalUnavailable: it is not on the disk; what was to be done must not be done.
    """
    chain = Chain(folder / OPERATOR)
    try:
        chain.open(WAIT_FOR_LOCK_S)
        chain.append(replace(act, seen=_seen() | dict(act.seen)).fields())
        chain.sync()
    except (OSError, ValueError) as e:
        raise JournalUnavailable(f"{chain.folder}: {e}") from e
    finally:
        chain.close()


def act_now(kind: str, author: str, reason: str, about: Mapping[str, str], actor: ActorType = "humain") -> Act:
    """An act of this moment."""
    return Act(kind, author, reason, about, datetime.now(UTC), actor)


def operator_name() -> str:
    """Who runs this command, as the machine knows it: the author of an act when `--by` names nobody."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this uid
        return f"uid {os.getuid()}"


def _seen() -> dict[str, str]:
    """What the machine knows of who runs this: it goes beside what was said with `--by`."""
    seen = {"utilisateur": operator_name(), "uid": str(os.getuid()), "machine": socket.gethostname()}
    return seen | ({"sudo": os.environ["SUDO_USER"]} if "SUDO_USER" in os.environ else {})
