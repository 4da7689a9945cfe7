"""Count the `o200k_base` tokens of short texts with a table of the vocabulary, without a tokenizer.

1. Loading a tokenizer takes a third of a second; counting what an agent reads at its start takes
   a few milliseconds.
2. A count is the same as the tokenizer's, or None: for long texts, for long runs of one kind, and
   for characters on which tokenizers disagree.
3. The text is split by the pattern of tiktoken's `o200k_base`, then pairs of bytes are merged, the
   lowest rank first. `re` does not know Unicode's categories, so a character outside of ASCII is
   replaced by an ASCII character that the pattern treats the same, or by `_LETTER` or `_MARK`.
"""

from __future__ import annotations

import re
from typing import Final

from codec.tokens.bpe_table import BpeTable

#: Longer texts take as long to count here as a tokenizer takes to load.
LONGEST: Final = 1 << 15
_LONGEST_PIECE: Final = 256

#: A letter that is neither upper nor lower case; a mark, which continues a word.
_LETTER: Final = "\u00aa"
_MARK: Final = "\u0300"
_SPACE: Final = r"\t\n\v\f\r "
_LETTERS: Final = rf"A-Za-z{_LETTER}"
_START: Final = rf"[^\r\n{_LETTERS}0-9]?"
_UPPER: Final = rf"[A-Z{_LETTER}{_MARK}]"
_LOWER: Final = rf"[a-z{_LETTER}{_MARK}]"
_ENDING: Final = "(?:'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?"
_PIECE: Final = re.compile(
    rf"{_START}{_UPPER}*{_LOWER}+{_ENDING}"
    rf"|{_START}{_UPPER}+{_LOWER}*{_ENDING}"
    r"|[0-9]{1,3}"
    rf"| ?[^{_SPACE}{_LETTERS}0-9]+[\r\n/]*"
    rf"|[{_SPACE}]*[\r\n]+"
    rf"|[{_SPACE}]+(?![^{_SPACE}])"
    rf"|[{_SPACE}]+"
)

_LIKE: Final = {"Lu": "A", "Lt": "A", "Ll": "a", "Lm": _LETTER, "Lo": _LETTER}
_LIKE_GROUP: Final = {"M": _MARK, "N": "0"}
_OTHER: Final = "!"
#: White space by Unicode's property, which is not a category.
_WHITE: Final = frozenset(
    "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
#: Unassigned characters, and surrogates.
_UNDECIDED: Final = frozenset(("Cn", "Cs"))
#: Some tokenizers treat `'ſ` as the ending `'s`, others do not.
_LONG_S: Final = "\u017f"

_NEVER: Final = 1 << 32


class ShortCounts:
    """Counts short texts with a table."""

    def __init__(self, table: BpeTable) -> None:
        self._rank = table.rank
        self._known: dict[str, int] = {}

    def count(self, text: str) -> int | None:
        """Return the tokens of a text; None if only a tokenizer can count them."""
        if len(text) > LONGEST:
            return None
        alike = text if text.isascii() else _in_ascii(text)
        if alike is None:
            return None
        known = self._known
        tokens = 0
        for match in _PIECE.finditer(alike):
            piece = text[match.start() : match.end()]
            count = known.get(piece)
            if count is None:
                data = piece.encode()
                if len(data) > _LONGEST_PIECE:
                    return None
                count = known[piece] = 1 if self._rank(data) is not None else self._merged(data)
            tokens += count
        return tokens

    def _merged(self, data: bytes) -> int:
        """Return the number of tokens that remain after merging pairs of bytes by rank."""
        parts = [data[at : at + 1] for at in range(len(data))]
        ranks = [self._rank_of(data[at : at + 2]) for at in range(len(data) - 1)]
        while ranks:
            lowest = min(ranks)
            if lowest == _NEVER:
                break
            at = ranks.index(lowest)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
            del ranks[at]
            if at < len(ranks):
                ranks[at] = self._rank_of(parts[at] + parts[at + 1])
            if at:
                ranks[at - 1] = self._rank_of(parts[at - 1] + parts[at])
        return len(parts)

    def _rank_of(self, pair: bytes) -> int:
        rank = self._rank(pair)
        return _NEVER if rank is None else rank


def _in_ascii(text: str) -> str | None:
    """Return a text of the same length in ASCII that is split in the same way."""
    from unicodedata import category

    alike: dict[int, str] = {}
    for character in set(text):
        if character.isascii():
            continue
        kind = category(character)
        if kind in _UNDECIDED or character == _LONG_S:
            return None
        if character in _WHITE:
            alike[ord(character)] = "\t"
        else:
            alike[ord(character)] = _LIKE.get(kind) or _LIKE_GROUP.get(kind[0], _OTHER)
    return text.translate(alike)
