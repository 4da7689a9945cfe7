"""Read settings files, and check their tables against a schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from pipelines.system.fs.files import read_bytes


class Kind(NamedTuple):
    """A kind of value: its test, and its name in errors."""

    accepts: Callable[[Any], bool]
    words: str


Tables = Mapping[str, Any]
#: The kinds of values, by table and name.
Schema = Mapping[str, Mapping[str, Kind]]
#: In a schema, the kind of all values of a table without fixed names.
ANY: Final = "*"


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


TEXT: Final = Kind(lambda v: isinstance(v, str), "a text")
TEXTS: Final = Kind(
    lambda v: isinstance(v, list) and all(isinstance(x, str) for x in v), "a list of texts"
)
NUMBER: Final = Kind(lambda v: _is_number(v, int), "a whole number")
COUNT: Final = Kind(lambda v: _is_number(v, int) and v >= 0, "a whole number that is not negative")
PERCENT: Final = Kind(lambda v: _is_number(v, int, float) and v <= 100, "a number up to 100")
SWITCH: Final = Kind(lambda v: v in ("on", "off"), "'on' or 'off'")


def read_tables(path: str, name: str) -> dict[str, Any]:
    """Return the tables of a file, which errors call `name`; empty if it does not exist.

    Raises:
        FormatError: it is not TOML.
    """
    return decode_tables(read_bytes(path), name)


def decode_tables(data: bytes, name: str) -> dict[str, Any]:
    """Return the tables in the bytes of a file; see `read_tables`."""
    if not data:
        return {}
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not TOML: {e}", file=name) from None


def checked_values(tables: Tables, schema: Schema, file: str) -> dict[tuple[str, str], Any]:
    """Return the values of tables by table and name.

    Args:
        tables: the tables of the file.
        schema: the allowed names and kinds.
        file: the name of the file in errors.

    Raises:
        FormatError: a table or a name is not in the schema, or a value has the wrong kind.
    """
    found = {}
    for table, values in tables.items():
        if table not in schema:
            raise _unknown(file, table, schema)
        if not isinstance(values, dict):
            raise FormatError("is not a table", file=file, field=table)
        kinds = schema[table]
        for name, value in values.items():
            field = f"{table}.{name}"
            kind = kinds.get(name) or kinds.get(ANY)
            if kind is None:
                raise _unknown(file, field, kinds)
            if not kind.accepts(value):
                raise FormatError(f"is not {kind.words}", file=file, field=field)
            found[table, name] = value
    return found


def _unknown(file: str, field: str, known: Mapping[str, object]) -> FormatError:
    hint = f"There are: {', '.join(sorted(known))}"
    return FormatError("is not a setting", file=file, field=field, hint=hint)
