"""The lines of a manifest as bytes, and what can be read from one line alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from codec.errors import CodecError
from codec.manifest.facts import Fact, Kept, PurgedText
from codec.manifest.jsonl import decode_fact

#: The beginning of a line with the fact `format`.
FORMAT_LINE: Final = b'{"fact":"format",'
_KEPT: Final = b'"kept"'


def split_lines(data: bytes) -> list[bytes]:
    """Split lines and keep their ends; add an end to the last one."""
    *lines, rest = data.split(b"\n")
    pieces = [line + b"\n" for line in lines]
    return [*pieces, rest + b"\n"] if rest else pieces


def text_of(line: bytes) -> str:
    """Return a line as text, without its line end."""
    return line.decode(errors="replace").removesuffix("\n")


def read_fact(line: bytes) -> Fact | None:
    """Return the fact on a line of the manifest; None if the line is not a fact."""
    try:
        return decode_fact(text_of(line))
    except CodecError:
        return None


def format_first(lines: Sequence[bytes]) -> list[bytes]:
    """Return the lines of a manifest, starting with those that state its format."""
    first = [line for line in lines if line.startswith(FORMAT_LINE)]
    return [*first, *(x for x in lines if not x.startswith(FORMAT_LINE))] if first else [*lines]


def erased_digests(facts: Iterable[Fact]) -> frozenset[str]:
    """Return the digests of all facts whose text was erased."""
    return frozenset(d for fact in facts if isinstance(fact, PurgedText) for d in fact.lines)


def kept_rows(facts: Iterable[Fact | None]) -> dict[str, frozenset[str]]:
    """Return the digests of the rows that belong to the user, by file name."""
    rows: dict[str, frozenset[str]] = {}
    for fact in facts:
        if isinstance(fact, Kept):
            rows[fact.file] = rows.get(fact.file, frozenset()).union(fact.rows)
    return rows


def kept_in(*manifests: bytes) -> dict[str, frozenset[str]]:
    """Return the digests of the rows that manifests mark as the user's, by file name."""
    return kept_rows(
        read_fact(line)
        for data in manifests
        if _KEPT in data
        for line in split_lines(data)
        if _KEPT in line
    )
