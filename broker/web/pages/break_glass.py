"""Reading a household in an emergency: sign in again, say whom and why, read for an hour. What it does is `workflow.break_glass`'s."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain import break_glass as rules
from broker.domain.break_glass import Reason
from broker.runtime import Runtime
from broker.web.deps import Running
from broker.web.pages.fields import Field, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson, proved
from broker.web.pages.tasks import seated
from broker.workflow import break_glass
from broker.workflow.break_glass import Wanted
from schemas.identifiers import NhsNumber, nhs_number_state
from schemas.problem import Problem

router = pages()

LONGEST_WHY: Final = 2000
NOT_FOUND: Final = "nobody with that number and that day of birth has a household here; check both, or telephone"
_FIELDS: Final = (
    Field(kind="text", name="number", label="NHS number", hint="Of somebody who lives there"),
    Field(kind="date", name="born", label="Day of birth", hint="Theirs; both must be right"),
    Field(
        kind="radios",
        name="reason",
        label="Why",
        options=tuple((reason.value, rules.WORDS[reason]) for reason in Reason),
    ),
    Field(
        kind="textarea",
        name="why",
        label="What has happened",
        hint="In your own words. Your safeguarding lead reads it at once",
    ),
)


@router.get("/break-glass")
def form(running: Running, person: SignedInPerson) -> Response:
    """What it means, and the form for whoever has just signed in again."""
    return _page(running, seated(person), Form([]), [])


@router.post("/break-glass")
def begin(running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """The household, if one was found; the form again otherwise, with what was typed."""
    seated(person)
    if not proved(person, running.now()):
        return see("/app/break-glass")
    wanted, problems = _wanted(fields)
    if wanted is None:
        return _page(running, person, fields, problems)

    def work(session: Session) -> Sequence[str]:
        return break_glass.begin(session, running.context(session), person.caller, wanted, running.now())

    homes = running.store.write(work)
    if not homes:
        return _page(running, person, fields, [Problem("number", NOT_FOUND, "not-found")])
    return see(f"/app/households/{homes[0]}") if len(homes) == 1 else _several(running, person, homes)


def _wanted(fields: Form) -> tuple[Wanted | None, list[Problem]]:
    number, why = fields.one("number"), fields.one("why")
    problems = []
    if nhs_number_state(number) != "valid":
        problems.append(Problem("number", "must be an NHS number", "value"))
    born = _day(fields.one("born"))
    if born is None:
        problems.append(Problem("born", "must be a day", "value"))
    reason = next((one for one in Reason if one.value == fields.one("reason")), None)
    if reason is None:
        problems.append(Problem("reason", "is required", "required"))
    if not rules.SHORTEST_WHY <= len(why) <= LONGEST_WHY:
        problems.append(Problem("why", "must say what has happened", "required"))
    if problems or born is None or reason is None:
        return None, problems
    return Wanted(nhs_number=NhsNumber.parse(number).value, born=born, reason=reason, why=why), []


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _several(running: Runtime, person: Person, homes: Sequence[str]) -> Response:
    return page(running.settings, "break_glass_homes.html", title="Emergency access", person=person, homes=homes)


def _page(running: Runtime, person: Person, typed: Form, problems: Sequence[Problem]) -> Response:
    errors, faults = errors_of(problems, _FIELDS)
    values = {one.name: typed.every(one.name) for one in _FIELDS} if problems else {}
    team = person.seat.team
    return page(
        running.settings,
        "break_glass.html",
        title=f"{'Error: ' if faults else ''}Emergency access",
        person=person,
        here="break-glass",
        status=422 if faults else 200,
        may=team is not None and rules.may(team, running.policy),
        proved=proved(person, running.now()),
        fields=filled(_FIELDS, values, errors),
        faults=faults,
    )
