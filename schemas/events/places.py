"""Where in the R4 message a part of a `Message` stands, as FHIRPath; people are counted, never named."""

from typing import Final

HEADER: Final = "Bundle.entry[0].resource"


def person(index: int, element: str = "") -> str:
    """The person with that position in `Message.people`, or an element of its Patient."""
    return f"Bundle.entry.resource.ofType(Patient)[{index}]" + (f".{element}" if element else "")


def fact(code: str) -> str:
    """Every Observation of a fact code of ours."""
    return f"Bundle.entry.resource.ofType(Observation).where(code.coding.code='{code}')"


def focus(resource_type: str) -> str:
    """The resources the message is about."""
    return f"Bundle.entry.resource.ofType({resource_type})"


RELATIONSHIPS: Final = "Bundle.entry.resource.ofType(RelatedPerson)"
HOUSEHOLD: Final = "Bundle.entry.resource.ofType(Group)"
DESTINATION: Final = f"{HEADER}.destination"
REFERENCE: Final = f"{HEADER}.extension('https://fhir.baton.example/StructureDefinition/reference')"
