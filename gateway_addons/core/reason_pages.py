"""The pages of `docs/reasons/`, one for each code, made from the one list of reasons."""

from gateway_addons.core.reasons import REASONS, Reason

_CONTROLS = {
    "request": "the form of the request, before any control", "certificate": "control C1, the certificate",
    "address": "control C2, the source address", "identifier": "control C3, the technical identifier",
    "identity": "control C4, the identity", "rights": "control C5, the rights on the data for the période",
    "contract": "the state of the contract", "client": "the token endpoint", "quota": "the quota",
    "gateway": "the gateway itself and what it depends on",
}


def pages() -> dict[str, str]:
    """File name to Markdown, the index included."""
    made = {f"{reason.code}.md": _page(reason) for reason in REASONS.values()}
    made["README.md"] = _index()
    return made


def _page(reason: Reason) -> str:
    return (
        f"# {reason.code}\n\n"
        f"| | |\n|---|---|\n| HTTP status | {reason.status} |\n| decided by | {_CONTROLS[reason.control]} |\n"
        f"| source | {_source(reason.clause)} |\n\n"
        f"> {reason.fr}\n\n> {reason.en}\n\n{_what_happened(reason)}\n"
    )


def _source(clause: str) -> str:
    return clause if clause.startswith("RFC") else f"terms of use, clause {clause}"


def _what_happened(reason: Reason) -> str:
    if reason.code in {"INF-DEP-04", "INF-GEN-02"}:
        return ("The call had been sent on: its outcome is unknown to the gateway. Sending the same lot again is safe, "
                "and gives the same receipt if it had been accepted.")
    return "Nothing of the call was passed on to the backend. The operator finds the whole reason under the X-Request-ID."


def _index() -> str:
    rows = "".join(f"| [{r.code}]({r.code}.md) | {r.status} | {r.control} | {r.clause} | {r.fr} |\n" for r in REASONS.values())
    return ("# Reasons for a refusal\n\nMade from `gateway_addons/core/reasons.py` by\n"
            "`python -m gateway_addons reasons --write docs/reasons`.\n\n"
            f"| code | HTTP | control | source | message |\n|---|---|---|---|---|\n{rows}")
