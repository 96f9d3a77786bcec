"""How much of one team a look takes."""

from broker.worker.limits import Limits
from broker.worker.portion import Portion

LIMITS = Limits(per_team=64, beside=4, beside_seconds=1.0)


def _looks(portion: Portion, waiting: dict[str, int], *, looks: int, since: float = 0.0) -> dict[str, int]:
    """So many looks, 50 ms apart, of teams of which so much waits at every look; what each took in the last one."""
    took: dict[str, int] = {}
    for number in range(looks):
        time = since + number * 0.05
        took = {team: min(count, portion.at(time)) for team, count in waiting.items() if count}
        portion.took(took, time)
    return took


def test_a_team_alone_gets_half_of_what_may_be_under_way() -> None:
    assert _looks(Portion(LIMITS), {"flooded": 1000}, looks=10) == {"flooded": 32}


def test_a_flooded_team_beside_others_gets_little_and_they_get_all_of_theirs() -> None:
    assert _looks(Portion(LIMITS), {"flooded": 1000, "a": 1, "b": 2}, looks=10) == {"flooded": 4, "a": 1, "b": 2}


def test_two_flooded_teams_are_no_excuse_for_each_other() -> None:
    waiting = {"flooded": 1000, "too": 1000, "a": 1, "b": 1, "c": 1}
    assert _looks(Portion(LIMITS), waiting, looks=10) == {"flooded": 4, "too": 4, "a": 1, "b": 1, "c": 1}


def test_when_most_teams_have_a_backlog_they_are_all_worked_off_at_full_speed() -> None:
    waiting = dict.fromkeys("abcdef", 1000)
    assert _looks(Portion(LIMITS), waiting, looks=10) == dict.fromkeys("abcdef", 32)


def test_what_is_usual_among_them_is_taken_at_once_and_twice_that_of_who_has_more() -> None:
    waiting = {"flooded": 1000, "a": 9, "b": 10, "c": 11}
    assert _looks(Portion(LIMITS), waiting, looks=10) == {"flooded": 20, "a": 9, "b": 10, "c": 11}


def test_a_moment_in_which_only_the_flooded_team_has_something_does_not_let_it_take_everything() -> None:
    portion = Portion(LIMITS)
    _looks(portion, {"flooded": 1000, "a": 1, "b": 1}, looks=10)
    assert _looks(portion, {"flooded": 1000}, looks=10, since=0.5) == {"flooded": 4}
    assert _looks(portion, {"flooded": 1000}, looks=1, since=2.0) == {"flooded": 32}


def test_a_limit_of_one_push_stays_one() -> None:
    portion = Portion(Limits(per_team=1))
    assert _looks(portion, {"flooded": 9, "a": 1}, looks=5) == {"flooded": 1, "a": 1}
