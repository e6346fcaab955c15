"""Mutations of bytes: what is known to matter, moved, doubled, cut and bent by chance."""

from random import Random

INTERESTING = (b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"%2e", b"%00", b"..", b"/", b"\\", b"?", b"#", b"0\r\n\r\n", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n",
               b"Content-Length: 0\r\n", b"Host: evil.example\r\n", b"HTTP/1.1", b"{", b"}", b'"', b"\\u0000", b"\\ud800", b"1e999", b"\xff", b"\xc0\xaf", b"\xef\xbb\xbf", b"GET / HTTP/1.1\r\n", b"{{LOT}}", b"-", b"+")


def mutate(raw: bytes, other: bytes, chance: Random) -> bytes:
    """One to four changes of `raw`; `other` gives pieces."""
    data = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((1, 1, 2, 5, 20, 100)))
        match chance.randrange(7):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = chance.choice(INTERESTING)
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
            case 4 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 5:
                start = chance.randrange(len(other) + 1)
                data[at:at] = other[start : start + chance.choice((3, 20, 200))]
            case _:
                data[at:end] = chance.choice(INTERESTING)
    return bytes(data)
