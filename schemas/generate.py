"""Writes schemas/data from HL7's published FHIR R4 definitions; run by hand when those change, which R4 no longer does.

    python -m schemas.generate DIRECTORY

DIRECTORY holds what HL7 publishes at http://hl7.org/fhir/R4/downloads.html: `fhir.schema.json`,
`profiles-types.json`, `profiles-resources.json`, `valuesets.json` and `v3-codesystems.json`.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

from schemas.tables import RULES_FILE, SCHEMA_FILE, Choice, Rule

# HL7's files are read field by field, so the loose type stays in this module.
Json: TypeAlias = dict[str, Any]


def generate(directory: Path) -> tuple[Json, dict[str, Rule]]:
    """HL7's schema without its prose, and the rule of every definition in it that needs one."""
    schema = cast(Json, without_prose(_read(directory / "fhir.schema.json")))
    value_sets = ValueSets(directory)
    rules: dict[str, Rule] = {}
    for structure in _structures(directory):
        if structure["id"] in schema["definitions"]:
            _add_rules(rules, structure, schema["definitions"], value_sets)
    return schema, {name: rules[name] for name in sorted(rules)}


def without_prose(value: object) -> object:
    """A schema less its descriptions, which are four fifths of it; a property called description stays."""
    if isinstance(value, dict):
        return {
            key: without_prose(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str))
        }
    return [without_prose(item) for item in value] if isinstance(value, list) else value


def _read(path: Path) -> Json:
    return cast(Json, json.loads(path.read_bytes()))


def _structures(directory: Path) -> Iterator[Json]:
    for name in ("profiles-types.json", "profiles-resources.json"):
        for entry in _read(directory / name)["entry"]:
            structure = entry["resource"]
            if structure["resourceType"] == "StructureDefinition" and structure["kind"] in {"complex-type", "resource"}:
                yield structure


def _add_rules(rules: dict[str, Rule], structure: Json, definitions: Json, value_sets: "ValueSets") -> None:
    """Walk one type's elements, under the schema's own names for what is nested (`Bundle.entry` is `Bundle_Entry`)."""
    places: dict[str, str] = {structure["id"]: structure["id"]}
    for element in structure["snapshot"]["element"][1:]:
        parent, _, name = element["path"].rpartition(".")
        if parent not in places:
            continue
        place = places[parent]
        properties = definitions[place]["properties"]
        if name.endswith("[x]"):
            members = [member for member in _choice_members(element) if member in properties]
            if members:
                rule = rules.setdefault(place, {})
                rule.setdefault("choices", {})[name] = Choice(members=members, required=element["min"] > 0)
        elif name in properties:
            places[element["path"]] = _target(properties[name])
            for key, value in _element_rule(element, name, properties[name], value_sets):
                _put(cast(Json, rules.setdefault(place, {})), key, name, value)


def _choice_members(element: Json) -> list[str]:
    stem = element["path"].rpartition(".")[2].removesuffix("[x]")
    return [stem + kind["code"][0].upper() + kind["code"][1:] for kind in element["type"]]


def _target(schema: Json) -> str:
    return str(schema.get("items", schema).get("$ref", "")).rpartition("/")[2]


def _put(rule: Json, key: str, name: str, value: object) -> None:
    if key == "required":
        rule.setdefault(key, []).append(name)
    else:
        rule.setdefault(key, {})[name] = value


def _element_rule(element: Json, name: str, schema: Json, value_sets: "ValueSets") -> Iterator[tuple[str, object]]:
    """What of one element the schema does not say: that it is required, and which codes it is bound to."""
    if element["min"] > 0:
        yield "required", name
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return
    kind = element["type"][0]["code"]
    codes = value_sets.expand(binding["valueSet"])
    if kind == "code" and codes:
        listed = sorted({code for found in codes.values() for code in found})
        # HL7's schema has an enum for most; its list of FHIR versions ends before 4.0.1.
        if listed != sorted(schema.get("items", schema).get("enum", [])):
            yield "codes", listed
    elif kind == "CodeableConcept" and codes:
        yield "concepts", {system: sorted(found) for system, found in sorted(codes.items())}


class ValueSets:
    """HL7's value sets, as far as they can be listed."""

    def __init__(self, directory: Path) -> None:
        self._by_url: dict[str, Json] = {}
        for name in ("valuesets.json", "v3-codesystems.json"):
            for entry in _read(directory / name)["entry"]:
                resource = entry["resource"]
                self._by_url.setdefault(resource["url"], resource)

    def expand(self, canonical: str) -> dict[str, set[str]] | None:
        """System to codes; None when the set is open (MIME types, languages, units) or its system is not HL7's."""
        value_set = self._by_url.get(canonical.partition("|")[0])
        if value_set is None or "exclude" in value_set.get("compose", {}):
            return None
        codes: dict[str, set[str]] = {}
        for include in value_set["compose"]["include"]:
            listed = self._listed(include)
            if not listed:
                return None
            for system, found in listed.items():
                codes.setdefault(system, set()).update(found)
        return codes

    def _listed(self, include: Json) -> dict[str, set[str]] | None:
        if "concept" in include:
            return {include["system"]: {concept["code"] for concept in include["concept"]}}
        if "filter" in include:
            return None
        if "valueSet" in include:
            return self.expand(include["valueSet"][0]) if len(include["valueSet"]) == 1 else None
        system = self._by_url.get(include["system"])
        if system is None or system.get("content") != "complete":
            return None
        return {include["system"]: set(_all_codes(system.get("concept", [])))}


def _all_codes(concepts: Iterable[Json]) -> Iterator[str]:
    for concept in concepts:
        if not _abstract(concept):
            yield concept["code"]
        yield from _all_codes(concept.get("concept", []))


def _abstract(concept: Json) -> bool:
    """Whether the concept only groups others, as the item type `question` does."""
    return any(
        item["code"] in {"notSelectable", "abstract"} and item.get("valueBoolean")
        for item in concept.get("property", ())
    )


def write(schema: Json, rules: dict[str, Rule]) -> None:
    """Both files with one definition a line, so that a difference shows which one differs."""
    head = {key: value for key, value in schema.items() if key != "definitions"}
    SCHEMA_FILE.write_text(_dump(head)[:-1] + ',"definitions":{\n' + _lines(schema["definitions"]) + "\n}}\n")
    RULES_FILE.write_text("{\n" + _lines(rules) + "\n}\n")


def _lines(definitions: Json) -> str:
    return ",\n".join(f"{_dump(name)}:{_dump(value)}" for name, value in definitions.items())


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(*generate(Path(sys.argv[1])))
