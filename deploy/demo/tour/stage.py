"""What every scene of the tour works with: the running system as `demo.json` tells it, clients, tokens, and the table of rows."""

import base64
import json
import sqlite3
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.demo.tour import curl
from deploy.demo.tour.exchange import Answer, Client, Request
from deploy.demo.tour.library import Library
from gateway_addons.adapters.journal.reader import records

API = "/infinoe/v1"
STATE = f"{API}/etatSante"


@dataclass(frozen=True)
class Call:
    """A call as its consumer would make it, but for the fields that are given."""

    consumer: str
    method: str
    path: str
    body: dict[str, Any] | bytes | None = None
    environment: str = "production"
    certificate: str | tuple[Path, Path] | None = ""
    """None for none, or the name of a consumer or of a bad certificate, or files."""
    token: str | None = ""
    """None for none, or a token."""
    identifiers: tuple[str, ...] | None = None
    """The ID_Teleservice headers to send, one each."""
    more: tuple[tuple[str, str], ...] = ()
    """Further headers."""
    source: str | None = None
    """The local address to call from."""
    correlation: bool = True
    """With X-Correlation-ID or without."""
    tls12: bool = False
    client: Client | None = None


class TourFailed(Exception):
    """The tour cannot go on: something that later calls need was not given."""


@dataclass(frozen=True)
class Row:
    """One line of the table; it is as expected when both texts are the same."""

    scene: str
    what: str
    client: str
    expected: str
    got: str
    ms: float

    @property
    def same(self) -> bool:
        """Is it as expected?"""
        return self.expected == self.got


@dataclass
class Stage:
    """The system, the clients, and what happened so far."""

    document: dict[str, Any]
    library: Library
    rows: list[Row] = field(default_factory=list)
    scene: str = ""

    def __post_init__(self) -> None:
        self._tokens: dict[tuple[str, str], str] = {}
        self._turn = 0
        self.answered: list[str] = []
        """Correlation identifiers of the calls that got an HTTP answer."""

    def site(self, environment: str) -> dict[str, Any]:
        """An environment, as the document has it."""
        site: dict[str, Any] = self.document["environments"][environment]
        return site

    def consumer(self, name: str, environment: str = "production") -> dict[str, Any]:
        """A consumer, also one that is refused."""
        site = self.site(environment)
        consumer: dict[str, Any] = site["consumers"].get(name) or site["refused_consumers"][name]
        return consumer

    def pair(self, name: str, environment: str = "production") -> tuple[Path, Path]:
        """The certificate and key of a consumer or, by its defect, a bad one."""
        bad = self.site(environment)["bad_certificates"].get(name)
        files = bad or self.consumer(name, environment)
        return Path(files["cert_file"]), Path(files["key_file"])

    def ca(self, environment: str) -> Path:
        """The authority of an environment's server certificate."""
        return Path(self.site(environment)["ca_file"])

    def thumbprint(self, name: str, environment: str = "production") -> str:
        """The certificate's SHA-256, as RFC 8705 writes it."""
        certificate = x509.load_pem_x509_certificate(self.pair(name, environment)[0].read_bytes())
        return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()

    def tokens(self) -> list[str]:
        """The tokens that were given so far."""
        return list(self._tokens.values())

    def send(self, request: Request, client: Client | None = None) -> Answer:
        """Make a call with the client named or, by turns, with curl and with the library."""
        if client is None:
            self._turn += 1
            client = "curl" if self._turn % 2 else "httpx"
        return curl.send(request) if client == "curl" else self.library.send(request)

    def row(self, what: str, expected: str, answer: Answer, got: str | None = None, client: str | None = None) -> None:
        """Note what came of a call."""
        self.rows.append(Row(self.scene, what, client or answer.client, expected, str(answer) if got is None else got, answer.ms))

    def make(self, what: str, expected: str, call: Call) -> Answer:
        """Make a call and note what came of it."""
        answer = self.answer(call)
        self.row(what, expected, answer)
        return answer

    def answer(self, call: Call) -> Answer:
        """Make a call without a row of its own."""
        own, site = self.consumer(call.consumer, call.environment), self.site(call.environment)
        correlation = str(uuid.uuid4())
        headers = [("X-Correlation-ID", correlation)] if call.correlation else []
        identifiers = own["id_teleservice"][:1] if call.identifiers is None else call.identifiers
        headers += [("ID_Teleservice", value) for value in identifiers]
        if call.token is not None:
            headers.append(("Authorization", f"Bearer {call.token or self.token(call.consumer, call.environment)}"))
        content = call.body if isinstance(call.body, bytes | None) else json.dumps(call.body).encode()
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        pair = call.certificate
        if isinstance(pair, str):
            pair = self.pair(pair or call.consumer, call.environment)
        answer = self.send(Request(site["base_url"] + call.path, call.method, self.ca(call.environment),
                                   (*headers, *call.more), content, pair, call.source, call.tls12), call.client)
        if answer.status is not None and call.correlation:
            self.answered.append(correlation)
        return answer

    def ask_token(self, consumer: str, environment: str = "production", *, secret: str | None = None,
                  form: str = "grant_type=client_credentials", certificate: str | None = "", client_id: str | None = None,
                  client: Client | None = None, path: str = "/token", basic: bool = True) -> Answer:
        """A request to the token endpoint or one beside it (RFC 6749 section 4.4), right but for what is given."""
        own, site = self.consumer(consumer, environment), self.site(environment)
        credentials = base64.b64encode(f"{client_id or own['client_id']}:{secret or own['client_secret']}".encode()).decode()
        headers = (("Content-Type", "application/x-www-form-urlencoded"), ("X-Correlation-ID", str(uuid.uuid4())),
                   *((("Authorization", f"Basic {credentials}"),) if basic else ()))
        pair = None if certificate is None else self.pair(certificate or consumer, environment)
        return self.send(Request(site["base_url"] + path, "POST", self.ca(environment), headers, form.encode(), pair), client)

    def token(self, consumer: str, environment: str = "production") -> str:
        """The consumer's token; asked for once.

        Raises:
            TourFailed: the token endpoint gives none.
        """
        key = (environment, consumer)
        if key not in self._tokens:
            answer = self.ask_token(consumer, environment, client="httpx")
            if answer.status != 200:
                raise TourFailed(f"no token for {consumer} in {environment}: {answer}")
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    def forged(self, consumer: str, claims: dict[str, Any], environment: str = "production", *,
               key: ECKey | None = None, model: str = "") -> str:
        """The consumer's token with other claims, signed with the environment's own key (or with the one given)."""
        own = key or ECKey.import_key(Path(self.site(environment)["token_signing_key_file"]).read_bytes())
        header, payload = parts(self.token(model or consumer, environment))
        return jwt.encode({**header, "kid": own.thumbprint()} if key else header, payload | claims, own)

    def stored(self, environment: str = "production") -> int:
        """How many entries the backend's database holds, read beside the backend."""
        database = self.site(environment)["backend_database"]
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
            count: int = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
            return count

    def journal(self) -> str:
        """The text of the gateway's journal, every worker's part of it, read beside the gateway."""
        return "".join(part.read_text(encoding="utf-8") for part in sorted(Path(self.document["journal"]).glob("*/*.jsonl")))

    def recorded(self, answer: Answer) -> str:
        """The reasons that the journal has for a call: all of them, where the caller is told the first."""
        correlation = answer.headers.get("x-correlation-id", "none")
        for record in records(Path(self.document["journal"])):
            if record.fields.get("correlationId") == correlation and record.fields.get("motifs"):
                return ", ".join(reason["code"] for reason in record.fields["motifs"])
        return "nothing"

    def differing(self) -> Sequence[Row]:
        """The rows that are not as expected."""
        return [row for row in self.rows if not row.same]


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, unverified: the tour looks at what it was given."""
    header, claims, _ = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    return json.loads(header), json.loads(claims)


def seconds_ago(seconds: int) -> int:
    """A time for a claim."""
    return int(time.time()) - seconds
