"""`GET /transfers/{id}/summary`: what parents are given when another team takes over, as a page to print."""

from html import escape
from string import Template
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.world import Team
from broker.web import documented
from broker.web.api.parameters import RecordId
from broker.web.deps import Running, require
from broker.workflow.summary import Child, Summary, summary

router = APIRouter(tags=["Tasks"])
Reader = Annotated[Caller, Depends(require("system/Task.rs"))]

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
}
_PAGE = Template("""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your child's care moves to another team</title>
<style>
body { font: 1.1rem/1.5 Arial, sans-serif; margin: 2rem auto; max-width: 42rem; padding: 0 1rem; color: #212b32; background: #fff }
h1 { font-size: 1.8rem } h2 { font-size: 1.3rem; margin-top: 2rem }
dl { margin: 0 } dt { font-weight: bold } dd { margin: 0 0 .6rem }
.call { border-left: .4rem solid #005eb8; padding: .2rem 0 .2rem 1rem }
@media print { body { margin: 0; max-width: none } section { break-inside: avoid } }
</style>
</head>
<body>
<h1>Your child's care moves to another team</h1>
<p>$sender hands over to $receiver. This sheet is from $sent. Keep it in the red book.</p>
<div class="call">
<p><strong>Who to call</strong></p>
<p>$calls</p>
<p>If you are worried about your child's health, call 111. In an emergency call 999.</p>
</div>
$children
</body>
</html>
""")


@router.get(
    "/transfers/{id_}/summary",
    summary="A summary for the parent-held record, to print",
    response_class=HTMLResponse,
    responses=documented.refusals(404, 409),
)
def printed(running: Running, caller: Reader, id_: RecordId) -> HTMLResponse:
    """For the sender and the receiver of a transfer. It has the child's own care alone: no concern, nothing about anybody else."""

    def work(session: Session) -> Summary:
        return summary(session, running.context(session), caller, id_, running.now())

    return sheet(running.store.write(work))


def sheet(what: Summary) -> HTMLResponse:
    """The sheet as an answer, kept by nobody and able to do nothing."""
    return HTMLResponse(page(what), headers=_HEADERS)


def page(what: Summary) -> str:
    """The sheet as HTML; everything that came from outside is escaped."""
    return _PAGE.substitute(
        sender=escape(what.sender.name),
        receiver=escape(what.receiver.name),
        sent=f"{what.sent:%-d %B %Y}",
        calls="<br>".join(_call(team) for team in (what.receiver, what.sender)),
        children="\n".join(_child(child, what) for child in what.children),
    )


def _call(team: Team) -> str:
    return f"{escape(team.name)}: {escape(team.telephone or 'number not known')}"


def _child(child: Child, what: Summary) -> str:
    born = f", born {child.born:%-d %B %Y}" if child.born else ""
    taken = f"{escape(what.receiver.name)} has taken over."
    waiting = f"{escape(what.receiver.name)} has not yet taken over. Until then, call {escape(what.sender.name)}."
    said = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in child.said)
    nothing = "<p>No details were given.</p>"
    return (
        f"<section><h2>{escape(child.name)}{born}</h2><p>{taken if child.confirmed else waiting}</p>"
        f"{f'<dl>{said}</dl>' if said else nothing}</section>"
    )
