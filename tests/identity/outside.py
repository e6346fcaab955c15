"""A small authorization server that is not ours: keys that rotate, tokens, introspection; real HTTP, real TLS."""

import asyncio
import base64
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway_addons.adapters.identity.base64url import base64url
from tests.identity.forge import NOW, SHA


@dataclass
class Outside:
    """What a test may turn: keys, answers, silence."""

    keys: list[ECKey] = field(default_factory=lambda: [ECKey.generate_key("P-256", auto_kid=True)])
    inactive: set[str] = field(default_factory=set)
    failing: bool = False
    delay_s: float = 0
    document: bytes | None = None
    asked_keys: int = 0
    asked_tokens: list[str] = field(default_factory=list)
    url: str = ""

    def token(self, key: ECKey | None = None, **bend: Any) -> str:
        """As Keycloak makes one: no nbf, a subject of its own, the audience in a list."""
        key = key or self.keys[-1]
        issued = int(NOW.timestamp())
        claims = {"iss": "https://outside.example/realms/a", "aud": ["account", "infinoe"], "sub": str(uuid.uuid4()), "azp": "c", "client_id": "c",
                  "iat": issued, "exp": issued + 300, "jti": str(uuid.uuid4()), "scope": "profile infinoe_comptable_ecriture",
                  "cnf": {"x5t#S256": base64url(bytes.fromhex(SHA))}} | bend
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, {k: v for k, v in claims.items() if v is not ...}, key)

    async def jwks(self, request: Request) -> Response:
        self.asked_keys += 1
        await asyncio.sleep(self.delay_s)
        if self.failing:
            return PlainTextResponse("no", 500)
        if self.document is not None:
            return Response(self.document, media_type="application/json")
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def introspect(self, request: Request) -> Response:
        token = parse_qs((await request.body()).decode())["token"][0]
        self.asked_tokens.append(token)
        if self.failing or base64.b64decode(request.headers["authorization"].split()[1]) != b"poterne:secret":
            return PlainTextResponse("no", 401)
        return JSONResponse({"active": token not in self.inactive})


@asynccontextmanager
async def running(folder: Path | None = None, tls: tuple[Path, Path] | None = None) -> AsyncIterator[Outside]:
    """On a free port of 127.0.0.1, with TLS when it is given a certificate."""
    outside = Outside()
    app = Starlette(routes=[Route("/jwks", outside.jwks), Route("/introspect", outside.introspect, methods=["POST"])])
    listening = socket.create_server(("127.0.0.1", 0))
    options: dict[str, Any] = {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])} if tls else {}
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", **options))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    outside.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield outside
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task
        listening.close()
