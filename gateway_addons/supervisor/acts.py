"""Start, stop and reload of the gateway as acts in the operators' chain of the journal (clause 8-h1)."""

import hashlib
from collections.abc import Mapping

import structlog

from gateway_addons.adapters.journal.acts import act_now, operator_name, record_act
from gateway_addons.adapters.journal.key_files import load_key
from gateway_addons.core.errors import JournalUnavailable
from gateway_addons.core.journal.act import Act
from gateway_addons.settings.journal import JournalSettings

log = structlog.get_logger("poterne.supervisor")


class GatewayActs:
    """Writes the acts of one gateway. Its user is the author; who reloads by command is that user too, or root."""

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings

    def began(self, text: str, workers: int) -> None:
        """It serves. A journal that cannot be written does not keep it from starting: it refuses every call then."""
        self._try(self._act("gateway.start", "la passerelle sert", {
            "reglages": _digest(text), "processus": str(workers), "cleScellement": self._sealing_key()}).told("fait"))

    def ended(self) -> None:
        """It serves no more."""
        self._try(self._act("gateway.stop", "la passerelle est arretee", {}).told("fait"))

    def reload(self, text: str) -> Act:
        """Other settings are about to be taken up.

        Raises:
            JournalUnavailable: it is not on the disk, so they must not be.
        """
        act = self._act("gateway.reload", "reglages relus", {"reglages": _digest(text)})
        record_act(self._settings.folder, act.told("annonce"))
        return act

    def reloaded(self, act: Act, why: str | None = None) -> None:
        """They are in use; or are not, and why."""
        self._try(act.told("fait") if why is None else act.told("echec", cause=why[:600]))

    def unread(self, why: str) -> None:
        """There was an order to reload, and nothing that could be taken up."""
        self._try(self._act("gateway.reload", "reglages relus", {}).told("echec", cause=why[:600]))

    def _act(self, kind: str, reason: str, about: Mapping[str, str]) -> Act:
        return act_now(kind, operator_name(), reason, about, "robot")

    def _try(self, act: Act) -> None:
        try:
            record_act(self._settings.folder, act)
        except JournalUnavailable as e:
            log.error("act_without_record", act=act.kind, why=str(e))

    def _sealing_key(self) -> str:
        try:
            return load_key(self._settings.signing_key_file).id
        except JournalUnavailable as e:
            return str(e)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
