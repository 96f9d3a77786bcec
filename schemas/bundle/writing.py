"""A `Message` written as an R4 message Bundle, by plain dictionaries because this is done for every delivery."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from schemas import identifiers as known
from schemas.bundle import profile
from schemas.bundle.addresses import address, is_id, is_uuid, urn
from schemas.bundle.answers import Answer, event_element, outcome_entry, response_element
from schemas.bundle.elements import JsonObject
from schemas.bundle.foci import FOCUS_TYPES, IDENTIFYING, base_of
from schemas.bundle.writing_people import (
    MARKED,
    concept,
    household_group,
    instant,
    observation,
    patient,
    period,
    present,
    related_person,
)
from schemas.codes import CANONICAL, SYSTEMS, LawfulBasis, Priority
from schemas.events import SPECS, EventSpec
from schemas.events.specification import Time
from schemas.message import Fact, Message, Person, Professional


class Kept:
    """Resources that several messages have in common, written once.

    What is kept is found by the very objects that it was written of, held here so that no other can take their place, and by
    what their references lead to: a message never gets what was written of anything that it does not hold itself.
    """

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._written: dict[tuple[int | str | bool | None, ...], tuple[object, JsonObject]] = {}

    def of(self, said: object, *beside: str | bool | None, write: Callable[[], JsonObject]) -> JsonObject:
        """The resource of this object and of what else it is written of; nobody may change it."""
        key = (id(said), *beside)
        if key not in self._written:
            self._written[key] = said, write()
        return self._written[key][1]


def write(
    message: Message,
    *,
    source: str,
    source_name: str | None = None,
    timestamp: datetime | None = None,
    bundle_id: str | None = None,
    extra: Sequence[Mapping[str, object]] = (),
    response: Answer | None = None,
    kept: Kept | None = None,
) -> JsonObject:
    """The Bundle of a message; `read(write(message))` gives the message back when `timestamp` is left out.

    `source` is the sending endpoint's address; `timestamp` (aware) the time of sending, by default `message.sent`.
    `extra` are resources that travel beside the message, such as a Task; each needs an id. The same arguments give the
    same Bundle. Keys of persons and the message's id must have the form of a FHIR id. `kept` has what other messages
    may have in common with this one.
    """
    writing = _Writing(message, SPECS[message.event], Kept() if kept is None else kept)
    header = writing.header(source, source_name)
    entries = writing.entries()
    entries += [writing.beside(resource) for resource in extra]
    if response is not None:
        outcome = outcome_entry(response)
        header["response"] = response_element(response, outcome)
        entries += outcome
    sent = timestamp or message.sent
    return present(
        resourceType="Bundle",
        id=bundle_id or message.id,
        type="message",
        timestamp=None if sent is None else instant(sent),
        entry=[{"fullUrl": url, "resource": resource} for url, resource in ((writing.own, header), *entries)],
    )


class _Writing:
    """One message while it is written. Addresses inside the Bundle count up from a hash of the message's id."""

    def __init__(self, message: Message, spec: EventSpec, kept: Kept) -> None:
        self.message = message
        self.spec = spec
        self.own = address("MessageHeader", message.id)
        self._kept = kept
        self._prefix = urn(sha256(message.id.encode()).hexdigest())[:-12]
        self._count = 0
        self._people = {
            person.key: f"urn:uuid:{person.key}" if is_uuid(person.key) else self._next() for person in message.people
        }
        self._marked = profile.NOPAT in message.labels
        self._observations = [(self._next(), fact) for fact in message.facts]
        self._foci = list(self._focus_resources())
        self._author = list(self._author_resources(message.author))

    def _next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:012x}"

    def _refer(self, key: str) -> JsonObject:
        """A Reference to a person; to nothing when the message names nobody so, which the check refuses."""
        return {"reference": self._people.get(key, "urn:uuid:00000000-0000-0000-0000-000000000000")}

    # --- header

    def header(self, source: str, source_name: str | None) -> JsonObject:
        message = self.message
        labels = sorted(message.labels)
        return present(
            resourceType="MessageHeader",
            id=message.id,
            meta=present(
                security=[
                    {"system": profile.LABEL_SYSTEMS.get(label, profile.LABEL), "code": label} for label in labels
                ]
            ),
            extension=self._extensions(),
            **event_element(message.event),
            destination=[{"endpoint": f"{CANONICAL}/team/{team}", "receiver": _team(team)} for team in message.to],
            sender=None if message.sender is None else _team(message.sender),
            author={"reference": self._author[-1][0]} if self._author else None,
            source=present(name=source_name, endpoint=source),
            reason=self._kind if FOCUS_TYPES[self.spec.focus].kind is None else None,
            focus=[{"reference": url} for url in self._focus_addresses()],
            definition=f"{CANONICAL}/MessageDefinition/{message.event.value}",
        )

    @property
    def _kind(self) -> JsonObject:
        """The sub-kind as a CodeableConcept; empty where the event has none."""
        if self.spec.kinds is None or self.message.kind is None:
            return {}
        return {"coding": [{"system": self.spec.kinds.values.system, "code": self.message.kind}]}

    def _extensions(self) -> list[JsonObject]:
        message = self.message
        said: list[JsonObject] = []
        if not self._focus_tells_time():
            said.append({"url": profile.OCCURRED, "valueDateTime": instant(message.occurred)})
        if message.basis is not None:
            coding = {"system": SYSTEMS[LawfulBasis], "code": message.basis.value}
            said.append({"url": profile.LAWFUL_BASIS, "valueCoding": coding})
        if message.priority is not Priority.ROUTINE:
            said.append({"url": profile.PRIORITY, "valueCode": message.priority.value})
        if message.reference is not None:
            said.append({"url": profile.REFERENCE, "valueId": message.reference})
        if message.conversation is not None:
            said.append({"url": profile.CONVERSATION, "valueString": message.conversation})
        for party in message.kept_from:
            parts: list[JsonObject] = [{"url": "person", "valueReference": self._refer(party.person)}]
            parts += [{"url": "employer", "valueId": party.employer}] if party.employer else []
            said.append({"url": profile.RESTRICTED_PARTY, "extension": parts})
        return said

    def _focus_addresses(self) -> Iterable[str]:
        if self.spec.focus == "Observation":
            yield from (url for url, fact in self._observations if fact.code in self.spec.required_one_of)
        else:
            yield from (url for url, _ in self._foci)
        if self.spec.focus in IDENTIFYING:
            yield from (self._people[key] for key in self.message.subjects if key in self._people)

    # --- focus

    def _focus_tells_time(self) -> bool:
        shape = FOCUS_TYPES[self.spec.focus]
        timed = shape.in_period or shape.start is not None
        return timed and self.spec.time is not Time.HEADER and self.spec.focus not in IDENTIFYING

    def _focus_resources(self) -> Iterable[tuple[str, JsonObject]]:
        """One for each subject, or one alone; none where Patients or Observations are the focus themselves."""
        if self.spec.focus == "Group":
            yield self._next(), household_group(self.message.household, self._refer)
        elif self.spec.focus not in IDENTIFYING:
            for subject in self.message.subjects or (None,):
                yield self._next(), self._focus(subject)

    def _focus(self, subject: str | None) -> JsonObject:
        message, shape = self.message, FOCUS_TYPES[self.spec.focus]
        ended = self.spec.time is Time.END or message.kind in self.spec.ending_kinds
        resource = base_of(self.spec.focus, message.event, ended=ended)
        if subject is not None and shape.subject is not None:
            resource[shape.subject] = self._refer(subject)
        if self._focus_tells_time():
            if shape.in_period:
                resource["period"] = period(*((None, message.occurred) if ended else (message.occurred, None)))
            elif shape.start is not None:
                resource[shape.start] = instant(message.occurred)
        if shape.kind is not None and self._kind:
            resource[shape.kind] = [self._kind] if shape.kinds else self._kind
        resource.update(self._own_elements(subject))
        return resource

    def _own_elements(self, subject: str | None) -> JsonObject:
        """What R4 requires of single types, said again from the message so that a plain FHIR reader finds it too."""
        message = self.message
        if self.spec.focus == "Appointment":
            # R4 wants an end with every start (app-2); an appointment that was not kept took no time.
            actor = {} if subject is None else {"actor": self._refer(subject)}
            return {"end": instant(message.occurred), "participant": [{**actor, "status": "accepted"}]}
        if self.spec.focus == "Immunization":
            vaccine = self._fact("immunisation", subject)
            refused = self._fact("not-given-reason", subject)
            given: JsonObject = {"vaccineCode": {"text": "not stated"} if vaccine is None else concept(vaccine.value)}
            return given if refused is None else {**given, "status": "not-done", "statusReason": concept(refused.value)}
        if self.spec.focus == "Flag" and message.kind is None:
            return {"code": {"text": "concern"}}
        if self.spec.focus in ("ServiceRequest", "Task", "CommunicationRequest"):
            return {"priority": message.priority.value}
        return {}

    def _fact(self, code: str, subject: str | None) -> Fact | None:
        return next((fact for fact in self.message.facts if fact.code == code and fact.about in (subject, None)), None)

    # --- everything else

    def entries(self) -> list[tuple[str, JsonObject]]:
        message = self.message
        clinical = list(self._foci)
        if message.household and self.spec.focus != "Group":
            clinical.append((self._next(), household_group(message.household, self._refer)))
        clinical += [(self._next(), related_person(relation, self._refer)) for relation in message.relationships]
        if self._marked:
            # Receivers store resources one by one; the mark must be on each, not on the envelope alone (principle 13).
            clinical = [(url, _with_mark(resource)) for url, resource in clinical]
        clinical += [(url, self._observation(fact)) for url, fact in self._observations]
        persons = [(self._people[person.key], self._patient(person)) for person in message.people]
        return [*self._author, *clinical[: len(self._foci)], *persons, *clinical[len(self._foci) :]]

    def _observation(self, fact: Fact) -> JsonObject:
        def written() -> JsonObject:
            resource = observation(fact, self._refer)
            return _with_mark(resource) if self._marked else resource

        about = None if fact.about is None else self._people.get(fact.about)
        return self._kept.of(fact, about, self._marked, write=written)

    def _patient(self, person: Person) -> JsonObject:
        return self._kept.of(person, write=lambda: patient(person))

    def beside(self, resource: Mapping[str, object]) -> tuple[str, JsonObject]:
        """A resource that is not the message's own, marked as the message is."""
        url = address(str(resource["resourceType"]), str(resource["id"]))
        return url, _with_mark(resource) if self._marked else dict(resource)

    def _author_resources(self, author: Professional | None) -> Iterable[tuple[str, JsonObject]]:
        """The Practitioner, and after it the role; the last is the header's author."""
        if author is None:
            return
        person = present(
            identifier=None
            if author.identifier is None
            else [{"system": author.identifier.system, "value": author.identifier.value}],
            name=None if author.name is None else [{"text": author.name}],
        )
        practitioner = self._next()
        if person or author.role is None:
            yield practitioner, {"resourceType": "Practitioner", **person}
        if author.role is not None:
            yield (
                self._next(),
                present(
                    resourceType="PractitionerRole",
                    practitioner={"reference": practitioner} if person else None,
                    code=[_role(author.role)],
                ),
            )


def _with_mark(resource: Mapping[str, object]) -> JsonObject:
    return {**resource, "meta": MARKED}


def _role(role: str) -> JsonObject:
    if is_id(role):
        return {"coding": [{"system": profile.PROFESSIONAL_ROLE, "code": role}]}
    return {"text": role}


def _team(team: str) -> JsonObject:
    return {"type": "Organization", "identifier": {"system": known.TEAM, "value": team}}
