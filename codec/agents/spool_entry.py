"""One spooled event of an agent's session: facts recorded at that moment, then the hook's input.

    session-codec-spool 2, agent, event, time, head, branch, root, process, size, kept
    <each ended by NUL; then the first bytes of the input and, of a longer input, the last bytes>

`time` is in nanoseconds since 1970, `head` the commit or empty, `root` the workspace's folder,
`process` names the agent's process, `size` counts the bytes that arrived, `kept` those that follow:
an entry that has fewer was cut short. Version 1 has no `process`.

A hook that loads this module must not take longer than the start of an interpreter. So nothing
expensive is imported: no dataclasses, typing, re or json.
"""

from __future__ import annotations

MAGIC = b"session-codec-spool 2"
_OLDER = b"session-codec-spool 1"
#: Bytes that are kept of an input: hooks send less than 4 KiB, except the last message of an agent.
HEAD_LIMIT = 1 << 20
TAIL_LIMIT = 1 << 16
_FIELDS = 10


class Entry:
    """One event.

    Attributes:
        agent: `claude` or `codex`.
        event: `start`, `stop` (the end of a turn) or `end`.
        time: in nanoseconds since 1970.
        head: the commit of HEAD, empty where it is not known.
        branch: the branch of HEAD, empty for a detached one.
        root: path of the workspace, in bytes of the file system.
        process: the agent's process (`pipelines.recording.agent_process`); empty if unknown.
        size: the number of bytes that arrived.
        data: the bytes that are kept.
        cut: True if the entry has fewer bytes than were written.
    """

    __slots__ = (
        "agent",
        "branch",
        "cut",
        "data",
        "event",
        "head",
        "process",
        "root",
        "size",
        "time",
    )

    def __init__(
        self,
        *,
        agent: str,
        event: str,
        time: int,
        head: str,
        branch: str,
        root: bytes,
        size: int,
        data: bytes,
        process: str = "",
        cut: bool = False,
    ) -> None:
        self.agent = agent
        self.event = event
        self.time = time
        self.head = head
        self.branch = branch
        self.root = root
        self.process = process
        self.size = size
        self.data = data
        self.cut = cut


def encode_entry(entry: Entry) -> bytes:
    """Return the bytes of an entry."""
    texts = (entry.agent, entry.event, str(entry.time), entry.head, entry.branch)
    head = [MAGIC, *(text.encode(errors="surrogateescape") for text in texts), entry.root]
    head += (entry.process.encode(), str(entry.size).encode(), str(len(entry.data)).encode())
    return b"\0".join(head) + b"\0" + entry.data


def decode_entry(raw: bytes) -> Entry:
    """Decode an entry.

    Raises:
        FormatError: the bytes are not an entry, or have a later version.
    """
    from codec.errors import FormatError

    fields = raw.split(b"\0", _FIELDS)
    if fields[0] == _OLDER and len(fields) >= _FIELDS:
        fields = [*fields[:7], b"", *raw.split(b"\0", _FIELDS - 1)[7:]]
    elif len(fields) <= _FIELDS or fields[0] != MAGIC:
        raise FormatError("not a spooled event")
    agent, event, time, head, branch = (f.decode(errors="surrogateescape") for f in fields[1:6])
    size, kept = fields[8], fields[9]
    if not (time.isdecimal() and time.isascii() and size.isdigit() and kept.isdigit()):
        raise FormatError("malformed spool entry: expected decimal numbers")
    return Entry(
        agent=agent,
        event=event,
        time=int(time),
        head=head,
        branch=branch,
        root=fields[6],
        process=fields[7].decode(errors="replace"),
        size=int(size),
        data=fields[10],
        cut=len(fields[10]) < int(kept),
    )
