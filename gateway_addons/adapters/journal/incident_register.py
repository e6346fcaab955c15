"""Incidents as the operators' chain of the journal tells them; an act is checked against them before it is written."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway_addons.adapters.journal.acts import record_act
from gateway_addons.adapters.journal.reader import moment, whole_lines
from gateway_addons.adapters.journal.segments import OPERATOR, segments
from gateway_addons.core.incident.acts import KIND_PREFIX, IncidentAct, apply, fold
from gateway_addons.core.incident.model import Incident
from gateway_addons.core.journal.act import Act


def incident_acts(folder: Path) -> Iterator[IncidentAct]:
    """All acts about incidents, in their order. Raises `JournalUnavailable`."""
    for file in segments(folder / OPERATOR):
        for _, line in whole_lines(file):
            if line.kind != "acte":
                continue
            told = line.fields()
            if str(told["acte"]).startswith(KIND_PREFIX):
                yield IncidentAct(told["acte"], moment(told["horodatage"]), told["acteur"]["nom"], told["motif"], told["sujet"])


def incidents(folder: Path) -> dict[str, Incident]:
    """All incidents by id.

    Raises:
        JournalUnavailable: the chain cannot be read.
        IncidentError: the chain holds an act that does not fit.
    """
    return fold(incident_acts(folder))


def record_incident_act(folder: Path, act_of: Callable[[Mapping[str, Incident]], Act]) -> Incident:
    """Make an act with the incidents known, check it against them, then make it durable; the incident as it is afterwards.

    Raises:
        IncidentError: it does not fit; nothing was written.
        JournalUnavailable: it is not on the disk.
    """
    with _one_at_a_time(folder):
        known = incidents(folder)
        act = act_of(known)
        changed = apply(known, IncidentAct(act.kind, act.at, act.author, act.reason, act.about))
        record_act(folder, act)
    return changed


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Between the check and the write no other command may come: two openings would take one number."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "incidents.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
