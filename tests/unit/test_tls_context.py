"""The OpenSSL context of a listener: what is switched off is off, whatever the library's defaults are."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from gateway_addons.adapters.trust.server_files import ServerFiles
from gateway_addons.adapters.trust.trust_files import TrustFiles
from gateway_addons.addons import tls_context
from gateway_addons.addons.tls_context import server_context
from gateway_addons.settings.listener import ClientTrust, ServerIdentity
from tests.support import pki

_lib: Any = SSL._lib  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> SSL.Context:
    folder = tmp_path_factory.mktemp("tls")
    top = pki.root("Racine")
    top.me.write(folder, "anchors")
    (folder / "root.crl").write_bytes(top.crl())
    server = pki.root("Serveurs").issue("localhost", usages=(ExtendedKeyUsageOID.SERVER_AUTH,), names=(x509.DNSName("localhost"),))
    certificate, key = server.write(folder, "server")
    trust = TrustFiles(ClientTrust(anchors_file=Path(folder / "anchors.pem"), crl_files=(folder / "root.crl",)))
    shown = ServerFiles(ServerIdentity(certificate_file=certificate, key_file=key), ("localhost",)).material
    return server_context(shown, trust.material, trust.validate, refusal="alert")


class Spied:
    """pyOpenSSL's library, with what it is asked written down."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[Any, ...]] = {}

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any) -> Any:
            self.asked[name] = arguments[1:]
            return getattr(_lib, name)(*arguments)

        return called


@pytest.mark.parametrize("option", ["OP_NO_COMPRESSION", "OP_NO_RENEGOTIATION", "OP_NO_TICKET", "OP_CIPHER_SERVER_PREFERENCE"])
def test_the_options_of_the_context(context: SSL.Context, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the module itself sets: a library that has an option on by default may not have it tomorrow."""
    asked: list[int] = []
    monkeypatch.setattr(SSL.Context, "set_options", lambda self, options: asked.append(options))
    tls_context._speak_only(SSL.Context(SSL.TLS_SERVER_METHOD))
    assert asked[0] & getattr(SSL, option)
    monkeypatch.undo()
    assert context.set_options(0) & getattr(SSL, option)


def test_no_early_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_context, "_lib", spied := Spied())
    tls_context._speak_only(SSL.Context(SSL.TLS_SERVER_METHOD))
    assert spied.asked["SSL_CTX_set_max_early_data"] == (0,)


def test_no_session_is_kept(context: SSL.Context) -> None:
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF


def test_the_oldest_and_the_newest_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Security level 2 of the suites would keep TLS 1.1 out as well; this keeps the one that says so."""
    asked: list[tuple[str, int]] = []
    for name in ("set_min_proto_version", "set_max_proto_version"):
        monkeypatch.setattr(SSL.Context, name, lambda self, version, name=name: asked.append((name, version)))
    tls_context._speak_only(SSL.Context(SSL.TLS_SERVER_METHOD))
    assert asked == [("set_min_proto_version", SSL.TLS1_2_VERSION), ("set_max_proto_version", SSL.TLS1_3_VERSION)]


def test_the_signature_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    """SHA-2 only, RSA and ECDSA only."""
    monkeypatch.setattr(tls_context, "_lib", spied := Spied())
    tls_context._speak_only(SSL.Context(SSL.TLS_SERVER_METHOD))
    (said,) = spied.asked["SSL_CTX_set1_sigalgs_list"]
    names = said.decode().split(":")
    assert names
    assert all(n.startswith(("ecdsa_secp", "rsa_p")) and n.endswith(("sha256", "sha384", "sha512")) for n in names)
