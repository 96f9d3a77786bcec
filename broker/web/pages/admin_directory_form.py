"""What the forms for agencies, teams and areas ask, and what is made of the answers: the bodies of the calls that do the same. Pure."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from broker.domain.terms import Nation
from broker.domain.world import Directory, Team
from broker.storage.directory import AgencyListed, AreaListed
from broker.web.api.admin import AgencyBody, AreaBody, Body, Name, TeamBody
from broker.web.pages import words
from broker.web.pages.admin_names import Called
from broker.web.pages.fields import Field, Option
from broker.web.pages.forms import Form
from schemas.codes import Function
from schemas.problem import Problem

MOST_OFFERED: Final = 100
"""Teams of one service that a field offers; where there are more, the id is typed."""
COVERAGE: Final = "coverage."
COVERS: Final = "Who covers it"
_EXECUTIVE: Final = "executive"
_HONOURS: Final = "honours_marks"
_CLOSED: Final = "closed"
_FLAGS: Final[tuple[Option, ...]] = (
    (_EXECUTIVE, "It is the executive of its agency: what its leads do not answer is raised to it"),
    (
        _HONOURS,
        "Its system hides what is marked “not to be shown to patient or family”. Without this it is sent a pointer instead",
    ),
    (_CLOSED, "It is closed: nothing is sent to it any more, and its history stays"),
)
_SAID: Final[Mapping[str, str]] = {
    "id": "Enter an id of lower-case letters, digits and hyphens, at most 64",
    "name": "Enter a name of one line, at most 200 characters",
    "ods_code": "Enter an ODS code of 3 to 10 capital letters and digits, or nothing",
    "agency": "Choose an agency",
    "function": "Choose a service",
    "area": "Choose an area, or none",
    "telephone": "Enter a telephone number of at most 40 characters, or nothing",
    "hours": "Enter opening hours like Mo-Fr 09:00-17:00; Sa 09:00-12:00, or nothing",
    "nation": "Choose a nation",
    "postcodes": "Enter postcode districts like B64, separated by spaces",
    "coverage": "Choose a team of that service, or nobody",
}
"""What is to be done about a field that is wrong."""

B = TypeVar("B", bound=Body)


# --- the fields ---------------------------------------------------------------------------------------------------


def agency_fields(one: AgencyListed | None) -> tuple[Field, ...]:
    """What is asked of an agency; None for a new one."""
    return (
        *_id(one is None, "swbh"),
        _text("name", "Name", one.name if one else None),
        _ods(one.ods_code if one else None),
    )


def team_fields(
    one: Team | None, agencies: Sequence[Option], areas: Sequence[Option], *, agency: str = ""
) -> tuple[Field, ...]:
    """What is asked of a team; None for a new one, of that agency where it is said."""
    services = sorted(((one.value, words.title(one)) for one in Function), key=lambda service: service[1])
    return (
        *_id(one is None, "swbh-midwifery"),
        _text("name", "Name", one.name if one else None),
        _select("agency", "Agency", (("", "Choose"), *agencies), one.agency_id if one else agency),
        _select("function", "Service", (("", "Choose"), *services), one.function.value if one else None),
        _select("area", "Area where it works", (("", "None"), *areas), one.area_id if one else None),
        _text(
            "telephone", "Telephone", one.telephone if one else None, "Shown to other teams, beside everything urgent."
        ),
        _text(
            "hours",
            "Opening hours",
            str(one.hours) if one and one.hours else None,
            "Like Mo-Fr 09:00-17:00; Sa 09:00-12:00. Leave it empty for a team that never closes.",
        ),
        _ods(one.ods_code if one else None),
        Field(
            kind="checkboxes",
            name="flags",
            label="What else holds for it?",
            options=_FLAGS if one else _FLAGS[:-1],
            values=_flags_of(one) if one else (_HONOURS,),
        ),
    )


def area_fields(one: AreaListed | None, names: Directory, called: Called) -> tuple[Field, ...]:
    """What is asked of an area, with a field for every service that some team provides; None for a new one. `called`: how teams are called."""
    nations = tuple((nation.value, words.title(nation)) for nation in Nation)
    services = sorted({team.function for team in names.teams.values()}, key=words.title)
    covering = (_covers(service, one, names, called) for service in services)
    return (
        *_id(one is None, "sandwell"),
        _text("name", "Name", one.name if one else None),
        _select("nation", "Nation", nations, one.nation.value if one else Nation.ENGLAND.value, "Its bank holidays."),
        Field(
            kind="textarea",
            name="postcodes",
            label="Postcode districts",
            hint="Like B64, separated by spaces. Each lies in one area.",
            values=(" ".join(one.districts),) if one and one.districts else (),
        ),
        *(field for field in covering if field is not None),
    )


def _id(new: bool, like: str) -> tuple[Field, ...]:  # noqa: FBT001 - one caller each, beside the field's name
    hint = f"Lower-case letters, digits and hyphens, like {like}. It stays as it is for ever."
    return (Field(kind="text", name="id", label="Id", hint=hint),) if new else ()


def _text(name: str, label: str, value: str | None, hint: str = "") -> Field:
    return Field(kind="text", name=name, label=label, hint=hint, values=(value,) if value else ())


def _ods(value: str | None) -> Field:
    return _text("ods_code", "ODS code", value, "Leave it empty where there is none.")


def _select(name: str, label: str, options: Sequence[Option], value: str | None, hint: str = "") -> Field:
    return Field(kind="select", name=name, label=label, hint=hint, options=tuple(options), values=(value or "",))


def _flags_of(one: Team) -> tuple[str, ...]:
    held = {_EXECUTIVE: one.executive, _HONOURS: one.honours_marks, _CLOSED: one.closed}
    return tuple(name for name, holds in held.items() if holds)


def _covers(service: Function, area: AreaListed | None, names: Directory, called: Called) -> Field | None:
    """Who covers a service; None where nobody could."""
    now = names.coverage.get((area.id, service)) if area else None
    teams = [team for team in names.teams.values() if team.function is service and (not team.closed or team.id == now)]
    if not teams:
        return None
    name, label, held = f"{COVERAGE}{service.value}", words.title(service), (now,) if now else ()
    if len(teams) > MOST_OFFERED:
        hint = "The id of its team; there are too many to choose from. Leave it empty for nobody."
        return Field(kind="text", name=name, label=label, hint=hint, values=held, group=COVERS)
    here = area.id if area else None
    known = sorted(teams, key=lambda team: (team.area_id != here, team.name))
    offered = (("", "Nobody"), *((team.id, f"{called[team.id]}{' (closed)' if team.closed else ''}") for team in known))
    return Field(kind="select", name=name, label=label, options=offered, values=held, group=COVERS)


def print_of(fields: Sequence[Field]) -> str:
    """What the directory says of something, as a hash: a form that was loaded before a change of somebody else's is told by it."""
    return sha256("\n".join(f"{one.name}={'|'.join(one.values)}" for one in fields).encode()).hexdigest()


# --- what was sent --------------------------------------------------------------------------------------------------


def agency_of(form: Form) -> tuple[AgencyBody | None, list[Problem]]:
    """An agency as a form has it, and what is wrong with it."""
    return _read(AgencyBody, {"name": form.one("name"), "ods_code": form.given("ods_code")})


def team_body(form: Form) -> tuple[TeamBody | None, list[Problem]]:
    """A team as a form has it, and what is wrong with it."""
    flags = set(form.every("flags"))
    asked = {name: form.given(name) for name in ("ods_code", "area", "telephone", "hours")}
    needed = {name: form.one(name) for name in ("agency", "function", "name")}
    return _read(TeamBody, {**asked, **needed, **{name: name in flags for name, _ in _FLAGS}})


def area_of(form: Form, fields: Sequence[Field]) -> tuple[AreaBody | None, list[Problem]]:
    """An area as a form with these fields has it, and what is wrong with it."""
    services = [one.name for one in fields if one.name.startswith(COVERAGE)]
    covered = {name.removeprefix(COVERAGE): form.one(name) for name in services if form.given(name)}
    asked = {
        "name": form.one("name"),
        "nation": form.one("nation"),
        "postcodes": districts(form),
        "coverage": covered,
    }
    return _read(AreaBody, asked)


def districts(form: Form) -> list[str]:
    """The postcode districts that were typed, in capitals."""
    return [part.upper() for part in re.split(r"[\s,;]+", form.one("postcodes")) if part]


def id_problems(id_: str) -> list[Problem]:
    """What is wrong with the id of something new."""
    try:
        TypeAdapter(Name).validate_python(id_)
    except ValidationError:
        return [Problem("id", _SAID["id"], "value")]
    return []


def located(problems: Sequence[Problem], form: Form) -> list[Problem]:
    """Problems of the directory at the fields of the form; a district that lies elsewhere is named."""
    return [_located(one, districts(form)) for one in problems]


def _located(one: Problem, typed: Sequence[str]) -> Problem:
    found = re.fullmatch(r"postcodes\[(\d+)\]", one.path)
    if found is None:
        return one
    return Problem("postcodes", f"{typed[int(found[1])]} {one.reason}", one.code)


def _read(model: type[B], asked: Mapping[str, Any]) -> tuple[B | None, list[Problem]]:
    try:
        return model.model_validate(asked), []
    except ValidationError as wrong:
        # What stands in the error quotes what was typed; only where it is wrong is taken from it.
        paths = dict.fromkeys(tuple(one["loc"]) for one in wrong.errors(include_input=False, include_url=False))
    found = (Problem(_path(where), _SAID[str(where[0])], "value") for where in paths)
    return None, list(dict.fromkeys(found))


def _path(where: tuple[int | str, ...]) -> str:
    return f"{COVERAGE}{where[1]}" if where[0] == "coverage" and len(where) > 1 else str(where[0])
