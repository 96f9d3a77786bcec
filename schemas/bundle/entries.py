"""The entries of a Bundle and what refers to what in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from schemas.bundle.elements import Found, JsonObject, object_in, objects_in, text_in

_EXTERNAL = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of the Bundle; `place` is its path in problems."""

    position: int
    full_url: str | None
    resource: JsonObject
    type: str | None
    place: str


def _entry(position: int, entry: JsonObject) -> Entry:
    resource = object_in(entry, "resource")
    place = f"Bundle.entry[{position}].resource"
    return Entry(position, text_in(entry, "fullUrl"), resource, text_in(resource, "resourceType"), place)


class Entries:
    """All entries, found by type and by what refers to them."""

    def __init__(self, bundle: JsonObject, found: Found) -> None:
        self.all = [_entry(position, entry) for position, entry in objects_in(bundle, "entry")]
        self._by_reference: dict[str, Entry] = {}
        for entry in self.all:
            self._register(entry, found)

    def _register(self, entry: Entry, found: Found) -> None:
        if entry.full_url is not None:
            if entry.full_url in self._by_reference:
                found.error(f"Bundle.entry[{entry.position}].fullUrl", "stands twice in the Bundle", "duplicate")
            else:
                self._by_reference[entry.full_url] = entry
        identity = text_in(entry.resource, "id")
        if identity is not None:
            # `Patient/1` beside a urn:uuid fullUrl is not R4's way of resolving; while one has the id it is clear.
            known = self._by_reference.setdefault(f"{entry.type}/{identity}", entry)
            if known is not entry:
                found.error(f"{entry.place}.id", "stands twice among resources of its type", "duplicate")

    def of_type(self, *resource_types: str) -> Iterator[Entry]:
        """The entries of these types, in order."""
        return (entry for entry in self.all if entry.type in resource_types)

    def resolve(self, reference: JsonObject) -> Entry | None:
        """The entry that a Reference means; None when it is logical, external or dangling."""
        target = text_in(reference, "reference")
        return None if target is None else self._by_reference.get(target)

    def check_references(self, found: Found) -> None:
        """That every reference resolves in the Bundle, unless an identifier stands for it or it points elsewhere."""
        for entry in self.all:
            # Paths are made for the entries that need them only: they cost ten times what looking does.
            if not all(self._resolves(entry, reference) for reference in _references(entry.resource)):
                self._name_dangling(entry, found)

    def _resolves(self, entry: Entry, reference: JsonObject) -> bool:
        target = cast(str, reference["reference"])
        if target in self._by_reference or isinstance(reference.get("identifier"), dict):
            return True
        # `#` alone is how a contained resource refers to the one that contains it.
        return target == "#" or (
            target.startswith("#")
            and any(
                target == f"#{text_in(contained, 'id') or ''}"
                for _, contained in objects_in(entry.resource, "contained")
            )
        )

    def _name_dangling(self, entry: Entry, found: Found) -> None:
        for path, reference in _placed_references(entry):
            if self._resolves(entry, reference):
                continue
            if cast(str, reference["reference"]).startswith(_EXTERNAL):
                found.information(f"{path}.reference", "points outside the message and is not followed")
            else:
                found.error(f"{path}.reference", "refers to nothing in the Bundle", "not-found")


def _references(resource: JsonObject) -> list[JsonObject]:
    """Every Reference of a resource that has a literal `reference`.

    A third of the time of reading is spent here: hence the exact types, which are all that a JSON parser makes.
    """
    references: list[JsonObject] = []
    waiting: list[object] = [resource]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            if type(value.get("reference")) is str:
                references.append(value)
            waiting += [item for item in value.values() if type(item) is dict or type(item) is list]
        elif type(value) is list:
            waiting += [item for item in value if type(item) is dict or type(item) is list]
    return references


def _placed_references(entry: Entry) -> Iterator[tuple[str, JsonObject]]:
    """The same, each with its path, in order."""
    waiting: list[tuple[str, object]] = [(entry.place, entry.resource)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                yield path, value
            waiting.extend((f"{path}.{name}", item) for name, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{index}]", item) for index, item in reversed(list(enumerate(value))))
