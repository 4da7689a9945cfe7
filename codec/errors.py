"""Errors of bytes and records.

An error says what failed, where (file, line, field) and how to fix it. A codec function knows
only the line and the field; its caller adds the file with `at` as the error rises. Exit codes are
assigned by one table in `pipelines/outcomes/errors.py`.
"""

from __future__ import annotations

from typing import Self


class CodecError(Exception):
    """Base of all errors that `codec` raises on purpose.

    Args:
        problem: what failed, one sentence without a full stop.
        file: the file as the user would name it, when known.
        line: 1-based line in that file, when known.
        field: the field of the record, when one field is at fault.
        hint: how to fix it, one sentence without a full stop.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field
        self.hint = hint

    def at(self, *, file: str | None = None, line: int | None = None) -> Self:
        """Add the file and the line of the error, unless they are known, and return the error."""
        self.file = self.file or file
        self.line = self.line or line
        return self

    def __str__(self) -> str:
        where = self.file or ""
        if self.line is not None:
            where = f"{where or 'line'}:{self.line}"
        what = f"{self.field}: {self.problem}" if self.field else self.problem
        text = f"{where}: {what}" if where else what
        return f"{text}. {self.hint}" if self.hint else text


class FormatError(CodecError, ValueError):
    """The input violates the format."""


class EncodeError(CodecError, ValueError):
    """The value cannot be written in the format."""


class IntegrityError(CodecError):
    """The bytes differ from the record: they are cut, have another hash, or an unsafe name."""
