"""The marked block about session-codec for agents, in a user-owned file.

    <!-- session-codec: begin -->
    what an agent should know
    <!-- session-codec: end -->

1. Text outside the marks does not change, whatever its line ends, byte
   order mark or 8-bit encoding.
2. Removing the block undoes adding it, byte for byte. A file that had no final line end has none
   after the block either; if nothing precedes a block, not even a line end, the file was created
   for it.
3. A block with a text that session-codec never wrote was edited by the user, and is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from codec.errors import FormatError
from codec.kinds import sha256_of

BEGIN: Final = b"<!-- session-codec: begin -->"
END: Final = b"<!-- session-codec: end -->"

#: The instruction for agents. They read it at every start, so it is short.
GUIDE: Final = (
    "Project history: run `session-codec context` first, unless its output is above. Then"
    " `session-codec find WORDS`, `why PATH:LINE`, `brief KEY`, `show KEY [--diff]`, `query`,"
    " instead of reading the log files and `.diffs/`.\n"
    'Task complete: `session-codec record --agent MODEL --task "..." --status PASS|FAIL|PARTIAL'
    ' --notes "..."`.'
)
#: The content of a new `CLAUDE.md`: Claude Code reads `AGENTS.md` only through it.
IMPORT: Final = "@AGENTS.md"
_TEXTS: Final = frozenset({GUIDE, IMPORT})
#: SHA-256 of the instructions of earlier versions, which may be renewed.
_FORMER: Final = frozenset(
    {
        "6d5717a7f6cd9388173e344b90946ddef36c1ebd812d1f863822f355eff336fe",
        "a671f82833c424ca8ee3236c5f6cb2364e7b527ab6d7db7964aceb222fe695b9",
    }
)

State = Literal["absent", "current", "older", "edited"]
_IMPORTED = re.compile(rb"(?<![\w`/@])@(?:\./)?AGENTS\.md(?![\w`/-])")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """The place of a block, its text, and the line end that it is written with."""

    start: int
    end: int
    text: str
    eol: bytes


def block_state(data: bytes, text: str) -> State:
    """Return the state of the block in a file, compared with this text.

    Raises:
        FormatError: a mark has no counterpart.
    """
    block = _find(data)
    if block is None:
        return "absent"
    if block.text == text:
        return "current"
    return "older" if _is_ours(block.text) else "edited"


def with_block(data: bytes | None, text: str) -> bytes:
    """Return a file with the block; `data` is None for a file that does not exist.

    An existing block is updated, or kept as it is if a user edited it.

    Raises:
        FormatError: a mark has no counterpart.
    """
    if data is None:
        return _block(text, b"\n") + b"\n"
    found = _find(data)
    if found is not None:
        if not _is_ours(found.text):
            return data
        return data[: found.start] + _block(text, found.eol) + data[found.end :]
    eol = b"\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else b"\n"
    if not data or data.endswith(b"\n"):
        return data + eol + _block(text, eol) + eol
    return data + eol + eol + _block(text, eol)


def without_block(data: bytes) -> bytes | None:
    """Return a file without the block, as it was before; None if the block created the file.

    Raises:
        FormatError: a mark has no counterpart.
    """
    found = _find(data)
    if found is None:
        return data
    before, after, eol = data[: found.start], data[found.end :], found.eol
    if before.endswith(eol * 2) or before == eol:
        before = before[: -len(eol)]
        if not after:
            return before.removesuffix(eol)
    after = after.removeprefix(eol)
    return before + after if data[: found.start] or after else None


def imports_agents(data: bytes) -> bool:
    """Return True if a `CLAUDE.md` imports `AGENTS.md`, so that one block is enough."""
    return _IMPORTED.search(data) is not None


def _is_ours(text: str) -> bool:
    """Return True if a version of session-codec wrote the text of a block."""
    return text in _TEXTS or sha256_of(text.encode()) in _FORMER


def _block(text: str, eol: bytes) -> bytes:
    return eol.join((BEGIN, text.encode().replace(b"\n", eol), END))


def _find(data: bytes) -> _Block | None:
    start, end = data.find(BEGIN), data.find(END)
    if start < 0 and end < 0:
        return None
    if start < 0 or end < start:
        line = data.count(b"\n", 0, max(start, end)) + 1
        missing = "begin" if start < 0 or 0 <= end < start else "end"
        raise FormatError(
            f"the block's {missing} mark is missing",
            line=line,
            hint="Remove the remaining mark, and run 'session-codec install' again",
        )
    eol = b"\r\n" if data.startswith(b"\r\n", start + len(BEGIN)) else b"\n"
    inside = data[start + len(BEGIN) : end].removeprefix(eol).removesuffix(eol)
    text = inside.replace(eol, b"\n").decode(errors="replace")
    return _Block(start=start, end=end + len(END), text=text, eol=eol)
