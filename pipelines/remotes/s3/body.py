"""The body of an object as it comes: it may break off, or begin before what was asked for."""

from __future__ import annotations

from typing import Any

from botocore import exceptions as sdk
from urllib3.exceptions import HTTPError

from pipelines.errors import Unavailable
from pipelines.remotes.base import BLOCK
from pipelines.remotes.s3.errors import RESUME
from pipelines.remotes.s3.retry import AgainError


class Body:
    """What a server sends of an object; asked for again where it breaks off."""

    def __init__(self, stream: Any, where: str) -> None:
        self._stream = stream
        self._where = where

    def read(self, size: int) -> bytes:
        """Up to so many bytes, at least one, unless none is asked for."""
        try:
            data: bytes = self._stream.read(size)
        except (sdk.BotoCoreError, HTTPError, OSError):
            data = b""
        if size and not data:
            error = Unavailable(f"{self._where}: what the server sent broke off", hint=RESUME)
            raise AgainError(error) from None
        return data

    def skip(self, size: int) -> None:
        """Pass over what was not asked for, of a server that gives the whole instead of a range."""
        if size < 0:
            raise Unavailable(
                f"{self._where}: the server gave another range than the one asked for"
            )
        while size:
            size -= len(self.read(min(size, BLOCK)))
