"""The blocks of one entry's prose: paragraphs, headings and fenced code, as mistune parses them.

Of Markdown mistune sees only fences and headings. Simple `- Key: value` items then arrive as text,
which is all that entries need, at a tenth of the cost of its list rule.
"""

from __future__ import annotations

import re
from typing import Any

from mistune import BlockParser
from mistune.core import BlockState


class _Rules:
    """The pattern of mistune's rules, searched for only where a rule of ours can begin a line.

    mistune looks for `^` at every character; a line end and the first sign of a rule are found
    several times faster.
    """

    _START = re.compile(r"\n(?= {0,3}(?:#|```|~~~))")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.match = pattern.match

    def search(self, text: str, start: int) -> re.Match[str] | None:
        """Return the next rule at or after `start`, where none begins at `start` itself."""
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
        """Return the pattern of `rules`, of all of them where none are named."""
        return self._own if rules is None or rules == self.rules else super().compile_sc(rules)

    def _parse_plain_paragraph(self, state: BlockState, sc: Any) -> bool:
        # mistune's short cut for text tries its rules at every line; our search is shorter.
        return False


_BLOCKS = _Blocks()


def parse_blocks(prose: str) -> list[dict[str, Any]]:
    """Return the tokens of a text: `paragraph`, `heading` and `block_code` among them."""
    state = BlockState()
    state.process(prose)
    _BLOCKS.parse(state)
    return state.tokens
