"""Seal what was committed: give audit entries their places in the Merkle tree and sign the tree they make."""

from datetime import datetime, timedelta

from sqlmodel import Session

from broker.domain.merkle import Tree
from broker.domain.sealing import Head, Leaf, entry_hash
from broker.errors import Invalid
from broker.storage import audit_log, leases
from broker.storage.codec import Codec
from broker.storage.signing import Signer

LEASE = "audit-sealer"

AT_ONCE = 500
"""Entries of one batch: on SQLite others wait to write meanwhile, some 25 ms."""


def seal(session: Session, codec: Codec, *, holder: str, now: datetime, lease: timedelta) -> bool:
    """One batch; True when more may wait. Nothing happens while another holds the lease.

    The lease only spares two processes the same work; that the log is right rests on the numbers of its heads, which are
    unique: of two who seal at once one fails, and begins again behind what the other sealed.
    """
    if not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return False
    last = audit_log.last_head(session)
    found = audit_log.unsealed(session, limit=AT_ONCE + 1)
    if not found:
        return False
    entries = sorted(found[:AT_ONCE], key=lambda entry: entry.order)
    before = Tree() if last is None else last.tree()
    if before is None:
        raise Invalid(
            "The last head of the audit does not prove itself, so nothing is sealed: see `baton audit verify`."
        )
    leaves = [Leaf(before.size + index, entry_hash(entry), entry) for index, entry in enumerate(entries)]
    tree = before.grown(leaf.hash for leaf in leaves)
    head = Head(
        number=last.number + 1 if last else 1,
        size=tree.size,
        root=tree.root,
        at=now,
        complete=len(found) == len(entries),
        key="",
        peaks=b"".join(tree.peaks),
    )
    audit_log.append(session, leaves, Signer(codec).signed(head))
    return not head.complete
