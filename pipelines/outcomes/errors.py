"""The errors that stop a verb, and their exit codes.

Only `exit_code` knows exit codes; no two classes in its table share one.
"""

from __future__ import annotations

import errno
from typing import Final

from codec.errors import CodecError, EncodeError, FormatError, IntegrityError


class PipelineError(Exception):
    """Base of all errors that `pipelines` raises on purpose.

    Args:
        problem: what failed, one sentence without a full stop.
        hint: how to fix it, one sentence without a full stop.
    """

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem}. {self.hint}" if self.hint else self.problem


class WorkspaceMissing(PipelineError):
    """There is no workspace at the folder or above it."""


class LogsUnnamed(PipelineError):
    """There is no v1 log with the default name, but there are others; the user has to choose.

    Attributes:
        logs: the paths of these logs, relative to the workspace.
    """

    def __init__(
        self, problem: str, *, logs: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(problem, hint=hint)
        self.logs = logs


class WorkspaceLocked(PipelineError):
    """Another process is writing to the workspace."""


class Conflict(PipelineError):
    """An existing file or object differs from the expected one, and must not be overwritten."""


class Refused(Conflict):
    """The plan contains a possible secret and must not be carried out."""


class NewerFormat(Conflict):
    """A later version of session-codec wrote facts that this version would misunderstand."""


class StorageError(PipelineError):
    """Base of the errors of a disk or a remote."""


class NotFound(StorageError):
    """The object does not exist."""


class Erased(StorageError):
    """The diff was purged. It is not a `NotFound`: searching elsewhere would restore it."""


class Denied(StorageError):
    """The object must not be read or written."""


class Unavailable(StorageError):
    """The disk or the remote failed: full, broken, unreachable."""


#: The verb ran and has findings. This is not an error: the result states them.
FINDINGS: Final = 3
BUG: Final = 1
DENIED: Final = 31
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (LogsUnnamed, 2),
    (FormatError, 10),
    (EncodeError, 11),
    (IntegrityError, 12),
    (WorkspaceMissing, 20),
    (WorkspaceLocked, 21),
    (Conflict, 22),
    (NotFound, 30),
    (Denied, DENIED),
    (Unavailable, 32),
    (Erased, 33),
)


#: The meaning of each exit code of the program; the help of a verb lists the ones that it has.
EXIT_CODES: Final = {
    0: "done",
    BUG: "a bug in session-codec",
    2: "the arguments are not valid",
    FINDINGS: "done, with findings",
    10: "not in the expected format",
    11: "cannot be represented in the format",
    12: "integrity error: a hash or a length differs",
    20: "no workspace",
    21: "the workspace is locked",
    22: "conflict",
    30: "not found",
    DENIED: "denied",
    32: "unavailable: a disk is full or broken, or a remote cannot be reached",
    33: "purged: the diff was erased on purpose",
    INTERRUPTED: "interrupted",
    141: "the reader of the output closed it",
    TERMINATED: "terminated",
}


def exit_code(error: Exception) -> int:
    """Return the exit code of an error; an unexpected exception gets the code of a bug."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return BUG


def storage_error(error: OSError, path: str | None = None) -> StorageError:
    """Return the error for the user that corresponds to an error of the operating system."""
    path = path or str(error.filename or "the file system")
    reason = (error.strerror or str(error)).lower()
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(f"{path}: {reason}", hint="Check the path")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Denied(f"{path}: {reason}", hint="Check the permissions of the path")
    if error.errno == errno.EFBIG:
        return Unavailable(f"{path}: {reason}", hint="Replace it with a file of a sensible size")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space and run the same command again: it goes on where this one stopped"
        return Unavailable(f"{path}: {reason}", hint=hint)
    return Unavailable(
        f"{path}: {reason}", hint="Remove the cause, then run the same command again"
    )


__all__ = [
    "BUG",
    "DENIED",
    "EXIT_CODES",
    "FINDINGS",
    "INTERRUPTED",
    "TERMINATED",
    "CodecError",
    "Conflict",
    "Denied",
    "Erased",
    "LogsUnnamed",
    "NewerFormat",
    "NotFound",
    "PipelineError",
    "Refused",
    "StorageError",
    "Unavailable",
    "WorkspaceLocked",
    "WorkspaceMissing",
    "exit_code",
    "storage_error",
]
