"""A certificate that is used from a new network: what was seen of each certificate is kept, and bounded."""

import ipaddress
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gateway_addons.core.detection.alert import Alert
from gateway_addons.core.detection.rules import NewNetwork

MAX_CERTIFICATES = 50_000
MAX_NETWORKS = 64
"""Networks that are kept for one certificate; the one that was not used for longest is forgotten first."""


class NetworksOfCertificates:
    """Learns from which networks each verified certificate is used, and tells when there is one more."""

    def __init__(self, rule: NewNetwork) -> None:
        self._rule = rule
        self._known: OrderedDict[str, tuple[int, OrderedDict[str, None]]] = OrderedDict()

    def observe(self, record: Mapping[str, Any], at: datetime) -> Iterator[Alert]:
        """An alert for a certificate that passed control C1, from a network that is new for it."""
        certificate, network = record.get("certificat"), self._network(record.get("ip"))
        verdict = (record.get("controles") or {}).get("certificat")
        if not isinstance(certificate, str) or network is None or verdict != "ok":
            return
        calls, networks = self._known.pop(certificate, (0, OrderedDict()))
        new = network not in networks
        networks[network] = None
        networks.move_to_end(network)
        if len(networks) > MAX_NETWORKS:
            networks.popitem(last=False)
        self._known[certificate] = (calls + 1, networks)
        if len(self._known) > MAX_CERTIFICATES:
            self._known.popitem(last=False)
        if new and calls >= self._rule.min_calls:
            yield Alert(
                rule=self._rule.id, kind=self._rule.kind, severity=self._rule.severity, at=at, subject=certificate,
                message=f"certificat {certificate} utilisé depuis un réseau nouveau pour lui : {network}",
                evidence=(str(record.get("requestId")),),
                details={"reseau": network, "convention": str(record.get("convention") or ""),
                         "environnement": str(record.get("environnement") or "")},
            )

    def _network(self, address: object) -> str | None:
        """The network of an address; a masked address is compared as it is, so each is a network of its own."""
        if not isinstance(address, str) or not address:
            return None
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return address
        prefix = self._rule.prefix_v4 if parsed.version == 4 else self._rule.prefix_v6
        return str(ipaddress.ip_network((parsed, prefix), strict=False))

    def state(self) -> dict[str, Any]:
        """What a restart needs."""
        return {name: [calls, list(networks)] for name, (calls, networks) in self._known.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` told. Raises `ValueError`, `TypeError` for anything else."""
        for name, (calls, networks) in state.items():
            self._known[str(name)] = (int(calls), OrderedDict.fromkeys(str(n) for n in networks))
