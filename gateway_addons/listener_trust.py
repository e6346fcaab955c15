"""What a listener shows and whom it believes, kept current while it runs: composition of adapters and TLS context."""

from datetime import UTC, datetime

from OpenSSL import SSL

from gateway_addons.adapters.trust.server_files import ServerFiles
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.adapters.trust.trust_in_use import believed, shown
from gateway_addons.addons.tls_context import server_context
from gateway_addons.addons.trust_trace import TrustTrace
from gateway_addons.core.journal.in_use import InUse, Refusal
from gateway_addons.settings.gateway import Environment


class CurrentTls:
    """The TLS context that serves the next connection; made again when the listener's own files or trust change.

    Raises:
        TrustError, ServerIdentityError, OSError: files that cannot be used; the listener does not start.
    """

    def __init__(self, name: str, settings: Environment, trust: TrustFiles, trace: TrustTrace) -> None:
        self._name, self._refusal = name, settings.clients.refusal
        self._server = ServerFiles(settings.server, settings.hosts)
        self._trust, self._trace = trust, trace
        self._shown = settings.server.certificate_file
        self._clients = settings.clients
        self._context = self._make()
        self._told: tuple[object, object, list[InUse]] = (None, None, [])
        self.look()

    def __call__(self) -> SSL.Context:
        """The context that is current now."""
        return self._context

    def refresh(self) -> bool:
        """Take up changed files; True when there were some. Reads files: call it in a thread."""
        changed = [part.reload() for part in (self._server, self._trust)]
        if any(changed):
            self._context = self._make()
        return any(changed)

    def look(self) -> None:
        """Tell the operator what is in use and what is about to end."""
        alerts = {"server": self._server.alert, "clients": self._trust.alert}
        self._trace.look(self._name, self._server.material, self._trust.material, alerts, datetime.now(UTC))

    def in_use(self) -> list[InUse]:
        """What is shown and believed now, as the journal names it; made anew only when it changed."""
        server, trust, told = self._told
        if server is not self._server.material or trust is not self._trust.material:
            server, trust = self._server.material, self._trust.material
            told = [shown(self._name, self._shown, self._server.material),
                    *believed(self._name, self._clients, self._trust.material, self._trust.digests)]
            self._told = server, trust, told
        return told

    def refusals(self) -> list[Refusal]:
        """Files that changed and were not taken up."""
        found = {"certificat_serveur": self._server.alert, "confiance": self._trust.alert}
        return [Refusal(of, self._name, why) for of, why in found.items() if why]

    def _make(self) -> SSL.Context:
        return server_context(self._server.material, self._trust.material, self._trust.validate, refusal=self._refusal)
