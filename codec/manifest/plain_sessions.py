"""Decode the usual lines of sessions with one pattern.

1. Most lines of a manifest are as `encode_session` writes them, and have nothing unusual: no
   escapes in texts, no fields of later versions. All other lines are decoded by
   `jsonl.decode_fact`, which also raises the errors. So this module may miss a valid line, but must
   never accept a line that is invalid or has another meaning; a test compares both decoders on
   generated lines.
2. One search checks and extracts the fields of many lines, and fields are converted by column: a
   call for each line costs more than its characters. Blocks bound the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from codec.kinds import Sha256
from codec.records import Metrics, PatchRef, Session, V1Entry

#: The number of lines that are decoded together.
_BLOCK: Final = 4096

_DAY: Final = (
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
_TIME: Final = rf"(?!0000){_DAY}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)?+"
_NAME: Final = r"[A-Za-z0-9_.+-]++"
#: Spaces are listed: a set with a category such as `\s` takes twice as long.
_WORD: Final = r"[^\x00-\x20\"\\\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]++"
#: Words with one space between them, without control characters and JSON escapes.
_LINE: Final = rf"{_WORD}(?: {_WORD})*+"
_COUNT: Final = r"(?:0|[1-9][0-9]{0,14}+)"
_TOKENS: Final = rf'"{_NAME}":{_COUNT}'
_OBJECT: Final = r"(?:[0-9a-f]{64}|[0-9a-f]{40})"
_NO_EXTRA: Final = MappingProxyType[str, object]({})


def _optional(name: str, value: str) -> str:
    return rf'(?:,"{name}":{value})?+'


@cache
def _lines(*, whole: bool) -> re.Pattern[str]:
    """Return the pattern of lines: a usual one, with its end in the last group, or any other.

    Args:
        whole: extract all fields; False for those that deltas do not have.
    """
    field = "({})" if whole else "(?:{})"
    name, count = field.format(_NAME), field.format(_COUNT)
    status = field.format("PASS|FAIL|PARTIAL|UNKNOWN")
    return re.compile(
        rf'\{{"fact":"session","key":"(({_TIME})(?:\.[0-9a-f]{{6,64}}+)?+)","time":"\2"'
        rf',"agent":"{name}","task":"{name}","status":"{status}"'
        + "".join(_optional(n, f'"({_LINE})"') for n in ("remark", "title", "notes"))
        + "".join(
            _optional(n, count)
            for n in ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")
        )
        + _optional("diff", rf'\{{"sha256":"([0-9a-f]{{64}})","bytes":({_COUNT})\}}')
        + _optional("id", f'"({_LINE})"')
        + _optional("range", rf'"({_OBJECT}\.\.{_OBJECT})"')
        + _optional(
            "v1",
            rf'\{{"source":"({_LINE})","sha256":"([0-9a-f]{{64}})"'
            + _optional("tokens", rf"\{{({_TOKENS}(?:,{_TOKENS})*+)\}}")
            + _optional("counted", rf'\[("{_NAME}"(?:,"{_NAME}")*+)\]')
            + r"\}",
        )
        + _optional("reader", f"({_COUNT})")
        + r"\}(\n)|.*\n"
    )


class Columns(NamedTuple):
    """Sessions as columns, without the fields that deltas have; see `codec.records.Session`."""

    key: list[str]
    time: list[str]
    remark: list[str]
    title: list[str]
    notes: list[str]
    patch: list[PatchRef | None]
    id: list[str]
    range: list[str]
    v1: list[V1Entry | None]
    reader: list[int]


def decode_plain(lines: Sequence[str]) -> list[Session | None]:
    """Return the session of each line, given without line ends; None for a line that is unusual."""
    found: list[Session | None] = []
    for at in range(0, len(lines), _BLOCK):
        found += _block(lines[at : at + _BLOCK])
    return found


def _block(lines: Sequence[str]) -> list[Session | None]:
    rows = _lines(whole=True).findall("\n".join([*lines, ""]))
    if len(rows) != len(lines):  # a line contains a line end
        return [None] * len(lines)
    keys, times, agents, tasks, statuses, remarks, titles, notes, *rest = zip(*rows, strict=True)
    added, removed, commits, minutes, tokens, diffs, sizes, names, ranges, *origin = rest
    numbers = map(_numbers, (added, removed, commits, minutes, tokens))
    *v1, readers, ends = origin
    sessions = zip(
        keys, times, agents, tasks, statuses, remarks, titles, notes,
        map(Metrics._make, zip(*numbers, repeat(None))),
        _patches(diffs, sizes), names, ranges, repeat(()), map(_v1, *v1), _readers(readers),
        repeat(False), repeat(None), repeat(_NO_EXTRA),
    )  # fmt: skip
    return [Session._make(s) if end else None for s, end in zip(sessions, ends, strict=False)]


def plain_columns(lines: Sequence[str]) -> Columns | None:
    """Return the sessions of lines as columns; None if a line is unusual."""
    columns = Columns([], [], [], [], [], [], [], [], [], [])
    for at in range(0, len(lines), _BLOCK):
        block = lines[at : at + _BLOCK]
        rows = _lines(whole=False).findall("\n".join([*block, ""]))
        if len(rows) != len(block) or not all(row[-1] for row in rows):
            return None
        *texts, diffs, sizes, names, ranges, source, entry, tokens, counted, readers, _ = zip(
            *rows, strict=True
        )
        v1 = map(_v1, source, entry, tokens, counted)
        rest = (_patches(diffs, sizes), names, ranges, v1, _readers(readers))
        every: tuple[Iterable[Any], ...] = (*texts, *rest)
        for column, more in zip(cast(tuple[list[Any], ...], columns), every, strict=True):
            column.extend(more)
    return columns


def _patches(diffs: Sequence[str], sizes: Sequence[str]) -> list[PatchRef | None]:
    made = map(PatchRef._make, zip(diffs, _numbers(sizes), strict=True))
    return [patch if patch.sha256 else None for patch in made]


def _readers(texts: Sequence[str]) -> list[int]:
    return [int(text) if text else 0 for text in texts]


def _numbers(texts: Sequence[str]) -> list[int | None]:
    """Return numbers in decimal digits; None for an empty text."""
    return [int(text) if text else None for text in texts]


def _v1(source: str, sha256: str, tokens: str, counted: str) -> V1Entry | None:
    """Return the origin of a session from the texts of its fields; None if they are empty."""
    if not source:
        return None
    counts = (pair.split(":") for pair in tokens.split(",") if pair)
    return V1Entry(
        source,
        Sha256(sha256),
        {name.strip('"'): int(count) for name, count in counts},
        tuple(counted.replace('"', "").split(",")) if counted else (),
    )
