"""How policy is asked."""

from typing import Annotated

from pydantic import StringConstraints

from gateway_addons.settings.values import Frozen, Seconds


class Opa(Frozen):
    """How OPA is asked: `unix:///path` or `http://host:port`; one attempt, one short time-out."""

    address: Annotated[str, StringConstraints(pattern=r"^(unix:///|http://)")]
    timeout_s: Seconds = 1.0
