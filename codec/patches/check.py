"""Check that bytes are a patch that `git apply` or `patch` can read.

The check is made for patches that a user passes: it refuses other files and patches with terminal
colours, and accepts everything that might be a patch.
"""

from __future__ import annotations

import re
from typing import Final

from codec.errors import FormatError

#: The beginning of a patch by git, and so of nearly all patches.
_USUAL: Final = b"diff --git "
# These are compiled at their first use: a usual patch needs none of them.
_PATCH: Final = (
    rb"(?m)^(?:diff --(?:git|cc|combined) |--- [^\n]*\n\+\+\+ |@@@* |GIT binary patch\r?$|Index: )"
)
_COLOURED: Final = rb"(?m)^(?:\x1b\[[0-9;]*m)+(?:diff --git |--- |\+\+\+ |@@ |\+|-)"
#: No line of an uncoloured patch begins with an escape sequence.
_COLOURED_HEADER: Final = rb"(?m)^(?:\x1b\[[0-9;]*m)+diff --(?:git|cc|combined) "
_ENCODED: Final = (
    rb"(?i)(?:[A-Za-z-]+[: ][^\n]*\n(?:[ \t][^\n]*\n)*)*?"
    rb"Content-Transfer-Encoding: *(?P<encoding>base64|quoted-printable)\b"
)


def check_patch(data: bytes) -> None:
    """Raise FormatError if bytes are not a patch; empty input is a patch without changes.

    Raises:
        FormatError: there is no line that every patch has, its lines are coloured, or it is an
            email with an encoded body.
    """
    is_usual = data.startswith(_USUAL)
    if not is_usual and (encoded := re.match(_ENCODED, data)):
        raise FormatError(
            f"is an email encoded as {encoded['encoding'].decode().lower()}, not a plain patch",
            line=1,
            hint="Decode it with 'git mailinfo text.txt a.patch < MAIL' and pass a.patch",
        )
    coloured = b"\x1b[" in data and re.search(_COLOURED_HEADER, data)
    if not coloured and (is_usual or not data.strip() or re.search(_PATCH, data)):
        return
    if coloured or re.search(_COLOURED, data):
        raise FormatError(
            "contains terminal colours; no tool can apply it",
            line=1,
            hint="Make it with 'git diff --no-color', or without color.ui=always",
        )
    raise FormatError(
        "is not a patch: it has no 'diff --git', '---' and '+++', or '@@' line",
        line=1,
        hint="Make one with 'git diff', or record without a patch: --no-diff",
    )
