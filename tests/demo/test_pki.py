"""The throw-away PKI, judged by OpenSSL as a server would: chain, dates, purpose, and both revocation lists."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import crypto

from deploy.demo import pki
from deploy.demo.pki import Identity, PkiFiles

NOW = datetime.now(UTC)
ISSUER = "CN=Poterne Demo AC Clients Production,O=IGC fictive,C=FR"
IDENTITIES = {
    "anfm": Identity("CN=infinoe.anfm.example,OU=0002 13099990700012,O=Agence nationale fictive des mesures,C=FR", ISSUER),
    "ecole": Identity("CN=infinoe.ecole.example,2.5.4.97=NTRFR-131000010,O=Ecole fictive des ponts,C=FR", ISSUER),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PkiFiles:
    return pki.make(tmp_path_factory.mktemp("pki"), IDENTITIES, "anfm", NOW)


def verdict(made: PkiFiles, file: Path, at: datetime = NOW) -> str:
    """`ok`, or OpenSSL's word for what is wrong with a client certificate."""
    store = crypto.X509Store()
    for anchor in x509.load_pem_x509_certificates(made.anchors.read_bytes()):
        store.add_cert(crypto.X509.from_cryptography(anchor))
    for crl in made.crls:
        store.add_crl(x509.load_pem_x509_crl(crl.read_bytes()))
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL | crypto.X509StoreFlags.X509_STRICT)
    store.set_time(at)
    leaf, *chain = x509.load_pem_x509_certificates(file.read_bytes())
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf),
                                [crypto.X509.from_cryptography(c) for c in chain]).verify_certificate()
    except crypto.X509StoreContextError as e:
        return str(e)
    return "ok"


def leaf(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(file.read_bytes())[0]


@pytest.mark.parametrize("name", IDENTITIES)
def test_clients_are_good_and_named_as_the_contract_says(made: PkiFiles, name: str) -> None:
    file = made.clients[name].certificate
    assert verdict(made, file) == "ok"
    assert leaf(file).subject.rfc4514_string() == IDENTITIES[name].subject
    assert leaf(file).issuer.rfc4514_string() == ISSUER
    assert list(leaf(file).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [pki.CLIENT]
    assert leaf(file).extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature


@pytest.mark.parametrize(("name", "said"), [
    ("expired", "certificate has expired"),
    ("not_yet_valid", "certificate is not yet valid"),
    ("revoked", "certificate revoked"),
    ("unknown_ca", "self-signed certificate in certificate chain"),
    ("same_name_ca", "self-signed certificate in certificate chain"),
    ("self_signed", "self-signed certificate"),
    ("unregistered", "ok"),
    ("server_auth_only", "ok"),      # the purpose is told by the server's context, not by the store
])
def test_bad_certificates_have_their_one_defect(made: PkiFiles, name: str, said: str) -> None:
    assert said in verdict(made, made.bad[name].certificate)


@pytest.mark.parametrize("name", ["expired", "not_yet_valid", "revoked", "unknown_ca", "same_name_ca", "self_signed",
                                  "server_auth_only"])
def test_bad_certificates_bear_the_right_name(made: PkiFiles, name: str) -> None:
    assert leaf(made.bad[name].certificate).subject.rfc4514_string() == IDENTITIES["anfm"].subject


def test_there_is_one_for_each_way_of_failing(made: PkiFiles) -> None:
    assert set(made.bad) == {"expired", "not_yet_valid", "revoked", "unknown_ca", "same_name_ca", "self_signed",
                             "server_auth_only", "unregistered"}


def test_server_auth_only_is_for_servers(made: PkiFiles) -> None:
    usages = leaf(made.bad["server_auth_only"].certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [pki.SERVER]


def test_lists_count_for_thirty_days_and_cover_both_authorities(made: PkiFiles) -> None:
    lists = [x509.load_pem_x509_crl(crl.read_bytes()) for crl in made.crls]
    anchors = x509.load_pem_x509_certificates(made.anchors.read_bytes())
    assert {crl.issuer for crl in lists} == {anchor.subject for anchor in anchors}
    assert all(crl.next_update_utc is not None and crl.next_update_utc > NOW + timedelta(days=29) for crl in lists)
    assert "CRL has expired" in verdict(made, made.clients["anfm"].certificate, NOW + timedelta(days=31))


def test_the_server_has_its_own_authority_and_names(made: PkiFiles) -> None:
    server, authority = leaf(made.server.certificate), leaf(made.server_ca)
    server.verify_directly_issued_by(authority)
    assert authority.subject not in {anchor.subject for anchor in x509.load_pem_x509_certificates(made.anchors.read_bytes())}
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}


def test_keys_are_their_owners_only(made: PkiFiles) -> None:
    for files in (*made.clients.values(), *made.bad.values(), made.server):
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_two_issuers_in_an_environment_are_refused(tmp_path: Path) -> None:
    mixed = IDENTITIES | {"other": Identity("CN=x", "CN=AC Clients autre")}
    with pytest.raises(ValueError, match="one issuer"):
        pki.make(tmp_path, mixed, "anfm", NOW)
