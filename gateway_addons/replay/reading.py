"""What an independent reader (h11) makes of a request: the oracle for what was sent and for what the backend received."""

from dataclasses import dataclass

import h11


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One request as h11 reads it."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]


def read_requests(raw: bytes, at_most: int = 50) -> tuple[tuple[ReadRequest, ...], bool]:
    """The requests in these bytes, and whether they are whole and nothing else is there."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    found: list[ReadRequest] = []
    try:
        connection.receive_data(raw)
        while len(found) < at_most:
            request = _one(connection)
            if request is None:
                return tuple(found), not connection.trailing_data[0]
            found.append(request)
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is h11.MUST_CLOSE:
                return tuple(found), not connection.trailing_data[0]
            connection.start_next_cycle()
    except h11.ProtocolError:
        return tuple(found), False
    return tuple(found), False


def _one(connection: h11.Connection) -> ReadRequest | None:
    event = connection.next_event()
    if not isinstance(event, h11.Request):
        return None
    body = bytearray()
    while True:
        part = connection.next_event()
        if isinstance(part, h11.Data):
            body += part.data
        elif isinstance(part, h11.EndOfMessage):
            return ReadRequest(event.method, event.target, tuple(event.headers), bytes(body))
        else:
            return None
