"""The stub that replaces a retired v1 log.

An agent that still reads the old file learns where its history is now. A session that is appended
to the stub is not lost: `migrate` reads the stub like any log. The text of the stub has no date.
"""

from __future__ import annotations

from typing import Final

from codec.kinds import Sha256

_MARK: Final = b"<!-- session-codec: retired v1 log "
_STUB: Final = """\
<!-- session-codec: retired v1 log {sha256} -->
# Agent progress log

This log was migrated. Do not read it at start, and do not add to it.

- What an agent reads at start: `session-codec context`
- Sessions, one line each: `SESSION_DELTAS.log`; reference entries: `AGENT_PROGRESS_LOG_v2.md`
- The full diff of a session: `.diffs/KEY.diff`
- The old log, byte for byte: `session-codec restore-v1`
- A session that was added below by mistake: `session-codec migrate` picks it up
"""


def encode_stub(sha256: Sha256) -> bytes:
    """Return the stub for a log with this SHA-256."""
    return _STUB.format(sha256=sha256).encode()


def stubbed_log(data: bytes) -> Sha256 | None:
    """Return the SHA-256 of the log that a stub replaces; None if the file is not a stub."""
    if not data.startswith(_MARK):
        return None
    sha256 = data[len(_MARK) :].partition(b" ")[0].decode(errors="replace")
    is_hash = len(sha256) == 64 and not sha256.strip("0123456789abcdef")
    return Sha256(sha256) if is_hash else None


def is_bare_stub(data: bytes) -> bool:
    """Return True if a file is an unchanged stub, with any line ends."""
    sha256 = stubbed_log(data)
    return (
        sha256 is not None and data.replace(b"\r\n", b"\n").rstrip() == encode_stub(sha256).rstrip()
    )
