"""Rules in v1 logs outside their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from codec.references.sources.collect import LineMap


@dataclass(frozen=True, slots=True)
class LogRules:
    """The text of a workspace's v1 logs outside their sessions, which may state rules.

    Attributes:
        texts: the text of each log outside its sessions, by the name of the log.
        lines: the line numbers of these texts in the log, by the name of the log.
        unread: names of logs that cannot be read here.
        refused: logs whose facts in the manifest have a problem, and the problem, by name.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, LineMap] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
