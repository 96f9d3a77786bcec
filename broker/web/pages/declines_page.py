"""What the page of declines and questions shows; pure, and without markup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.domain.tasks import BusinessStatus
from broker.web.pages import charts, words
from broker.web.pages.charts import Chart
from broker.web.pages.handover_list import Names
from broker.web.pages.task_page import reason_words
from broker.workflow.handovers import Count
from broker.workflow.task_wire import BUSINESS_STATUS_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinesView:
    """The page."""

    declined: int
    asked: int
    """Handovers that wait for the answer to a question back."""
    charts: tuple[Chart, ...]


def view_of(
    reasons: Sequence[Count], agencies: Sequence[Count], declined: int, standings: Sequence[Count], names: Names
) -> DeclinesView:
    """The page: `reasons` and `agencies` of what was declined, `standings` of what waits."""
    by_agency = [Count(key=names.agencies.get(one.key, one.key), count=one.count) for one in agencies]
    return DeclinesView(
        declined=declined,
        asked=sum(one.count for one in standings if one.key == BusinessStatus.QUESTION_ASKED),
        charts=(
            _chart("reasons", "Why they were declined", "Reason", [_said(one, reason_words) for one in reasons]),
            _chart("agencies", "Agencies that declined", "Agency", by_agency),
            _chart("standings", "How those stand that wait", "State", [_said(one, _standing) for one in standings]),
        ),
    )


def _chart(id_: str, caption: str, head: str, counted: Sequence[Count]) -> Chart:
    most_first = sorted(counted, key=lambda one: (-one.count, one.key))
    return charts.of_counts(id_, caption, head, [(one.key, one.count) for one in most_first])


def _said(one: Count, say: Callable[[str], str]) -> Count:
    return Count(key=say(one.key) or "Nothing was said", count=one.count)


def _standing(key: str) -> str:
    return words.title(BUSINESS_STATUS_WORDS[BusinessStatus(key)]) if key else "No answer of any kind"
