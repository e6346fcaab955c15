"""Public keys that signatures are checked with: a JWK Set (RFC 7517), read strictly once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from gateway_addons.adapters.identity.base64url import strict_base64url
from gateway_addons.core.strict_json import Unreadable, read_object

MAX_KEYS = 32
MAX_SET_BYTES = 64 * 1024
MIN_RSA_BITS = 2048
"""RFC 7518 sections 3.3 and 3.5."""

ADMISSIBLE = frozenset({"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "EdDSA", "Ed25519"})
"""What may be put on an allow-list at all: signatures only, nothing with a shared secret, no SHA-1 (RFC 8725 section 3.1)."""

_WEAK_RSA = f"a weak RSA key: {MIN_RSA_BITS} bits and exponent 65537 at least are needed"
_CURVES = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",), "Ed25519": ("Ed25519", "EdDSA")}
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_RSA = ("PS256", "PS384", "PS512", "RS256")


class KeySetError(ValueError):
    """A key set that must not be used; the message says why."""


@dataclass(frozen=True)
class VerificationKey:
    """One public key, with the algorithms that it may be used with."""

    key_id: str
    key: ECKey | RSAKey | OKPKey
    algorithms: frozenset[str]


@dataclass(frozen=True)
class PublicKeys:
    """A set of keys. `generation` is another one whenever keys came or went, so that nothing outlives its key."""

    keys: tuple[VerificationKey, ...]
    generation: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "generation", tuple(sorted((k.key_id, k.key.thumbprint()) for k in self.keys)))
        if len({key.key_id for key in self.keys}) != len(self.keys):
            raise KeySetError("two keys have the same kid")

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key of that name for that algorithm. Without a name: the one key for it, when there is just one."""
        fitting = [k for k in self.keys if algorithm in k.algorithms and key_id in (None, k.key_id)]
        return fitting[0] if len(fitting) == 1 else None

    def knows(self, key_id: str) -> bool:
        """Is there a key of that name?"""
        return any(key.key_id == key_id for key in self.keys)

    def document(self) -> dict[str, Any]:
        """The JWK Set, public members only."""
        return {"keys": [public_jwk(key) for key in self.keys]}


def public_jwk(key: VerificationKey) -> dict[str, Any]:
    """One public key as a JWK."""
    members = {name: value for name, value in key.key.as_dict(private=False).items() if name in _PUBLIC_MEMBERS}
    named = {"kid": key.key_id, "use": "sig"}
    return members | named | ({"alg": next(iter(key.algorithms))} if len(key.algorithms) == 1 else {})


def read_jwks(raw: bytes) -> PublicKeys:
    """The keys of a JWK Set that may check signatures; those for other uses or of other kinds are passed over (RFC 7517 5).

    Raises:
        KeySetError: not a JWK Set, a key that is weak or broken, a kid that is there twice, no usable key, too large.
    """
    if len(raw) > MAX_SET_BYTES:
        raise KeySetError("key set too large")
    try:
        entries = read_object(raw).get("keys")
    except Unreadable as e:
        raise KeySetError(f"not a JWK Set: {e}") from e
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeySetError("not a JWK Set: an array `keys` of objects is needed")
    return keys_of(entries)


def keys_of(entries: Iterable[Mapping[str, Any]]) -> PublicKeys:
    """The usable keys among these JWKs. Raises `KeySetError` as `read_jwks` does."""
    found = tuple(key for entry in entries if (key := _read(entry)) is not None)
    if not found:
        raise KeySetError("no key that may check signatures")
    if len(found) > MAX_KEYS:
        raise KeySetError(f"more than {MAX_KEYS} keys")
    return PublicKeys(found)


def verification_key(key: ECKey | RSAKey | OKPKey, key_id: str | None = None, algorithm: str | None = None) -> VerificationKey:
    """A key with the algorithms it is fit for, narrowed to `algorithm` when it names one. Raises `KeySetError`."""
    fit = _fit(key)
    algorithms = frozenset(fit if algorithm is None else {algorithm} & set(fit))
    if not algorithms:
        raise KeySetError("a key whose alg is not its own kind's")
    for name in algorithms:
        JWSRegistry.algorithms[name].check_key(key)
    return VerificationKey(key_id or key.thumbprint(), key, algorithms)


def _read(entry: Mapping[str, Any]) -> VerificationKey | None:
    if entry.get("kty") not in ("EC", "RSA", "OKP") or entry.get("use", "sig") != "sig":
        return None
    if "verify" not in entry.get("key_ops", ["verify"]):
        return None
    algorithm, key_id = entry.get("alg"), entry.get("kid")
    if algorithm is not None and algorithm not in ADMISSIBLE:
        return None
    if key_id is not None and not (isinstance(key_id, str) and key_id):
        raise KeySetError("a kid that is no text")
    public = {name: entry[name] for name in _PUBLIC_MEMBERS if name in entry}
    try:
        numbers = [strict_base64url(str(public[name])) for name in ("x", "y", "n", "e") if name in public]
        if entry["kty"] == "RSA" and (len(numbers) != 2 or int.from_bytes(numbers[0]).bit_length() < MIN_RSA_BITS):
            raise KeySetError(_WEAK_RSA)
        key = import_key(public)
    except KeySetError:
        raise
    except (JoseError, ValueError, TypeError, KeyError) as e:
        raise KeySetError(f"a key that cannot be read ({type(e).__name__})") from e
    if not isinstance(key, ECKey | RSAKey | OKPKey):
        return None
    if isinstance(key, ECKey | OKPKey) and key.curve_name not in _CURVES:
        return None
    return verification_key(key, key_id, algorithm)


def _fit(key: ECKey | RSAKey | OKPKey) -> tuple[str, ...]:
    if not isinstance(key, RSAKey):
        return _CURVES.get(key.curve_name, ())
    numbers = key.public_key.public_numbers()
    if numbers.n.bit_length() < MIN_RSA_BITS or numbers.e < 65537 or numbers.e % 2 == 0:
        raise KeySetError(_WEAK_RSA)
    return _RSA
