"""Certificate policies along a path (RFC 5280 section 6.1): which of those that were asked for hold at its end.

The standard's tree is kept as one level: for each policy that is expected next, the policies of the anchor's domain that it
comes from. This says the same and cannot grow exponentially.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509.oid import ExtensionOID

ANY_POLICY = "2.5.29.32.0"

type Level = dict[str, frozenset[str]]
"""Expected policy -> where it comes from in the domain of the anchor."""


class PolicyBroken(Exception):
    """The path breaks a rule about certificate policies."""


@dataclass
class _Counters:
    """Certificates that may still come before each rule takes hold (section 6.1.2 d, e, f)."""

    explicit_policy: int
    inhibit_any: int
    mapping: int

    def one_less(self) -> None:
        self.explicit_policy, self.inhibit_any, self.mapping = (
            max(0, n - 1) for n in (self.explicit_policy, self.inhibit_any, self.mapping))


def check_policies(path: Sequence[x509.Certificate], required: frozenset[str]) -> frozenset[str]:
    """The policies, in the anchor's domain, under which the path is valid; `path` is leaf first, anchor last.

    Raises:
        PolicyBroken: none is left where one is needed, because `required` or the path itself asks for one, a mapping speaks
            of anyPolicy, or a policy is named twice.
    """
    below = list(reversed(path[:-1]))
    counters = _Counters(0 if required else len(below) + 1, len(below) + 1, len(below) + 1)
    level: Level = {ANY_POLICY: frozenset({ANY_POLICY})}
    for position, certificate in enumerate(below):
        last = position == len(below) - 1
        self_issued = certificate.subject == certificate.issuer
        level = _next_level(level, _policies(certificate), any_counts=counters.inhibit_any > 0 or (self_issued and not last))
        if counters.explicit_policy == 0 and not level:
            raise PolicyBroken("no certificate policy holds along the path")
        if not last:
            level = _mapped(level, _mappings(certificate), allowed=counters.mapping > 0)
        if not self_issued or last:
            counters.one_less()
        _apply_constraints(counters, certificate, last=last)
    held = _held(level, required)
    if counters.explicit_policy == 0 and not held:
        raise PolicyBroken("no certificate policy that is asked for holds along the path")
    return held


def _next_level(level: Level, policies: frozenset[str] | None, *, any_counts: bool) -> Level:
    if policies is None:
        return {}
    found: Level = {}
    for policy in policies - {ANY_POLICY}:
        if policy in level:
            found[policy] = level[policy]
        elif ANY_POLICY in level:
            found[policy] = frozenset({policy})
    if ANY_POLICY in policies and any_counts:
        found |= {policy: origins for policy, origins in level.items() if policy not in found}
    return found


def _mapped(level: Level, mappings: Mapping[str, frozenset[str]], *, allowed: bool) -> Level:
    if ANY_POLICY in mappings or any(ANY_POLICY in targets for targets in mappings.values()):
        raise PolicyBroken("a policy mapping from or to anyPolicy")
    kept = {policy: origins for policy, origins in level.items() if policy not in mappings}
    if not allowed:
        return kept
    for policy, targets in mappings.items():
        if policy in level:
            origins = level[policy]
        elif ANY_POLICY in level:
            origins = frozenset({policy})
        else:
            continue
        for target in targets:
            kept[target] = kept.get(target, frozenset()) | origins
    return kept


def _apply_constraints(counters: _Counters, certificate: x509.Certificate, *, last: bool) -> None:
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.PolicyConstraints):
            if value.require_explicit_policy is not None and (not last or value.require_explicit_policy == 0):
                counters.explicit_policy = min(counters.explicit_policy, value.require_explicit_policy)
            if value.inhibit_policy_mapping is not None:
                counters.mapping = min(counters.mapping, value.inhibit_policy_mapping)
        elif isinstance(value, x509.InhibitAnyPolicy):
            counters.inhibit_any = min(counters.inhibit_any, value.skip_certs)


def _held(level: Level, required: frozenset[str]) -> frozenset[str]:
    origins = frozenset(o for found in level.values() for o in found)
    if not required or ANY_POLICY in required:
        return origins
    return required if ANY_POLICY in origins else origins & required


def _policies(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        value = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return None
    named = [p.policy_identifier.dotted_string for p in value]
    if len(named) != len(set(named)):
        raise PolicyBroken("a certificate policy is named twice (section 4.2.1.4)")
    return frozenset(named)


@asn1.sequence
class _Mapping:
    """One pair of section 4.2.1.5."""

    issuer_domain: x509.ObjectIdentifier
    subject_domain: x509.ObjectIdentifier


@asn1.sequence
class _Mappings:
    """The library decodes a list only inside a sequence, so the extension's value is put into one."""

    pairs: list[_Mapping]


def _der_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([0x80 | len(digits)]) + digits


def _mappings(certificate: x509.Certificate) -> Mapping[str, frozenset[str]]:
    """The policy mappings (section 4.2.1.5), which the library leaves undecoded. Raises `ValueError` when malformed."""
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.POLICY_MAPPINGS).value
    except x509.ExtensionNotFound:
        return {}
    found: dict[str, frozenset[str]] = {}
    raw = extension.public_bytes()
    for pair in asn1.decode_der(_Mappings, b"\x30" + _der_length(len(raw)) + raw).pairs:
        issuer, subject = pair.issuer_domain.dotted_string, pair.subject_domain.dotted_string
        found[issuer] = found.get(issuer, frozenset()) | {subject}
    return found
