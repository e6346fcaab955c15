"""What the settings of Redis and of the quota accept."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway_addons.settings.quota import Quota, Redis

URL = "redis://:x@localhost:6379/0"

WRONG: list[tuple[str, type[Quota] | type[Redis], dict[str, Any]]] = [
    ("unknown choice", Quota, {"on_failure": "pass"}),
    ("no share", Quota, {"local_share": 0}),
    ("more than the limit", Quota, {"local_share": 1.1}),
    ("a warning beyond the limit", Quota, {"warn_at": 1.5}),
    ("sentinel and cluster", Redis, {"url": URL, "sentinel": {"master": "m", "nodes": ["a:1"]}, "cluster": {"nodes": ["a:1"]}}),
    ("no node", Redis, {"url": URL, "cluster": {"nodes": []}}),
    ("node without port", Redis, {"url": URL, "sentinel": {"master": "m", "nodes": ["localhost"]}}),
    ("unknown key", Redis, {"url": URL, "sentinel": {"master": "m", "nodes": ["a:1"], "quorum": 2}}),
]


@pytest.mark.parametrize(("kind", "given"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_wrong(kind: type[Quota] | type[Redis], given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(given)


def test_refuse_is_the_default() -> None:
    assert (Quota().on_failure, Quota().warn_at) == ("refuse", 0.8)
