"""Times, lengths and ages as pages say them; and that a template that names what is not there is an error, not a blank."""

from datetime import UTC, date, datetime, timedelta

import pytest
from jinja2 import UndefinedError

from broker.web.pages import words
from broker.web.pages.fields import Field, errors_of
from broker.web.pages.rendering import environment
from schemas.problem import Problem


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 24, 17, 0, tzinfo=UTC), "24 November 2026, 5pm"),
        (datetime(2026, 7, 1, 16, 30, tzinfo=UTC), "1 July 2026, 5:30pm"),  # by the clocks of London
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "24 November 2026, midday"),
        (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), "24 November 2026, midnight"),
        (datetime(2026, 6, 30, 23, 5, tzinfo=UTC), "1 July 2026, 12:05am"),
    ],
)
def test_a_moment(at, said):
    assert words.moment(at) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=47, hours=3), "47 days"),
    ],
)
def test_a_length_of_time(length, said):
    assert words.span(length) == said


@pytest.mark.parametrize(
    ("born", "said"),
    [
        (date(2026, 3, 2), "0 weeks"),
        (date(2026, 2, 20), "1 week"),
        (date(2025, 11, 3), "3 months"),
        (date(2024, 4, 3), "22 months"),
        (date(2024, 3, 2), "2 years"),
        (date(2000, 3, 3), "25 years"),
    ],
)
def test_an_age(born, said):
    assert words.age(born, date(2026, 3, 2)) == said


def test_what_is_not_defined_raises():
    template = environment().from_string("{{ view.nothing }}")
    with pytest.raises(UndefinedError):
        template.render(view=object())
    with pytest.raises(UndefinedError):
        template.render()


def test_what_is_shown_is_text():
    shown = environment().from_string("{{ name }}").render(name="<script>alert(1)</script>")
    assert shown == "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.mark.parametrize(
    ("code", "said"),
    [("childrens-social-care", "Children’s social care"), ("northern-ireland", "Northern Ireland"), ("mash", "MASH")],
)
def test_a_code_with_a_capital(code, said):
    assert words.title(code) == said


def test_who_holds_something_has_a_role_in_words():
    assert words.held("Joanne Pike, health-visitor") == "Joanne Pike, health visitor"
    assert words.held("The team") == "The team"


def test_problems_stand_in_the_order_of_the_fields_and_one_for_each():
    fields = [Field(kind="date", name="due", label="Until when?"), Field(kind="text", name="name", label="Name")]
    reasons = [("name", "is required"), ("due", "must lie in the future"), ("due", "must be later"), ("", "say why")]
    errors, faults = errors_of([Problem(path, reason, "value") for path, reason in reasons], fields)
    assert [fault.words for fault in faults] == [
        "Until when? It must lie in the future",
        "Name: is required",
        "Say why",
    ]
    assert [fault.href for fault in faults] == ["#due", "#name", ""]
    assert errors == {"due": "Until when? It must lie in the future", "name": "Name: is required"}
