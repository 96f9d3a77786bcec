"""The default policy, read once for each process of a run: that takes longer than most tests."""

from functools import cache

from broker.domain.rules import Policy
from broker.policy.model import load


@cache
def default_policy() -> Policy:
    """As `load(None)` gives it; nothing of it can be changed."""
    return load(None)
