"""Which of several media types an Accept header asks for (RFC 9110, 12.5.1)."""

import pytest

from broker.web.guard import preferred

JSON, CSV = "application/json", "text/csv"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ([], JSON),
        ([""], JSON),
        (["*/*"], JSON),
        (["application/json"], JSON),
        (["text/csv"], CSV),
        (["Text/CSV; charset=utf-8; header=present"], CSV),
        (["text/*"], CSV),
        (["text/csv, */*"], CSV),
        (["text/csv, */*;q=0.1"], CSV),
        (["text/csv;q=0.5, application/json"], JSON),
        (["text/csv;q=0, */*"], JSON),
        (["application/json;q=0.2", "text/csv;q=0.3"], CSV),
        (["application/json;q=0, text/*;q=0.001"], CSV),
        (["text/html"], None),
        (["*/*;q=0"], None),
        (["text/csv;q=nonsense"], None),
        (["text/csv;q=7"], None),
    ],
)
def test_the_best_liked_of_what_is_offered(accept, chosen):
    assert preferred(accept, (JSON, CSV)) == chosen
