"""Only a complete and coherent decision is a decision."""

from typing import Any

import pytest

from gateway_addons.core.decision import CONTROLS, Decision, TokenDecision, read_decision
from gateway_addons.core.errors import PolicyUnavailable

ALLOWED: dict[str, Any] = {
    "allow": True, "controls": dict.fromkeys(CONTROLS, "pass"), "reasons": [], "contract": "C",
    "quota": {"key": "k", "limit": 200, "window_s": 60},
    "assertion": {"organisation": "o", "application": "a", "keytype": "PRODUCTION", "convention": "C", "siren": "1",
                  "enveloppeInterventionDistincte": True},
    "obligations": [], "revision": "r-1"}
REASON = {"code": "900805", "control": "address", "clause": "4-C2"}
REFUSED = ALLOWED | {"allow": False, "controls": ALLOWED["controls"] | {"address": "fail"}, "reasons": [REASON], "assertion": None}


def test_whole_decisions_are_read() -> None:
    assert read_decision(Decision, ALLOWED).allow is True
    assert read_decision(Decision, REFUSED).reasons[0].code == "900805"


BAD: dict[str, Any] = {
    "undefined": None, "true": True, "empty": {}, "a list": [],
    "allow as a text": ALLOWED | {"allow": "true"}, "allow as a number": ALLOWED | {"allow": 1},
    "allow in spite of a failure": REFUSED | {"allow": True}, "allow with a reason": ALLOWED | {"reasons": [REASON]},
    "allow with a control not evaluated": ALLOWED | {"controls": ALLOWED["controls"] | {"rights": "not_evaluated"}},
    "allow with a control missing": ALLOWED | {"controls": dict.fromkeys(CONTROLS[:-1], "pass")},
    "allow with an invented control": ALLOWED | {"controls": ALLOWED["controls"] | {"other": "pass"}},
    "allow with an unknown verdict": ALLOWED | {"controls": ALLOWED["controls"] | {"rights": "ok"}},
    "allow without a contract": ALLOWED | {"contract": None}, "allow without a quota": ALLOWED | {"quota": None},
    "allow without an assertion": ALLOWED | {"assertion": None}, "an obligation": ALLOWED | {"obligations": ["mask"]},
    "no revision": {k: v for k, v in ALLOWED.items() if k != "revision"}, "empty revision": ALLOWED | {"revision": ""},
    "a key too many": ALLOWED | {"extra": 1}, "quota of zero": ALLOWED | {"quota": {"key": "k", "limit": 0, "window_s": 60}},
    "quota as a text": ALLOWED | {"quota": {"key": "k", "limit": "200", "window_s": 60}},
    "refusal without a reason": REFUSED | {"reasons": []},
    "refusal with an invented code": REFUSED | {"reasons": [REASON | {"code": "NOPE"}]},
}


@pytest.mark.parametrize("result", [pytest.param(r, id=name) for name, r in BAD.items()])
def test_anything_else_is_no_decision(result: object) -> None:
    with pytest.raises(PolicyUnavailable):
        read_decision(Decision, result)


@pytest.mark.parametrize("key", list(ALLOWED))
def test_no_key_may_be_missing(key: str) -> None:
    with pytest.raises(PolicyUnavailable):
        read_decision(Decision, {k: v for k, v in ALLOWED.items() if k != key})


def test_a_token_decision_without_scopes_is_none() -> None:
    controls = dict.fromkeys(("certificate", "address", "client", "contract"), "pass")
    good = {"allow": True, "controls": controls, "reasons": [], "contract": "C", "scopes": ["s"], "revision": "r"}
    assert read_decision(TokenDecision, good).scopes == ["s"]
    with pytest.raises(PolicyUnavailable):
        read_decision(TokenDecision, good | {"scopes": []})
