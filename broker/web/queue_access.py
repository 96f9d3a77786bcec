"""How a team's system reaches its queue: what the administrator who chose AMQP for it is told, and the user made for it where that is possible."""

from pydantic import BaseModel

from broker import log
from broker.bus.rabbit import names
from broker.runtime import Runtime

_log = log.get(__name__)

NOT_MADE = (
    "The user is not made by Baton (BATON_AMQP_MANAGEMENT_URL is not set): make it with exactly these permissions."
)


class QueueAccess(BaseModel):
    """Everything a system needs to take its messages and to send receipts, besides the server's address."""

    queue: str
    exchange: str
    routing_key: str
    receipts_exchange: str
    virtual_host: str
    user: str
    configure: str
    """Permission patterns of the user in the virtual host, as RabbitMQ has them."""
    write: str
    read: str
    password: str | None = None
    """Of a user that was made just now, or whose password was: shown this once."""
    applied: bool | None = None
    """Whether user and permissions are made; None when nothing was tried, in an answer that only shows."""
    because: str | None = None
    """Why they are not."""


def shown(running: Runtime, team: str) -> QueueAccess:
    """Without any attempt to make it."""
    from broker.bus.rabbit import opening  # with its client library only where it is used

    queue, access = names.team_queue(team), names.team_access(team)
    server = opening.server(running.settings)
    return QueueAccess(
        queue=queue.name,
        exchange=queue.exchange,
        routing_key=queue.key,
        receipts_exchange=names.RECEIPTS,
        virtual_host=opening.virtual_host(server.addresses[0]),
        user=access.user,
        configure=access.configure,
        write=access.write,
        read=access.read,
    )


def give(running: Runtime, team: str, *, rotate: bool) -> QueueAccess:
    """Have the queue declared, and the user made where the management interface is at hand. Idempotent, unless it is to `rotate`."""
    from broker.bus.rabbit import opening
    from broker.bus.rabbit.management import NotManaged

    if running.queues is not None:
        running.queues.prepare(team)
    access, management = shown(running, team), opening.management(running.settings)
    if management is None:
        return access.model_copy(update={"applied": False, "because": NOT_MADE})
    try:
        password = management.give_access(access.virtual_host, names.team_access(team), rotate=rotate)
    except NotManaged as error:
        return access.model_copy(update={"applied": False, "because": f"{error} Put the same again to have it made."})
    return access.model_copy(update={"applied": True, "password": password})


def end(running: Runtime, team: str) -> None:
    """The team is told in another way: its user and its queue go, what lay there unreceipted goes out by the other way."""
    from broker.bus.rabbit import opening
    from broker.bus.rabbit.management import NotManaged

    if running.queues is not None:
        running.queues.remove(team)
    management = opening.management(running.settings) if running.settings.amqp_url is not None else None
    if management is None:
        return
    try:
        management.end_access(names.team_access(team).user)
    except NotManaged as error:
        _log.warning("a team's RabbitMQ user could not be removed; remove it by hand", team=team, error=error)
