"""Errors say what is wrong, where, and the way out."""

from __future__ import annotations

import pickle

import pytest

from codec.errors import CodecError, EncodeError, FormatError, IntegrityError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CodecError("torn"), "torn"),
        (CodecError("torn", line=3), "line:3: torn"),
        (CodecError("torn", file="a.log"), "a.log: torn"),
        (CodecError("torn", file="a.log", line=3), "a.log:3: torn"),
        (CodecError("is missing", field="key"), "key: is missing"),
        (CodecError("torn", hint="Run doctor"), "torn. Run doctor"),
        (
            CodecError("is missing", file="a.log", line=3, field="key", hint="Add it"),
            "a.log:3: key: is missing. Add it",
        ),
    ],
)
def test_an_error_reads_as_place_field_problem_and_way_out(error: CodecError, text: str) -> None:
    assert str(error) == text


def test_a_caller_adds_the_file_and_keeps_the_line_that_is_known() -> None:
    error = FormatError("torn", line=3)
    assert error.at(file="a.log", line=99) is error
    assert (error.file, error.line) == ("a.log", 3)
    assert error.at(file="b.log").file == "a.log"


@pytest.mark.parametrize(
    ("kind", "is_value_error"),
    [(FormatError, True), (EncodeError, True), (IntegrityError, False)],
)
def test_bad_values_are_value_errors_and_lost_bytes_are_not(
    kind: type[CodecError], is_value_error: bool
) -> None:
    assert issubclass(kind, CodecError)
    assert issubclass(kind, ValueError) is is_value_error


def test_an_error_crosses_a_process_with_its_problem() -> None:
    error = pickle.loads(pickle.dumps(FormatError("torn", line=3)))  # noqa: S301 - our own bytes
    assert (type(error), error.problem, error.line) == (FormatError, "torn", 3)
