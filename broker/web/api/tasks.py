"""`/fhir/Task`: search, read, update, and the moves as operations; what a move means is `workflow.acknowledge`'s."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from broker.domain.answers import Move, MoveRequest
from broker.domain.caller import Caller
from broker.errors import Invalid, Unreadable, Unsupported
from broker.runtime import Runtime
from broker.storage.task_values import Stored
from broker.web import documented
from broker.web.api import task_parts, task_query, task_update
from broker.web.api.parameters import Pairs, RecordId, in_body
from broker.web.deps import Body, Running, require
from broker.web.guard import JSON, media_type
from broker.web.outcomes import FhirResponse
from broker.workflow import acknowledge
from broker.workflow.task_wire import task_resource
from schemas.limits import ROOT, Limits, parse
from schemas.problem import Problem
from schemas.structure import check_resource

router = APIRouter(prefix="/fhir/Task", tags=["Tasks"], default_response_class=FhirResponse)
Reader = Annotated[Caller, Depends(require("system/Task.rs", "baton/audit"))]
Mover = Annotated[Caller, Depends(require("system/Task.u"))]
Json = dict[str, Any]

_REFUSED = documented.refusals(409, 412)
_IF_MATCH = "ETag of the version that was read; another is 412"


@router.get("", summary="Search tasks", openapi_extra=documented.asks(task_query.KNOWN))
def search(request: Request, running: Running, caller: Reader) -> Response:
    """A searchset of your team's tasks and those it waits for; due first unless `_sort` says otherwise."""
    return _searched(request.query_params.multi_items(), running, caller)


@router.post(
    "/_search",
    summary="Search tasks, the parameters in the body",
    openapi_extra=documented.takes_form(**dict.fromkeys(task_query.KNOWN, "As in the search by GET")),
)
def search_by_post(request: Request, running: Running, caller: Reader, body: Body) -> Response:
    """As the search, so that what is asked stands in no address."""
    return _searched(in_body(request, body), running, caller)


@router.get("/{task_id}", summary="Read a task")
def read(task_id: RecordId, running: Running, caller: Reader) -> Response:
    """The task as you may know it, with its version as an ETag."""

    def work(session: Session) -> Stored:
        return acknowledge.read(session, running.context(session), caller, task_id, running.now())

    return _task(running.store.write(work), running, caller)


@router.put(
    "/{task_id}",
    summary="Change status, statusReason, owner or notes",
    responses=_REFUSED,
    openapi_extra=documented.takes("Task") | documented.header("If-Match", _IF_MATCH, required=True),
)
def update(task_id: RecordId, request: Request, running: Running, caller: Mover, body: Body) -> Response:
    """One move by its result. `If-Match` is required; the new note's `authorString` says who does it, as `name, role`."""
    version = _expected(request)
    if version is None:
        raise Unreadable("Send If-Match with the ETag of the version you read.")
    given = _resource(request, body, "Task", running)

    def work(session: Session) -> Stored:
        ctx, now = running.context(session), running.now()
        stored = acknowledge.read(session, ctx, caller, task_id, now, expected_version=version)
        before = task_resource(stored, acknowledge.scope_of(caller), now)
        asked = task_update.read(given, before, version, acknowledge.allowed(stored, caller))
        return stored if asked is None else acknowledge.answer(session, ctx, caller, task_id, asked, now)

    return _moved(work, task_update.located, running, caller)


def _operation(move: Move) -> Callable[..., Response]:
    def operate(task_id: RecordId, request: Request, running: Running, caller: Mover, body: Body) -> Response:
        parameters = _resource(request, body, "Parameters", running)
        asked = task_parts.read(move, parameters, _expected(request))
        return _moved(_answering(task_id, asked, running, caller), task_parts.located, running, caller)

    operate.__name__ = f"task_{move.value}"
    operate.__doc__ = "Takes a Parameters resource: " + ", ".join(part.name for part in task_parts.PARTS[move]) + "."
    return operate


for _move in task_parts.PARTS:
    router.post(
        f"/{{task_id}}/${_move.value}",
        summary=f"{_move.value.capitalize()} a task",
        responses=_REFUSED,
        openapi_extra=documented.takes_parameters(_move.value, [part.name for part in task_parts.PARTS[_move]])
        | documented.header("If-Match", _IF_MATCH),
    )(_operation(_move))


def _answering(task_id: str, asked: MoveRequest, running: Runtime, caller: Caller) -> Callable[[Session], Stored]:
    def work(session: Session) -> Stored:
        return acknowledge.answer(session, running.context(session), caller, task_id, asked, running.now())

    return work


def _moved(
    work: Callable[[Session], Stored],
    located: Callable[[tuple[Problem, ...]], list[Problem]],
    running: Runtime,
    caller: Caller,
) -> Response:
    try:
        moved = running.store.write(work)
    except Invalid as wrong:
        raise Invalid(problems=located(wrong.problems)) from wrong
    return _task(moved, running, caller)


def _task(task: Stored, running: Runtime, caller: Caller) -> Response:
    resource = task_resource(task, acknowledge.scope_of(caller), running.now())
    return FhirResponse(resource, headers={"ETag": f'W/"{task.row.version}"'})


def _searched(pairs: Pairs, running: Runtime, caller: Caller) -> Response:
    query, only_count = task_query.read(pairs)
    scope, now = acknowledge.scope_of(caller), running.now()

    def work(session: Session) -> Json:
        base = f"{running.context(session).public_url}/fhir/Task"
        links = [{"relation": "self", "url": f"{base}?{urlencode(pairs)}"}]
        if only_count:
            total = acknowledge.count(session, caller, query, now)
            return {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
        found, last = acknowledge.search(session, running.context(session), caller, query, now)
        if last is not None:
            links.append({"relation": "next", "url": f"{base}?{urlencode(task_query.next_pairs(pairs, query, last))}"})
        entries = [_entry(base, task_resource(task, scope, now)) for task in found]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links}
        return bundle | {"entry": entries} if entries else bundle

    return FhirResponse(running.store.write(work))


def _entry(base: str, resource: Json) -> Json:
    return {"fullUrl": f"{base}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}


def _resource(request: Request, body: bytes, kind: str, running: Runtime) -> Json:
    """The resource in the body, of this type and with the structure of R4."""
    if media_type(request.headers.get("content-type", "")) not in JSON:
        raise Unsupported("Send application/fhir+json.")
    settings = running.settings
    parsed = parse(body, Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries))
    if isinstance(parsed, list):
        problems = [replace(one, path=kind + one.path.removeprefix(ROOT)) for one in parsed]
    else:
        problems = check_resource(parsed, kind)
    if isinstance(parsed, list) or problems:
        raise Unreadable(problems=problems)
    if parsed.get("resourceType") != kind:
        raise Unreadable(problems=[Problem(f"{kind}.resourceType", f"must be {kind}", "value")])
    return parsed


def _expected(request: Request) -> int | None:
    """The version of If-Match; None when there is none."""
    header = request.headers.get("if-match")
    if header is None:
        return None
    match = re.fullmatch(r'\s*(?:W/)?"(\d{1,9})"\s*', header)
    if match is None:
        raise Unreadable('If-Match must be an ETag such as W/"3".')
    return int(match[1])
