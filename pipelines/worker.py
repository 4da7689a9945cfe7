"""A process beside the verb, for what needs no more than bytes: counting tokens, staging diffs.

The verb sends one JSON line a request on the worker's stdin and gets one line back. A worker
ends when its stdin does, so that it never outlives a verb that was killed.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Self, cast

from codec.tokens import Counter, counter
from codec.v1_dialects import decode_text
from pipelines.errors import Conflict, Unavailable
from pipelines.files import write_new
from pipelines.v1_source import Source, identity

#: Start and end of a run of bytes in a log.
Range = tuple[int, int]
#: Tokens and words of a run of bytes.
Counted = tuple[int, int]

_WORDS = bytes(32 if chr(b) in " \t\n\v\f\r" else 97 for b in range(256))


class Worker:
    """The verb's side. Requests are answered in order, as futures."""

    def __init__(self, tokenizer: str) -> None:
        # -P: a folder `codec` or `pipelines` of the user's own must not be taken for ours.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.worker", tokenizer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)
        self._thread = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=error is None, cancel_futures=True)
        if error is not None:
            self._process.kill()
        self._stdin.close()
        self._process.wait()
        self._stdout.close()

    def open(self, source: Source) -> Future[None]:
        """Let the worker read a log; it must be the file that the verb has open."""

        def ask() -> None:
            if tuple(self._ask({"open": source.path})) != source.identity:
                raise Conflict(f"{source.name} changed while it was read; nothing was written")

        return self._thread.submit(ask)

    def count(self, ranges: list[Range]) -> Future[list[Counted]]:
        """Tokens and words of runs of the open log."""
        return self._thread.submit(self._ask, {"count": ranges})

    def count_text(self, text: str) -> int:
        """Tokens of a text."""
        return int(self._thread.submit(self._ask, {"text": text}).result())

    def stage(self, folder: str, files: list[tuple[str, int, int]]) -> Future[None]:
        """Write runs of the open log as new files (name, start, end) of a folder."""
        return self._thread.submit(self._ask, {"stage": files, "folder": folder})

    def _ask(self, request: dict[str, Any]) -> Any:
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise Unavailable("the worker process ended") from None
        line = self._stdout.readline()
        if not line:
            raise Unavailable("the worker process ended", hint="Look above for what it said")
        reply = json.loads(line)
        if "errno" in reply:
            raise OSError(reply["errno"], reply["reason"], reply["file"])
        return reply["result"]


class _Served:
    """The worker's side."""

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = tokenizer
        self._counter: Counter | None = None
        self._log: mmap.mmap | None = None

    def answer(self, request: dict[str, Any]) -> Any:
        match request:
            case {"open": path}:
                return self._open(path)
            case {"count": ranges}:
                return self._count(ranges)
            case {"text": text}:
                return self._tokens([text])[0]
            case {"stage": files, "folder": folder}:
                return self._stage(folder, files)
            case _:
                raise ValueError(f"unknown request {request}")

    def _open(self, path: str) -> tuple[int, int, int, int]:
        if self._log is not None:
            self._log.close()
        with open(path, "rb") as f:
            self._log = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
            return identity(os.fstat(f.fileno()))

    def _tokens(self, texts: list[str]) -> list[int]:
        if self._counter is None:
            self._counter = counter(self._tokenizer)
        return self._counter.count(texts)

    def _count(self, ranges: list[Range]) -> list[Counted]:
        assert self._log is not None
        runs = [self._log[start:end] for start, end in ranges]
        tokens = self._tokens([decode_text(run) for run in runs])
        self._forget(ranges[-1][1])
        return list(zip(tokens, map(count_words, runs), strict=True))

    def _stage(self, folder: str, files: list[tuple[str, int, int]]) -> None:
        assert self._log is not None
        for name, start, end in files:
            write_new(os.path.join(folder, name), self._log[start:end])
        self._forget(files[-1][2])

    def _forget(self, upto: int) -> None:
        if self._log is not None and hasattr(self._log, "madvise"):
            self._log.madvise(
                mmap.MADV_DONTNEED, 0, max(mmap.PAGESIZE, upto - upto % mmap.PAGESIZE)
            )


def count_words(data: bytes) -> int:
    """The words of a text as `wc -w` counts them in the C locale: runs without white space."""
    marked = data.translate(_WORDS)
    return marked.count(b" a") + marked.startswith(b"a")


def serve(tokenizer: str) -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    served = _Served(tokenizer)
    for line in sys.stdin.buffer:
        try:
            reply: dict[str, Any] = {"result": served.answer(json.loads(line))}
        except OSError as e:
            reply = {"errno": e.errno, "reason": e.strerror, "file": e.filename}
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
