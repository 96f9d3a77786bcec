"""A flag as an R4 Flag resource: that a pattern is open about somebody, and no more; its events are asked of the chronology."""

from typing import Any, Final, TypeAlias

from broker.storage.tables import Pattern, PatternFlag
from broker.workflow.context import Context
from broker.workflow.task_wire import instant
from schemas.bundle.profile import LABEL, LABEL_SYSTEMS
from schemas.codes import CANONICAL

Json: TypeAlias = dict[str, Any]

FLAG: Final = f"{CANONICAL}/Id/flag"
PATTERN: Final = f"{CANONICAL}/CodeSystem/pattern"
"""Patterns by the names that the policy gives them."""
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/flag-category"


def flag_resource(flag: PatternFlag, pattern: Pattern, ctx: Context) -> Json:
    """The Flag, marked never to be shown to patient or family (sharing principle 13)."""
    rule = ctx.policy.patterns.rules.get(pattern.rule)
    title = rule.title if rule is not None else pattern.rule.replace("-", " ").capitalize()
    changed, mark = flag.withdrawn_at or flag.opened_at, ctx.policy.marks.not_for_family
    return {
        "resourceType": "Flag",
        "id": flag.id,
        "meta": {
            "lastUpdated": instant(changed),
            "security": [{"system": LABEL_SYSTEMS.get(mark, LABEL), "code": mark}],
        },
        "identifier": [{"system": FLAG, "value": flag.id}],
        "status": "active" if flag.withdrawn_at is None else "inactive",
        "category": [{"coding": [{"system": _CATEGORY, "code": "safety", "display": "Safety"}]}],
        "code": {"coding": [{"system": PATTERN, "code": pattern.rule, "display": title}], "text": title},
        "subject": {"reference": f"Patient/{flag.person_id}"},
        "period": {"start": instant(flag.opened_at)}
        | ({} if flag.withdrawn_at is None else {"end": instant(flag.withdrawn_at)}),
        "author": {"display": "Baton"},
    }
