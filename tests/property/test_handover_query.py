"""Whatever an auditor asks is read, or refused as unreadable: never an error of ours, never an echo."""

from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Unreadable
from broker.storage.handovers import HandoverQuery
from broker.web.api import handover_query
from broker.workflow.handovers import CountBy

CANARY = "Bluebell-Testerly"
NAMES = st.sampled_from([*handover_query.FILTERS, *handover_query.PAGING, "by", CANARY])
VALUES = st.one_of(
    st.sampled_from(
        [
            *("unacknowledged", "complete", "concern,birth", "health-visiting", "swbh", "-age", "due", "PT48H", "P9W"),
            *("P99999999999999999999D", "PT0M", "2026-03", "0001-01-01T00:00:00+14:00", "9999-12-31", "2026-02-30"),
            *("0", "1", "999999999", "9" * 400, "", CANARY, "\x00", "WyJhZ2UiLHRydWUsIjAwMDEtMDEtMDEiLCJ4Il0"),
            *CountBy,
        ]
    ),
    st.text(max_size=30),
)
READERS = (
    handover_query.read,
    handover_query.read_whole,
    lambda pairs: handover_query.read_filters(pairs, "by"),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5), st.sampled_from(READERS))
def test_every_query_is_read_or_refused(pairs, reader):
    try:
        query = reader(pairs)
    except Unreadable as refused:
        reasons = " ".join(f"{problem.path} {problem.reason}" for problem in refused.problems)
        assert reasons.strip()
        assert CANARY not in reasons
    else:
        assert isinstance(query, HandoverQuery)
        assert 1 <= query.limit <= handover_query.MOST
