"""The rules of the IHE Basic Audit Log Patterns for RESTful activities, written down from the published profiles, not from this program.

https://profiles.ihe.net/ITI/BALP: `Create`, `Read`, `Update` and `Query`, each also for one patient. What a profile says in its
elements is checked; its prose (the raw request in the query) is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from broker.domain.sealing import Entry
from broker.workflow.audit_wire import audit_event

Json: TypeAlias = dict[str, Any]

BASE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_HL7: Final = "http://terminology.hl7.org/CodeSystem"
_SOURCE, _DESTINATION = (_DCM, "110153"), (_DCM, "110152")
_AUTHORS: Final = {(f"{_HL7}/v3-ParticipationType", code) for code in ("AUT", "INF", "CST")}
_RECIPIENTS: Final = {(f"{_HL7}/v3-ParticipationType", "IRCP")}
_PERSON, _OBJECT = (f"{_HL7}/audit-entity-type", "1"), (f"{_HL7}/audit-entity-type", "2")
_ROLE: Final = f"{_HL7}/object-role"
_OF_DATA: Final = {(_ROLE, code) for code in ("3", "4", "20")}

# name → action, subtypes of which one is there, client, server, what a user is
_PLAIN: Final[Mapping[str, tuple[str, set[str], tuple[str, str], tuple[str, str], set[tuple[str, str]]]]] = {
    "Create": ("C", {"create"}, _SOURCE, _DESTINATION, _AUTHORS),
    "Read": ("R", {"read", "vread"}, _DESTINATION, _SOURCE, _RECIPIENTS),
    "Update": ("U", {"update", "patch"}, _SOURCE, _DESTINATION, _AUTHORS),
    "Query": ("E", {"search", "search-type", "search-system"}, _SOURCE, _DESTINATION, _RECIPIENTS),
}


def claimed(event: Json) -> list[str]:
    """The names of the patterns that an event says it meets: `Read`, `PatientQuery`, …"""
    return [profile.removeprefix(BASE) for profile in event.get("meta", {}).get("profile", [])]


def faults(event: Json) -> list[str]:
    """What keeps an event from being what it says it is; empty when nothing does, and when it claims nothing."""
    return [f"{name}: {fault}" for name in claimed(event) for fault in _faults(event, name)]


def _faults(event: Json, name: str) -> Iterator[str]:
    plain = name.removeprefix("Patient")
    if plain not in _PLAIN:
        yield "is none of the patterns for RESTful activities"
        return
    action, subtypes, client, server, user = _PLAIN[plain]
    if _coded(event["type"]) != (f"{_HL7}/audit-event-type", "rest"):
        yield "type"
    if not {("http://hl7.org/fhir/restful-interaction", code) for code in subtypes} & set(
        map(_coded, event["subtype"])
    ):
        yield "subtype"
    if event["action"] != action or event["outcome"] != "0" or "recorded" not in event:
        yield "action, outcome, recorded"
    if not event["source"].get("observer"):
        yield "source.observer"
    yield from _agents(event["agent"], client, server, user)
    yield from _entities(event.get("entity", []), name, plain)


def _agents(
    agents: Sequence[Json], client: tuple[str, str], server: tuple[str, str], user: set[tuple[str, str]]
) -> Iterator[str]:
    for said, role in (("client", client), ("server", server)):
        found = [agent for agent in agents if _typed(agent) == role]
        if len(found) != 1:
            yield f"agent[{said}] 1..1"
        elif not (found[0].get("who") and _placed(found[0].get("network", {}))) or "media" in found[0]:
            yield f"agent[{said}].who, network 1..1"
    people = [agent for agent in agents if agent.get("who", {}).get("type") == "Practitioner"]
    if any(_typed(one) not in user or one["requestor"] is not True or "network" in one for one in people):
        yield "agent[user]"
    if len(people) > 1 or sum(agent["requestor"] for agent in agents) != 1:
        yield "agent[user] 0..1, one requestor"


def _placed(network: Json) -> bool:
    return bool(network.get("address")) and network.get("type") in ("1", "2", "3", "4", "5")


def _entities(entities: Sequence[Json], name: str, plain: str) -> Iterator[str]:
    objects = [entity for entity in entities if _coded(entity.get("type", {})) == _OBJECT]
    if len(objects) != 1:
        yield "entity of the type System Object 1..1"
    elif plain == "Query":
        [query] = objects
        if (
            _coded(query.get("role", {})) != (_ROLE, "24")
            or not query.get("query")
            or query.keys() & {"what", "detail"}
        ):
            yield "entity[query]"
    elif _coded(objects[0].get("role", {})) not in _OF_DATA or not objects[0].get("what"):
        yield "entity[data]"
    patients = [entity for entity in entities if _coded(entity.get("type", {})) == _PERSON]
    if any(_coded(one.get("role", {})) != (_ROLE, "1") or not _a_patient(one.get("what", {})) for one in patients):
        yield "entity[patient].role, what"
    if (len(patients) == 1) != name.startswith("Patient"):
        yield f"entity[patient] 1..1 for one patient alone, not for {len(patients)}"


def _a_patient(what: Json) -> bool:
    return str(what.get("reference", "")).startswith("Patient/")


def _typed(agent: Json) -> tuple[str, str]:
    return _coded(agent.get("type", {}).get("coding", [{}])[0])


def _coded(coding: Json) -> tuple[str, str]:
    return coding.get("system", ""), coding.get("code", "")


def wrong(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Of these entries of the audit, those whose events are not what they claim: what was done to what → the faults."""
    events = ((entry, audit_event(entry, "https://baton.example/fhir")) for entry in entries)
    return {f"{entry.action} {entry.entity}": found for entry, event in events if (found := faults(event))}
