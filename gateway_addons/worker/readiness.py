"""What `/health/ready` looks at: everything without which a worker refuses calls."""

from collections.abc import Mapping

from gateway_addons.adapters.backend_health import BackendHealth
from gateway_addons.admin.health import Dependency, Readiness
from gateway_addons.settings.gateway import Settings
from gateway_addons.worker.environment import Environment
from gateway_addons.worker.shared_parts import SharedParts


def readiness_of(settings: Settings, parts: SharedParts, environments: Mapping[str, Environment]) -> Readiness:
    """Each dependency by its name."""
    named: dict[str, Dependency] = {
        "opa": Dependency(parts.policy.healthy),
        "redis": Dependency(parts.quota.healthy),
        "journal": Dependency(parts.journal.healthy),
        "revoked_tokens": Dependency(parts.revoked.healthy),
        "switches": Dependency(parts.switches.healthy),
    }
    for name, own in settings.environments.items():
        named[f"tokens_{name}"] = Dependency(environments[name].tokens.healthy)
        named[f"backend_{name}"] = Dependency(BackendHealth(own.backend.url).healthy)
        for api, backend in own.backends.items():
            named[f"backend_{name}_{api}"] = Dependency(BackendHealth(backend.url, backend.health_path).healthy)
    return Readiness(named)
