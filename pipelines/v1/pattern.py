"""Try a heading pattern that came with a manifest where it can be stopped.

A regular expression can take a time that is exponential in the length of a line, and whoever can
commit can write one into the manifest. So a pattern that the user did not give on the command line
first splits the log in a process of its own, with a time limit. The split is deterministic: a
pattern that passes takes no longer when it is used. All patterns of a manifest share the limit.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

from codec.v1.text import Log
from pipelines.errors import Conflict
from pipelines.worker.programs import python_program

#: Seconds that a process may wait for patterns in all, besides those that a fast one takes.
_LIMIT: Final = 3.0
_FAST: Final = 1.0
#: Bytes of a log for which one more second is given.
_BYTES: Final = 1 << 24
_waited: list[float] = []


def check_pattern(log: Log, pattern: str) -> None:
    """Split a log by a pattern in a process that is killed when it takes too long.

    Raises:
        Conflict: the pattern is not a heading pattern, or takes too long for this log.
    """
    given = _FAST + len(log) / _BYTES
    limit = max(_LIMIT - sum(_waited), 0.0) + given
    began = time.monotonic()
    command = python_program("pipelines.v1.pattern", "main", str(len(pattern.encode())))
    try:
        done = subprocess.run(
            command, input=pattern.encode() + log[:], capture_output=True, check=False,
            timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        problem = f"takes longer than {limit:.0f} seconds to match"
    else:
        if not done.returncode:
            return
        problem = "cannot be used"
    finally:
        _waited.append(max(time.monotonic() - began - given, 0.0))
    raise Conflict(
        f"the heading pattern in the manifest {problem}: {pattern[:80]!r}",
        hint="Give a better one: session-codec migrate --heading-pattern PATTERN",
    )


def main() -> None:
    """Split a log on stdin, which follows a pattern of as many bytes as the argument says."""
    from codec.v1.dialects import custom_dialect
    from codec.v1.split import split

    pattern = sys.stdin.buffer.read(int(sys.argv[1])).decode()
    for _ in split(sys.stdin.buffer.read(), custom_dialect(pattern)):
        pass
