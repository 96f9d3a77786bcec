"""A team covers an area from now on: it is told of what still stands about families for whom its service was looked for in vain."""

from collections.abc import Collection
from functools import partial

from sqlmodel import Session

from broker.runtime import Runtime
from broker.workflow import covering
from schemas.codes import Function


def tell_providers(running: Runtime, area_id: str, functions: Collection[Function]) -> None:
    """Step by step, each a transaction; if this ends in between, the same area put again does the rest."""
    after = ""
    while ids := running.store.read(partial(covering.looked_for, area_id=area_id, functions=functions, after=after)):

        def step(session: Session, ids: list[str] = ids) -> None:
            covering.cover(session, running.context(session), ids, area_id, running.now())

        running.store.write(step)
        after = ids[-1]
