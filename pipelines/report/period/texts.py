"""Collect decisions, lessons, blockers and next steps from notes, each once.

1. Notes are one line; other texts than plain notes follow their name, `Decisions: ...`, as the
   reader of v1 logs and agents write them. Plain notes are lessons.
2. Texts that differ only in case, punctuation and small words count as one. It has the newest
   wording, and the keys of all sessions with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import filterfalse, islice
from typing import Final, Generic, Literal, NamedTuple, TypeVar, cast

from codec.kinds import Key
from codec.records import Session

Kind = Literal["decisions", "lessons", "blockers", "next"]
_NAMES: Final = {
    "decision": "decisions", "decisions": "decisions", "decided": "decisions",
    "blocker": "blockers", "blockers": "blockers", "blocked": "blockers",
    "escalation": "blockers", "next": "next", "next steps": "next",
    "lesson": "lessons", "lessons": "lessons", "learned": "lessons",
    "lessons learned": "lessons",
}  # fmt: skip
_LABEL = re.compile(
    rf"(?:^|(?<=[.;!?…])\s+)(?P<name>{'|'.join(sorted(_NAMES, key=len, reverse=True))}):\s+", re.I
)
_WORD = re.compile(r"\w+")
#: For ASCII: spaces replace all characters that are not part of words, except line ends.
_SPACES: Final = {
    n: " " for n in range(128) if not (chr(n).isalnum() or chr(n) == "_" or chr(n) == "\n")
}
#: The empty text is between two spaces.
_SMALL: Final = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by for from in is it of on or that the this to was we were with",
    )
) | {""}
T = TypeVar("T")


class Listing(NamedTuple, Generic[T]):
    """The first entries of a list, and the number of all entries."""

    rows: tuple[T, ...]
    total: int


class Said(NamedTuple):
    """A text, and the keys of its sessions, oldest first."""

    text: str
    keys: tuple[Key, ...]


def said_in(sessions: Sequence[Session], most: int) -> dict[Kind, Listing[Said]]:
    """Return the statements in notes by kind, the most frequent first, then the newest.

    Args:
        sessions: the sessions, oldest first.
        most: the number of statements of each kind to list.
    """
    found: dict[Kind, list[tuple[Key, str]]] = {
        "decisions": [], "lessons": [], "blockers": [], "next": [],
    }  # fmt: skip
    for session in sessions:
        if ":" in session.notes:
            for kind, text in parts_of(session.notes):
                found[kind].append((session.key, text))
        elif text := session.notes.strip(" ;"):
            found["lessons"].append((session.key, text))
    return {kind: _distinct(parts, most) for kind, parts in found.items()}


def _distinct(parts: Sequence[tuple[Key, str]], most: int) -> Listing[Said]:
    """Return texts, each once, with the keys of their sessions."""
    first: dict[str, int] = {}
    groups: dict[str, list[int]] = {}
    for number, words in enumerate(_words([text for _, text in parts])):
        if words in first:
            groups.setdefault(words, [first[words]]).append(number)
        elif words:
            first[words] = number
    # Most texts occur once; of these, only the newest can be listed.
    single = islice(filterfalse(groups.__contains__, reversed(first)), most)
    shown = [*groups.values(), *([first[words]] for words in single)]
    made = [
        (
            number := group[-1],
            Said(parts[number][1], tuple(dict.fromkeys(parts[n][0] for n in group))),
        )
        for group in shown
    ]
    made.sort(key=lambda pair: (-len(pair[1].keys), -pair[0]))
    return Listing(tuple(said for _, said in made[:most]), len(first))


def _words(texts: Sequence[str]) -> Iterator[str]:
    """Return the words that distinguish each text from others, as one text each.

    Many short texts are converted as one: each call costs more than the text.
    """
    together = "\n".join(texts).casefold()
    if together.isascii() and together.count("\n") == len(texts) - 1:
        every = together.translate(_SPACES).replace("\n", " \n ").split(" ")
        return map(str.strip, " ".join(filterfalse(_SMALL.__contains__, every)).split("\n"))
    found = (_WORD.findall(text.casefold()) for text in texts)
    return (" ".join(filterfalse(_SMALL.__contains__, each)) for each in found)


def parts_of(notes: str) -> list[tuple[Kind, str]]:
    """Return the parts of notes, each with its kind."""
    if ":" not in notes:
        text = notes.strip(" ;")
        return [("lessons", text)] if text else []
    parts: list[tuple[Kind, str]] = []
    kind, at = "lessons", 0
    for m in _LABEL.finditer(notes):
        parts.append((cast(Kind, kind), notes[at : m.start()]))
        kind, at = _NAMES[m["name"].lower()], m.end()
    parts.append((cast(Kind, kind), notes[at:]))
    return [(k, text.strip(" ;")) for k, text in parts if text.strip(" ;")]
