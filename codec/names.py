"""Make and check the names of sessions, agents, tasks and diffs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from typing import Final

from codec.errors import EncodeError
from codec.kinds import Key
from codec.records import STATUSES

#: An agent or a task that the log does not name.
UNNAMED: Final = "-"
NAME_LIMIT: Final = 60
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_KEY = re.compile(
    r"(?P<time>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?)(?:\.(?P<suffix>[0-9a-f]{6,64}))?",
    re.ASCII,
)
# Compiled at their first use: most texts are printable, and most sessions that `record` writes or
# reads have no commits.
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_OBJECT: Final = r"(?:[0-9a-f]{40}|[0-9a-f]{64})"
_RANGE: Final = rf"{_OBJECT}\.\.{_OBJECT}"
_COMMITS: Final = rf"{_OBJECT}(?:\.\.{_OBJECT})?"


def diff_name(key: Key, *, colons: bool = True) -> str:
    """Return the file name of a session's diff; `colons=False` replaces colons."""
    return f"{key if colons else key.replace(':', '-')}.diff"


def name_of(text: str) -> str:
    """Return an agent's name or a task's slug: at most 60 letters, digits, `.`, `_`, `+`, `-`.

    A run of other characters becomes one `-`; the text is NFC; a name that is too long is cut
    at a `-`. A text without any letter or digit becomes `UNNAMED`.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    name = _NOT_IN_NAMES.sub("-", text).strip("-")
    if len(name) > NAME_LIMIT:
        cut = name.rfind("-", 1, NAME_LIMIT + 1)
        name = name[: cut if cut > 0 else NAME_LIMIT].rstrip("-")
    return name if name.strip("._+-") else UNNAMED


def one_line(text: str) -> str:
    """Return a text as one line: control characters and runs of white space become one space."""
    if not text.isprintable():
        text = re.sub(_CONTROL, " ", text)
    elif "  " not in text and text == text.strip():
        return text
    return " ".join(text.split())


def session_key(time: str, digest: str, taken: Container[Key]) -> Key:
    """Return the key of a session that is new to a workspace.

    The key is the time if no other session has it; else the time, `.` and the first six hex digits
    of `digest` (more if that key is taken, too). It depends on the content, not on the order of
    arrival, so that two clones choose the same key.

    Args:
        time: the session's time in v2 form.
        digest: SHA-256 of the session's content, 64 hex digits.
        taken: the keys of the workspace.
    """
    if (key := Key(time)) not in taken:
        return key
    for length in (6, 12, 64):
        key = Key(f"{time}.{digest[:length]}")
        if key not in taken:
            return key
    raise EncodeError(f"the workspace already has a session {time}.{digest}", field="key")


def is_key(text: str) -> bool:
    """Return True if `text` has the form of a key, which makes it safe as a file name."""
    return _KEY.fullmatch(text) is not None


def is_range(text: str) -> bool:
    """Return True if `text` is two full object hashes of git, written as a range."""
    return re.fullmatch(_RANGE, text) is not None


def is_commits(text: str) -> bool:
    """Return True if `text` is the full hash of one git object, or a range of two."""
    return re.fullmatch(_COMMITS, text) is not None


def key_time(key: str) -> str:
    """Return the time that a key begins with."""
    return key.partition(".")[0]


def check_name(value: str, field_name: str) -> str:
    """Return `value` if all v2 files can hold it as an agent or a task.

    Raises:
        EncodeError: it cannot be a field, or holds `:` or `]`, which end it in a reference.
    """
    if ":" in check_field(value, field_name) or "]" in value:
        raise EncodeError(f"cannot be used in a reference: {value!r}", field=field_name)
    return value


def name_faults(
    key: str, agent: str, task: str, status: str, *, key_field: str = "key"
) -> list[str]:
    """Return the invalid values among the fields that name a session in a decoded line."""
    faults = [] if is_key(key) else [f"{key_field}: not a key: {key!r}"]
    for name, value in (("agent", agent), ("task", task)):
        try:
            check_field(value, name)
        except EncodeError as e:
            faults.append(str(e))
    if status not in STATUSES:
        choices = ", ".join(sorted(STATUSES))
        faults.append(f"status: unknown status {status!r} (choose from {choices})")
    return faults


def check_field(value: str, field_name: str) -> str:
    """Return `value` if the v2 files can hold it as a field.

    Raises:
        EncodeError: it is empty, has spaces around it, or holds `|` or a control character
            (a tab or a line end among them), which the files use to separate fields.
    """
    if value and value.isprintable() and "|" not in value and value == value.strip():
        return value
    if not value or value != value.strip() or "|" in value or re.search(_CONTROL, value):
        raise EncodeError(f"cannot be a field of a v2 file: {value!r}", field=field_name)
    return value
