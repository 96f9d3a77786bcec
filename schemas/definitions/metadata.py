"""What every published definition says of itself, and the value sets it is published with."""

from typing import Final

from schemas.codes import CANONICAL

VERSION: Final = "1.0.0"
"""Of the published language; it grows with every change that a sender or a receiver can notice."""

DATE: Final = "2026-11-23"


def canonical(resource_type: str, identity: str) -> str:
    """The address of a definition of ours."""
    return f"{CANONICAL}/{resource_type}/{identity}"


def published(resource_type: str, identity: str, title: str, description: str) -> dict[str, object]:
    """The beginning of a definition."""
    return {
        "resourceType": resource_type,
        "id": identity,
        "url": canonical(resource_type, identity),
        "version": VERSION,
        "name": name_of(identity),
        "title": title,
        "status": "active",
        "date": DATE,
        "publisher": "Baton",
        "description": description,
    }


def name_of(identity: str) -> str:
    """A name that machines can use, as R4 asks for: `6-8-week-examination` is `Baton68WeekExamination`."""
    return "Baton" + "".join(part.capitalize() for part in identity.split("-"))
