"""Rules that v1 logs hold beside their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from codec.references.sources.collect import LineMap


@dataclass(frozen=True, slots=True)
class LogRules:
    """The text of a workspace's v1 logs outside their sessions, which is where rules are.

    Attributes:
        texts: by name of the log, its text outside of sessions.
        lines: by name, which lines of the log those are.
        unread: names of logs that cannot be read here.
        refused: by name of a log that is not read, the problem with its facts in the manifest.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, LineMap] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
