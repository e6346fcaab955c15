"""What the operator's window says is away: read as a person would read `/health/ready`."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from gateway_addons.settings.values import Listen

TIMEOUT_S = 8.0
MAX_ANSWER_BYTES = 1 << 20
GATEWAY = "passerelle"
"""The name under which the gateway as a whole is away."""


async def away(admin: Listen) -> Mapping[str, str]:
    """The parts that are not there, with why; the gateway itself when its window does not answer."""
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(
            f"http://{admin.host}:{admin.port}/health/ready", allow_redirects=False
        ) as answer:
            document = json.loads(await answer.content.read(MAX_ANSWER_BYTES))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
        return {GATEWAY: f"la fenêtre de l'exploitant ne répond pas ({type(e).__name__})"}
    return _away_in(document)


def _away_in(document: Any) -> Mapping[str, str]:
    if not isinstance(document, dict) or document.get("status") == "ready":
        return {} if isinstance(document, dict) else {GATEWAY: "réponse inattendue"}
    dependencies = document.get("dependencies", {})
    found = {str(name): str(told.get("last_error") or "absent") for name, told in dependencies.items() if not told.get("up")}
    return found or {GATEWAY: "aucun travailleur n'est prêt"}
