"""Return the text of a workspace's v1 logs outside of sessions, which may contain rules.

A log that exists is read as `migrate` reads it. One that was retired or deleted is read from its
stored layout; if that is not stored on this machine, its rules are unknown here, which does not
mean that it has no rules.

Reading a large log takes longer than hashing it, so its rules are cached by its hash.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

from codec.errors import CodecError, FormatError
from codec.manifest.facts import Fact, V1Version
from codec.references.sources.collect import LineMap
from codec.references.sources.log_rules import LogRules
from codec.v1.layout import literal_bytes
from codec.v1.split import split
from codec.v1.stub import stubbed_log
from codec.v1.text import LineNumbers, Log
from pipelines.outcomes.errors import Conflict, PipelineError
from pipelines.v1.entries import dialects_of
from pipelines.v1.layouts import has_layout, read_layout
from pipelines.v1.reader import RULES_LIMIT
from pipelines.v1.source import Source, open_source
from pipelines.workspace.cache import CACHE, read_json_cache, write_json_cache
from pipelines.workspace.location import V1_LOG, Workspace
from pipelines.workspace.manifest_view import Manifest, manifest_of

_STUB_HEAD = 200
#: The size below which the rules of a log are not cached.
_KEPT_FROM = 1 << 20


def read_rules(workspace: Workspace, manifest: Manifest) -> LogRules:
    """Return the rules of the migrated logs; before any migration, those of the v1 log."""
    rules = LogRules()
    current = manifest.current_versions()
    for name in current or [V1_LOG]:
        version = current.get(name)
        path = workspace.path(*name.split("/"))
        try:
            if workspace.holds(name) and os.path.isfile(path):
                source = open_source(workspace, path)
                if version is None or stubbed_log(source.data[:_STUB_HEAD]) is None:
                    rules.texts[name], rules.lines[name] = _of_source(workspace, source, version)
                    continue
            if version is not None and has_layout(workspace, version.sha256):
                stored = b"".join(literal_bytes(*read_layout(workspace, version)))
                rules.texts[name], rules.lines[name] = _sections(stored, version)[0], ()
            elif version is not None:
                rules.unread.append(name)
        except Conflict as e:
            rules.refused[name] = str(e)
        except (CodecError, PipelineError):
            rules.unread.append(name)  # `migrate` and `verify` report its problems
    return rules


def rules_by_facts(workspace: Workspace, facts: Iterable[Fact]) -> LogRules:
    """Return the rules of the logs that facts of the manifest name; see `read_rules`.

    The worker gets these facts instead of a whole manifest.
    """
    return read_rules(workspace, manifest_of(list(facts)))


def _of_source(
    workspace: Workspace, source: Source, version: V1Version | None
) -> tuple[bytes, LineMap]:
    """Return the rules of an existing log, and their line numbers."""
    if len(source.data) < _KEPT_FROM:
        return _sections(source.data, version)
    sha256 = hashlib.sha256(source.data).hexdigest()
    marking = (version.dialect, version.pattern) if version else ("", "")
    of = [source.name, sha256, *marking, os.stat(__file__).st_mtime_ns]
    path = workspace.path(CACHE, "rules.json")
    kept = read_json_cache(path, lambda document: _decode(document, of))
    if kept is None:
        text, lines = kept = _sections(source.data, version)
        write_json_cache(path, [of, b64encode(text).decode(), list(lines)])
    return kept


def _decode(document: Any, of: list[object]) -> tuple[bytes, LineMap] | None:
    kept_of, text, lines = document
    return (b64decode(text), [(part, line) for part, line in lines]) if kept_of == of else None


def _sections(log: Log, version: V1Version | None) -> tuple[bytes, LineMap]:
    """Return a log's parts outside of sessions, up to a limit, and their line numbers."""
    try:
        marking = dialects_of(
            log,
            version.source if version else V1_LOG,
            dialect=version.dialect if version else "",
            pattern=version.pattern if version else "",
        )
    except FormatError:
        return bytes(log[:RULES_LIMIT]), ((1, 1),)  # it became shorter, and has no session left
    text = bytearray()
    lines: list[tuple[int, int]] = []
    numbers = LineNumbers(log)
    for span in split(log, marking):
        if span.heading is None and len(text) < RULES_LIMIT:
            kept = log[span.start : min(span.end, span.start + RULES_LIMIT)]
            if kept.strip():
                lines.append((text.count(b"\n") + 1, numbers.at(span.start)))
                text += kept
    return bytes(text), lines
