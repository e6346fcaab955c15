"""Requests out of a grammar (HTTP/1.1, JSON, tokens), well formed but for what chance bends."""

import json

from hypothesis import strategies as st

from tests.corpora.bending import FIELDS, LOTS
from tests.support.rig import LOT

METHODS = st.sampled_from(["POST"] * 40 + ["PUT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "post", "P\0ST", "PRI", "(", ""])
SEGMENTS = st.sampled_from(["infinoe", "v1", "ecritures", "comptables", "budgetaires", "A1", ".", "..", "%2e%2e", "%2f", "%252f", ";a=b", "..;", "", "%c0%af", "%00", "é", "\\", "~", "a" * 65,
                            "%65critures", "ECRITURES", "*", "?a", "#", "%", "%zz", "\x00", "\t", " "])
TARGETS = st.one_of(st.just(LOTS), st.just(LOTS), st.just(LOTS), st.sampled_from([LOTS + "/A1", "/infinoe/v1/etatSante", "/token", "*", "https://localhost" + LOTS, "//localhost" + LOTS]),
                    st.lists(SEGMENTS, max_size=7).map(lambda s: "/" + "/".join(s)), st.text(st.characters(max_codepoint=255), max_size=30))
VERSIONS = st.sampled_from(["HTTP/1.1"] * 80 + ["HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "", "HTTP/11"])
NAMES = st.sampled_from(["Content-Length", "Transfer-Encoding", "Host", "Connection", "TE", "Trailer", "Upgrade", "Expect", "Content-Encoding", "Content-Type", "X-Correlation-ID", "Authorization", "If-Match", "Accept",
                         "X-A", "Content_Length", "ID_Teleservice", "Content-Digest", "X-JWT-Assertion", "X-Request-ID", "Via", "Cookie", "Range"]) | st.text(st.characters(max_codepoint=255), max_size=10)
TOKEN = st.lists(st.text("abcXYZ019-_=+/ .\x00é", max_size=40), min_size=1, max_size=5).map(".".join)
VALUES = st.one_of(st.sampled_from(["chunked", "gzip", "identity", "close", "keep-alive", "0", "5", "+5", "-1", "5, 5", "100-continue", "localhost", "evil.example", "trailers", "application/json", "text/plain", '"1"', "{{HOST}}",
                                    "{{CONTENT_LENGTH}}", "{{CORRELATION_ID}}", "sha-256=:AAAA:", "h2c", ""]), TOKEN.map(lambda t: "Bearer " + t), st.text(st.characters(max_codepoint=255), max_size=30))
SEPARATORS = st.sampled_from([": "] * 40 + [":", " : ", "\t:", ":\t", "", ":\r\n "])
ENDS = st.sampled_from(["\r\n"] * 300 + ["\n", "\r", "\r\r\n", "\n\r"])

NUMBERS = st.sampled_from(["0", "-0", "1", "1e5", "1E400", "9007199254740993", "0.1", "-", "01", "1.", ".5", "NaN", "Infinity", "1e-400", "0x1", "99999999999999999999999999999999999"])
STRINGS = st.one_of(st.sampled_from(['"a"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\q"', '"', "''", '"\x01"', '"é"', '"\\"']), st.text(max_size=8).map(json.dumps))
TEXTS = st.recursive(NUMBERS | STRINGS | st.sampled_from(["true", "null", "True", ""]), lambda inner: st.lists(inner, max_size=3).map(lambda x: "[" + ",".join(x) + "]")
                     | st.lists(st.tuples(STRINGS, inner), max_size=3).map(lambda x: "{" + ",".join(f"{k}:{v}" for k, v in x) + "}"), max_leaves=8)


def _lot_with(member: str) -> bytes:
    return json.dumps(LOT).encode()[:-1] + b', "x": ' + member.encode("utf-8", "surrogatepass") + b"}"


BODIES = st.one_of(st.just(b"{{LOT}}"), TEXTS.map(_lot_with), TEXTS.map(lambda t: t.encode("utf-8", "surrogatepass")), st.binary(max_size=60),
                   st.sampled_from([b"", b"{}", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xef\xbb\xbf{{LOT}}", b"{{LOT}}\0"]))
SIZES = st.sampled_from(["%x"] * 30 + ["%X", "%08x", "0x%x", "+%x", "%x;a=b", "%x ", "-%x", "%x\n"])


@st.composite
def framed(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """Framing headers and the framed body: by length or in chunks, right or wrong."""
    body = draw(BODIES)
    kind = draw(st.sampled_from(["length"] * 5 + ["chunked"] * 3 + ["both", "none", "wrong"]))
    lengths = {"length": ["Content-Length: {{CONTENT_LENGTH}}"], "none": [], "wrong": [f"Content-Length: {draw(st.integers(0, 300))}"]}
    if kind in lengths:
        return lengths[kind], body
    cut = draw(st.integers(0, len(body)))
    chunks = b"".join((draw(SIZES) % len(part)).encode() + draw(ENDS).encode() + part + draw(ENDS).encode() for part in (body[:cut], body[cut:]) if part)
    end = draw(st.sampled_from([b"0\r\n\r\n"] * 8 + [b"0\r\nX: a\r\n\r\n", b"0\n\n", b"", b"0;x\r\n\r\n"]))
    return ["Transfer-Encoding: chunked", *(["Content-Length: 5"] if kind == "both" else [])], chunks + end


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, as bytes with the placeholders of a replay."""
    line = f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}"
    framing, body = draw(framed())
    left_out = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=1) if draw(st.integers(0, 3)) == 0 else st.just(set()))
    lines = [f"{k}: {v}" for k, v in FIELDS.items() if k not in {"Content-Length"} | left_out] + framing
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 4]))):
        extra = draw(NAMES) + draw(SEPARATORS) + draw(VALUES)
        lines.insert(draw(st.integers(0, len(lines))), extra)
    head = "".join(text + draw(ENDS) for text in [line, *lines])
    return (head + "\r\n").encode("latin-1", "replace") + body
