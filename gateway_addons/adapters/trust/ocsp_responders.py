"""Asks OCSP responders, and remembers what they said for as long as it counts."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from gateway_addons.core.ocsp import OcspAnswer, OcspRefused, ask, read_answer
from gateway_addons.core.path import Link, PublicKeyName
from gateway_addons.settings.trust import OcspAuthority

log = logging.getLogger(__name__)

MAX_RESPONSE_BYTES = 64 * 1024
MAX_REMEMBERED = 20_000
WAIT_AFTER_FAILURE = timedelta(seconds=5)
"""A responder that failed is left alone this long for that certificate, so that every call does not wait for it again."""


@dataclass(frozen=True)
class _Remembered:
    answer: OcspAnswer | None
    again: datetime


class OcspResponders:
    """The responders of one environment's authorities, by the authority they answer for."""

    def __init__(self, authorities: dict[PublicKeyName, OcspAuthority]) -> None:
        self._authorities = authorities
        self._known: OrderedDict[Link, _Remembered] = OrderedDict()
        self._asking: dict[Link, asyncio.Task[None]] = {}
        self.failures = 0

    def answers_for(self, link: Link) -> bool:
        """Is this certificate of one of these authorities?"""
        return link.issuer in self._authorities

    def status(self, link: Link, now: datetime) -> str:
        """`good`, `revoked` or `unknown`, by what is remembered. A revocation is not forgotten while it is remembered at all."""
        known = self._known.get(link)
        if known is None or known.answer is None:
            return "unknown"
        if known.answer.revoked:
            return "revoked"
        return "good" if now <= known.answer.until else "unknown"

    async def prepare(self, links: Sequence[Link], now: datetime) -> None:
        """Ask for those of which no answer counts any more; calls that need the same answer wait for one question."""
        if not self._authorities:
            return
        wanted = [link for link in links if self.answers_for(link) and self._is_due(link, now)]
        for link in wanted:
            if link not in self._asking:
                self._asking[link] = asyncio.create_task(self._ask(link, now))
        if waiting := [self._asking[link] for link in wanted if link in self._asking]:
            await asyncio.wait(waiting)

    def _is_due(self, link: Link, now: datetime) -> bool:
        known = self._known.get(link)
        return known is None or now >= known.again

    async def _ask(self, link: Link, now: datetime) -> None:
        try:
            answer = await self._answer(link, now)
        finally:
            self._asking.pop(link, None)
        known = self._known.get(link)
        if answer is None and known is not None and known.answer is not None and now <= known.answer.until:
            answer = known.answer
        again = now + WAIT_AFTER_FAILURE if answer is None else answer.until
        self._known[link] = _Remembered(answer, again)
        self._known.move_to_end(link)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    async def _answer(self, link: Link, now: datetime) -> OcspAnswer | None:
        settings = self._authorities[link.issuer]
        try:
            nonce = secrets.token_bytes(32) if settings.nonce else None
            raw = await _post(settings.url or _named_responder(link), ask(link, nonce), settings.timeout_s)
            return read_answer(raw, link, nonce, now, timedelta(seconds=settings.max_age_s))
        except (OcspRefused, aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
            self.failures += 1
            log.error("no answer of an OCSP responder for serial %x: %s", link.serial, e)
            return None


def _named_responder(link: Link) -> str:
    """The responder that the certificate itself names (RFC 5280 section 4.2.2.1). Raises `OcspRefused`."""
    try:
        access = x509.load_der_x509_certificate(link.der).extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        raise OcspRefused("neither the settings nor the certificate name a responder") from None
    for description in access.value:
        location = description.access_location
        if description.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
                location, x509.UniformResourceIdentifier) and location.value.startswith("http://"):
            return location.value
    raise OcspRefused("the certificate names no responder by http")


async def _post(url: str, request: bytes, timeout_s: float) -> bytes:
    headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session, session.post(
            url, data=request, headers=headers, allow_redirects=False) as response:
        if response.status != 200:
            raise OcspRefused(f"HTTP {response.status}")
        body = await response.content.read(MAX_RESPONSE_BYTES + 1)
        while len(body) <= MAX_RESPONSE_BYTES and (more := await response.content.read(MAX_RESPONSE_BYTES + 1)):
            body += more
    if len(body) > MAX_RESPONSE_BYTES:
        raise OcspRefused("the response is too large")
    return body
