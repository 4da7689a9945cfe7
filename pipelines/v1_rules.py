"""What a workspace's v1 logs hold beside their sessions: that is where rules stand.

A log that is there is read as `migrate` reads it. One that was retired or is gone is read from the
layout that is stored of it; where none is stored on this machine, its rules are not known here,
which does not mean that there are none.
"""

from __future__ import annotations

import os

from codec.errors import CodecError, FormatError
from codec.facts import V1Version
from codec.stated import LineMap
from codec.v1_layout import literal_bytes
from codec.v1_split import LineNumbers, split
from codec.v1_stub import stubbed_log
from codec.v1_text import Log
from pipelines.errors import PipelineError
from pipelines.repository import LogRules
from pipelines.v1_entries import dialects_of
from pipelines.v1_reading import RULES_LIMIT
from pipelines.v1_source import open_source
from pipelines.v1_store import has_layout, read_layout
from pipelines.workspace import V1_LOG, Manifest, Workspace

_STUB_HEAD = 200


def read_rules(workspace: Workspace, manifest: Manifest) -> LogRules:
    """The rules of the logs that were migrated; of the v1 log where none was."""
    rules = LogRules()
    for name in manifest.sources() or [V1_LOG]:
        version = manifest.retired_version(name) or manifest.newest(name)
        path = workspace.path(*name.split("/"))
        try:
            if workspace.holds(name) and os.path.isfile(path):
                log: Log = open_source(workspace, path).data
                if version is None or stubbed_log(log[:_STUB_HEAD]) is None:
                    rules.texts[name], rules.lines[name] = _sections(log, version)
                    continue
            if version is not None and has_layout(workspace, version.sha256):
                stored = b"".join(literal_bytes(*read_layout(workspace, version)))
                rules.texts[name], rules.lines[name] = _sections(stored, version)[0], ()
            elif version is not None:
                rules.unread.append(name)
        except (CodecError, PipelineError):
            rules.unread.append(name)  # `migrate` and `verify` tell what is wrong with it
    return rules


def _sections(log: Log, version: V1Version | None) -> tuple[bytes, LineMap]:
    """The parts of a log that are no session, up to a limit, and the lines where they begin."""
    try:
        marking = dialects_of(
            log,
            dialect=version.dialect if version else "",
            pattern=version.pattern if version else "",
        )
    except FormatError:
        return bytes(log[:RULES_LIMIT]), ((1, 1),)  # cut short to what is no session
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
