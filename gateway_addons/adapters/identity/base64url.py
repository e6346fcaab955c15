"""base64url as JOSE has it (RFC 7515 section 2): unpadded, and one spelling for the same bytes."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def strict_base64url(text: str) -> bytes:
    """Strict, unpadded base64url (RFC 7515 section 2): the one spelling of the bytes. Raises `ValueError`."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def base64url(raw: bytes) -> str:
    """Unpadded base64url."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def thumbprint_hex(x5t_s256: object) -> str | None:
    """The hexadecimal form of a base64url SHA-256 (RFC 8705 section 3.1), or None when it is not one."""
    if not isinstance(x5t_s256, str) or len(x5t_s256) != 43:
        return None
    try:
        return strict_base64url(x5t_s256).hex()
    except ValueError:
        return None
