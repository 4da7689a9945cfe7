"""Errors of bytes and records.

An error says what is wrong, where (file, line, field) and the way out. A codec function knows
only the line and the field; the caller that knows the file adds it with `at` as the error rises.
Exit codes are not known here: one table in `pipelines/outcomes/errors.py` maps classes to them.
"""

from __future__ import annotations

from typing import Self


class CodecError(Exception):
    """Base of everything that `codec` raises on purpose.

    Args:
        problem: what is wrong, one sentence without a full stop.
        file: the file as the user would name it, when known.
        line: 1-based line in that file, when known.
        field: the field of the record, when one field is at fault.
        hint: the way out, one sentence without a full stop.
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
        """Add the place of the error; a known place is kept."""
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
    """The input breaks the format."""


class EncodeError(CodecError, ValueError):
    """The value cannot be written in the format."""


class IntegrityError(CodecError):
    """The bytes differ from what was recorded: truncated, another hash, an unsafe name."""
