"""The table of mutants: each way that fails open, the protection against it, and the test that fails without it."""

from collections.abc import Iterable

from tests.mutants.mutant import Mutant, Patch

ADDONS, CORE = "gateway_addons/addons/", "gateway_addons/core/"
HEAD, FRAMING, ANSWER = CORE + "request_head.py", CORE + "body_framing.py", CORE + "answer_head.py"
SERVER, STREAM, CLIENT = ADDONS + "http_server.py", ADDONS + "http_stream.py", ADDONS + "http_client.py"
LISTENER, CONNECTION, TLS, CONTEXT = ADDONS + "listener.py", ADDONS + "connection.py", ADDONS + "tls.py", ADDONS + "tls_context.py"
LAYER, VERIFY, GATE, FACTS, EXCHANGE = ADDONS + "http_layer.py", ADDONS + "client_verify.py", ADDONS + "gate.py", ADDONS + "flow_facts.py", ADDONS + "backend_exchange.py"
PATHS = "gateway_addons/adapters/trust/path_validation.py"

FORM = "tests/gate/test_request_form.py::test_refused_with_a_code_and_never_forwarded"
CLOSED, BOUNDS = "tests/gate/test_fail_closed.py::", "tests/gate/test_bounds.py::"
GATE_TLS, CLIENTS = "tests/gate/test_tls.py::", "tests/gate/test_tls_clients.py::"
BACKEND, STOCK = "tests/gate/test_hostile_backend.py::", "tests/plugin/test_stock_engine.py::"

ANY_TARGET = Patch(HEAD, '''_TARGET = rb"(?:/[A-Za-z0-9._~-]++)++"''', '''_TARGET = rb"(?s:.+)"''')
ANY_LF_SO_FAR = Patch(HEAD, "    if _BARE_LINE_FEED.search(received):", "    if False:")
ANY_CR_SO_FAR = Patch(HEAD, r'''    if _BARE_CARRIAGE_RETURN.search(received) or b"\0" in received:''', "    if False:")
ANY_VALUE = Patch(HEAD, r'''_VALUE = rb"[\t\x20-\x7e]*+"''', '''_VALUE = rb"(?s:.*)"''')
NO_MARK = Patch(STREAM, "if type(self.flow.metadata.get(ADMITTED)) is not Admission:", "if False:")


def _one(name: str, way: str, protection: str, test: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, way, protection, (Patch(file, old, new),), test)


def _several(name: str, way: str, protection: str, test: str, *patches: Patch) -> Mutant:
    return Mutant(name, way, protection, patches, test)


def mutants() -> list[Mutant]:
    """Every mutant, in the order of the ways."""
    return [*hooks(), *http2(), *transport(), *handshake(), *streaming(), *bounds(), *early(), *stock(), *request_heads(), *request_bodies(),
            *life(), *answers()]


def hooks() -> Iterable[Mutant]:
    gone = CLOSED + "test_a_hook_that_is_gone_refuses"
    yield _several("no mark is needed", "1", "http_stream.py: make_server_connection", gone + "[request]", NO_MARK)
    yield _one("any mark is enough", "1", "http_stream.py: make_server_connection", CLOSED + "test_only_the_gates_own_mark_admits[admitted]", STREAM,
               "if type(self.flow.metadata.get(ADMITTED)) is not Admission:", "if not self.flow.metadata.get(ADMITTED):")
    yield _several("line one of a hook is no refusal", "1", "gate.py: starts_refused, http_stream.py: make_server_connection",
                   CLOSED + "test_an_exception_in_a_hook_before_the_backend_refuses[last-request]", NO_MARK,
                   Patch(GATE, "        flow.response = answer.standing_refusal(code)\n", ""),
                   Patch(GATE, "            flow.response = answer.refusal(code, flow.request, datetime.now(UTC), {})\n", ""))
    yield _one("an answer leaves without the gate's word", "1", "http_stream.py: send_response", gone + "[response]", STREAM,
               "if response is None or type(self.flow.metadata.get(RELEASED)) is not Release:", "if response is None:")
    yield _one("a fault leaves no record", "1", "gate.py: conclude_after_fault",
               CLOSED + "test_a_failure_after_the_backend_says_that_the_outcome_is_unknown", GATE,
               "        await self.records.conclude_after_fault(flow, call)\n", "")
    yield _one("the journal may fail in silence", "1", "gate.py: response", CLOSED + "test_a_record_that_cannot_be_written_is_no_silent_success", GATE,
               '''            final = self._refuse(flow, call, Refusal("INF-GEN-02" if call.forwarded else "INF-INT-01", str(e)))''', "            del e")


def http2() -> Iterable[Mutant]:
    yield _one("HTTP/2 is offered", "2", "tls_context.py: _select_http11", GATE_TLS + "test_only_http11_is_spoken", CONTEXT,
               '''    return b"http/1.1"''', '''    return b"h2" if b"h2" in offered else b"http/1.1"''')
    yield _one("a client of HTTP/2 alone is let in", "2", "tls_context.py: _select_http11", GATE_TLS + "test_http2_alone_gets_an_alert", CONTEXT,
               '''        raise SSL.Error([("SSL routines", "", "no application protocol")])''', "        return SSL.NO_OVERLAPPING_PROTOCOLS")
    yield _one("the forwarded body has no length of its own", "2", "backend_exchange.py: address_to_backend",
               "tests/gate/test_request_form.py::test_chunked_body_is_forwarded_with_its_length", EXCHANGE,
               '''        fields.append((b"Content-Length", str(len(body)).encode()))\n''', "")
    yield _one("PRI is a method of a version that is none", "2", "request_head.py: _defect_of_form", BOUNDS + "test_an_http2_preface_is_refused", HEAD,
               '''        return Refusal("INF-REQ-02", "version is not HTTP/1.1")''', '''        parts[0] = b"POST"''')


def transport() -> Iterable[Mutant]:
    yield _several("plaintext is served", "3", "listener.py: Entrance", CLOSED + "test_plaintext_is_not_served",
                   Patch(LISTENER, "        self.http = GateHttpLayer(self.context, self._entry, self.session, self._wire, tls)\n",
                         "        from gateway_addons.addons.line import PlainLine\n        line = PlainLine(self._wire, self.context.client)\n"
                         "        self.http = tls = GateHttpLayer(self.context, self._entry, self.session, self._wire, line)\n"))
    yield _one("the backend is connected to first", "7", "listener.py: Entrance", BOUNDS + "test_a_refused_call_makes_no_connection_to_the_backend", LISTENER,
               "        self.context.server.address = self._entry.backend\n",
               "        self.context.server.address = self._entry.backend\n        yield commands.OpenConnection(self.context.server)\n")


def handshake() -> Iterable[Mutant]:
    alert = GATE_TLS + "test_refused_with_a_tls_alert"
    yield _one("no certificate is demanded", "4", "client_verify.py: demand_certificate", alert + "[no certificate-772]", VERIFY,
               "(0 if answers else SSL.VERIFY_FAIL_IF_NO_PEER_CERT)", "0")
    yield _one("every certificate is taken", "4", "client_verify.py: judge", alert + "[unknown authority-772]", VERIFY,
               "        if notes.refused is None or answers:", "        if True:")
    yield _one("a fault in the validation lets in", "4", "client_verify.py: _judge", GATE_TLS + "test_a_fault_in_the_validation_lets_nobody_in", VERIFY,
               '''        notes.refused = PathRefused("chain", "fault", type(e).__name__)''', "        del e")
    yield _one("revocation is not looked at", "4", "path_validation.py: _check_revocation", alert + "[revoked-771]", PATHS,
               "    _check_revocation(verified, trust, now)\n    return verified", "    return verified")
    yield _one("a certificate of a server is a client's", "4", "path_validation.py: check_usage", alert + "[serverAuth only-772]", PATHS,
               "    check_usage(leaf, trust.rules)\n    check_dates(path, now)", "    check_dates(path, now)")
    yield _one("dates are not looked at", "4", "path_validation.py: check_dates", alert + "[expired-772]", PATHS,
               "    check_dates(path, now)\n    _check_revocation", "    _check_revocation")
    options = "tests/unit/test_tls_context.py::test_the_options_of_the_context"
    for option in ("OP_NO_COMPRESSION", "OP_NO_RENEGOTIATION", "OP_NO_TICKET"):
        yield _one(f"without {option}", "4", "tls_context.py: _speak_only", f"{options}[{option}]", CONTEXT, f"SSL.{option}", "0")
    yield _one("sessions are kept", "4", "tls_context.py: _speak_only", "tests/unit/test_tls_context.py::test_no_session_is_kept", CONTEXT,
               "SSL.SESS_CACHE_OFF", "SSL.SESS_CACHE_SERVER")
    yield _one("early data is taken", "4", "tls_context.py: _speak_only", "tests/unit/test_tls_context.py::test_no_early_data", CONTEXT,
               "_lib.SSL_CTX_set_max_early_data(tls._context, 0)", "_lib.SSL_CTX_set_max_early_data(tls._context, 16384)")
    yield _one("TLS 1.1 is spoken", "4", "tls_context.py: _speak_only", "tests/unit/test_tls_context.py::test_the_oldest_and_the_newest_version", CONTEXT,
               "set_min_proto_version(SSL.TLS1_2_VERSION)", "set_min_proto_version(SSL.TLS1_1_VERSION)")
    yield _one("suites without forward secrecy", "4", "tls_context.py: SUITES_TLS12", CLIENTS + "test_not_spoken[-cipher-ECDHE-ECDSA-AES128-SHA256--tls1_2]",
               CONTEXT, "    tls.set_cipher_list(SUITES_TLS12)\n", "")
    yield _one("any group", "4", "tls_context.py: GROUPS", CLIENTS + "test_not_spoken[-groups-X448--tls1_3]", CONTEXT,
               'GROUPS = b"', 'GROUPS = b"X448:')
    yield _one("any signature algorithm", "4", "tls_context.py: SIGNATURES", "tests/unit/test_tls_context.py::test_the_signature_algorithms", CONTEXT,
               'SIGNATURES = (\n    b"', 'SIGNATURES = (\n    b"ed25519:')
    yield _one("a handshake of any size", "6", "tls.py: receive_handshake_data", GATE_TLS + "test_a_handshake_that_never_ends_is_ended", TLS,
               "        within = max(0, self._entry.limits.max_handshake_bytes - self._received_bytes)", "        within = len(data)")
    yield _one("a handshake without end", "6", "connection_end.py: end_unfinished_handshake", GATE_TLS + "test_an_unfinished_handshake_is_ended",
               ADDONS + "connection_end.py", "    if handler.client.timestamp_tls_setup is None:", "    if False:")
    yield _one("no alert is sent", "9", "tls.py: on_handshake_error", alert + "[revoked-772]", TLS,
               "        if self.tls:\n            yield from self.tls_interact()\n", "")
    yield _one("session keys are logged", "10", "tls_context.py: server_context", CLIENTS + "test_no_key_log_is_written", CONTEXT,
               "    demand_certificate(tls, validate, refusal=refusal)\n",
               "    demand_certificate(tls, validate, refusal=refusal)\n    from mitmproxy.net import tls as engine_tls\n"
               "    tls.set_keylog_callback(engine_tls.log_master_secret)\n")


def streaming() -> Iterable[Mutant]:
    streams = BOUNDS + "test_an_addon_that_streams_opens_nothing"
    yield _several("a request may be streamed", "5", "http_stream.py: state_wait_for_request_headers", streams,
                   Patch(STREAM, "        self.client_state = self.state_consume_request_body\n        self.server_state = self.state_wait",
                         "        if self.flow.request.stream:\n            yield from self.start_request_stream()\n        else:\n"
                         "            self.client_state = self.state_consume_request_body\n        self.server_state = self.state_wait"), NO_MARK)
    yield _one("an answer may be streamed", "5", "http_stream.py: start_response_stream", streams, STREAM,
               "    def start_response_stream(self)", "    def unused_start_response_stream(self)")
    yield _one("the engine's options count", "5", "http_stream.py: state_wait_for_response_headers",
               BOUNDS + "test_the_engines_streaming_option_changes_nothing", STREAM,
               "        self.flow.response = event.response\n",
               "        self.flow.response, self.response_body_buf = event.response, bytearray(event.body)\n        yield from self.check_body_size(False)\n")


def bounds() -> Iterable[Mutant]:
    yield _one("a head without end", "6", "request_head.py: incomplete_head_defect", FORM + "[endless head]", HEAD,
               "    if len(received) > max_bytes:", "    if False:")
    yield _one("a head of any size", "6", "request_head.py: read_head", BOUNDS + "test_a_head_over_the_bound_is_refused_although_it_is_whole", HEAD,
               "    if len(raw) > max_bytes:", "    if False:")
    yield _one("no deadlines", "6", "http_server.py: _tick", CLOSED + "test_slow_head_ends_in_time", SERVER,
               "        if time.monotonic() >= self._deadline:", "        if False:")
    yield _one("a head may be slow", "6", "http_server.py: read_headers", BOUNDS + "test_a_slow_head_has_less_time_than_an_idle_connection", SERVER,
               "            self._deadline = time.monotonic() + self._limits.head_timeout_s\n", "")
    yield _one("a body may be slow", "6", "http_server.py: _begin", CLOSED + "test_slow_body_ends_in_time", SERVER,
               "        self._deadline = time.monotonic() + self._limits.body_timeout_s\n", "        self._deadline = time.monotonic() + 3600\n")
    yield _one("an idle connection stays", "6", "http_server.py: answered", BOUNDS + "test_an_idle_connection_is_closed", SERVER,
               "        self.state = self.read_headers\n        self._deadline = time.monotonic() + self._limits.idle_timeout_s\n",
               "        self.state = self.read_headers\n        self._deadline = time.monotonic() + 3600\n")
    yield _one("bytes pipelined without end", "6", "http_server.py: wait", BOUNDS + "test_bytes_pipelined_behind_a_call_are_bounded", SERVER,
               "len(self.buf) > self._limits.max_pipelined_bytes", "False")
    yield _one("a chunked body of any size", "6", "http_server.py: read_body", BOUNDS + "test_a_chunked_body_over_the_limit_is_refused_while_it_comes", SERVER,
               "            if self._body_bytes > self._entry.max_body_bytes:", "            if False:")
    yield _one("an announced body of any size", "6", "flow_facts.py: check_body_headers", FORM + "[body announced too large]", FACTS,
               "    if int(length) > max_body_bytes:", "    if False:")
    yield _one("bodies take memory without bound", "6", "bounds.py: BodyBudget", BOUNDS + "test_bodies_of_all_connections_share_the_memory", SERVER,
               "            if not self._bodies.reserve(len(data)):", "            if False:")
    yield _one("a body's memory is not given back", "6", "http_server.py: answered", BOUNDS + "test_the_memory_of_a_body_is_given_back", SERVER,
               "        self._bodies.free()\n", "")
    yield _one("connections without bound", "6", "bounds.py: ConnectionCounts", GATE_TLS + "test_connections_are_bounded", CORE + "bounds.py",
               "self._open >= self._limit or ", "")
    yield _one("connections of one address without bound", "6", "bounds.py: ConnectionCounts", BOUNDS + "test_connections_from_one_address_are_bounded",
               CORE + "bounds.py", " or self._sources[source] >= self._limit_of_a_source", "")
    yield _one("answers that nobody takes", "6", "connection_end.py: SendingWatch", BOUNDS + "test_a_client_that_does_not_take_its_answers_is_cut",
               ADDONS + "connection_end.py", "            self._transport.abort()\n            return", "            pass")
    yield _one("reading goes on while much waits to be sent", "6", "connection.py: _hold", BOUNDS + "test_nothing_is_read_while_much_waits_to_be_sent",
               CONNECTION, "transport.pause_reading() if self._unsent else transport.resume_reading()", "transport.resume_reading()")
    yield _one("ended connections keep OpenSSL's memory", "6", "tls.py: forget", BOUNDS + "test_the_memory_of_a_connection_that_ended_waits_for_no_collector",
               LISTENER, "            self._tls.forget()", "            pass")
    yield _one("headers without bound", "header count", "request_head.py: read_head", FORM + "[too many headers]", HEAD,
               "    if len(headers) > max_headers:", "    if False:")


def early() -> Iterable[Mutant]:
    test = CLOSED + "test_early_refusal_reads_no_body_and_asks_for_none"
    yield _one("an early refusal waits for the body", "8", "http_stream.py: state_wait_for_request_headers", test, STREAM,
               "        if self.flow.response is not None or DEFECT in self.flow.metadata:", "        if False:")
    yield _one("100-continue before the gate's word", "8", "http_stream.py: state_wait_for_request_headers", test, STREAM,
               "        yield SHOW_HEAD\n",
               "        interim = http.Response.make(100)\n        interim.headers.clear()\n"
               "        self._http.server.send_interim(interim)\n        yield SHOW_HEAD\n")
    lingers = BOUNDS + "test_what_comes_after_an_early_refusal_is_bounded"
    yield _one("an upload that was refused goes on without end", "8", "http_server.py: linger", lingers + "[bytes]", SERVER,
               "            if self._body_bytes <= LINGER_BYTES:\n                return\n", "            return\n")
    yield _one("an upload that was refused takes its time", "8", "http_server.py: answered", lingers + "[time]", SERVER,
               "            self._deadline = time.monotonic() + LINGER_S\n            self.state = self.linger",
               "            self._deadline = time.monotonic() + 3600\n            self.state = self.linger")
    yield _one("a malformed request is taken for a good one", "malformed", "flow_facts.py: check_form, http_stream.py: state_wait_for_request_headers",
               FORM + "[HTTP/1.0]", FACTS, "        raise defect if isinstance(defect, Refusal) else", "        if False: raise")


def stock() -> Iterable[Mutant]:
    parts = BOUNDS + "test_nothing_but_the_gates_own_parts_is_loaded"
    for addon in ("onboarding.Onboarding", "block.Block", "tlsconfig.TlsConfig", "next_layer.NextLayer"):
        module = addon.partition(".")[0]
        yield _one(f"{addon} is loaded", "10", "listener.py: GateMaster", parts, LISTENER, "        own = [core.Core(),",
                   f"        from mitmproxy.addons import {module}\n        own = [{addon}(), core.Core(),")
    yield _one("the engine's error page leaves", "10", "http_server.py: fail", CLOSED + "test_a_hook_that_is_gone_refuses[response]", SERVER,
               '''            self._line.send(self._entry.last_resort("INF-GEN-02"))''',
               '''            from mitmproxy.proxy.layers.http._http1 import make_error_response\n'''
               '''            self._line.send(make_error_response(502, "x"))''')
    yield _one("a stock engine goes on", "stock engine", "own_engine.py: load", STOCK + "test_a_stock_engine_ends_before_it_listens[plugin.py]",
               ADDONS + "own_engine.py", "    os._exit(EXIT_CODE)", '    raise RuntimeError("logged, and no more")')
    yield _one("the class alone has no hook", "stock engine", "gate.py: load", STOCK + "test_a_script_of_somebodys_own_around_the_gate_ends_too",
               GATE, "        load(loader)", "        del loader")


def request_heads() -> Iterable[Mutant]:
    for row in ("bare CR in a value", "NUL in a value"):
        yield _several(f"{row} is taken", "control characters", "request_head.py: incomplete_head_defect, _VALUE", f"{FORM}[{row}]",
                       ANY_CR_SO_FAR, ANY_VALUE)
    yield _several("bare LF in a value is taken", "control characters", "request_head.py: incomplete_head_defect, _VALUE",
                   f"{FORM}[bare LF in a value]", ANY_LF_SO_FAR, ANY_VALUE)
    yield _several("raw high bytes in a value are taken", "control characters", "request_head.py: _VALUE", f"{FORM}[raw high byte in a value]", ANY_VALUE)
    yield _several("NUL in a path is taken", "control characters", "request_head.py: incomplete_head_defect, _TARGET", f"{FORM}[NUL in the path]",
                   ANY_CR_SO_FAR, ANY_TARGET)
    yield _one("a method of odd characters is taken", "methods", "request_head.py: _HEAD", f"{FORM}[method of odd token characters]", HEAD,
               "% (NAME, _TARGET, NAME, _VALUE)", '% (b"[^ ]+", _TARGET, NAME, _VALUE)')
    yield _one("folded lines are taken", "obs-fold", "request_head.py: _HEAD", f"{FORM}[folded line]", HEAD,
               r"(?:\r\n%b:%b)*+", r"(?:\r\n(?:%b:%b|[ \t][^\r\n]*))*+")
    for row in ("TRACE", "unknown method", "lower-case method", "CONNECT"):
        yield _one(f"{row} is taken", "methods", "request_head.py: METHODS", f"{FORM}[{row}]", HEAD,
                   "    if name not in METHODS:", "    if False:")
    for row in ("OPTIONS *", "absolute-form target", "authority in the target", "fragment", "query", "encoded dot", "encoded slash", "double encoding",
                "double slash", "matrix parameter", "backslash", "trailing slash", "raw high byte in the path"):
        yield _several(f"{row}: any target is taken", "targets", "request_head.py: _TARGET", f"{FORM}[{row}]", ANY_TARGET)
    yield _one("dot segments are taken", "targets", "request_head.py: _canonical", f"{FORM}[dot-dot segment]", HEAD,
               '''    if not _DOT_SEGMENTS.isdisjoint(target.split(b"/")):''', "    if False:")
    for row in ("HTTP/1.0", "HTTP/9.9", "lower-case version"):
        yield _one(f"{row} is taken", "versions", "request_head.py: _HEAD", f"{FORM}[{row}]", HEAD, r" HTTP/1\.1(", " (?i:HTTP)/[0-9.]+(")
    yield _one("HTTP/0.9 is taken", "versions", "request_head.py: _defect_of_form", f"{FORM}[HTTP/0.9]", HEAD,
               "    parts = request_line.split(b\" \")", '''    parts = (request_line + b" HTTP/1.1").split(b" ")[:3]''')
    yield _one("Host twice is taken", "Host", "request_head.py: _check_names", f"{FORM}[Host twice]", HEAD, '''    if len(named.get(b"host", ())) != 1:''', "    if False:")
    yield _several("Host absent is taken", "Host", "request_head.py: _check_names, flow_facts.py: check_form", f"{FORM}[Host absent]",
                   Patch(HEAD, '''    if len(named.get(b"host", ())) != 1:''', "    if False:"),
                   Patch(FACTS, '''flow.request.headers.get("host", "")''', '''flow.request.headers.get("host", "localhost")'''))
    yield _one("Host with junk is taken", "Host", "flow_facts.py: _host_name", f"{FORM}[Host with an absurd port]", FACTS,
               '''    if host is None or int(host["port"] or 443) > 65535:''', "    if host is None:")
    yield _one("any Host is taken", "Host", "flow_facts.py: check_form", f"{FORM}[Host of another]", FACTS,
               "    if name not in listener.hosts or (sni is not None and sni != name):", "    if False:")
    yield _one("Host may differ from SNI", "Host", "flow_facts.py: check_form", f"{FORM}[Host that is not the SNI]", FACTS,
               " or (sni is not None and sni != name)", "")
    yield _one("Content_Length is taken", "names", "request_head.py: _check_names", f"{FORM}[Content_Length]", HEAD,
               '''    if b"_" in b" ".join(named.keys() - _UNDERSCORED):''', "    if False:")
    yield _one("the twin of ID_Teleservice is taken", "names", "request_head.py: _check_names", f"{FORM}[twin of ID_Teleservice]", HEAD,
               '''    if b"id-teleservice" in named:''', "    if False:")
    yield _one("Connection names headers", "hop-by-hop", "request_head.py: _check_connection", f"{FORM}[Connection names a header]", HEAD,
               "    if not options <= _CONNECTION_OPTIONS:", "    if False:")
    for row in ("TE", "HTTP2-Settings", "forged assertion", "method override"):
        yield _one(f"{row} is taken", "hop-by-hop", "request_head.py: _FORBIDDEN", f"{FORM}[{row}]", HEAD,
                   "    if not _FORBIDDEN.isdisjoint(named):", "    if False:")
    yield _one("every header goes on", "hop-by-hop", "backend_exchange.py: address_to_backend",
               "tests/gate/test_request_form.py::test_what_is_forwarded_is_rebuilt_from_a_short_list", EXCHANGE,
               "    wanted = [*_FORWARDED, *map(str.encode, headers)]", "    wanted = [name for name in given if name != b\"host\"]")
    yield _several("Upgrade is taken", "Upgrade", "request_head.py: _FORBIDDEN, _check_connection", f"{FORM}[Upgrade]",
                   Patch(HEAD, "    if not _FORBIDDEN.isdisjoint(named):", "    if False:"),
                   Patch(HEAD, "    if not options <= _CONNECTION_OPTIONS:", "    if False:"))
    for row in ("Authorization twice", "If-Match twice"):
        yield _one(f"{row} is taken", "names", "request_head.py: _REPEATABLE", f"{FORM}[{row}]", HEAD,
                   "    if len(named) != count:", "    if False:")


def request_bodies() -> Iterable[Mutant]:
    yield _one("Content-Length twice is taken", "request framing", "request_head.py: _REPEATABLE", f"{FORM}[Content-Length twice]", HEAD,
               "    if len(named) != count:", "    if False:")
    for row in ("Content-Length with a sign", "Content-Length list"):
        yield _one(f"{row} is taken", "request framing", "request_head.py: _framing", f"{FORM}[{row}]", HEAD,
                   "    if length is not None and not _CONTENT_LENGTH.fullmatch(length[0]):", '''    length = length and [length[0].strip(b"+").split(b",")[0]]\n    if False:''')
    yield _one("both framings are taken", "request framing", "request_head.py: _framing", f"{FORM}[both framings over chunks]", HEAD,
               "    if coding is not None and length is not None:", "    if False:")
    yield _one("odd codings are taken", "request framing", "request_head.py: _framing", f"{FORM}[odd Transfer-Encoding over chunks]", HEAD,
               '''    if coding is not None and coding[0].lower() != b"chunked":''', "    if False:")
    yield _one("a space before the colon is taken", "request framing", "request_head.py: _HEAD", f"{FORM}[space before the colon]", HEAD,
               "% (NAME, _TARGET, NAME, _VALUE)", '% (NAME, _TARGET, NAME + b" ?", _VALUE)')
    yield _one("chunk trailers are waited for", "hangs", "body_framing.py: _line_end", f"{FORM}[chunked body with trailers]", FRAMING,
               '''        if not b"\\r\\n".startswith(found):''', "        if False:")
    yield _one("leading CRLF is waited for", "hangs", "request_head.py: _defect_of_form", f"{FORM}[leading CRLF]", SERVER,
               "        received = bytes(self.buf)\n", '''        received = bytes(self.buf).lstrip(b"\\r\\n")\n        self.buf[:] = received\n''')
    yield _one("a chunk that ends in a bare line feed is waited for", "hangs", "body_framing.py: _size_line",
               BOUNDS + "test_a_chunk_of_another_grammar_is_refused_at_once[line feeds alone]", FRAMING,
               "            if not _SIZE_LINE_SO_FAR.fullmatch(buffer):", "            if False:")
    yield _one("chunks without number", "request framing", "body_framing.py: MAX_CHUNKS", "tests/unit/test_body_framing.py::test_the_number_of_chunks_is_bounded", FRAMING,
               "        if self._chunks > MAX_CHUNKS:", "        if False:")
    yield _one("two framed bodies are one", "request framing", "body_framing.py: FixedBody", BOUNDS + "test_pipelined_bytes_within_the_bound_are_kept", FRAMING,
               "        taken = bytes(buffer[: self._left])\n        del buffer[: self._left]\n        self._left -= len(taken)",
               "        taken = bytes(buffer)\n        del buffer[:]\n        self._left = max(0, self._left - len(taken))")


def life() -> Iterable[Mutant]:
    yield _one("a silent backend has no end", "silent backend", "http_server.py: _too_late", CLOSED + "test_backend_silent_is_bounded", SERVER,
               '''            self._tell(BackendSilent(self.stream_id, "no answer in time", ErrorCode.GENERIC_SERVER_ERROR))''', "            pass")
    yield _one("a policy that hangs has no end", "silent backend", "gate.py: request", CLOSED + "test_policy_that_hangs_is_bounded", GATE,
               "asyncio.timeout(environment.decision_timeout_s)", "asyncio.timeout(3600)")
    yield _one("a backend that accepts nothing has no end", "silent backend", "connection.py: CONNECT_TIMEOUT_S",
               BACKEND + "test_a_backend_that_accepts_nothing_is_given_up", CONNECTION, '''        handler.cancel("no connection in time")''', "        del handler")
    yield _one("large bodies are read on the loop", "blocking hook", "gate.py: _admit", BOUNDS + "test_large_bodies_and_answers_are_read_in_a_thread", GATE,
               "                given = await asyncio.to_thread(self._read, flow, call, call.match, call.facts, body)",
               "                given = self._read(flow, call, call.match, call.facts, body)")
    yield _one("large answers are read on the loop", "blocking hook", "gate.py: _from_backend", BOUNDS + "test_large_bodies_and_answers_are_read_in_a_thread",
               GATE, "                told = await asyncio.to_thread(read_backend_answer, given, names)", "                told = read_backend_answer(given, names)")
    yield _one("leaving cuts calls in flight", "shutdown", "listener.py: drain_and_stop", BOUNDS + "test_a_call_in_flight_is_answered_before_the_gateway_leaves",
               LISTENER, "        while now() < deadline and (self.in_flight() or server.connections):", "        while False:")


def answers() -> Iterable[Mutant]:
    ends, endless = BACKEND + "test_an_answer_that_is_none_ends_its_connection", BACKEND + "test_an_answer_without_end_is_cut"
    early = BACKEND + "test_a_backend_that_closes_too_early_gave_no_answer"
    yield _one("a head of the backend without end", "answers", "answer_head.py: incomplete_answer_defect", endless + "[header lines]", ANSWER,
               "    if len(received) > MAX_HEAD_BYTES:", "    if False:")
    yield _one("a line of the backend's of any length", "answers", "answer_head.py: read_answer_head", ends + "[a line that is too long]", ANSWER,
               r'''    if len(raw) > MAX_LINE_BYTES and any(len(line) > MAX_LINE_BYTES for line in raw.split(b"\r\n")):''', "    if False:")
    yield _one("fields of the backend without number", "answers", "answer_head.py: read_answer_head", ends + "[too many fields]", ANSWER,
               "    if len(headers) > MAX_FIELDS:", "    if False:")
    yield _one("interim answers without number", "answers", "http_client.py: _next_head", ends + "[too many interim answers]", CLIENT,
               " or self._interim > MAX_INTERIM_ANSWERS", "")
    yield _one("interim answers of any size", "answers", "http_client.py: _next_head", ends + "[interim answers that are long together]", CLIENT,
               "        if self._head_bytes > MAX_HEAD_BYTES or self._interim", "        if self._interim")
    yield _one("an interim answer is the answer", "answers", "http_client.py: read_headers",
               BACKEND + "test_an_answer_that_is_whole_and_plain_is_passed_on[False-interim answers before it]", CLIENT,
               "            while head is not None and head.interim:\n                head = self._next_head()\n", "")
    yield _one("both framings of the backend", "answers", "answer_head.py: _framing", ends + "[both framings]", ANSWER,
               "    if coding is not None and length is not None:", "    if False:")
    yield _one("lengths of the backend twice", "answers", "answer_head.py: _check_repeated", ends + "[two equal lengths]", ANSWER,
               "        if len(named.get(name, ())) > 1:", "        if False:")
    yield _one("odd codings of the backend", "answers", "answer_head.py: _framing", ends + "[gzip, chunked]", ANSWER,
               '''    if coding is not None and (coding.lower() != b"chunked" or version != "HTTP/1.1"):''', "    if False:")
    yield _one("the backend switches protocols", "Upgrade", "answer_head.py: _status", ends + "[switching protocols]", ANSWER,
               "    if status == 101:", "    if False:")
    yield _one("chunk extensions of the backend", "answers", "body_framing.py: _size_line", endless + "[a chunk extension]", FRAMING,
               "            if not _SIZE_LINE_SO_FAR.fullmatch(buffer):", "            if False:")
    yield _one("an announced answer of any size", "answers", "http_client.py: _begin", ends + "[a body announced over the limit]", CLIENT,
               "        if (head.content_length or 0) > self._max_answer_bytes:", "        if False:")
    yield _one("an answer of any size", "answers", "http_client.py: read_body", endless + "[a body without a length]", CLIENT,
               "        if self._body_bytes > self._max_answer_bytes:", "        if False:")
    yield _one("bytes behind an answer", "answers", "http_client.py: _whole", ends + "[bytes behind a length]", CLIENT, "        if self.buf:\n", "        if False:\n")
    yield _one("a short answer is whole", "answers", "http_client.py: read_body", early + "[within the length]", CLIENT,
               "            if isinstance(self._body, BodyToTheEnd):", "            if True:")
    yield _one("what the backend says unasked is an answer", "answers", "http_client.py: read_headers",
               BACKEND + "test_what_a_backend_says_unasked_is_never_an_answer", CLIENT,
               "            self._line.close()\n            self.state = self.done\n            return\n        if not isinstance(event",
               "            return\n        if not isinstance(event")
    yield _several("a second answer for one call", "answers", "http_stream.py: handle_protocol_error, _handle_event",
                   BACKEND + "test_an_answer_whose_record_is_late_is_answered_once",
                   Patch(STREAM, "        else:  # the call is over; a second answer would be taken for the next call's\n            yield DropStream(self.stream_id)",
                         "        else:\n            yield from super().handle_protocol_error(event)"),
                   Patch(STREAM, "        if self.client_state is _over:  # also what waited in the queue until then\n            handled = _over(event)\n        elif", "        if"))
    yield _one("connections that ended are kept", "answers", "http_layer.py: _connect",
               BACKEND + "test_the_gateway_keeps_nothing_of_backend_connections_that_ended", LAYER,
               "            if connection.state is ConnectionState.CLOSED:\n                del self.backends[connection]",
               "            if False:\n                pass")
    bad = CLOSED + "test_what_the_backend_answers_badly_is_not_passed_on"
    yield _one("any status goes on", "answers", "backend_exchange.py: read_backend_answer", bad + "[redirects]", EXCHANGE,
               "response.status_code not in _STATUSES or kind", "kind")
    yield _one("stored data goes on", "answers", "answer_shape.py: _check_names", bad + "[stored data]", CORE + "answer_shape.py",
               "            if not names.issuperset(node):", "            if False:")
    yield _one("long texts go on", "answers", "answer_shape.py: _check_texts", bad + "[stored data in a long text]", CORE + "answer_shape.py",
               "            elif isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:", "            elif False:")
    yield _one("every header of the backend's goes on", "answers", "backend_exchange.py: read_backend_answer",
               CLOSED + "test_hop_by_hop_headers_of_the_backend_stay_inside", EXCHANGE,
               "for name in _RETURNED if name in given]", "for name in given]")
    yield _one("control characters in a header of the backend's", "answers", "answer_head.py: _VALUE, backend_exchange.py: _one_line",
               "tests/unit/test_answer_head.py::test_refused[DEL in a value]", ANSWER,
               r'''_VALUE = rb"[\t\x20-\x7e\x80-\xff]*+"''', '''_VALUE = rb"(?s:.*)"''')
