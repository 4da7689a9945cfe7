"""The notes of the newest sessions in a context: what they left for the next agent.

    note 140000 "Tokens live one hour. Next: rotate the signing keys."

1. The newest come first, each on one line, in quotes, without control and format characters, and
   named by its time of day as in the compact view; where that is unknown, by its date.
2. All of them get a part of the budget that the references leave. A note that does not fit is cut.
3. They are read from the progress log, of which every session's entry is at the end if it is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from codec.kinds import Key
from codec.names import key_time
from codec.shown_text import quoted
from codec.v2.compact_view import NOTE

#: Characters of a note that are tried, until one fits.
_LENGTHS: Final = (160, 80, 40)
_MOST: Final = 5
_HEADING: Final = "### [REF:"
_NOTES: Final = "Notes: "
#: Lines of an entry of the progress log, with the blank one.
ENTRY_LINES: Final = 6


def notes_in(lines: Iterable[str]) -> dict[Key, str]:
    """Return the notes in lines of a progress log, by the key of their session."""
    found: dict[Key, str] = {}
    key = Key("")
    for line in lines:
        if line.startswith(_HEADING):
            key = Key(line[len(_HEADING) :].rsplit(":", 2)[0])
        elif line.startswith(_NOTES) and key:
            found[key] = line.removeprefix(_NOTES)
    return found


def note_lines(
    keys: Iterable[Key], notes: Mapping[Key, str], count: Callable[[str], int], budget: int
) -> str:
    """Return lines with the notes of sessions, as many as fit.

    Args:
        keys: of the sessions, the newest first.
        notes: by key.
        count: counts tokens.
        budget: tokens of all lines at the most.
    """
    text = ""
    for key in [key for key in keys if notes.get(key)][:_MOST]:
        for length in _LENGTHS:
            longer = f"{text}{NOTE}{_time(key)} {quoted(notes[key], length)}\n"
            if count(longer) <= budget:
                text = longer
                break
        else:
            break
    return text


def _time(key: str) -> str:
    time = key_time(key)
    return time[11:19].replace(":", "") or time
