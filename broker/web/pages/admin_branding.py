"""How the pages call themselves, for administrators: what each setting says now, and where it shows. Nothing is changed here."""

from dataclasses import dataclass

from fastapi import Response
from sqlmodel import Session

from broker.settings import Settings
from broker.web.deps import Running
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages

router = pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A setting that pages show. `value` '' where nobody has set it."""

    name: str
    variable: str
    value: str
    where: str


@router.get("/admin/branding")
def branding(running: Running, person: Administrator) -> Response:
    """Name, organisation and contact, as every page shows them."""

    def work(session: Session) -> None:
        looked(session, person, "settings", None, running.now())

    running.store.write(work)
    return page(
        running.settings,
        "admin_branding.html",
        title="Branding",
        person=person,
        here="admin/branding",
        said=said_of(running.settings),
    )


def said_of(settings: Settings) -> tuple[Said, ...]:
    """What pages say of whose they are."""
    return (
        Said(
            name="Name of the service",
            variable="BATON_SERVICE_NAME",
            value=settings.service_name,
            where="At the top of every page, in its title, and on the sign-in page",
        ),
        Said(
            name="Organisation",
            variable="BATON_ORGANISATION",
            value=settings.organisation,
            where="Beside the name of the service",
        ),
        Said(
            name="Whom to ask",
            variable="BATON_CONTACT",
            value=settings.contact,
            where="At the foot of every page, error pages too",
        ),
    )
