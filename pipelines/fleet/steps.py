"""The verbs that a fleet can run, and their command lines for one repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from pipelines.outcomes.errors import FINDINGS


class Place(NamedTuple):
    """The repository in which a verb runs.

    Attributes:
        path: the absolute path of the repository.
        name: the name of the repository, for files and remotes: letters, digits, `.`, `_`, `-`.
        rows: the path of the file for its exported rows.
        remote: the remote of the run; `{name}` in it was replaced.
        redact: leave texts out of the export.
    """

    path: str
    name: str
    rows: str
    remote: str | None
    redact: bool


class Step(NamedTuple):
    """A verb of a fleet.

    Attributes:
        seconds: processor seconds in a small repository, once the program is loaded.
        reads: what its time depends on: `log`, `files` or `diffs`.
        options: the arguments after the verb and the repository.
        needs_remote: it needs `--remote`.
        is_local: it reads and writes only the repository.
    """

    seconds: float
    reads: str = "files"
    options: Callable[[Place], Sequence[str]] = lambda _place: ()
    needs_remote: bool = False
    is_local: bool = True


def _sync(place: Place) -> Sequence[str]:
    return ("--remote", place.remote or "")


def _export(place: Place) -> Sequence[str]:
    return ("--to", "rows", *(("--redact",) if place.redact else ()))


STEPS: Final[Mapping[str, Step]] = {
    "migrate": Step(0.1, "log"),
    "import": Step(0.3, is_local=False),
    "archive": Step(0.1, "diffs"),
    "sync": Step(0.3, "diffs", _sync, needs_remote=True, is_local=False),
    "verify": Step(0.1, "diffs"),
    "references": Step(0.1),
    "export": Step(0.05, "diffs", _export),
}
EXPORT: Final = "export"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 60


def command_of(verb: str, place: Place, more: Sequence[str] = ()) -> list[str]:
    """Return the program's arguments for a verb in one repository."""
    target = [place.rows] if verb == EXPORT else []
    return [verb, *target, place.path, "--json", *STEPS[verb].options(place), *more]


def safe_name(text: str) -> str:
    """Return a text as a file name."""
    return _UNSAFE.sub("-", text).strip("-.")[-_LONGEST:].strip("-.") or "repository"


def is_fine(exit_code: int | None) -> bool:
    """Return True if the next verb may run after this exit code."""
    return exit_code in (0, FINDINGS)
