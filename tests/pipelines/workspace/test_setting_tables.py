"""Every file of settings is checked by the same rules: names, tables and kinds of values."""

from __future__ import annotations

import pytest

from codec.errors import FormatError
from pipelines.workspace.setting_tables import (
    ANY,
    COUNT,
    NUMBER,
    PERCENT,
    SWITCH,
    TEXT,
    TEXTS,
    Kind,
    checked_values,
)

SCHEMA = {"names": {ANY: TEXT}, "one": {"count": COUNT, "share": PERCENT, "on": SWITCH}}


def test_values_are_found_by_table_and_name() -> None:
    tables = {"names": {"x": "y"}, "one": {"count": 0, "share": 99.5}}
    assert checked_values(tables, SCHEMA, "f") == {
        ("names", "x"): "y", ("one", "count"): 0, ("one", "share"): 99.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"two": {}}, "two: is not a setting. There are: names, one"),
        ({"one": {"cuont": 1}}, "one.cuont: is not a setting. There are: count, on, share"),
        ({"one": 1}, "one: is not a table"),
        ({"names": {"x": 1}}, "names.x: is not a text"),
        ({"one": {"count": True}}, "one.count: is not a whole number that is not negative"),
        ({"one": {"share": 101}}, "one.share: is not a number up to 100"),
        ({"one": {"on": True}}, "one.on: is not 'on' or 'off'"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(tables: dict[str, object], problem: str) -> None:
    with pytest.raises(FormatError) as raised:
        checked_values(tables, SCHEMA, "f.toml")
    assert "f.toml" in str(raised.value)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [(NUMBER, -1, True), (NUMBER, 0, 1.5), (TEXTS, ["a"], [1]), (TEXTS, [], "a"), (COUNT, 3, -3)],
)
def test_kinds_are_not_confused(kind: Kind, good: object, bad: object) -> None:
    assert kind.accepts(good)
    assert not kind.accepts(bad)
