"""The file that stops every exchange of this gateway, whoever found out why; only `poterne journal restore` takes it away.

It lies in the journal's folder (`arret.json`), so that a restart changes nothing, and every worker looks for it.
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway_addons.adapters.journal.segments import sync_folder
from gateway_addons.core.facts import rfc3339

_NAME = "arret.json"


def stop(folder: Path, why: str) -> bool:
    """Stop every exchange; the first reason stays. False when the disk does not even take that."""
    file = folder / _NAME
    told = json.dumps({"depuis": rfc3339(datetime.now(UTC)), "pourquoi": why}, ensure_ascii=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return True
    except OSError:
        return False
    try:
        os.write(fd, told)
        os.fsync(fd)
        sync_folder(folder)
    except OSError:
        return file.exists()
    finally:
        os.close(fd)
    return True


def stopped(folder: Path) -> str | None:
    """Why every exchange is stopped; None when it is not."""
    try:
        text = (folder / _NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as e:
        return f"{_NAME} cannot be read: {e}"
    with suppress(ValueError, TypeError, KeyError):
        told = json.loads(text)
        return f"{told['pourquoi']} (since {told['depuis']})"
    return f"{_NAME} is there, and says nothing"


def resume(folder: Path) -> None:
    """Take the stop away."""
    (folder / _NAME).unlink(missing_ok=True)
    sync_folder(folder)
