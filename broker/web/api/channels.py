"""How a team is told beside its mailbox: `PUT` and `GET /admin/teams/{id}/channel`, idempotent. Scope `baton/admin`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, field_validator, model_validator
from sqlmodel import Session

from adapters.channels import addresses, email, mesh_address, signing
from broker import gateway_file
from broker.domain.states import ChannelKind, MessageFormat
from broker.errors import Invalid, NotFound
from broker.settings import Settings
from broker.storage import channels, deliveries, directory
from broker.storage.codec import Codec
from broker.web import queue_access
from broker.web.api.admin import Admin, Body, Name, is_json, note
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.web.queue_access import QueueAccess
from broker.workflow import access
from schemas.problem import Problem

router = APIRouter(prefix="/admin/teams", tags=["Administration"])

FASTEST = 10_000.0
"""Pushes a second beyond which a limit is none."""

_CHECKS = {
    ChannelKind.WEBHOOK: addresses.problem,
    ChannelKind.EMAIL: email.problem,
    ChannelKind.MESH: mesh_address.problem,
}
"""Kinds that have an address, each with what may be wrong with one."""


class ChannelBody(Body):
    """How the team is told; the mailbox stays open whatever is chosen."""

    kind: ChannelKind
    url: Annotated[str, Field(max_length=500, pattern=r"^(https?://|mailto:|mesh:)[!-~]+$")] | None = None
    """Of a webhook `https://…`, of an e-mail `mailto:…`, of a MESH mailbox `mesh:…`."""
    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/=]{24,100}$")] | None = None
    """Of a webhook; left out, the one that is stored stays."""
    enabled: bool = True
    """False: nothing is pushed, what waits stays and is a dead letter until the channel is enabled again."""
    rate_per_second: Annotated[float, Field(gt=0, le=FASTEST, allow_inf_nan=False)] | None = None
    """Most pushes a second that the team's system can take."""
    format: MessageFormat = MessageFormat.FHIR
    """`native`: in the agency's own format where that has a form for what is told (an ITK3 acknowledgement, a BaRS response)."""
    rotate: bool = False
    """Of AMQP: give the team's user a new password."""

    @field_validator("secret")
    @classmethod
    def _can_sign(cls, secret: str | None) -> str | None:
        if secret is not None:
            signing.key(secret)
        return secret

    @model_validator(mode="after")
    def _the_kind_has_its_address(self) -> "ChannelBody":
        check = _CHECKS.get(self.kind)
        if (check is None) != (self.url is None):
            raise ValueError("a webhook, an e-mail and a MESH mailbox need an address, and no other kind has one")
        if self.rotate and self.kind is not ChannelKind.AMQP:
            raise ValueError("only a queue's user has a password to rotate")
        return self


class ChannelSet(BaseModel):
    """How the team is told."""

    id: str
    kind: ChannelKind
    url: str | None
    enabled: bool
    disabled_at: datetime | None
    rate_per_second: float | None
    format: MessageFormat
    secret_set: bool
    """Whether there is a secret that webhooks are signed with (`v1`)."""
    public_key: str | None
    """Of a webhook: `whpk_…`, with which the signatures `v1a` are checked (Standard Webhooks)."""
    changed_at: datetime | None
    amqp: QueueAccess | None = None
    """Of a queue: where it is, and who may read it."""


@router.put(
    "/{team_id}/channel",
    summary="Set how a team is told",
    dependencies=[Depends(is_json)],
    responses=refusals(422),
)
def put_channel(team_id: Name, body: ChannelBody, running: Running, caller: Admin) -> ChannelSet:
    """Idempotent. A webhook's secret (Standard Webhooks, `whsec_…`) is kept and never shown again.

    Whatever waits for the team follows at once: it goes out by the new channel, or stays when there is none or it is not enabled.
    Of a queue the answer says where it is and what its user may do, and has the password of a user that was made just now.
    """
    problem = _problem(body, running.settings)
    if problem is not None:
        raise Invalid(problems=[problem])

    def work(session: Session) -> tuple[ChannelKind, ChannelSet]:
        if not directory.has_team(session, team_id):
            raise NotFound
        before = channels.get(session, team_id).kind
        if body.kind is ChannelKind.WEBHOOK and body.secret is None and not channels.get(session, team_id).has_secret:
            raise Invalid(problems=[Problem("secret", "is required for a webhook", "required")])
        codec, now = running.store.codec, running.now()
        if _elsewhere(body, channels.get(session, team_id)):
            access.to_channel(session, running.context(session), caller, team_id, now)
        channels.put(
            session,
            codec,
            team_id,
            body.kind,
            url=body.url,
            secret=body.secret,
            enabled=body.enabled,
            rate_per_second=body.rate_per_second,
            message_format=body.format,
            now=now,
        )
        deliveries.align(session, now=now, team_id=team_id)
        note(session, running, caller, "channel", team_id)
        return before, _shown(team_id, channels.get(session, team_id), codec)

    before, stored = running.store.write(work)
    if body.kind is ChannelKind.AMQP:
        return stored.model_copy(update={"amqp": queue_access.give(running, team_id, rotate=body.rotate)})
    if before is ChannelKind.AMQP:
        queue_access.end(running, team_id)
    return stored


@router.get("/{team_id}/channel", summary="How a team is told")
def get_channel(team_id: Name, running: Running, _caller: Admin) -> ChannelSet:
    """Without its secret. A team for which nothing was set is told by its mailbox."""

    def work(session: Session) -> ChannelSet:
        if not directory.has_team(session, team_id):
            raise NotFound
        return _shown(team_id, channels.get(session, team_id), running.store.codec)

    stored = running.store.read(work)
    queued = stored.kind is ChannelKind.AMQP and running.settings.amqp_url is not None
    return stored.model_copy(update={"amqp": queue_access.shown(running, team_id)}) if queued else stored


def _problem(body: ChannelBody, settings: Settings) -> Problem | None:
    """What is wrong with it here, and might be right elsewhere."""
    if body.kind is ChannelKind.MESH and gateway_file.load(settings.gateways).sender is None:
        return Problem("kind", "needs a MESH mailbox that sends: BATON_GATEWAYS names none", "not-supported")
    if body.kind is ChannelKind.EMAIL and settings.smtp_url is None:
        return Problem("kind", "needs a mail server: BATON_SMTP_URL is not set", "not-supported")
    if body.kind is ChannelKind.AMQP and settings.amqp_url is None:
        return Problem("kind", "needs RabbitMQ: BATON_AMQP_URL is not set", "not-supported")
    check = _CHECKS.get(body.kind)
    if check is not None and body.url is not None and (words := check(body.url)) is not None:
        return Problem("url", words, "value")
    return None


def _elsewhere(body: ChannelBody, before: channels.Setting) -> bool:
    """Whether the team's copies go another way from now on, or to who learns a new password."""
    return (body.kind, body.url) != (before.kind, before.url) or body.rotate


def _shown(team_id: str, setting: channels.Setting, codec: Codec) -> ChannelSet:
    webhook = setting.kind is ChannelKind.WEBHOOK
    return ChannelSet(
        id=team_id,
        kind=setting.kind,
        url=setting.url,
        enabled=setting.disabled_at is None,
        disabled_at=setting.disabled_at,
        rate_per_second=setting.rate_per_second,
        format=setting.format,
        secret_set=setting.has_secret,
        public_key=signing.public_key(channels.signing_key(codec, team_id)) if webhook else None,
        changed_at=setting.changed_at,
    )
