"""Serving the stylesheets, scripts and icons; what there is stands in `assets`."""

from typing import Final

from fastapi import Response

from broker.errors import NotFound
from broker.web.pages import assets
from broker.web.pages.routing import pages

router = pages()

_KEPT: Final = "public, max-age=31536000, immutable"


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """A file, for good: another content has another name."""
    if name not in assets.FILES:
        raise NotFound
    media = assets.TYPES[assets.FILES[name].suffix]
    return Response(assets.content(name), headers={"Content-Type": media, "Cache-Control": _KEPT})
