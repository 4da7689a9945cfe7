"""Read the body of an object, which may break off, or begin before the requested range."""

from __future__ import annotations

from typing import Any

from botocore import exceptions as sdk
from urllib3.exceptions import HTTPError

from pipelines.outcomes.errors import Unavailable
from pipelines.remotes.base import BLOCK
from pipelines.remotes.s3.errors import RESUME
from pipelines.remotes.s3.retry import AgainError


class Body:
    """The body of a reply; if it breaks off, the rest is requested again."""

    def __init__(self, stream: Any, where: str) -> None:
        self._stream = stream
        self._where = where

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes: at least one, unless `size` is 0."""
        try:
            data: bytes = self._stream.read(size)
        except (sdk.BotoCoreError, HTTPError, OSError):
            data = b""
        if size and not data:
            error = Unavailable(f"{self._where}: the response of the server broke off", hint=RESUME)
            raise AgainError(error) from None
        return data

    def skip(self, size: int) -> None:
        """Skip bytes before the range, for servers that send the whole object."""
        if size < 0:
            raise Unavailable(
                f"{self._where}: the server gave another range than the one asked for"
            )
        while size:
            size -= len(self.read(min(size, BLOCK)))
