"""Every error has an exit code of its own, and the system's errors say what they mean."""

from __future__ import annotations

import errno
import inspect

import pytest

import codec.errors
import pipelines.outcomes.errors
from pipelines.outcomes.errors import (
    BUG,
    FINDINGS,
    INTERRUPTED,
    TERMINATED,
    Denied,
    Erased,
    NotFound,
    StorageError,
    Unavailable,
    exit_code,
    storage_error,
)

BASES = {codec.errors.CodecError, pipelines.outcomes.errors.PipelineError, StorageError}
LEAVES = [
    kind
    for module in (codec.errors, pipelines.outcomes.errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == module.__name__ and kind not in BASES
]


def test_every_error_class_has_an_exit_code() -> None:
    assert len(LEAVES) >= 9
    assert not [kind for kind in LEAVES if exit_code(kind("x")) == BUG]


def test_no_two_error_classes_share_an_exit_code_nor_one_with_another_outcome() -> None:
    own = [kind for kind in LEAVES if not set(kind.__mro__[1:]).intersection(LEAVES)]
    assert {NotFound, Denied, Erased} < set(own)
    assert not issubclass(Erased, NotFound)  # else who looks elsewhere would bring it back
    codes = [exit_code(kind("x")) for kind in own]
    codes += [0, BUG, FINDINGS, INTERRUPTED, TERMINATED]
    assert sorted(codes) == sorted(set(codes))


def test_an_unexpected_exception_has_the_exit_code_of_a_bug() -> None:
    assert exit_code(ValueError("x")) == BUG


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, NotFound),
        (errno.EACCES, Denied),
        (errno.EPERM, Denied),
        (errno.EROFS, Denied),
        (errno.ENOSPC, Unavailable),
        (errno.EDQUOT, Unavailable),
        (errno.EIO, Unavailable),
    ],
)
def test_an_error_of_the_system_becomes_the_matching_class(
    number: int, kind: type[StorageError]
) -> None:
    found = storage_error(OSError(number, "reason", "some/file"))
    assert type(found) is kind
    assert "some/file: reason" in str(found)
    assert found.hint


def test_an_error_without_number_or_file_is_reported() -> None:
    assert isinstance(storage_error(OSError("odd")), Unavailable)
