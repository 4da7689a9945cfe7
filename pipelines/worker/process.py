"""The process beside a verb: answers one JSON line with one JSON line, until its stdin ends.

1. It never outlives a verb that was killed: its stdin ends with the verb.
2. It imports little, and loads its tokenizer while the verb is still starting: that takes half a
   second, in which nothing can be counted.
"""

from __future__ import annotations

import errno
import gc
import json
import mmap
import os
import signal
import sys
from base64 import b64decode, b64encode
from typing import Any

from codec.tokens.tokenizers import Counter, count_words, counter
from codec.v1.text import decode_text
from pipelines.fs.files import identity, release, write_new


class Served:
    """What a worker knows: a tokenizer and the log that is open."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._log: mmap.mmap | None = None

    def answer(self, request: dict[str, Any]) -> Any:
        match request:
            case {"open": path}:
                return self._open(path)
            case {"count": ranges}:
                return self._count(ranges)
            case {"text": text}:
                return self._counter.count([text])[0]
            case {"references": root, "budget": budget, **more}:
                return self._references(root, budget, **more)
            case {"rules": workspace, "facts": facts}:
                return self._rules(workspace, facts)
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

    def _count(self, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        assert self._log is not None
        runs = [self._log[start:end] for start, end in ranges]
        tokens = self._counter.count([decode_text(run) for run in runs])
        self._forget(ranges[-1][1])
        return list(zip(tokens, map(count_words, runs), strict=True))

    def _references(
        self,
        root: str,
        budget: int,
        repository: str | None,
        logs: dict[str, str],
        builds: list[str],
    ) -> tuple[str, str]:
        from codec.manifest.facts import ReferencesBuilt
        from codec.manifest.jsonl import decode_fact, encode_fact
        from pipelines.references.sources import first_build, read_stated

        facts = [f for line in builds if isinstance(f := decode_fact(line), ReferencesBuilt)]
        file, built = first_build(
            read_stated(root, repository, {name: b64decode(data) for name, data in logs.items()}),
            facts,
            lambda text: self._counter.count([text])[0],
            budget,
        )
        return b64encode(file).decode(), encode_fact(built)

    def _rules(self, workspace: dict[str, Any], facts: list[str]) -> Any:
        from codec.manifest.jsonl import decode_fact
        from pipelines.v1.rules import read_rules
        from pipelines.workspace.location import Workspace, manifest_of

        rules = read_rules(Workspace(**workspace), manifest_of([decode_fact(f) for f in facts]))
        texts = {name: b64encode(text).decode() for name, text in rules.texts.items()}
        return texts, rules.lines, rules.unread, rules.refused

    def _stage(self, folder: str, files: list[tuple[str, int, int]]) -> None:
        assert self._log is not None
        for name, start, end in files:
            path = os.path.join(folder, name)
            if not write_new(path, self._log[start:end]):
                raise OSError(errno.EIO, "does not read back as it was written", path)
        self._forget(files[-1][2])

    def _forget(self, upto: int) -> None:
        if self._log is not None:
            release(self._log, 0, max(mmap.PAGESIZE, upto - upto % mmap.PAGESIZE))


def serve(tokenizer: str) -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # what it makes has no cycles
    counts = counter(tokenizer)
    counts.count([""])  # this loads the vocabulary, while the verb is still starting
    served = Served(counts)
    for line in sys.stdin.buffer:
        try:
            reply: dict[str, Any] = {"result": served.answer(json.loads(line))}
        except OSError as e:
            reply = {"errno": e.errno, "reason": e.strerror, "file": e.filename}
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


def main() -> None:
    """Serve with the tokenizer that the arguments name."""
    serve(sys.argv[1])
