"""Report lines of a v1 log that look like sessions but are not read as sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from codec.v1.undated import Suspect

#: Code, message and hint by reason.
SUSPECTS: Final[Mapping[Suspect, tuple[str, str, str]]] = {
    "unreadable": (
        "unreadable-heading",
        "looks like a session but its date cannot be read; kept as text",
        "Write the time as 2025-11-06T14:30:00Z, or give --heading-pattern",
    ),
    "undated": (
        "undated-session",
        "looks like a session but has no date; kept as text",
        "Write a date in the heading and run migrate again",
    ),
    "misplaced": (
        "misplaced-session",
        "looks like a session but its heading has another level than the others; kept as text",
        "Give it the level of the other sessions and run migrate again",
    ),
}
