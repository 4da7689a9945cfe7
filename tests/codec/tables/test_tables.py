"""Rows, catalogs and names of repositories: what is written is read, anything else is refused."""

from __future__ import annotations

import json

import pytest

from codec.errors import FormatError
from codec.kinds import ObjectName
from codec.tables.catalog import (
    Catalog,
    PartFile,
    decode_catalog,
    encode_catalog,
    folder_of,
)
from codec.tables.repository_name import repository_name
from codec.tables.rows import Head, Row, decode_head, decode_row, encode_row, encode_rows
from codec.tables.schema import BY_NAME, TABLES


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://example.com/Acme/app.git", "example.com/Acme/app"),
        ("https://ann:token@example.com/acme/app", "example.com/acme/app"),
        ("https://ann:to@ken@example.com/acme/app", "example.com/acme/app"),
        ("https://ann:to/ken@example.com/acme/app", None),
        ("ann:token@example.com:acme/app", "example.com/acme/app"),
        ("https://[::1]:8443/acme/app", "[::1]:8443/acme/app"),
        ("git@example.com:acme/app.git", "example.com/acme/app"),
        ("ssh://git@example.com:2222/acme/app.git/", "example.com:2222/acme/app"),
        ("example.com:acme/app", "example.com/acme/app"),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("file:///srv/app.git", None),
        (r"C:\src\app", None),
        ("", None),
    ],
)
def test_clones_of_one_repository_have_one_name_without_credentials(
    origin: str, name: str | None
) -> None:
    assert repository_name(origin) == name


def test_rows_are_read_as_they_were_written() -> None:
    head = Head("example.com/app", True)
    row = Row("usage", "2025-11", ("r", "k", "2025-11-01", "human", None, 5, *(None,) * 5))
    first, second = encode_rows(head, [row])
    assert decode_head(first) == head
    assert decode_row(second) == row == decode_row(encode_row(row))


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b'["usage","",[1]]', b'["other","",[]]', b"\xff", b"null", b"[1,2,3]"],
)
def test_other_bytes_are_not_rows(line: bytes) -> None:
    with pytest.raises(FormatError):
        decode_row(line)
    with pytest.raises(FormatError):
        decode_head(line)


def test_a_catalog_is_read_as_it_was_written_and_remembers_deleted_parts() -> None:
    part = PartFile(ObjectName("usage/month=2025-11/part-1.csv"), "a", "b", 3, 10)
    first = Catalog(0, "csv", False).following({"usage/month=2025-11": [part]})
    assert decode_catalog(encode_catalog(first), "x") == first
    second = first.following({"usage/month=2025-11": []})
    assert (second.number, second.parts, second.retired) == (2, (), (part.name,))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema": "session-codec/tables/99"}'])
def test_other_bytes_are_not_a_catalog(data: bytes) -> None:
    with pytest.raises(FormatError, match="s3://b/c"):
        decode_catalog(data, "s3://b/c")


@pytest.mark.parametrize(
    "name",
    [
        "../part-1.csv", "usage/../../part-1.csv", "/usage/part-1.csv", "usage/month=../part-1.csv",
        "usage/part-1.csv/..", "usage//part-1.csv", "other/part-1.csv", "usage/part-1.sh",
        "usage/part-1.csv\n", 7,
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["parts", "retired"])
def test_a_catalog_names_no_file_outside_of_its_folder(name: object, field: str) -> None:
    part = PartFile(ObjectName("usage/month=2025-11/part-1.csv"), "a", "b", 3, 10)
    catalog = Catalog(0, "csv", False).following({"usage/month=2025-11": [part]})
    document = json.loads(encode_catalog(catalog))
    document[field] = [name if field == "retired" else {**part._asdict(), "name": name}]
    with pytest.raises(FormatError):
        decode_catalog(json.dumps(document).encode(), "tables")


def test_every_table_begins_with_the_repository_and_numbers_have_units() -> None:
    for table in TABLES:
        assert table.names[0] == "repository"
        assert len(set(table.names)) == len(table.names)
        bare = [c.name for c in table.columns if c.type == "int64" and not c.unit]
        assert bare in ([], ["exit_code"])
    assert folder_of("edits", "2025-11") == "edits/month=2025-11"
    assert folder_of("repos", "") == "repos"
    assert list(BY_NAME) == ["sessions", "edits", "usage", "repos", "runs"]
