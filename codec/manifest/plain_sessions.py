"""Decode the usual lines of sessions with one pattern.

Most lines of a manifest are as `encode_session` writes them, and have nothing unusual: no escapes
in texts, no fields of later versions. For these, one match checks and extracts all fields, in a
third of the time of a JSON parser and a check of each field. All other lines are decoded by
`jsonl.decode_fact`, which also raises the errors. So this module may miss a valid line, but must
never accept a line that is invalid or has another meaning; a test compares both decoders on
generated lines.
"""

from __future__ import annotations

import re
from typing import Final, cast

from codec.kinds import Key, Sha256
from codec.records import Metrics, PatchRef, Session, Status, V1Entry

_DAY: Final = (
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
_TIME: Final = rf"(?!0000){_DAY}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)?+"
_NAME: Final = r"[A-Za-z0-9_.+-]++"
_WORD: Final = r"[^\s\"\\\x00-\x1f\x7f-\x9f]++"
#: Words with one space between them, without control characters and JSON escapes.
_LINE: Final = rf"{_WORD}(?: {_WORD})*+"
_COUNT: Final = r"(?:0|[1-9][0-9]{0,14}+)"
_TOKENS: Final = rf'"{_NAME}":{_COUNT}'
_OBJECT: Final = r"(?:[0-9a-f]{64}|[0-9a-f]{40})"


def _optional(name: str, value: str) -> str:
    return rf'(?:,"{name}":{value})?+'


_SESSION: Final = re.compile(
    rf'\{{"fact":"session","key":"(({_TIME})(?:\.[0-9a-f]{{6,64}}+)?+)","time":"\2"'
    rf',"agent":"({_NAME})","task":"({_NAME})","status":"(PASS|FAIL|PARTIAL|UNKNOWN)"'
    + "".join(_optional(name, f'"({_LINE})"') for name in ("remark", "title", "notes"))
    + "".join(
        _optional(name, f"({_COUNT})")
        for name in ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")
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
    + r"\}"
)


def decode_plain(line: str) -> Session | None:
    """Return the session of a line, without its line end; None if the line is not a usual one."""
    m = _SESSION.fullmatch(line)
    if m is None:
        return None
    key, time, agent, task, status, remark, title, notes, *rest = m.groups("")
    added, removed, commits, minutes, tokens, sha256, size, name, commits_range, *origin = rest
    return Session(
        Key(key),
        time,
        agent,
        task,
        cast(Status, status),
        remark,
        title,
        notes,
        Metrics(
            int(added) if added else None,
            int(removed) if removed else None,
            int(commits) if commits else None,
            int(minutes) if minutes else None,
            int(tokens) if tokens else None,
        ),
        PatchRef(Sha256(sha256), int(size)) if sha256 else None,
        name,
        commits_range,
        (),
        _v1(origin[0], Sha256(origin[1]), *origin[2:4]) if origin[0] else None,
        int(origin[4] or 0),
    )


def _v1(source: str, sha256: Sha256, tokens: str, counted: str) -> V1Entry:
    """Return the origin of a session from the texts of its fields."""
    counts = (pair.split(":") for pair in tokens.split(",") if pair)
    return V1Entry(
        source,
        sha256,
        {name.strip('"'): int(count) for name, count in counts},
        tuple(counted.replace('"', "").split(",")) if counted else (),
    )
