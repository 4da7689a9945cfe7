"""One thing that a file of a repository states, and how its text is made short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from codec.records import one_line

VALUE_LIMIT: Final = 80

_SENTENCE = re.compile(r".{20,}?(?<!\be\.g)(?<!\bi\.e)(?<!\betc)[.!?](?= [A-Z])")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Section = Literal["stack", "mandates", "routing_rules", "performance_targets"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A value of the references, and where it is stated.

    Attributes:
        section: the section of `References`.
        name: the key in that section; empty for a mandate.
        values: one text, for a routing rule one an agent.
        origin: the place within the file, `dependencies.next` or `line 12`.
    """

    section: Section
    name: str = ""
    values: tuple[str, ...]
    origin: str


def plain(text: str) -> str:
    """`text` on one line, without control characters and without halves of characters."""
    return one_line(_SURROGATE.sub("", text))


def shorten(text: str, limit: int = VALUE_LIMIT) -> str:
    """`text` in at most `limit` characters: its first sentence, else cut at a word, with `…`."""
    if len(text) <= limit:
        return text
    sentence = _SENTENCE.match(text, 0, limit + 2)
    if sentence:
        return sentence[0].rstrip(".")
    cut = text.rfind(" ", 0, limit)
    return text[: cut if cut > limit // 2 else limit - 1].rstrip(" ,;:(–-") + "…"
