"""Every address, channel and way in stands in docs/paths-out.md with what decides there; a new one that nobody thought of fails here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from broker import gateway_file
from broker.domain.states import ChannelKind
from tests.contract.calling import opened, town_copy

PAGE = (Path(__file__).parents[2] / "docs" / "paths-out.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z]+ /[^`]*)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def routes(found: Any) -> Iterator[str]:
    """Method and path of every route, those of included routers too."""
    for route in found:
        if getattr(route, "methods", None):
            yield from (f"{method} {route.path}" for method in route.methods - {"HEAD"})
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            assert inner is not None, f"a {type(route).__name__} is no route that is looked into here"
            yield from routes(inner.routes)


def test_every_address_is_in_the_table_and_no_other(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        there = set(routes(broker.app.routes))
    assert len(there) > 100
    written = [row[0] for row in ROW.findall(PAGE)]
    assert len(written) == len(set(written))
    assert there - set(written) == set(), "say in docs/paths-out.md what decides there"
    assert set(written) - there == set(), "gone: take them out of docs/paths-out.md"


def test_every_channel_and_way_in_is_in_the_table():
    written = set(re.findall(r"^\| channel `([^`]+)`", PAGE, re.MULTILINE))
    assert written == {kind.value for kind in ChannelKind}
    ways = {get_args(model.model_fields["way"].annotation)[0] for model in gateways()}
    assert ways == set(re.findall(r"^\| gateway `([^`]+)`", PAGE, re.MULTILINE))


def gateways() -> list[Any]:
    """The kinds of gateway that a file may name."""
    return [one for one in vars(gateway_file).values() if "way" in getattr(one, "model_fields", {})]


def test_no_row_is_without_a_decision():
    for path, who, out, by in ROW.findall(PAGE):
        assert all(text.strip() for text in (who, out, by)), path
