"""What is refused before a body is read: lengths that are none or too much, bodies packed or too slow, and media types that are not spoken under `/fhir`."""

import re
from asyncio import timeout
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NoReturn
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.errors import BatonError, NotAcceptable, TooLarge, TooSlow, Unreadable, Unsupported
from broker.settings import Settings
from broker.web import outcomes

JSON = ("application/fhir+json", "application/json")
_FORMATS = ("json", "text/json", *JSON)
_RANGES = ("*/*", "application/*", *JSON)
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_VERSIONS = ("4.0", "4.0.1")
"""Of FHIR, as the media type's parameter fhirVersion says it: R4."""


_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class _Answered(Exception):
    """The request was answered while its body was read; nothing else is to happen."""


class Guard:
    """ASGI middleware: whatever reads a body behind it, a form parser or a model, meets the limit."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body capped, or answer why not."""
        settings: Settings = scope["app"].state.runtime.settings
        limit = settings.max_body_bytes
        wrong = refusal(scope, limit)
        if wrong is not None:
            await outcomes.answer(wrong)(scope, receive, send)
            return
        taken, answered, whole = 0, False, False
        ends = monotonic() + settings.body_seconds

        async def refuse(error: BatonError) -> NoReturn:
            nonlocal answered
            answered = True
            await outcomes.answer(error, {"Connection": "close"})(scope, receive, send)
            raise _Answered

        async def capped() -> Message:
            nonlocal taken, whole
            try:  # behind the body what comes is that the caller goes away, and that may take as long as the answer
                async with timeout(None if whole else max(0.0, ends - monotonic())):
                    message = await receive()
            except TimeoutError:
                await refuse(TooSlow())
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > limit:
                await refuse(_too_large(limit))
            return message

        async def once(message: Message) -> None:
            if not answered:  # a parser that met the end answers for itself, too late
                await send(message)

        try:
            await self.app(scope, capped, once)
        except _Answered:
            return


def refusal(scope: Scope, limit: int) -> BatonError | None:
    """Why a request is not read at all, from its head; None when nothing speaks against it."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return Unreadable("Content-Length must be the number of bytes of the body.")
    if len(length) > 18 or int(length) > limit:
        return _too_large(limit)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return Unsupported("Send the body as it is, without a Content-Encoding: nothing is unpacked here.")
    if not _spoken(headers.get("content-type", "")):
        return Unsupported("Send FHIR R4 in UTF-8: JSON is always UTF-8, and fhirVersion is 4.0 here.")
    if scope["path"].startswith("/fhir") and not acceptable(headers.getlist("accept"), scope["query_string"]):
        return NotAcceptable("Answers are application/fhir+json.")
    return None


def acceptable(accept: list[str], query: bytes) -> bool:
    """Whether JSON of R4 is among what the caller takes: `_format` goes before the Accept header (R4, 3.1.0.1.11)."""
    asked = [value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name == "_format"]
    if asked:
        media, _ = _media_type(asked[0].replace(" ", "+"))  # a plus that nobody encoded
        return media in _FORMATS
    ranges = [_media_type(part) for line in accept for part in line.split(",") if part.strip()]
    return not ranges or any(
        media in _RANGES and not _zero(parameters.get("q", "1")) and parameters.get("fhirversion", "4.0") in _VERSIONS
        for media, parameters in ranges
    )


def preferred(accept: Sequence[str], offered: Sequence[str]) -> str | None:
    """Which of the offered media types the caller likes best (RFC 9110, 12.5.1); the first when it does not say, None when none will do."""
    ranges = [_media_type(part) for line in accept for part in line.split(",") if part.strip()]
    if not ranges:
        return offered[0]
    liked = {media: _liking(media, ranges) for media in offered}
    best = max(offered, key=lambda media: liked[media])
    return best if liked[best][0] > 0 else None


def _liking(media: str, ranges: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[float, int]:
    """(quality, how exactly it is named), by the range that names it most exactly."""
    exactness = {media: 3, f"{media.partition('/')[0]}/*": 2, "*/*": 1}
    named = [(exactness[name], parameters) for name, parameters in ranges if name in exactness]
    if not named:
        return 0, 0
    exact, parameters = max(named, key=lambda one: one[0])
    quality = parameters.get("q", "1")
    return (float(quality) if _QUALITY.fullmatch(quality) else 0), exact


def media_type(header: str) -> str:
    """The media type of a Content-Type header in lower case, without parameters."""
    return _media_type(header)[0]


def _spoken(content_type: str) -> bool:
    media, parameters = _media_type(content_type)
    if media not in JSON:
        return True  # an adapter reads other formats; whoever does not says so
    return parameters.get("charset", "utf-8") in _CHARSETS and parameters.get("fhirversion", "4.0") in _VERSIONS


def _media_type(text: str) -> tuple[str, Mapping[str, str]]:
    """Type and parameters, both in lower case."""
    media, *rest = (part.strip() for part in text.lower().split(";"))
    pairs = (part.partition("=") for part in rest)
    return media, {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _zero(quality: str) -> bool:
    return quality.rstrip("0") in ("", ".", "0.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit} bytes.")
