"""The errors of RFC 6749 section 5.2, and the reason code that the gateway tells beside each."""

from typing import Literal

type ErrorName = Literal[
    "invalid_request", "invalid_client", "invalid_scope", "unauthorized_client", "unsupported_grant_type"]

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749 section 5.1."""

_CODES = {"invalid_client": "INF-CLI-01", "invalid_scope": "INF-CLI-02"}


class OAuthError(Exception):
    """An error answer; `description` is a fixed sentence, never a value of the request."""

    def __init__(self, error: ErrorName, description: str, code: str | None = None, detail: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.code = code or _CODES.get(error, "INF-CLI-03")
        self.detail = detail or description

    @property
    def status(self) -> int:
        """401 for a client that did not authenticate, 400 for everything else."""
        return 401 if self.error == "invalid_client" else 400

    def body(self) -> dict[str, str]:
        """The members of section 5.2, and the reason code."""
        return {"error": self.error, "error_description": self.description, "code": self.code}

    def headers(self) -> dict[str, str]:
        """Never stored; a 401 says how to authenticate (RFC 9110 section 11.6.1)."""
        return NO_STORE | ({"WWW-Authenticate": 'Basic realm="poterne", charset="UTF-8"'} if self.status == 401 else {})


def of_refusal(code: str) -> OAuthError:
    """The OAuth2 error for a reason that policy gave."""
    if code == "INF-CLI-02":
        return OAuthError("invalid_scope", "The scope is not granted to this client", code)
    if code.startswith(("INF-CLI", "INF-CERT")):
        return OAuthError("invalid_client", "Client authentication failed", code)
    return OAuthError("unauthorized_client", "The client may not do this now", code)
