"""Does the journal take records? Looked at from outside: the gateway's processes may not run at all."""

import os
from collections.abc import Mapping

from gateway_addons.adapters.journal.stop_marker import stopped
from gateway_addons.core.detection.journal_stop import BROKEN, FULL
from gateway_addons.settings.journal import JournalSettings


def journal_stops(settings: JournalSettings) -> Mapping[str, str]:
    """What stops it now, each with why; nothing while it is written."""
    found: dict[str, str] = {}
    if why := stopped(settings.folder):
        found[BROKEN] = why
    try:
        disk = os.statvfs(settings.folder)
    except OSError as e:
        return found | {BROKEN: f"{settings.folder}: {e.strerror}"}
    free = disk.f_bavail * disk.f_frsize
    if free < settings.reserve_bytes:
        found[FULL] = f"{free} octets libres, moins que journal.reserve_bytes ({settings.reserve_bytes})"
    elif not os.access(settings.folder, os.W_OK | os.X_OK):
        found.setdefault(BROKEN, f"{settings.folder}: le dossier n'est pas inscriptible")
    return found
