"""The published language as FHIR definitions, made from the specifications that the checks use; each is made once."""

from functools import cache

from schemas.definitions.messages import messages
from schemas.definitions.operations import operations
from schemas.definitions.structures import structures
from schemas.definitions.terminology import terminology


@cache
def _by_name() -> dict[tuple[str, str], dict[str, object]]:
    made = (*messages(), *terminology(), *structures(), *operations())
    return {(str(each["resourceType"]), str(each["id"])): each for each in made}


def definition(resource_type: str, identity: str) -> dict[str, object] | None:
    """The definition of that R4 type and id, not to be changed; None when there is none."""
    return _by_name().get((resource_type, identity))


def all_definitions() -> tuple[dict[str, object], ...]:
    """Every definition."""
    return tuple(_by_name().values())
