"""A process beside the verb, for what needs no more than bytes: counting tokens, staging diffs.

This is the verb's side; `worker_process` is the other. A request is one JSON line on the worker's
stdin, its answer one line on its stdout.
"""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, cast

from pipelines.errors import Conflict, Unavailable
from pipelines.worker.programs import python_program

if TYPE_CHECKING:
    from codec.manifest.facts import Fact, ReferencesBuilt
    from codec.references.sources.log_rules import LogRules
    from pipelines.v1.source import Source
    from pipelines.workspace.location import Manifest, Workspace

#: Start and end of a run of bytes in a log.
Range = tuple[int, int]


class Counted(NamedTuple):
    """What was counted in a run of bytes."""

    tokens: int
    words: int


class Worker:
    """The verb's side. Requests are answered in order, as futures."""

    def __init__(self, tokenizer: str) -> None:
        self._process = subprocess.Popen(
            python_program("pipelines.worker.process", "main", tokenizer),
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
        self._process.kill()  # it has answered all that it was asked, or is not to go on
        with suppress(BrokenPipeError):  # of a worker that ended by itself: the error names it
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
        """Count runs of the open log."""
        return self._thread.submit(lambda: [Counted(*c) for c in self._ask({"count": ranges})])

    def count_text(self, text: str) -> int:
        """Tokens of a text."""
        return int(self._thread.submit(self._ask, {"text": text}).result())

    def references(
        self,
        workspace: Workspace,
        logs: Mapping[str, bytes],
        builds: Iterable[ReferencesBuilt],
        budget: int,
    ) -> Future[tuple[bytes, str]]:
        """The references that a workspace states, and the line of the fact that they were built.

        Args:
            workspace: whose references.
            logs: the rules in its v1 logs, by name.
            builds: the last builds.
            budget: tokens that they may cost.
        """
        from codec.manifest.jsonl import encode_fact  # not before the worker has started

        request = {
            "references": workspace.root,
            "budget": budget,
            "repository": workspace.repository,
            "logs": {name: b64encode(data).decode() for name, data in logs.items()},
            "builds": [encode_fact(build) for build in builds],
        }

        def ask() -> tuple[bytes, str]:
            file, fact = self._ask(request)
            return b64decode(file), fact

        return self._thread.submit(ask)

    def rules(self, workspace: Workspace, manifest: Manifest) -> Future[LogRules]:
        """What the v1 logs of a workspace hold beside their sessions."""
        from codec.manifest.jsonl import encode_fact
        from codec.references.sources.log_rules import LogRules

        known: list[Fact] = [*manifest.versions, *manifest.retired]
        facts = [encode_fact(fact) for fact in known]
        request = {"rules": workspace._asdict(), "facts": facts}

        def ask() -> LogRules:
            texts, lines, unread, refused = self._ask(request)
            decoded = {name: b64decode(text) for name, text in texts.items()}
            return LogRules(decoded, lines, unread, refused)

        return self._thread.submit(ask)

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
