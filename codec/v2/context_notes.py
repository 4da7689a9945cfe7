"""The notes of the newest sessions in a context, which inform the next agent.

    note 140000 "Tokens live one hour. Next: rotate the signing keys."

1. The newest come first, each on one line, in quotes, without control and format characters, with
   its time of day as in the compact view, or its date if the time is unknown.
2. All notes together get a part of the budget that the references leave. A long note is cut.
3. They are read from the end of the progress log, where the entries of new sessions are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from codec.kinds import Key
from codec.names import key_time
from codec.shown_text import quoted
from codec.v2.compact_view import NOTE

#: The lengths of a note in characters that are tried, until one fits.
_LENGTHS: Final = (160, 80, 40)
_MOST: Final = 5
_HEADING: Final = "### [REF:"
_NOTES: Final = "Notes: "
#: The lines of an entry in the progress log, with the blank one.
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
        keys: the keys of the sessions, the newest first.
        notes: the notes by key.
        count: counts tokens.
        budget: the most tokens of all lines.
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
