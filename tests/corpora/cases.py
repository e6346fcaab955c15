"""The project's corpus of hostile requests, generated from compact tables: one case for each way, named for what it tries."""

import gzip
import json
from collections.abc import Iterator

from gateway_addons.replay.case import Case
from tests.corpora.bending import CHUNKED, LOT, LOTS, chunked, forwarded, head, post, refused, sized
from tests.corpora.json_texts import READ, REFUSED_BY_RULE, REFUSED_BY_THE_GRAMMAR

LARGEST_TEXT_BYTES = 200_000
"""Larger texts are the unit tests' (tests/unit/test_json_corpus.py)."""


def all_cases() -> list[Case]:
    """Every case, by family."""
    return [*methods(), *versions(), *request_lines(), *targets(), *hosts(), *fields(), *names(), *lengths(), *codings(), *odd_bytes(), *chunks(), *several(),
            *contents(), *json_bodies(), *well_formed()]


def methods() -> Iterator[Case]:
    for name in ("TRACE", "CONNECT", "BREW", "post", "Post", "PROPFIND", "M-SEARCH", "PRI", "POSTT", "OPTION", "CANCELUPLOAD", "PURGE", "SOURCE"):
        yield refused(f"methods/{name}", post(line=f"{name} {LOTS} HTTP/1.1"), code="INF-REQ-02")
    for name in ("G@T(", "POST\x00", "PO\x01ST", "POST\x7f", "\x80POST", "PO/ST", "PO:ST", "(POST)", '"POST"', "POST,", "P[ST", "PO\\ST", "=POST", "{POST}", ""):
        yield refused(f"methods/no token {name.encode('latin-1')!r}", post(line=f"{name} {LOTS} HTTP/1.1"))
    for name in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        yield refused(f"methods/{name} where it is not admitted", post(line=f"{name} {LOTS} HTTP/1.1"), 405, "INF-REQ-10")
    yield refused("methods/HEAD", post(line=f"HEAD {LOTS} HTTP/1.1"), 405, None)
    yield refused("methods/GET of what was written", post(line=f"GET {LOTS}/A1 HTTP/1.1", without=("Content-Length", "Content-Type"), body=b""), 405, "INF-REQ-10")


def versions() -> Iterator[Case]:
    for version in ("HTTP/1.0", "HTTP/0.9", "HTTP/9.9", "HTTP/2", "HTTP/2.0", "HTTP/3", "http/1.1", "HTTP/1.2", "HTTP/1.10", "HTTP/01.1", "HTTP/1.1.", "HTTPS/1.1",
                    "HTTP/1,1", "HTTP-1.1", "HTTP/1", "HTTP/", "ICY", "SIP/2.0", "HTTP/1.1\x0b", "HTTP/+1.1", "HTTP/1.1;", "XHTTP/1.1"):
        yield refused(f"versions/{version.encode()!r}", post(line=f"POST {LOTS} {version}"), code="INF-REQ-02")
    yield refused("versions/none", post(line=f"POST {LOTS}"))
    yield refused("versions/HTTP 0.9 request", b"GET /\r\n\r\n")


def request_lines() -> Iterator[Case]:
    lines = {"two spaces": f"POST  {LOTS} HTTP/1.1", "two spaces before the version": f"POST {LOTS}  HTTP/1.1", "tab": f"POST\t{LOTS}\tHTTP/1.1",
             "vertical tab": f"POST\x0b{LOTS} HTTP/1.1", "form feed": f"POST {LOTS}\x0cHTTP/1.1", "leading space": f" POST {LOTS} HTTP/1.1",
             "trailing space": f"POST {LOTS} HTTP/1.1 ", "four words": f"POST {LOTS} HTTP/1.1 x", "no target": "POST HTTP/1.1", "only a method": "POST", "empty": "",
             "a header for a line": "Host: {{HOST}}", "no-break space": f"POST\xa0{LOTS}\xa0HTTP/1.1", "two versions": f"POST {LOTS} HTTP/1.1 HTTP/1.1",
             "space in the path": f"POST {LOTS} x HTTP/1.1", "carriage return": f"POST {LOTS}\rHTTP/1.1", "byte-order mark": f"\xef\xbb\xbfPOST {LOTS} HTTP/1.1",
             "NUL": f"POST {LOTS}\x00 HTTP/1.1", "a line feed for CRLF": f"POST {LOTS} HTTP/1.1\nX-A: b"}
    for name, line in lines.items():
        yield refused(f"request line/{name}", post(line=line), code=None if name in {"NUL", "form feed"} else "INF-REQ-01")
    for name, prefix in {"CRLF before it": b"\r\n", "two CRLF before it": b"\r\n\r\n", "LF before it": b"\n", "spaces before it": b"  ", "NUL before it": b"\0",
                         "TLS record before it": b"\x16\x03\x01\x00\x05", "PROXY protocol before it": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"}.items():
        yield refused(f"request line/{name}", prefix + post(), code=None if name.startswith(("NUL", "TLS")) else "INF-REQ-01")
    yield refused("request line/HTTP2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", code="INF-REQ-02")
    yield refused("request line/endless", b"POST /" + b"a" * 40_000, 431, "INF-REQ-06")
    yield refused("request line/long target", post(line=f"POST /{'a' * 20_000} HTTP/1.1"), 431, "INF-REQ-06")


def targets() -> Iterator[Case]:
    base = "/infinoe/v1/ecritures/comptables"
    odd = {
        "query": base + "?a=b", "empty query": base + "?", "fragment": base + "#x", "query in depth": "/infinoe?/v1/ecritures/comptables",
        "trailing slash": base + "/", "two slashes first": "/" + base, "two slashes inside": "/infinoe//v1/ecritures/comptables", "three slashes": "//" + base,
        "dot": "/infinoe/./v1/ecritures/comptables", "dot at the end": base + "/.", "dot-dot": "/infinoe/x/../v1/ecritures/comptables", "dot-dot at the end": base + "/x/..",
        "dot-dot above the root": "/../infinoe/v1/ecritures/comptables", "encoded dot": "/infinoe/%2e/v1/ecritures/comptables",
        "encoded dot-dot": "/infinoe/x/%2e%2e/v1/ecritures/comptables", "half encoded dot-dot": "/infinoe/x/.%2E/v1/ecritures/comptables",
        "double encoded dot-dot": "/infinoe/x/%252e%252e/v1/ecritures/comptables", "encoded slash": "/infinoe%2fv1/ecritures/comptables",
        "encoded slash, upper case": "/infinoe%2Fv1/ecritures/comptables", "double encoded slash": "/infinoe%252fv1/ecritures/comptables",
        "encoded backslash": "/infinoe%5cv1/ecritures/comptables", "backslash": "/infinoe\\v1\\ecritures\\comptables", "backslash dot-dot": "/infinoe/v1\\..\\ecritures/comptables",
        "encoded letter": "/infinoe/v1/%65critures/comptables", "encoded digit": "/infinoe/v%31/ecritures/comptables", "encoded unreserved": base + "/A%2D1",
        "encoded tilde": base + "/%7E", "encoded NUL": base + "%00", "encoded NUL and extension": base + "%00.json", "encoded line feed": base + "%0a",
        "encoded CRLF and a header": base + "%0d%0aX-A:%20b", "encoded space": base + "%20", "encoded question mark": base + "%3fa", "encoded hash": base + "%23a",
        "encoded semicolon": base + "%3b", "encoded percent": base + "%25", "lone percent": base + "%", "percent and one digit": base + "%2", "percent and no digits": base + "%zz",
        "percent u": base + "%u0065", "overlong slash": "/infinoe%c0%afv1/ecritures/comptables", "overlong dot": "/infinoe/%c0%ae%c0%ae/v1/ecritures/comptables",
        "overlong three bytes": "/infinoe%e0%80%afv1/ecritures/comptables", "invalid UTF-8": base + "/%ff", "truncated UTF-8": base + "/%c3", "surrogate": base + "/%ed%a0%80",
        "full-width letters": base.replace("e", "%ef%bd%85"), "full-width solidus": "/infinoe%ef%bc%8fv1/ecritures/comptables", "encoded é": base + "/%c3%a9",
        "decomposed é": base + "/e%cc%81", "raw é": base + "/é", "raw UTF-8": base + "/\xc3\xa9", "raw high byte": base + "\xe9", "raw NUL": base + "\x00", "raw tab": base + "\t",
        "raw DEL": base + "\x7f", "matrix parameter": base + ";v=1", "matrix parameter in depth": "/infinoe;a=b/v1/ecritures/comptables", "dot-dot-semicolon": "/x/..;/infinoe/v1/ecritures/comptables",
        "semicolon dot-dot": "/infinoe;/../v1/ecritures/comptables", "session id": base + ";jsessionid=1", "empty segment with parameter": "/;/infinoe/v1/ecritures/comptables",
        "absolute form": "https://{{HOST}}" + base, "absolute form of another host": "http://evil.example" + base, "absolute form, upper case": "HTTP://{{HOST}}" + base,
        "authority form": "{{HOST}}:443", "asterisk": "*", "no slash": base[1:], "user information": "/@evil.example" + base, "at sign": base + "@x", "colon": base + ":80",
        "pipe": base + "|x", "caret": base + "^", "quote": base + '"', "angle brackets": base + "<x>", "braces": base + "/[x]", "star": base + "/*", "plus": base + "+", "comma": base + ",",
        "dollar": base + "$", "exclamation": base + "!", "apostrophe": base + "'", "parentheses": base + "(1)", "ampersand": base + "&a=b", "equals": base + "=",
        "trailing dot-dot-slash": base + "/../", "windows drive": "/c:/infinoe", "UNC": "//server/share", "file": "file:///etc/passwd", "javascript": "javascript:x", "empty": "",
    }
    for name, target in odd.items():
        code = "INF-REQ-01" if name == "raw NUL" else None if name in {"raw tab"} else "INF-REQ-03"
        yield refused(f"paths/{name}", post(line=f"POST {target} HTTP/1.1"), code=code)
    unknown = {"other version": "/infinoe/v2/ecritures/comptables", "upper case": base.upper(), "one upper case letter": "/Infinoe/v1/ecritures/comptables",
               "trailing dot": base + ".", "extension": base + ".json", "three dots": "/infinoe/v1/.../ecritures/comptables", "dots in a segment": base + "/..a/b", "short": "/infinoe",
               "without the API": "/v1/ecritures/comptables", "twice": base + base, "singular": "/infinoe/v1/ecriture/comptables", "admin": "/admin", "metrics": "/metrics", "health": "/health/ready",
               "git": "/.git/config", "env": "/.env", "key too long": f"{base}/{'a' * 65}", "key and more": base + "/A1/x", "tilde": base + "/~root", "mitm.it": "/mitmproxy-0.crl"}
    for name, target in unknown.items():
        yield refused(f"paths/unknown: {name}", post(line=f"POST {target} HTTP/1.1"), 404, "INF-REQ-09")
    yield refused("paths/the one slash", post(line="POST / HTTP/1.1"), code="INF-REQ-03")


def hosts() -> Iterator[Case]:
    for value in ("evil.example", "{{HOST}}.evil.example", "evil.example#{{HOST}}", "{{HOST}}@evil.example", "{{HOST}}:99999", "{{HOST}}:", "{{HOST}}:x", "{{HOST}}:-1", "{{HOST}}:443:443",
                  "{{HOST}} evil", "{{HOST}},evil.example", "{{HOST}}/", "http://{{HOST}}", "127.0.0.1", "[::1]", "[{{HOST}}]", "", " ", ".", "{{HOST}}.", "xn--{{HOST}}", "{{HOST}}%00", "mitm.it", "*",
                  "{{HOST}}\t.evil", "{{HOST}};a", "localhost.localdomain", "0", "2130706433", "{{HOST}}?x", "{{HOST}}\\@evil.example"):
        yield refused(f"hosts/{value!r}", post(f"Host: {value}", without=("Host",)), code="INF-REQ-04")
    yield refused("hosts/none", post(without=("Host",)), code="INF-REQ-04")
    yield refused("hosts/twice the same", post("Host: {{HOST}}"), code="INF-REQ-04")
    yield refused("hosts/twice, another second", post("host: evil.example"), code="INF-REQ-04")
    yield refused("hosts/twice, another first", b"POST " + LOTS.encode() + b" HTTP/1.1\r\nhOST: evil.example\r\n" + post().split(b"\r\n", 1)[1], code="INF-REQ-04")
    yield refused("hosts/raw high byte", post("Host: \xe9", without=("Host",)))


def fields() -> Iterator[Case]:
    lines = {"NUL in a value": "X-A: a\0b", "bare CR in a value": "X-A: a\rb", "bare LF in a value": "X-A: a\nX-B: b", "CR at the end of a value": "X-A: a\r", "DEL in a value": "X-A: a\x7f",
             "escape in a value": "X-A: \x1b[31m", "vertical tab in a value": "X-A: \x0b", "form feed": "X-A: \x0ca", "raw high byte": "X-A: \xe9", "raw UTF-8": "X-A: \xc3\xa9", "next line (C1)": "X-A: \x85",
             "folded with a space": "X-A: a\r\n b", "folded with a tab": "X-A: a\r\n\tb", "folded Transfer-Encoding": "X-A: a\r\n Transfer-Encoding: chunked", "space before the colon": "X-A : a",
             "tab before the colon": "X-A\t: a", "no colon": "nonsense", "no name": ": a", "only a colon": ":", "space first": " X-A: a", "NUL in a name": "X-\0A: a", "high byte in a name": "X-\xc4: a",
             "parenthesis in a name": "X(A): a", "slash in a name": "X/A: a", "at sign in a name": "X@A: a", "quote in a name": 'X"A: a', "comma in a name": "X,A: a", "semicolon in a name": "X;A: a",
             "space in a name": "X A: a", "brackets in a name": "X[A]: a", "braces in a name": "X{A}: a", "backslash in a name": "X\\A: a", "equals in a name": "X=A: a", "question mark in a name": "X?A: a"}
    for name, line in lines.items():
        yield refused(f"header lines/{name}", post(line))
    yield refused("header lines/LF ends the head", head(end="\n") + LOT)
    yield refused("header lines/one LF among CRLF", post().replace(b"\r\nX-Corr", b"\nX-Corr"))
    yield refused("header lines/CRCRLF", post().replace(b"\r\nX-Corr", b"\r\r\nX-Corr"))
    yield refused("header lines/LFCR", post().replace(b"\r\nX-Corr", b"\n\rX-Corr"))
    yield refused("header lines/too many", post(*(f"X-{n}: a" for n in range(80))), 431, "INF-REQ-06")
    yield refused("header lines/too long a value", post("X-A: " + "a" * 20_000), 431, "INF-REQ-06")
    yield refused("header lines/too long a name", post("X" * 20_000 + ": a"), 431, "INF-REQ-06")
    yield refused("header lines/endless", head()[:-2] + b"X-A: " + b"a" * 40_000, 431, "INF-REQ-06")
    yield refused("header lines/many short ones", head()[:-2] + b"A:\r\n" * 9_000, 431, "INF-REQ-06")


def names() -> Iterator[Case]:
    forbidden = ("Upgrade: h2c", "Upgrade: websocket", "TE: trailers", "TE: chunked", "Trailer: X-A", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eA==", "HTTP2-Settings: AAMAAABk",
                 "X-JWT-Assertion: a.b.c", "x-jwt-assertion: a.b.c", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "Content_Length: 5", "Transfer_Encoding: chunked",
                 "X_Correlation_ID: 1", "Host_: a", "_: a", "X_A: b", "ID-Teleservice: TS-2", "Connection: close, X-Correlation-ID", "Connection: upgrade", "Connection: Content-Length",
                 "Connection: Authorization", "Connection: close;x", "Connection: ,", "Expect: 200-ok", "Expect: 100-continue, x", "Expect: ", "Authorization: Bearer x.y.z", 'If-Match: "1"\r\nIf-Match: "2"',
                 "Content-Type: application/json", "content-type: text/plain", "Content-Digest: sha-256=:AAAA:\r\nContent-Digest: sha-256=:AAAA:", "Expect: 100-continue\r\nExpect: 100-continue",
                 "X-Request-ID: 1\r\nX-Request-ID: 2", "Date: x\r\nDate: y", "User-Agent: a\r\nUser-Agent: b", "Range: bytes=0-1\r\nRange: bytes=2-3")
    for line in forbidden:
        yield refused(f"header names/{line!r}"[:90], post(line), code="INF-REQ-05")
    for value, code in (("", "910000"), ("1", "910000"), ("{{CORRELATION_ID}}x", "910000"), ("{{{CORRELATION_ID}}}", "910000"), ("{{CORRELATION_ID}}, {{CORRELATION_ID}}", "910000"),
                        ("00000000-0000-0000-0000-00000000000g", "910000"), ("00000000000000000000000000000000", "910000"), ("' OR 1=1", "910000"), ("../../etc/passwd", "910000")):
        yield refused(f"header names/X-Correlation-ID {value!r}", post(f"X-Correlation-ID: {value}", without=("X-Correlation-ID",)), code=code)
    yield refused("header names/X-Correlation-ID none", post(without=("X-Correlation-ID",)), code="910000")
    yield refused("header names/X-Correlation-ID twice", post("X-Correlation-ID: {{CORRELATION_ID}}"), code="910000")
    for line in ("Content-Digest: sha-256=:AAAA:", "Content-Digest: sha-512=:AAAA:", "Content-Digest: sha-256=AAAA", "Content-Digest: x", "Content-Digest: ", "Content-Digest: sha-256=:A:",
                 "Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", "Content-Digest: md5=:AAAA:, sha-256=:AAAA:", "Content-Digest: sha-256=:AAAA:;q=1"):
        yield refused(f"header names/{line}", post(line), code="INF-REQ-13")


def lengths() -> Iterator[Case]:
    for value in ("+5", "-1", "0x5", "5, 5", "5,6", "5 5", "5;", "", "five", "5.0", "1e1", "05x", "\t", "5\x0b", "٥", "99999999999999999999", "0" * 16, "18446744073709551617", "'5'", '"5"', "5_0", "NaN", "5\xa0"):
        sent = post(f"Content-Length: {value.encode().decode('latin-1')}", without=("Content-Length",))
        yield refused(f"lengths/{value.encode()!r}", sent)
    yield refused("lengths/twice the same", post("Content-Length: {{CONTENT_LENGTH}}"))
    yield refused("lengths/twice, another", post("Content-Length: 0"))
    yield refused("lengths/twice, other case", post("content-LENGTH: 5"))
    yield refused("lengths/folded", post("Content-Length:\r\n 5", without=("Content-Length",)))
    yield refused("lengths/space before the colon", post("Content-Length : 5"))
    yield refused("lengths/far too large", post("Content-Length: 99999999999", without=("Content-Length",)), 413, "INF-REQ-07")
    yield refused("lengths/one byte too large", post("Content-Length: 33554433", without=("Content-Length",)), 413, "INF-REQ-07")
    yield refused("lengths/too large with 100-continue", head(f"POST {LOTS} HTTP/1.1", "Content-Length: 33554433", "Expect: 100-continue", without=("Content-Length",)), 413, "INF-REQ-07")
    yield refused("lengths/none, and a body", post(without=("Content-Length",)), code="4000", what="what follows is the beginning of a next request, and never becomes one")
    yield refused("lengths/zero, and a body", post("Content-Length: 0", without=("Content-Length",)), code="4000")
    yield refused("lengths/zero, and a body with lines", post("Content-Length: 0", without=("Content-Length",), body=b"{}\r\n\r\n"), code="4000", answers=2)
    yield refused("lengths/shorter than the body", post("Content-Length: 5", without=("Content-Length",)), code="4000")
    yield refused("lengths/body on etatSante", post(line="GET /infinoe/v1/etatSante HTTP/1.1"), code="INF-REQ-05")
    yield refused("lengths/chunked body on etatSante", chunked(b"0\r\n\r\n").replace(f"POST {LOTS}".encode(), b"GET /infinoe/v1/etatSante"), code="INF-REQ-05")


def codings() -> Iterator[Case]:
    for value in ("gzip, chunked", "chunked, chunked", "chunked, identity", "identity", "gzip", "xchunked", "chunkedx", "chunked;q=1", '"chunked"', "chunked,", ",chunked", "", "chun ked", "chunked\x0b", "\x0bchunked",
                  "cow", "chunked\t, x", "deflate", "x", "ch\u00fcnked", "trailers", "identity, chunked"):
        yield refused(f"codings/{value.encode()!r}", head(f"POST {LOTS} HTTP/1.1", f"Transfer-Encoding: {value}", without=("Content-Length",)) + b"0\r\n\r\n")
    yield refused("codings/and a length", post(CHUNKED))
    yield refused("codings/length first, then chunked", post("Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n"))
    yield refused("codings/twice", chunked(b"0\r\n\r\n", CHUNKED))
    yield refused("codings/twice, identity second", chunked(b"0\r\n\r\n", "Transfer-Encoding: identity"))
    yield refused("codings/twice, identity first", head(f"POST {LOTS} HTTP/1.1", "Transfer-Encoding: identity", CHUNKED, without=("Content-Length",)) + b"0\r\n\r\n")
    for name, line in {"space before the colon": "Transfer-Encoding : chunked", "tab before the colon": "Transfer-Encoding\t: chunked", "folded": "Transfer-Encoding:\r\n chunked", "NUL": "Transfer-Encoding\0: chunked",
                       "vertical tab before the value": "Transfer-Encoding: \x0bchunked", "high byte": "Transfer-Encoding: chunked\xff", "line feed before it": "X: a\nTransfer-Encoding: chunked",
                       "carriage return before it": "X: a\rTransfer-Encoding: chunked", "space first": " Transfer-Encoding: chunked", "prefixed": "Foo\r\n Transfer-Encoding: chunked"}.items():
        yield refused(f"codings/hidden by {name}", post(line))
    yield refused("codings/underscore", post("Transfer_Encoding: chunked"), code="INF-REQ-05")
    for value in ("gzip", "br", "deflate", "identity, gzip", "zstd", "x-gzip", "compress", "GZIP", "aws-chunked", "utf-8", ""):
        yield refused(f"codings/content coding {value!r}", post(f"Content-Encoding: {value}"), 415, "INF-REQ-08")
    yield refused("codings/gzip bomb", post("Content-Encoding: gzip", body=gzip.compress(b" " * 10_000_000)), 415, "INF-REQ-08")
    yield refused("codings/gzip without saying so", post(body=gzip.compress(b"{}")), code="4000")


def odd_bytes() -> Iterator[Case]:
    """One odd byte in each place of a header that frames: what one reader trims, another takes for another name or value."""
    for byte in (0x00, 0x01, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1F, 0x20, 0x7F, 0x80, 0x85, 0xA0, 0xFF):
        odd = chr(byte)
        for place, line in {"before the name": f"{odd}Transfer-Encoding: chunked", "after the name": f"Transfer-Encoding{odd}: chunked", "within the name": f"Transfer{odd}Encoding: chunked",
                            "before the value": f"Transfer-Encoding:{odd}chunked", "after the value": f"Transfer-Encoding: chunked{odd}", "within the value": f"Transfer-Encoding: chu{odd}nked"}.items():
            yield refused(f"odd bytes/{byte:02x} {place}", post(line), code=None)


def chunks() -> Iterator[Case]:
    wrong = {"bare LF after the size": b"2\n{}\r\n0\r\n\r\n", "bare LF after the data": b"2\r\n{}\n0\r\n\r\n", "bare LF at the end": b"2\r\n{}\r\n0\r\n\n", "bare CR": b"2\r{}\r\n0\r\n\r\n", "extension": b"2;a=b\r\n{}\r\n0\r\n\r\n",
             "extension with LF": b"2;\n{}\r\n0\r\n\r\n", "long extension": b"2;" + b"a" * 5000 + b"\r\n{}\r\n0\r\n\r\n", "quoted extension": b'2;a="\r\n"\r\n{}\r\n0\r\n\r\n', "extension of the last chunk": b"2\r\n{}\r\n0;a\r\n\r\n",
             "space after the size": b"2 \r\n{}\r\n0\r\n\r\n", "space before the size": b" 2\r\n{}\r\n0\r\n\r\n", "tab after the size": b"2\t\r\n{}\r\n0\r\n\r\n", "plus": b"+2\r\n{}\r\n0\r\n\r\n", "minus": b"-2\r\n{}\r\n0\r\n\r\n",
             "0x": b"0x2\r\n{}\r\n0\r\n\r\n", "underscore": b"0_2\r\n{}\r\n0\r\n\r\n", "no size": b"\r\n{}\r\n0\r\n\r\n", "not hexadecimal": b"zz\r\n{}\r\n0\r\n\r\n", "size of 17 digits": b"10000000000000002\r\n{}\r\n0\r\n\r\n",
             "many zeros": b"0000000000000002\r\n{}\r\n0\r\n\r\n", "minus one": b"FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", "longer data": b"1\r\n{}\r\n0\r\n\r\n", "shorter data": b"3\r\n{}\r\n0\r\n\r\n", "trailer": b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n",
             "trailer Content-Length": b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", "trailer Host": b"2\r\n{}\r\n0\r\nHost: evil.example\r\n\r\n", "NUL in the size": b"2\0\r\n{}\r\n0\r\n\r\n", "full-width digit": "２\r\n{}\r\n0\r\n\r\n".encode(),
             "a request for a size": b"GET / HTTP/1.1\r\n\r\n", "CRLF first": b"\r\n2\r\n{}\r\n0\r\n\r\n", "comma": b"2,3\r\n{}\r\n0\r\n\r\n", "decimal point": b"2.0\r\n{}\r\n0\r\n\r\n", "h": b"2h\r\n{}\r\n0\r\n\r\n"}
    for name, body in wrong.items():
        yield refused(f"chunks/{name}", chunked(body))
    yield refused("chunks/empty body", chunked(b"0\r\n\r\n"), code="4000")


def several() -> Iterator[Case]:
    yield refused("several/a second request behind a refused one", post(line="POST /nowhere HTTP/1.1") + post(), 404, "INF-REQ-09", answers=1, what="a refusal ends the connection")
    yield refused("several/a smuggled request behind a refused head", post("Upgrade: x") + post(), code="INF-REQ-05")
    yield refused("several/a request in the body of a chunked one with trailers", chunked(b"0\r\nX: a\r\n\r\n" + post()))
    yield refused("several/CL.0", head(f"POST {LOTS} HTTP/1.1", "Content-Length: 0", without=("Content-Length",)) + b"GET /admin HTTP/1.1\r\nX: ", code="4000", answers=1)
    lot = _lot_with(b"0")
    yield forwarded("several/a good one, then one with a bad path", sized(lot) + sized(lot, "POST /x/../y HTTP/1.1"), answers=2, calls=1)
    yield forwarded("several/a good one, then nonsense", sized(lot) + b"\x00\x01\x02\x03nonsense\r\n\r\n", answers=2, calls=1)
    yield forwarded("several/a good one, then half of one", sized(lot) + sized(lot)[:60], calls=1)
    yield forwarded("several/a good one, then a line too many", sized(lot) + b"\r\n" + sized(lot), answers=2, calls=1)
    yield forwarded("several/three good ones", sized(lot) * 3, answers=3)
    yield forwarded("several/a good chunked one, then a bad one", chunked(b"%x\r\n" % len(lot) + lot + b"\r\n0\r\n\r\n") + sized(lot, "TRACE / HTTP/1.1"), answers=2, calls=1)


def contents() -> Iterator[Case]:
    for kind in ("text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16", "application/json; charset=latin1", "*/*", "",
                 "application/json; charset=utf-8; x=y", "application/json, text/plain", "application/json; boundary=x", "application/jsonx", "application/ json", "application", "application/json; charset",
                 "application/vnd.dgfip.infinoe.v2.0+json", "application/problem+json", "application/json; profile=x"):
        yield refused(f"contents/type {kind!r}", post(f"Content-Type: {kind}", without=("Content-Type",)), 415, "INF-REQ-08")
    yield refused("contents/no type", post(without=("Content-Type",)), 415, "INF-REQ-08")
    for name, body in {"one byte": b"{", "NUL": b"\0", "HTML": b"<html>", "XML": b"<?xml version='1.0'?><a/>", "form": b"a=b&c=d", "a list": b"[]", "a number": b"1", "a text": b'"x"', "null": b"null", "two lots": b"{{LOT}}{{LOT}}",
                       "lot and a line": b"{{LOT}}\r\n\r\nGET / HTTP/1.1", "lot and NUL": b"{{LOT}}\0", "mark and lot": b"\xef\xbb\xbf{{LOT}}", "comment": b"/**/{{LOT}}", "YAML": b"a: 1\nb: 2"}.items():
        yield refused(f"contents/{name}", post(body=body), code="4000")


def json_bodies() -> Iterator[Case]:
    for name, text in (REFUSED_BY_THE_GRAMMAR | REFUSED_BY_RULE).items():
        if text.strip() and len(text) < LARGEST_TEXT_BYTES and b"{{" not in text:
            yield refused(f"json/{name}", post(body=b'{"organisme":{"siret":"13099990700012"},"x":' + text + b"}"), code="4000")
    for name, text in READ.items():
        if len(text) < LARGEST_TEXT_BYTES and text.count(b"[") + text.count(b"{") < 30 and b"{{" not in text:
            yield forwarded(f"json/{name}", post(body=_lot_with(text)))


def _lot_with(text: bytes) -> bytes:
    lot = {"organisme": {"siret": "13099990700012"}, "budget": {"type": "BP", "code": "01"}, "exercice": 2026, "periode": "2026-03", "flux": "comptable", "ecritures": [{"identifiant": "A1"}]}
    return json.dumps(lot).encode()[:-1] + b', "x": ' + text + b"}"


def well_formed() -> Iterator[Case]:
    yield forwarded("well formed/a lot", post())
    yield forwarded("well formed/other case of names", post().replace(b"Content-Type", b"CONTENT-type").replace(b"Host", b"hOST"))
    yield forwarded("well formed/white space around values", post("X-A: \t a \t "))
    yield forwarded("well formed/empty value", post("X-A:"))
    yield forwarded("well formed/charset", post("Content-Type: application/json; charset=UTF-8", without=("Content-Type",)))
    yield forwarded("well formed/quoted charset", post('Content-Type: application/json;charset="utf-8"', without=("Content-Type",)))
    yield forwarded("well formed/vendor type", post("Content-Type: application/vnd.dgfip.infinoe.v1.0+json", without=("Content-Type",)))
    yield forwarded("well formed/leading zeros of the length", post("Content-Length: 000{{CONTENT_LENGTH}}", without=("Content-Length",)))
    yield forwarded("well formed/headers that stay here", post("X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Cookie: a=b", "Via: 1.1 x", "X-Request-ID: forged", "Accept-Encoding: gzip"))
    yield forwarded("well formed/headers that go on", post("Accept: application/json", "Accept-Language: fr", 'If-Match: "3"'))
    yield forwarded("well formed/keep-alive", post("Connection: keep-alive"))
    yield forwarded("well formed/close", post("Connection: close"))
    yield forwarded("well formed/identity", post("Content-Encoding: identity"))
    yield forwarded("well formed/expects continue", post("Expect: 100-continue"))
    yield forwarded("well formed/unknown digest", post("Content-Digest: unixsum=:AAAA:"))
    yield forwarded("well formed/in pieces", head()[:30] + b"{{PAUSE:0.05}}" + head()[30:] + b"{{PAUSE:0.05}}" + LOT)
    yield forwarded("well formed/head ends between CR and LF", head()[:-3] + b"{{PAUSE:0.05}}" + head()[-3:] + LOT)
    lot = _lot_with(b"1")
    for size in (1, 7, len(lot)):
        framed = b"".join(b"%x\r\n" % len(lot[i : i + size]) + lot[i : i + size] + b"\r\n" for i in range(0, len(lot), size)) + b"0\r\n\r\n"
        yield forwarded(f"well formed/chunks of {size}", chunked(framed))
    yield forwarded("well formed/chunk sizes in upper case with zeros", chunked(b"%08X\r\n" % len(lot) + lot + b"\r\n000\r\n\r\n"))
    for method, what in (("PUT", "change"), ("DELETE", "deletion")):
        for key in ("A1", "a.b_c-d", "0", "x" * 64, "...", ".a", "-"):
            yield forwarded(f"well formed/{what} of {key[:10]}", post('If-Match: "1"', line=f"{method} {LOTS}/{key} HTTP/1.1"))
