"""The decoders that are most exposed to other people's bytes, each as a function of bytes.

A target returns if the bytes were decoded or refused by an error of ours. It raises for everything
else: another exception, or a promise that does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from codec.agents.file_states import States
from codec.agents.hook_input import decode_input
from codec.agents.spool_entry import Entry, decode_entry, encode_entry
from codec.agents.transcript_events import facts_between, transcript_of
from codec.agents.transcripts import entries_of, events_of
from codec.archive.container import INDEX_MAGIC, ArchiveReader, encode_archive
from codec.archive.frames import FrameSizes, encode_frame, encode_seek_table, encode_skippable
from codec.archive.recovery import check, rebuild_tail
from codec.archive.snapshot import decode_snapshot, encode_snapshot
from codec.archive.tar import Member, encode_header
from codec.errors import CodecError
from codec.kinds import Key, Sha256, sha256_of
from codec.manifest.jsonl import decode_facts, encode_fact
from codec.merge.repair import repair_manifest
from codec.records import PatchRef
from codec.v1.layout import decode_layout, encode_layout, rebuild


def manifest(data: bytes) -> None:
    """Facts are encoded to a line that gives the same fact; a repair keeps them."""
    lines = list(enumerate(data.decode(errors="replace").split("\n"), 1))
    facts, _ = decode_facts(lines)
    for fact in facts:
        with suppress(CodecError):  # a fact that this version reads and would not write
            again, errors = decode_facts([(1, encode_fact(fact))])
            assert (again, errors) == ([fact], [])
    repair_manifest(data)


def spool(data: bytes) -> None:
    """Decode a spool entry and the input of a hook."""
    entry = decode_entry(data)
    assert decode_entry(encode_entry(entry)).data == entry.data
    decode_input(entry.data)


def transcript(data: bytes) -> None:
    """Read the transcript of an agent, which may hold anything."""
    for agent in ("claude", "codex"):
        entries = entries_of(data.split(b"\n"))
        found = transcript_of(events_of(agent, entries, "s"), States().take)
        told = facts_between(found, (found,), 0, 1 << 62)
        assert len(told.prompt) <= 200


def snapshot(data: bytes) -> None:
    """Decode the document of a snapshot."""
    found = decode_snapshot(data)
    assert decode_snapshot(encode_snapshot(found)) == found


def archive(data: bytes) -> None:
    """Read an archive as given, or by its first byte an index or a tar inside valid frames."""
    kind, rest = data[:1], data[1:]
    if kind == b"i":
        tar = encode_header(Key("2025-01-01"), 3) + b"abc".ljust(512, b"\0") + bytes(1024)
        frame = encode_frame(tar, "fast")
        index = encode_skippable(INDEX_MAGIC, encode_frame(rest, "fast"))
        sizes = [FrameSizes(len(frame), len(tar)), FrameSizes(len(index), 0)]
        rest = frame + index + encode_seek_table(sizes)
    elif kind == b"t":
        rest = encode_frame(rest, "fast")

    def read(offset: int, size: int) -> bytes:
        return rest[offset : offset + size]

    with suppress(CodecError):
        reader = ArchiveReader(read, len(rest))
        for entry in list(reader.index.entries())[:5]:
            with suppress(CodecError):
                reader.read(entry.key, PatchRef(Sha256("0" * 64), entry.size))
    with suppress(CodecError):
        list(check(read, len(rest)))
    rebuild_tail(read, len(rest))


def layout(data: bytes) -> None:
    """Decode a layout; two bytes 0xff separate it from its literal bytes."""
    head, _, literal = data.partition(b"\xff\xff")
    found = decode_layout(head)
    b"".join(rebuild(found, encode_frame(literal, "fast"), lambda p: b"x" * min(p.patch.size, 99)))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "manifest": manifest, "spool": spool, "transcript": transcript,
    "snapshot": snapshot, "archive": archive, "layout": layout,
}  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Right bytes, from which others are made."""
    key, sha = "2025-01-05T10:00:00Z", "ab" * 32
    match target:
        case "manifest":
            session = {
                "fact": "session", "key": key, "time": key, "agent": "a", "task": "t",
                "status": "PASS", "id": "i", "patch": {"sha256": sha, "bytes": 3},
            }  # fmt: skip
            facts = [
                session,
                {"fact": "purged", "key": key, "sha256": sha, "time": key},
                {"fact": "v1", "source": "LOG.md", "sha256": sha, "bytes": 1, "words": 1,
                 "tokens": {"o200k_base": 1}, "seen": "2025-01-05T10:00:00.000000Z"},
                {"fact": "archive", "name": "2025-01-0123456789ab.tar.zst", "sha256": sha,
                 "bytes": 9, "keys": [key], "zstd": "1.5.7"},
                {"fact": "references", "after": [], "values": {"a": "b"}},
            ]  # fmt: skip
            return ["".join(json.dumps(f) + "\n" for f in facts).encode()]
        case "spool":
            said = {"session_id": "s", "transcript_path": "/t", "model": "m"}
            entry = Entry(agent="claude", event="end", time=1, head="ab" * 20, branch="main",
                          root=b"/r", size=9, data=json.dumps(said).encode())  # fmt: skip
            return [encode_entry(entry)]
        case "transcript":
            usage = {"input_tokens": 1, "output_tokens": 2}
            lines = [
                {"type": "user", "sessionId": "s", "message": {"content": "Do it"}},
                {"type": "assistant", "message": {"id": "m", "model": "x", "usage": usage}},
                {"type": "session_meta", "timestamp": key, "payload": {"id": "s"}},
                {"type": "event_msg", "payload": {"type": "token_count",
                 "info": {"total_token_usage": usage}}},
            ]  # fmt: skip
            return [b"\n".join(json.dumps(line).encode() for line in lines)]
        case "snapshot":
            pack = {"name": f"loose/{sha[:16]}.tar.zst", "sha256": sha, "bytes": 9,
                    "diffs": {key: [sha, 3]}}  # fmt: skip
            document = {
                "format": "session-codec-snapshot",
                "version": 1,
                "files": {"SESSION_DELTAS.log": [sha, 3]},
                "layouts": [],
                "packs": [pack],
            }
            return [json.dumps(document).encode()]
        case "archive":
            member = Member(Key("2025-01-01"), 3, b"a.py")
            whole = b"".join(encode_archive([member], lambda _: [b"abc"], profile="fast"))
            tar = encode_header(Key("2025-01-01"), 3) + b"abc".ljust(512, b"\0") + bytes(1024)
            index = b'{"format":"session-codec-archive","version":1,"members":1,"bytes":2048}\n'
            return [b"a" + whole, b"i" + index + b"2025-01-01 0 3\n", b"t" + tar]
        case "layout":
            text = b"# Log\n"
            made = encode_layout([text])(sha256_of(text), len(text))
            return [made.layout + b"\xff\xff" + text]
    raise KeyError(target)
