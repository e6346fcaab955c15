"""One error family for each boundary of the core."""


class Refusal(Exception):
    """The call is refused for a reason the caller may know.

    `code` is a key of `core.reasons.REASONS`; `detail` is for the operator only and never leaves the gateway.
    """

    def __init__(self, code: str, detail: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.headers = headers


class DependencyFailure(Exception):
    """Something the gateway depends on did not answer in time, or not as agreed; adapters raise its children."""


class PolicyUnavailable(DependencyFailure):
    """OPA gave no complete, well-formed decision."""


class QuotaUnavailable(DependencyFailure):
    """Redis did not charge the window."""


class JournalUnavailable(DependencyFailure):
    """The record could not be made durable."""


class RegisterUnavailable(DependencyFailure):
    """A shared register could not be read, or an entry could not be put down anywhere."""


class JournalHeld(JournalUnavailable):
    """Another process writes this part of the journal."""
