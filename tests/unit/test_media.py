"""What is kept of a Content-Type: a form, and nothing that somebody could be named in."""

import pytest

from broker.workflow.media import kept


@pytest.mark.parametrize(
    ("said", "is_kept"),
    [
        ("application/fhir+json", "application/fhir+json"),
        ("Application/FHIR+XML; Charset=UTF-8", "application/fhir+xml; charset=utf-8"),
        ('x-application/hl7-v2+er7; charset="8859/1"', "x-application/hl7-v2+er7; charset=8859/1"),
        ("x-application/hl7-v2+er7; charset=iso-8859-15; version=2.4", "x-application/hl7-v2+er7; charset=iso-8859-15"),
        ('application/json; name="Quillonsworth"', "application/json"),
        ("application/json; charset=Quillonsworth", "application/json; charset=unknown"),
        ("application/json; charset=\x00", "application/json; charset=unknown"),
        ("application/9990000409", ""),
        ("Quillonsworth", ""),
        ("Quillonsworth/json", ""),
        ("application/json/Quillonsworth", ""),
        ("", ""),
    ],
)
def test_a_form_and_a_character_set_are_kept_and_nothing_else(said, is_kept):
    assert kept(said) == is_kept
