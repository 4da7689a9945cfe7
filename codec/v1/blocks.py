"""Parse the prose of an entry into blocks: paragraphs, headings and fenced code, with mistune.

Only fences and headings are parsed. Simple `- Key: value` items stay text, which is sufficient for
entries and takes a tenth of the time of mistune's list rule.
"""

from __future__ import annotations

import re
from typing import Any

from mistune import BlockParser
from mistune.core import BlockState


class _Rules:
    """The pattern of mistune's rules, searched for only where one of our rules can begin a line.

    mistune looks for `^` at every character; a line end and the first sign of a rule are found
    several times faster.
    """

    _START = re.compile(r"\n(?= {0,3}(?:#|```|~~~))")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.match = pattern.match

    def search(self, text: str, start: int) -> re.Match[str] | None:
        """Return the first match of a rule after `start`; a match at `start` does not count."""
        for m in self._START.finditer(text, start):
            found = self.match(text, m.end())
            if found:
                return found
        return None


class _Blocks(BlockParser):
    def __init__(self) -> None:
        super().__init__()
        self.rules = ["fenced_code", "atx_heading"]
        self._own = _Rules(super().compile_sc())

    def compile_sc(self, rules: list[str] | None = None) -> Any:
        """Return the pattern of `rules`, or of all rules by default."""
        return self._own if rules is None or rules == self.rules else super().compile_sc(rules)

    def _parse_plain_paragraph(self, state: BlockState, sc: Any) -> bool:
        # mistune's shortcut for text tries its rules at every line; our search is faster.
        return False


_BLOCKS = _Blocks()


def parse_blocks(prose: str) -> list[dict[str, Any]]:
    """Return the tokens of a text, such as `paragraph`, `heading` and `block_code`."""
    state = BlockState()
    state.process(prose)
    _BLOCKS.parse(state)
    return state.tokens
