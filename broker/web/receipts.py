"""What an agency gets with each receipt: a signed head of the audit, by which it can show later that nothing before it was rewritten."""

from broker import log
from broker.runtime import Runtime


def with_head(running: Runtime) -> dict[str, str]:
    """The headers of a receipt. What is received is on disk already: a database that fails now takes nothing but the next head from it."""
    newest = running.newest_head
    if newest.due:
        try:
            running.store.read(newest.look)
        except Exception as error:  # noqa: BLE001 - see above
            log.get(__name__).warning("no newer head of the audit", error=error)
    return newest.headers
