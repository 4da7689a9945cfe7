"""Follow a line of a file back through a change of the file."""

from __future__ import annotations

from codec.patches.changes import FileChange


def adds(change: FileChange, number: int) -> bool:
    """Return True if a change adds the line with this number in the new file."""
    return any(line.mark == "+" and line.number == number for line in change.lines)


def number_before(change: FileChange, number: int) -> int:
    """Return the number in the old file of a line that a change does not add."""
    added = removed = 0
    for line in change.lines:
        if line.mark == "+" and line.number < number:
            added += 1
        elif line.mark == "-" and line.number + added - removed <= number:
            removed += 1
    return number - added + removed
