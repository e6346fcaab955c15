"""What the gateway does for the backend: signs an assertion for the very call it sends."""

import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

SIREN = "130999907"
SIRET = "13099990700012"
FLUX = {"budgetaires": "budgetaire", "comptables": "comptable", "financieres": "financiere"}
OPERATIONS = {"POST": "creer", "PUT": "modifier", "DELETE": "supprimer"}


def new_key() -> ECKey:
    key = ECKey.generate_key("P-256")
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def write_jwks(path: Path, *keys: ECKey) -> None:
    """In one step, as a gateway would rotate it: nobody reads half a file."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))
    temporary.replace(path)


class Gateway:
    def __init__(self, base_url: str, key: ECKey, **identity: Any) -> None:
        self.key = key
        self.identity = identity
        self.client = httpx.Client(base_url=base_url, timeout=60.0)

    def claims(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        now = int(time.time())
        parts = [*path.split("/"), ""]
        flux, operation = None, "consulter_etat"
        if "ecritures" in parts:
            flux, operation = FLUX.get(parts[4]), OPERATIONS.get(method, "creer")
        elif "referentiels" in parts:
            flux, operation = "referentiel", "modifier"
        return {
            "iss": "poterne", "aud": "infinoe-backend-production", "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()),
            "organisation": "Agence nationale fictive des mesures", "application": "anfm-infinoe-prod",
            "keytype": "PRODUCTION", "convention": "CONV-INFINOE-2026-0042", "siren": SIREN,
            "correlationId": str(uuid.uuid4()), "htm": method, "htu": path, "body_sha256": hashlib.sha256(body).hexdigest(),
            "flux": flux, "operation": operation, **self.identity,
        }  # fmt: skip

    def sign(self, claims: dict[str, Any], key: ECKey | None = None, **header: Any) -> str:
        signing = key or self.key
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": signing.kid, **header}, claims, signing, algorithms=["ES256"])

    def send(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        headers: dict[str, str] | None = None,
        claims: dict[str, Any] | None = None,
        assertion: str | None = None,
    ) -> httpx.Response:
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        value = assertion or self.sign({**self.claims(method, path, body), **(claims or {})})
        sent = {"Content-Type": "application/json", "X-JWT-Assertion": value, **(headers or {})}
        return self.client.request(method, path, content=body or None, headers=sent)

    def create(self, kind: str, document: Any, **more: Any) -> httpx.Response:
        return self.send("POST", f"/infinoe/v1/ecritures/{kind}", document, **more)

    def change(self, method: str, kind: str, identifiant: str, document: Any, version: str | None) -> httpx.Response:
        headers = {} if version is None else {"If-Match": version}
        return self.send(method, f"/infinoe/v1/ecritures/{kind}/{identifiant}", document, headers=headers)


def codes(response: httpx.Response) -> tuple[int, str, set[tuple[str, str]]]:
    """Status, code, and the set of (code, pointer) of an error answer."""
    body = response.json()
    return response.status_code, body["erreur"]["code"], {(one["code"], one["chemin"]) for one in body.get("details", [])}
