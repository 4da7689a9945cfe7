"""Count the lines that a patch adds and removes, and name the path it is mostly about.

1. The lines themselves are counted. Hunk headers in logs are often wrong (shortened by hand, or
   written by a model), so their counts are not used.
2. `--- a` followed by `+++ b` is a file header if a hunk, another file or the end of the patch
   follows; any other line that begins with `+` or `-` is a changed line.
3. In a combined diff (`@@@`) a line is added or removed if any of its parent columns says so.
4. In a mail (`git format-patch`) only the lines of hunks count, not cover letters, text,
   signatures and boundaries. The counts of the hunk headers decide where a hunk ends, if all of
   them agree with the lines.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MAIL_FIELDS: Final = (
    b"From: ", b"Subject: ", b"Date: ", b"Message-ID: ", b"Message-Id: ", b"MIME-Version: ",
)  # fmt: skip
# These are compiled at their first use: `record` of a plain patch needs none of them.
_COMBINED_HUNK: Final = rb"(?m)^(?P<marks>@{3,}) [^\n]* @{3,}[^\n]*$"
_SECTION: Final = rb"(?m)^(?:@@|diff )[^\n]*$"
_GIT_SECTION: Final = rb"diff --(?:git|cc|combined) (?:a/)?(?P<path>[^\n]*)"
_PLAIN_SECTION: Final = rb"\+\+\+ (?:b/)?(?P<path>[^\t\n]*)"
_ENVELOPE: Final = rb"From [0-9a-f]{40,64} "
_MAIL: Final = rb"(?m)^From [0-9a-f]{40,64} [^\n]*$"
_COVER_LETTER: Final = rb"(?m)^Subject: [^\n]*\[[^\]\n]*\b0+/\d+\]"
_HUNK: Final = rb"(?m)^@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@[^\n]*\n"
_DIFF_START: Final = rb"(?m)^(?:diff --|--- [^\n]+\n\+\+\+ |Index: )"
_SIGNATURE: Final = rb"(?:^|\n)-- ?\r?\n[0-9][^\n]*\s*\Z"
_LF: Final = 0x0A
_AFTER_HEADER: Final = (b"\n@@", b"\ndiff ")


class DiffStat(NamedTuple):
    """The number of lines that a patch adds and removes."""

    added: int
    removed: int


def diff_stat(patch: bytes) -> DiffStat:
    """Return the number of added and removed lines of a patch, whatever its hunk headers state."""
    if _is_mail(patch) or b"\n-- \n" in patch[-80:]:
        return _mail_stat(patch)
    return _plain_stat(patch)


def _is_mail(patch: bytes) -> bool:
    """Return True if a patch begins as a mail, or as a line of a mailbox before it."""
    is_envelope = patch.startswith(b"From ") and re.match(_ENVELOPE, patch) is not None
    return is_envelope or patch.startswith(_MAIL_FIELDS)


def _mail_stat(patch: bytes) -> DiffStat:
    """Return the number of changed lines in the hunks of all messages."""
    starts = [m.start() for m in re.finditer(_MAIL, patch)] or [0]
    added = removed = 0
    for start, end in zip([0, *starts[1:]], [*starts[1:], len(patch)], strict=True):
        message = patch[start:end]
        is_mail = _is_mail(message)
        first = re.search(_DIFF_START, message) if is_mail else None
        if is_mail and (first is None or re.search(_COVER_LETTER, message[: first.start()])):
            continue
        diff = message[first.start() :] if first else message
        stat = _hunk_stat(diff) or _plain_stat(_unsigned(diff))
        added, removed = added + stat.added, removed + stat.removed
    return DiffStat(added, removed)


def _unsigned(message: bytes) -> bytes:
    signature = re.compile(_SIGNATURE).search(message, max(0, len(message) - 200))
    return message[: signature.start() + 1] if signature else message


def _hunk_stat(diff: bytes) -> DiffStat | None:
    """Return the number of changed lines by the hunk headers; None if a header is wrong."""
    if b"\n@@@" in diff:
        return None
    added = removed = 0
    for hunk in re.finditer(_HUNK, diff):
        old, new = (int(hunk[side] or 1) for side in ("old", "new"))
        at = hunk.end()
        while old > 0 or new > 0:
            mark = diff[at : at + 1]  # empty at the end
            if mark not in (b"+", b"-", b" ", b"\\", b"\n", b"\r"):
                return None
            old -= mark not in (b"+", b"\\")
            new -= mark not in (b"-", b"\\")
            added += mark == b"+"
            removed += mark == b"-"
            at = diff.find(b"\n", at) + 1 or len(diff)
        rest = diff[at : at + 2]
        if old or new or (rest[:1] in (b"+", b"-", b" ") and rest != b"--"):
            return None
    return DiffStat(added, removed)


def _plain_stat(patch: bytes) -> DiffStat:
    if b"\n@@@" in patch or patch.startswith(b"@@@"):
        return _combined_stat(patch)
    headers = _file_headers(patch)
    return DiffStat(
        patch.count(b"\n+") + patch.startswith(b"+") - headers,
        patch.count(b"\n-") + patch.startswith(b"-") - headers,
    )


def _file_headers(patch: bytes) -> int:
    """Return the number of file headers; see the top of the module."""
    count = 0
    at = 0 if patch.startswith(b"--- ") else patch.find(b"\n--- ") + 1 or -1
    while at >= 0:
        second = patch.find(b"\n", at) + 1
        end = patch.find(b"\n", second)
        if second and patch.startswith(b"+++ ", second):
            count += end < 0 or end + 1 == len(patch) or patch.startswith(_AFTER_HEADER, end)
        at = patch.find(b"\n--- ", at) + 1 or -1
    return count


def _combined_stat(patch: bytes) -> DiffStat:
    """Return the number of changed lines in a combined diff, by the columns of each hunk."""
    added = removed = 0
    columns = 0
    for line in patch.split(b"\n"):
        hunk = re.match(_COMBINED_HUNK, line)
        if hunk:
            columns = len(hunk["marks"]) - 1
        elif re.match(_SECTION, line):
            columns = 1 if line.startswith(b"@@") else 0
        elif columns:
            marks = line[:columns]
            added += b"+" in marks
            removed += b"-" in marks
    return DiffStat(added, removed)


def touched_path(patch: bytes) -> bytes:
    """Return the path to which most bytes of a patch belong; empty for a patch without paths.

    It is the path as the patch writes it, and is used only to group similar patches.
    """
    marks = _marks(_GIT_SECTION, patch) or _marks(_PLAIN_SECTION, patch)
    ends = [m.start() for m in marks[1:]]
    sizes: dict[bytes, int] = {}
    for mark, end in zip(marks, [*ends, len(patch)], strict=False):
        path = mark["path"].partition(b" b/")[0]
        sizes[path] = sizes.get(path, 0) + end - mark.start()
    return max(sizes, key=sizes.__getitem__, default=b"")


def _marks(section: bytes, patch: bytes) -> list[re.Match[bytes]]:
    """Return the sections of a patch, found by their first letters for speed."""
    found = re.finditer(section, patch)
    return [m for m in found if not m.start() or patch[m.start() - 1] == _LF]
