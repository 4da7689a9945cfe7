"""The findings of a run.

A finding needs a user's attention and changes the exit code. A note is only reported: a wrong
declaration in old history, for example, cannot be repaired.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
from typing import Literal, NamedTuple

from codec.kinds import Key

Level = Literal["finding", "note"]


class Finding(NamedTuple):
    """A finding or a note.

    Attributes:
        code: the name of its kind, in kebab case; stable for scripts.
        message: the problem, one sentence without a full stop.
        level: `finding` or `note`.
        file, line: its place, as a user would write it.
        key: the key of its session.
        hint: how to fix it.
        rule, fingerprint: the rule and fingerprint of a secret, which itself is never shown.
    """

    code: str
    message: str
    level: Level = "finding"
    file: str | None = None
    line: int | None = None
    key: Key | None = None
    hint: str | None = None
    rule: str | None = None
    fingerprint: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.message}" + (f". {self.hint}" if self.hint else "")


def torn_finding(name: str) -> Finding:
    """Return a note on a file whose last line is incomplete."""
    return Finding(
        code="torn-line",
        message="its last line is incomplete; the next verb that writes completes it",
        file=name,
        level="note",
    )
