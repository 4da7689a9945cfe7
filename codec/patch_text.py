"""Whether some bytes are a patch that `git apply` or `patch` could read.

The check is about what a person hands over: it refuses a file that is something else and a patch
that a terminal coloured, and nothing that might be a patch.
"""

from __future__ import annotations

import re

from codec.errors import FormatError

_PATCH = re.compile(
    rb"^(?:diff --(?:git|cc|combined) |--- [^\n]*\n\+\+\+ |@@@* |GIT binary patch\r?$|Index: )",
    re.M,
)
_COLOURED = re.compile(rb"^(?:\x1b\[[0-9;]*m)+(?:diff --git |--- |\+\+\+ |@@ |\+|-)", re.M)


def check_patch(data: bytes) -> None:
    """Refuse bytes that are not a patch; nothing at all is the patch of no change.

    Raises:
        FormatError: there is no line that a patch must have, or its lines are coloured.
    """
    if not data.strip() or _PATCH.search(data):
        return
    if _COLOURED.search(data):
        raise FormatError(
            "is coloured for a terminal, so nothing can apply it",
            line=1,
            hint="Make it with 'git diff --no-color', or without color.ui=always",
        )
    raise FormatError(
        "is not a patch: it has no 'diff --git', '---' and '+++', or '@@' line",
        line=1,
        hint="Make one with 'git diff', or record without a patch: --no-diff",
    )
