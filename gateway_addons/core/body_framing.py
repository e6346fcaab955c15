"""How a body is delimited: by a length or in chunks, read by one narrow grammar (RFC 9112 sections 6 and 7.1).

The same grammar reads a caller's request and a backend's answer; `code` says which of the two is refused.

Chunk extensions and trailer fields are refused: nobody sends them to this API, and readers differ on where they end. A
line that can only become wrong is refused at once, not waited for.
"""

import re
from collections.abc import Callable

from gateway_addons.core.errors import Refusal

MAX_CHUNKS = 100_000
"""Chunks of one body: a bound on the work that framing alone can cause."""

_SIZE_LINE_SO_FAR = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_LONGEST_SIZE_LINE = 10


class FixedBody:
    """A body of a given length in bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def read(self, buffer: bytearray) -> bytes:
        """Take out of `buffer` what belongs to the body."""
        taken = bytes(buffer[: self._left])
        del buffer[: self._left]
        self._left -= len(taken)
        self.done = self._left == 0
        return taken


class BodyToTheEnd:
    """A body that ends with its connection, as HTTP/1.0 has them: only who reads it knows whether it is whole."""

    done = False

    def read(self, buffer: bytearray) -> bytes:
        """Take everything."""
        taken = bytes(buffer)
        buffer.clear()
        return taken


class ChunkedBody:
    """A body in chunks; one step of the grammar after the other, each as far as the bytes go."""

    def __init__(self, code: str = "INF-REQ-01") -> None:
        self.done = False
        self._code = code
        self._left = 0
        self._chunks = 0
        self._data = bytearray()
        self._step: Callable[[bytearray], bool] = self._size_line

    def read(self, buffer: bytearray) -> bytes:
        """Take out of `buffer` what belongs to the body, and give its data without the framing.

        Raises:
            Refusal: with `code`, as soon as the framing can only be wrong.
        """
        while not self.done and self._step(buffer):
            pass
        data = bytes(self._data)
        self._data.clear()
        return data

    def _size_line(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n", 0, _LONGEST_SIZE_LINE)
        if end < 0:
            if not _SIZE_LINE_SO_FAR.fullmatch(buffer):
                raise Refusal(self._code, "chunk size with an extension, white space, a bare line feed or no digits")
            return False
        size = bytes(buffer[:end])
        if not _SIZE.fullmatch(size):
            raise Refusal(self._code, "chunk size is not hexadecimal digits")
        del buffer[: end + 2]
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise Refusal(self._code, "too many chunks")
        self._left = int(size, 16)
        self._step = self._chunk_data if self._left else self._last_line_end
        return True

    def _chunk_data(self, buffer: bytearray) -> bool:
        part = buffer[: self._left]
        del buffer[: len(part)]
        self._data += part
        self._left -= len(part)
        if self._left == 0:
            self._step = self._chunk_end
        return self._left == 0

    def _chunk_end(self, buffer: bytearray) -> bool:
        if not self._line_end(buffer, "chunk data does not end where its size says"):
            return False
        self._step = self._size_line
        return True

    def _last_line_end(self, buffer: bytearray) -> bool:
        self.done = self._line_end(buffer, "trailer fields")
        return self.done

    def _line_end(self, buffer: bytearray, otherwise: str) -> bool:
        found = bytes(buffer[:2])
        if not b"\r\n".startswith(found):
            raise Refusal(self._code, otherwise)
        if len(found) < 2:
            return False
        del buffer[:2]
        return True
