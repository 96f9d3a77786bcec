"""Who is who under the story's own names."""

from broker.replay.record import Record


def test_which_of_unborn_twins_is_which_shows_at_the_birth():
    record = Record()
    for person, id_ in (("yusuf", "1"), ("maryam", "2"), ("yusuf", "2"), ("maryam", "1")):
        record.knows(person, id_)
    assert record.persons == {"yusuf": ["2"], "maryam": ["1"]}


def test_two_records_of_one_person_are_both_theirs_the_newest_last():
    record = Record()
    for id_ in ("1", "2", "1"):
        record.knows("tom", id_)
    assert record.persons == {"tom": ["2", "1"]}
