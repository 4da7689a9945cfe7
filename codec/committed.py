"""Facts that a manifest had when it was committed: lines are appended to it, and never change.

What it lacks was lost, by a power cut or by hand, and what says something else was changed. Three
things change lines on purpose, and are known by their content: a session that got another key in
a merge, one whose v1 tokens were counted by more tokenizers, an archive whose sessions got keys.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, cast

from codec.facts import Archive, Fact
from codec.manifest import content_digest, encode_fact
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
    keys: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        fact = FACTS.read(line)
        if fact is not None:
            known.add(_identity(cast(Fact, fact)))
        key = FACTS.named_key(line) if fact is None else getattr(fact, "key", None)
        if key is not None and (fact is None or isinstance(fact, Session)):
            keys.setdefault(key, number)
    pieces = split_lines(data)
    lost: list[Lost] = []
    for line, was in facts:
        if _identity(was) in known:
            continue
        key = was.key if isinstance(was, Session) else ""
        at = keys.get(key, 0)
        lost.append(Lost("edited-fact" if at else "lost-fact", at, key))
        if at:
            pieces[at - 1] = line
        else:
            pieces.append(line)
    return b"".join(pieces) if lost else data, lost


def _identity(fact: Fact) -> object:
    """What stays of a fact whatever is changed on purpose."""
    if isinstance(fact, Session):
        return content_digest(fact)
    return fact.name if isinstance(fact, Archive) else encode_fact(fact)
