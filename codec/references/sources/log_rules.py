"""Rules that v1 logs hold beside their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from codec.references.sources.collect import LineMap


@dataclass(frozen=True, slots=True)
class LogRules:
    """What the v1 logs of a workspace hold beside their sessions: that is where rules stand.

    Attributes:
        texts: by name of the log, what of it is no session.
        lines: by name, which lines of the log those are.
        unread: names of logs that cannot be read here.
        refused: by name of a log that is not read, the problem with what the manifest says of it.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, LineMap] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
