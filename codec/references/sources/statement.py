"""A statement of a file in the repository with its origin, and the shortening of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from codec.names import one_line

VALUE_LIMIT: Final = 80

_SENTENCE = re.compile(r".{20,}?(?<!\be\.g)(?<!\bi\.e)(?<!\betc)[.!?](?= [A-Z])")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Section = Literal["stack", "mandates", "routing_rules", "performance_targets"]


class Origin(NamedTuple):
    """The place of a statement in the repository.

    Attributes:
        file: path relative to the workspace; a reader of one file leaves it empty.
        line: the 1-based line, if it is known.
        place: the path in the file, as its format writes it: `dependencies.next`.
    """

    file: str = ""
    line: int | None = None
    place: str = ""

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file
        return f"{at}: {self.place}" if self.place else at


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A value of the references, and where it is stated.

    Attributes:
        section: the section of `References`.
        name: the key in that section; empty for a mandate.
        values: one text; for a routing rule, one text for each agent.
        origins: the places that state it, first the one in the file that was read.
        fallback: use it only if nothing else states the same name.
    """

    section: Section
    name: str = ""
    values: tuple[str, ...]
    origins: tuple[Origin, ...]
    fallback: bool = False


def in_stack(
    name: str,
    value: str,
    *origins: Origin,
    fallback: bool = False,
) -> Statement:
    """Return a value of the stack, shortened."""
    values = (shorten(plain(value)),)
    return Statement(section="stack", name=name, values=values, origins=origins, fallback=fallback)


def target(name: str, value: str, origin: Origin) -> Statement:
    """Return a performance target, shortened."""
    values = (shorten(plain(value)),)
    return Statement(section="performance_targets", name=name, values=values, origins=(origin,))


def plain(text: str) -> str:
    """Return `text` on one line, without control characters and lone surrogates."""
    return one_line(_SURROGATE.sub("", text))


def shorten(text: str, limit: int = VALUE_LIMIT) -> str:
    """Return `text` in at most `limit` characters: its first sentence, or cut at a word with `…`.

    An address that would be cut is left out.
    """
    if len(text) <= limit:
        return text
    sentence = _SENTENCE.match(text, 0, limit + 2)
    if sentence:
        return sentence[0].rstrip(".")
    cut = text.rfind(" ", 0, limit)
    in_address = cut > 0 and "://" in text[cut:limit]
    return text[: cut if cut > limit // 2 or in_address else limit - 1].rstrip(" ,;:(–-") + "…"
