"""Facts that a manifest had when it was committed: lines are appended to it, and never change.

What it lacks was lost, by a power cut or by hand, and what says something else was changed. Three
things change lines on purpose, and are known by their content: a session that got another key in
a merge, one whose v1 tokens were counted by more tokenizers, an archive whose sessions got keys.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, cast

from codec.facts import Archive, Fact
from codec.manifest import encode_fact, identity_of
from codec.pieces import FACTS, split_lines
from codec.records import Session

_BOM: Final = b"\xef\xbb\xbf"


class Lost(NamedTuple):
    """A fact that was committed: `lost-fact`, or `edited-fact` with the line that stands now.

    Attributes:
        code: what became of it.
        line: counted from 1; 0 for none.
        key: of its session, empty where it is none.
    """

    code: Literal["lost-fact", "edited-fact"]
    line: int
    key: str


def with_committed(data: bytes, committed: bytes) -> tuple[bytes, list[Lost]]:
    """A manifest with the facts that it had when it was committed, and which those are.

    Args:
        data: the manifest.
        committed: lines that it had.
    """
    lines = [line.removeprefix(_BOM).rstrip(b"\r\n") for line in split_lines(data)]
    present = set(lines)
    gone = dict.fromkeys(x for x in split_lines(committed) if x.rstrip(b"\r\n") not in present)
    facts = [(x, cast(Fact, read)) for x in gone if (read := FACTS.read(x)) is not None]
    if not facts:
        return data, []
    known: set[object] = set()
    others: dict[str, tuple[int, Session | None]] = {}  # lines that were not committed, by key
    old = {line.rstrip(b"\r\n") for line in split_lines(committed)}
    for number, line in enumerate(lines, 1):
        fact = FACTS.read(line)
        if fact is not None:
            known.add(_identity(cast(Fact, fact)))
        key = fact.key if isinstance(fact, Session) else fact is None and FACTS.named_key(line)
        if key and line not in old:
            others.setdefault(key, (number, fact if isinstance(fact, Session) else None))
    pieces = split_lines(data)
    lost: list[Lost] = []
    for line, was in facts:
        if _identity(was) in known:
            continue
        if not isinstance(was, Session):
            lost.append(Lost("lost-fact", 0, ""))
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
    """Whether a session is another one with some values changed, and not that of another clone."""
    return (was.agent, was.task, was.patch, was.id) == (now.agent, now.task, now.patch, now.id)


def _identity(fact: Fact) -> object:
    """What stays of a fact whatever is changed on purpose."""
    if isinstance(fact, Session):
        return identity_of(fact)
    return fact.name if isinstance(fact, Archive) else encode_fact(fact)
