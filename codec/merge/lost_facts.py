"""Find facts that a committed manifest had: lines are only appended to it, and never change.

A missing fact was lost, by a power cut or by hand; a fact that differs was edited. Four changes
are made on purpose: a merge gives a session another key, a merge by 0.1.0 joined the token counts
of one entry, a merge gives the sessions of an archive other keys, and the text of a fact is erased.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from codec.kinds import Key
from codec.manifest.erased import erased_in, without_erased
from codec.manifest.fact_lines import read_fact, split_lines
from codec.manifest.facts import Archive, Fact
from codec.manifest.jsonl import content_line, encode_fact
from codec.merge.tracked_formats import FACTS
from codec.records import Session

_BOM: Final = b"\xef\xbb\xbf"


class Lost(NamedTuple):
    """A committed fact that was lost, or edited; `line` is then the line that replaced it.

    Attributes:
        code: `lost-fact` or `edited-fact`.
        line: counted from 1; 0 if unknown.
        key: the key of its session; empty for a fact that is not about a session.
    """

    code: Literal["lost-fact", "edited-fact"]
    line: int
    key: Key | None


def with_committed(data: bytes, committed: bytes) -> tuple[bytes, list[Lost]]:
    """Return a manifest with all its committed facts, and the facts that were restored.

    Args:
        data: the manifest as it is.
        committed: the lines that were committed.
    """
    lines = [line.removeprefix(_BOM).rstrip(b"\r\n") for line in split_lines(data)]
    present = set(lines)
    gone = dict.fromkeys(x for x in split_lines(committed) if x.rstrip(b"\r\n") not in present)
    if gone:
        gone = dict.fromkeys(without_erased([*gone], erased_in(data, committed)))
    facts = [(x, read) for x in gone if (read := read_fact(x)) is not None]
    if not facts:
        return data, []
    known: set[object] = set()
    others: dict[str, tuple[int, Session | None]] = {}  # uncommitted lines, by key
    old = {line.rstrip(b"\r\n") for line in split_lines(committed)}
    for number, line in enumerate(lines, 1):
        fact = read_fact(line)
        if fact is not None:
            known.add(_identity(fact))
        key = fact.key if isinstance(fact, Session) else fact is None and FACTS.named_key(line)
        if key and line not in old:
            others.setdefault(key, (number, fact if isinstance(fact, Session) else None))
    pieces = split_lines(data)
    lost: list[Lost] = []
    for line, was in facts:
        if _identity(was) in known:
            continue
        if not isinstance(was, Session):
            lost.append(Lost("lost-fact", 0, None))
            pieces.append(line)
            continue
        number, now = others.get(was.key, (0, None))
        if number and (now is None or _is_edited(was, now)):
            del others[was.key]
            lost.append(Lost("edited-fact", number, was.key))
            pieces[number - 1] = line
        else:
            lost.append(Lost("lost-fact", 0, was.key))
            pieces.append(line)
    return b"".join(pieces) if lost else data, lost


def _is_edited(was: Session, now: Session) -> bool:
    """Return True if one session is an edit of the other, not a session of another clone."""
    return (was.agent, was.task, was.patch, was.id) == (now.agent, now.task, now.patch, now.id)


def _identity(fact: Fact) -> object:
    """Return the part of a fact that only an unintended change alters."""
    if isinstance(fact, Session):
        v1 = fact.v1
        return content_line(fact._replace(v1=v1._replace(tokens={})) if v1 else fact)
    return fact.name if isinstance(fact, Archive) else encode_fact(fact)
