"""OPA's own HTTP API answers the two questions, health, metrics and status; it neither shows nor changes anything else."""

import pytest

from tests.policy.opa_server import OpaServer


@pytest.mark.parametrize("path", ["/health", "/health?bundles=true", "/metrics", "/v1/status"])
def test_what_an_operator_may_read(opa: OpaServer, path: str) -> None:
    assert opa.request("GET", path)[0] == 200


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/"), ("POST", "/"), ("GET", "/v1/data"), ("POST", "/v1/data"), ("GET", "/v1/data/poterne/decision"),
    ("POST", "/v1/data/contracts"), ("POST", "/v1/data/poterne"), ("POST", "/v1/data/poterne/certificate"),
    ("POST", "/v1/data/poterne/token"), ("POST", "/v1/data/poterne/decision/allow"), ("POST", "/v0/data/poterne/decision"),
    ("PUT", "/v1/data/contracts"), ("PATCH", "/v1/data/contracts"), ("DELETE", "/v1/data/contracts"),
    ("GET", "/v1/policies"), ("PUT", "/v1/policies/x"), ("DELETE", "/v1/policies/x"), ("GET", "/v1/query?q=data"),
    ("POST", "/v1/query"), ("POST", "/v1/compile"), ("GET", "/v1/config"), ("GET", "/debug/pprof"),
    ("POST", "/v1/data/poterne/decision?explain=full"), ("POST", "/v1/data/poterne/decision?metrics"),
    ("POST", "/v1/data/poterne/decision?provenance&pretty"), ("POST", "/health"), ("GET", "/v1/status/x"),
])
def test_everything_else_is_refused(opa: OpaServer, method: str, path: str) -> None:
    status, answer = opa.request(method, path, {"input": {}} if method != "GET" else None)
    assert status in (401, 404, 405), answer
    assert "result" not in (answer if isinstance(answer, dict) else {})


def test_the_revision_in_the_answer_is_that_of_the_bundle(opa: OpaServer) -> None:
    status, answer = opa.request("POST", "/v1/data/poterne/decision?provenance=true", {"input": {}})
    assert status == 200
    assert {b["revision"] for b in answer["provenance"]["bundles"].values()} == {answer["result"]["revision"]}


def test_a_question_larger_than_agreed_is_not_read(opa: OpaServer) -> None:
    try:
        status, answer = opa.request("POST", "/v1/data/poterne/decision", {"input": "x" * 2_200_000})
    except ConnectionError:
        return
    assert status in (400, 413), answer
