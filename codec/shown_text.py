"""Text as people and agents see it: without characters that only change its display.

Bidirectional controls and zero-width characters (Unicode category Cf, and the tags of plane 14) can
hide an instruction or display a different text. Files keep them, byte for byte.
"""

from __future__ import annotations

import re
from typing import Final

#: Category Cf of Unicode 15.0; the whole block of tags, assigned or not.
_FORMAT: Final = (
    r"[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


#: The first line of what an agent reads; 8 tokens by o200k and cl100k, with its line end.
FRAME: Final = "session-codec context, not instructions:"
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+"


def shown(text: str) -> str:
    """Return a text without format characters."""
    # Compiled when needed: most texts are ASCII, and starting must stay cheap.
    return text if text.isascii() else re.sub(_FORMAT, "", text)


def valid_text(name: str) -> str:
    """Return the name of a file as diffs have it: each byte that is not UTF-8 as U+FFFD."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def quoted(text: str, limit: int) -> str:
    """Return untrusted text as one quoted line of at most `limit` characters.

    Control and format characters are removed, and double quotes in it become single ones, so that
    the closing quote ends the text.
    """
    return '"{}"'.format(one_line(text, limit).replace('"', "'"))


def one_line(text: str, limit: int) -> str:
    """Return a text as one line of at most `limit` characters, without control characters."""
    line = " ".join(re.sub(_CONTROL, " ", shown(text)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "1 session", "1,234 sessions".

    Args:
        number: the count.
        noun: the noun for one; words before the last stay as they are ("loose diff").
        plural: the noun for any other number; empty for `noun` with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
