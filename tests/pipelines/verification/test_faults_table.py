"""One fault of each kind: verify names it, doctor repairs what it announced, verify is clean.

The workspace has three sessions, committed. A fault that doctor cannot repair names what can.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from codec.kinds import Key
from codec.manifest.jsonl import encode_fact
from codec.records import Session
from pipelines.recording.session import Recording, new_session, record_session
from pipelines.workspace import pending
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES
from pipelines.workspace.merge_driver_setup import configure_merge
from tests.pipelines.conftest import Bench, Cli, day, git
from tests.pipelines.verbs.test_doctor import stopped

Seed = Callable[[Bench, Cli], object]
#: Code, file, line.
Found = tuple[str, str | None, int | None]
DIFF = f".diffs/{day(2)}.diff"
CLASH = Session(key=Key(day(2)), time=day(2), agent="other", task="t", status="PASS")


class Fault(NamedTuple):
    """A fault, what is reported of it, and what repairs it.

    Attributes:
        seed: does it.
        found: what verify reports, in its order.
        code: the exit code of verify.
        repairs: codes of what doctor puts right; the same as verify's where this is None.
        left: codes that verify reports afterwards.
        then: a command that repairs what doctor leaves; empty where nothing is left.
    """

    seed: Seed
    found: list[Found]
    code: int = 3
    repairs: list[str] | None = None
    left: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


def edit(name: str, change: Callable[[bytes], bytes]) -> Seed:
    """Change a file; assert that it changed."""

    def seed(bench: Bench, _cli: Cli) -> None:
        path = bench.root / name
        before = path.read_bytes() if path.exists() else b""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(change(before))
        assert path.read_bytes() != before

    return seed


def gone(name: str) -> Seed:
    return lambda bench, _cli: (bench.root / name).unlink()


def swap(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old.encode(), new.encode(), 1)


def after(text: str) -> Callable[[bytes], bytes]:
    return lambda data: data + text.encode()


def before(data: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: data + whole


def without(*numbers: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(line for n, line in enumerate(lines, 1) if n not in numbers)

    return change


def repeat(number: int) -> Callable[[bytes], bytes]:
    return lambda data: data + data.splitlines(keepends=True)[number - 1]


def cut(size: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:-size]


def zeros(size: int) -> Callable[[bytes], bytes]:
    """Replace the end of a file with zeros, as a file system does for unwritten blocks."""
    return lambda data: data[:-size] + b"\0" * size


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def conflict(data: bytes) -> bytes:
    first, *rest = data.splitlines(keepends=True)
    return b"".join([first, b"<<<<<<< HEAD\n", *rest, b"=======\n", b">>>>>>> topic\n"])


def reverse(data: bytes) -> bytes:
    return b"".join(reversed(data.splitlines(keepends=True)))


def ran_together(data: bytes) -> bytes:
    first, rest = data.split(b"\n", 1)
    return first + rest


def recorded(bench: Bench, cli: Cli) -> str:
    """Record a session of a commit whose diff git can recompute; return its key."""
    (bench.root / "a.py").write_text("one\n")
    git(bench.root, "add", "a.py")
    git(bench.root, "commit", "-qm", "work")
    arguments = ("--agent", "a", "--task", "t", "--status", "PASS", "--git", "HEAD")
    assert cli("record", bench.root, *arguments).code == 0
    return max(bench.manifest.sessions)


def wrong_diff_that_git_has(bench: Bench, cli: Cli) -> None:
    key = recorded(bench, cli)
    (bench.root / ".diffs" / f"{key}.diff").write_bytes(b"wrong")


def missing_diff_that_git_has(bench: Bench, cli: Cli) -> None:
    (bench.root / ".diffs" / f"{recorded(bench, cli)}.diff").unlink()


def misnamed_diff(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    key = f"{day(2)}.abcdef"
    path.write_text(path.read_text().replace(f'"key":"{day(2)}"', f'"key":"{key}"'))
    for name in (DELTAS, METRICS, PROGRESS):
        file = bench.root / name
        file.write_text(file.read_text().replace(day(2), key))


def packed(bench: Bench, cli: Cli) -> Path:
    assert cli("archive", bench.root).code == 0
    (path,) = (bench.root / ".diffs" / "archive").iterdir()
    return path


def lost_index(bench: Bench, cli: Cli) -> None:
    path = packed(bench, cli)
    data = path.read_bytes()
    path.write_bytes(data[:-40] + bytes(40))


def archive_partly_there(bench: Bench, cli: Cli) -> None:
    path = packed(bench, cli)
    path.write_bytes(path.read_bytes()[:60])


def archive_gone(bench: Bench, cli: Cli) -> None:
    packed(bench, cli).unlink()


def layout_of(bench: Bench) -> Path:
    return next((bench.root / ".diffs" / "v1").rglob("layout.jsonl"))


def layout_wrong(bench: Bench, _cli: Cli) -> None:
    path = layout_of(bench)
    path.write_bytes(path.read_bytes()[1:])


def layout_gone(bench: Bench, _cli: Cli) -> None:
    shutil.rmtree(layout_of(bench).parent)


def agents_not_told(bench: Bench, cli: Cli) -> None:
    assert cli("install", bench.root).code == 0
    assert told(cli, bench) == (0, [])
    bench.commit()
    (bench.root / "AGENTS.md").write_text("# Rules\n")


def pending_session(bench: Bench, _cli: Cli) -> None:
    made = new_session(bench.workspace, Recording(agent="a", task="waits", id="s-1"))
    pending.put(bench.workspace, [made.session])


def stale_lock(bench: Bench, _cli: Cli) -> None:
    (bench.root / ".session-codec" / "lock").write_text("4711\n")


def broken_caches(bench: Bench, cli: Cli) -> None:
    cli("verify", bench.root)
    cli("context", bench.root)
    folder = bench.root / ".session-codec" / "cache"
    folder.mkdir(exist_ok=True)
    for name in [*os.listdir(folder), "another"]:
        (folder / name).write_bytes(b"\0 no cache")


def rows(code: str, name: str) -> list[Found]:
    return [(code, name, None)] * 3


def changed(
    name: str,
    change: Callable[[bytes], bytes],
    *found: Found,
    code: int = 3,
    repairs: list[str] | None = None,
    left: tuple[str, ...] = (),
) -> Fault:
    return Fault(edit(name, change), list(found), code, repairs, left)


HALF = f"{day(3)} | sonnet"
OTHER = f"{day(2)} | sonnet-4.5 | another | FAIL | -\n"
UNKNOWN = "2020-01-01 | a | b | PASS | -\n"
MODERN = '{"fact":"hologram","n":1}\n'

FAULTS: dict[str, Fault] = {
    # a power cut
    "deltas-torn": changed(
        DELTAS, cut(40), ("row-differs", DELTAS, 3), ("torn-line", DELTAS, 3)
    ),
    "deltas-piece-of-a-further-line": changed(
        DELTAS, after(HALF), ("second-row", DELTAS, 4), ("torn-line", DELTAS, 4)
    ),
    "metrics-torn": changed(
        METRICS, cut(20), ("row-differs", METRICS, 4), ("torn-line", METRICS, 4)
    ),
    "progress-torn": changed(
        PROGRESS, cut(30), ("row-differs", PROGRESS, 13), ("torn-line", PROGRESS, 16)
    ),
    "manifest-torn": changed(
        MANIFEST, cut(20), ("lost-fact", MANIFEST, None), ("fragment", MANIFEST, 5)
    ),
    "deltas-no-last-line-end": changed(DELTAS, cut(1), ("torn-line", DELTAS, 3), code=0),
    "metrics-no-last-line-end": changed(METRICS, cut(1), ("torn-line", METRICS, 4), code=0),
    "manifest-no-last-line-end": changed(MANIFEST, cut(1), ("torn-line", MANIFEST, 5), code=0),
    "deltas-zeros": changed(
        DELTAS, zeros(30), ("row-differs", DELTAS, 3), ("torn-line", DELTAS, 3)
    ),
    "metrics-zeros": changed(
        METRICS, zeros(30), ("row-differs", METRICS, 4), ("torn-line", METRICS, 4)
    ),
    "manifest-zeros": changed(
        MANIFEST, zeros(25), ("lost-fact", MANIFEST, None), ("fragment", MANIFEST, 5)
    ),
    "leftover": Fault(
        edit(f".{DELTAS}.4711.tmp", after("half")),
        [("leftover", f".{DELTAS}.4711.tmp", None)], code=0,
    ),
    "archive-half-written": Fault(
        edit(".diffs/archive/.new-2025-11-00", after("half")),
        [("leftover", ".diffs/archive/.new-2025-11-00", None)], code=0,
    ),
    "unfinished": Fault(
        lambda bench, _cli: stopped(bench), [("unfinished", ".session-codec/journal", None)],
        code=0, repairs=["missing-row"] * 3,
    ),
    # files that are gone
    "deltas-empty": changed(DELTAS, lambda _: b"", *rows("missing-row", DELTAS)),
    "deltas-gone": Fault(gone(DELTAS), rows("missing-row", DELTAS)),
    "metrics-gone": Fault(
        gone(METRICS), [("missing-header", METRICS, None), *rows("missing-row", METRICS)]
    ),
    "progress-gone": Fault(
        gone(PROGRESS), [("missing-header", PROGRESS, None), *rows("missing-row", PROGRESS)]
    ),
    "manifest-empty": changed(MANIFEST, lambda _: b"", *[("lost-fact", MANIFEST, None)] * 5),
    "references-gone": Fault(
        gone(REFERENCES), [("stale", REFERENCES, None)], repairs=[], left=("stale",),
        then=("references",),
    ),
    # lines
    "deltas-row-gone": changed(DELTAS, without(2), ("missing-row", DELTAS, None)),
    "metrics-row-gone": changed(METRICS, without(3), ("missing-row", METRICS, None)),
    "progress-entry-gone": changed(
        PROGRESS, without(8, 9, 10, 11, 12), ("missing-row", PROGRESS, None)
    ),
    "fact-gone": changed(MANIFEST, without(2), ("lost-fact", MANIFEST, None)),
    "row-repeated": changed(DELTAS, repeat(1), ("repeated-line", DELTAS, 4), code=0),
    "second-row": changed(DELTAS, after(OTHER), ("second-row", DELTAS, 4)),
    "value-edited-deltas": changed(DELTAS, swap("C:1", "C:9"), ("row-differs", DELTAS, 1)),
    "value-edited-metrics": changed(METRICS, swap("PASS", "FAIL"), ("row-differs", METRICS, 2)),
    "value-edited-progress": changed(
        PROGRESS, swap("Status: PASS", "Status: FAIL"), ("row-differs", PROGRESS, 3)
    ),
    "order-changed": changed(DELTAS, reverse, code=0, repairs=["out-of-order"]),
    "by-hand-deltas": changed(DELTAS, after("by hand\n"), ("broken-line", DELTAS, 4)),
    "by-hand-metrics": changed(METRICS, after("by hand\n"), ("broken-line", METRICS, 5)),
    "by-hand-progress": changed(
        PROGRESS, after("### By hand\nmine\n"), ("broken-line", PROGRESS, 18)
    ),
    "by-hand-manifest": changed(MANIFEST, before(b"mine\n"), ("broken-fact", MANIFEST, 1)),
    "fact-broken": changed(MANIFEST, swap('"agent":', '"agent'), ("edited-fact", MANIFEST, 1)),
    "unknown-row": changed(
        DELTAS, after(UNKNOWN), ("unknown-row", DELTAS, 4), code=0, repairs=[],
        left=("unknown-row",),
    ),
    "later-version": changed(
        MANIFEST, after(MODERN), ("unknown-fact", MANIFEST, 6), code=0, repairs=[],
        left=("unknown-fact",),
    ),
    "lines-ran-together": changed(DELTAS, ran_together, ("run-together", DELTAS, 1)),
    "header-gone": changed(METRICS, without(1), ("missing-header", METRICS, None)),
    # editors and merges
    "deltas-crlf": changed(DELTAS, crlf, ("line-ends", DELTAS, 1)),
    "metrics-crlf": changed(METRICS, crlf, ("line-ends", METRICS, 1)),
    "progress-crlf": changed(PROGRESS, crlf, ("line-ends", PROGRESS, 1)),
    "manifest-crlf": changed(MANIFEST, crlf, ("line-ends", MANIFEST, 1)),
    "metrics-bom": changed(
        METRICS, before(b"\xef\xbb\xbf"), ("byte-order-mark", METRICS, 1), code=0
    ),
    "deltas-bom": changed(
        DELTAS, before(b"\xef\xbb\xbf"), ("byte-order-mark", DELTAS, 1), code=0
    ),
    "progress-bom": changed(
        PROGRESS, before(b"\xef\xbb\xbf"), ("byte-order-mark", PROGRESS, 1), code=0
    ),
    "manifest-bom": changed(
        MANIFEST, before(b"\xef\xbb\xbf"), ("byte-order-mark", MANIFEST, 1), code=0
    ),
    "conflict-deltas": changed(
        DELTAS, conflict, ("conflict-mark", DELTAS, 2), ("conflict-mark", DELTAS, 5),
        ("conflict-mark", DELTAS, 6),
    ),
    "conflict-metrics": changed(
        METRICS, conflict, *[("conflict-mark", METRICS, n) for n in (2, 6, 7)]
    ),
    "conflict-progress": changed(
        PROGRESS, conflict, *[("conflict-mark", PROGRESS, n) for n in (2, 19, 20)]
    ),
    "conflict-manifest": changed(
        MANIFEST, conflict, ("conflict-mark", MANIFEST, 2), ("conflict-mark", MANIFEST, 7),
        ("conflict-mark", MANIFEST, 8),
    ),
    "keys-clash": changed(
        MANIFEST, after(f"{encode_fact(CLASH)}\n"), ("key-clash", MANIFEST, 6),
        *[("missing-row", name, None) for name in (METRICS, PROGRESS, DELTAS)],
    ),
    # what is stored
    "diff-wrong": Fault(
        edit(DIFF, after("x")), [("damaged", DIFF, None)], code=12, repairs=[], left=("damaged",)
    ),
    "diff-empty": Fault(
        edit(DIFF, lambda _: b""), [("damaged", DIFF, None)], code=12, repairs=[],
        left=("damaged",),
    ),
    "diff-gone": Fault(gone(DIFF), [], code=0),
    "diff-gone-that-git-has": Fault(missing_diff_that_git_has, [], code=0),
    "diff-wrong-that-git-has": Fault(
        wrong_diff_that_git_has, [("damaged", ".diffs/*.diff", None)], code=12,
        repairs=["mendable"],
    ),
    "diff-misnamed": Fault(misnamed_diff, [("misnamed-diff", DIFF, None)], code=0),
    "archive-without-index": Fault(
        lost_index, [("damaged", ".diffs/archive/*", None)] * 3, code=12, repairs=["mendable"]
    ),
    "archive-partly-there": Fault(
        archive_partly_there, [("damaged", ".diffs/archive/*", None)] * 3, code=12, repairs=[],
        left=("damaged",) * 3,
    ),
    "archive-gone": Fault(archive_gone, [], code=0),
    "layout-wrong": Fault(
        layout_wrong, [("damaged", ".diffs/v1/*", None)], code=12, repairs=[], left=("damaged",)
    ),
    "layout-gone": Fault(layout_gone, [], code=0),
    # the rest
    "stale-lock": Fault(stale_lock, [], code=0),
    "caches-broken": Fault(broken_caches, [], code=0),
    "git-is-not-told": Fault(
        edit(".gitattributes", lambda _: b"mine\n"), [("git-lines", ".gitattributes", None)],
        code=0,
    ),
    "agents-told-by-half": Fault(
        edit("AGENTS.md", after("# Rules\n\n<!-- session-codec: begin -->\n")),
        [("agent-block", "AGENTS.md", 3)], repairs=[], left=("agent-block",),
    ),
    "agents-not-told-any-more": Fault(
        agents_not_told, [("agent-block", "AGENTS.md", None)], code=0, repairs=[],
        left=("agent-block",), then=("install",),
    ),
    "references-stale": Fault(
        edit("package.json", after('{"engines": {"node": "22"}}')), [("stale", REFERENCES, None)],
        repairs=[], left=("stale",), then=("references",),
    ),
    "references-broken": Fault(
        edit(REFERENCES, after("stack: {a: [}\n")), [("broken-references", REFERENCES, 2)],
        repairs=[], left=("broken-references",),
    ),
    "ignore-file-gone": Fault(
        gone(".gitignore"), [("git-lines", ".gitignore", None)], code=0
    ),
    "spool-waits": Fault(
        edit(".session-codec/spool/00000000000000000001-1.end", after("{}")),
        [("spool-waits", None, None)], code=0, repairs=[], left=("spool-waits",),
    ),
    "spool-broken": Fault(
        edit(".session-codec/spool/broken/e", after("?")),
        [("spool-broken", ".session-codec/spool/broken/e", None)], repairs=[],
        left=("spool-broken",),
    ),
    "pending": Fault(
        pending_session, [("pending", None, None)], code=0, repairs=[],
    ),
    "pending-broken": Fault(
        edit(".session-codec/pending/facts.jsonl", after("?\n")),
        [("pending-broken", ".session-codec/pending/facts.jsonl", 1)], repairs=[],
        left=("pending-broken",),
    ),
}  # fmt: skip


@pytest.fixture
def workspace(bench: Bench, this_tree: None) -> Bench:
    """Make a committed workspace of three sessions with the merge driver configured."""
    bench.migrate()
    configure_merge(bench.workspace)
    (bench.root / ".session-codec" / "spool" / "broken").mkdir(parents=True)
    (bench.root / ".diffs" / "archive").mkdir()
    bench.commit()
    return bench


def told(cli: Cli, bench: Bench) -> tuple[int, list[Found]]:
    """Return the exit code and findings of `verify`; replace hashes and current times with `*`."""
    said = cli("verify", bench.root, "--json")
    assert said.code == said.json["exit"], said.err
    found = said.json["findings"]
    return said.code, [(f["code"], _steady(f.get("file")), f.get("line")) for f in found]


def _steady(file: str | None) -> str | None:
    if file is None or day(2) in file:
        return file
    return re.sub(r"(?<=^\.diffs/)(v1/|archive/|)[^/.]{20,}.*?(\.diff)?$", r"\1*\2", file)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_repaired_as_far_as_it_is_said_and_can_be_undone(
    workspace: Bench, cli: Cli, name: str
) -> None:
    fault = FAULTS[name]
    fault.seed(workspace, cli)
    assert told(cli, workspace) == (fault.code, fault.found)
    files = {p: (workspace.root / p).read_bytes() for p in git_files(workspace)}
    said = cli("doctor", workspace.root, "--repair", "--json")
    repairs = [code for code, _, _ in fault.found] if fault.repairs is None else fault.repairs
    assert sorted(f["code"] for f in said.json["repairs"]) == sorted(repairs)
    code, left = told(cli, workspace)
    assert tuple(found[0] for found in left) == fault.left
    if not fault.left:
        assert (code, said.code) == (0, 0)
    again = cli("doctor", workspace.root, "--repair", "--json").json
    assert again["repairs"] == again["written"] == []
    for backup in said.json["backups"]:
        path = re.sub(r"\.repair-1\.bak$", "", backup)
        if path in files:
            assert (workspace.root / backup).read_bytes() == files[path]
    if fault.then:
        cli(fault.then[0], workspace.root, *fault.then[1:])
        assert told(cli, workspace) == (0, [])


def git_files(bench: Bench) -> list[str]:
    names = git(bench.root, "ls-files", "-z").split("\0")
    return [name for name in names if name and (bench.root / name).is_file()]


def test_a_manifest_that_is_lost_is_restored_from_the_last_commit(
    workspace: Bench, cli: Cli
) -> None:
    path = workspace.root / MANIFEST
    facts = path.read_bytes()
    path.unlink()
    said = cli("verify", workspace.root)
    assert said.code == 20
    assert MANIFEST in said.err
    assert "doctor --repair" in said.err
    assert cli("doctor", workspace.root, "--repair").code == 0
    assert path.read_bytes() == facts
    assert told(cli, workspace) == (0, [])


def test_a_fault_that_was_never_committed_is_reported_and_left(workspace: Bench, cli: Cli) -> None:
    git(workspace.root, "update-ref", "-d", "HEAD")
    path = workspace.root / MANIFEST
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first[:60] + b"\n", *rest]))
    code, found = told(cli, workspace)
    assert code == 12  # the old log needs the session, and nothing says that its diff is right
    assert {f[0] for f in found} == {"damaged", "broken-fact", "unknown-row"}
    assert ("broken-fact", MANIFEST, 1) in found
    cli("doctor", workspace.root, "--repair")
    assert told(cli, workspace) == (code, found)
    path.unlink()
    assert cli("doctor", workspace.root, "--repair").code == 20
    path.write_bytes(b"")
    assert ("lost-manifest", MANIFEST, None) in told(cli, workspace)[1]


def test_a_fact_that_was_changed_on_purpose_is_not_lost(workspace: Bench, cli: Cli) -> None:
    path = workspace.root / MANIFEST
    path.write_text(path.read_text() + f"{encode_fact(CLASH)}\n")
    cli("doctor", workspace.root, "--repair")
    assert f'"key":"{day(2)}.' in path.read_text()  # the committed session has another key now
    assert told(cli, workspace) == (0, [])


def test_an_edited_recorded_session_is_restored(workspace: Bench, cli: Cli) -> None:
    recording = Recording(agent="a", task="t", status="FAIL", patch=b"", time=day(20))
    record_session(workspace.workspace, recording)
    workspace.commit()
    path = workspace.root / MANIFEST
    facts = path.read_text()
    last = facts.splitlines()[-1]
    assert json.loads(last)["status"] == "FAIL"
    edited = last.replace('"FAIL"', '"PASS"')
    path.write_text(facts.replace(last, edited))
    number = len(facts.splitlines())
    assert told(cli, workspace) == (3, [("edited-fact", MANIFEST, number)])
    assert cli("doctor", workspace.root, "--repair").code == 0
    assert path.read_text() == facts
    backup = workspace.root / f"{MANIFEST}.repair-1.bak"
    assert edited in backup.read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(workspace: Bench, cli: Cli) -> None:
    path = workspace.root / DELTAS
    path.chmod(0)
    said = cli("verify", workspace.root)
    path.chmod(0o644)
    assert said.code == 31
    assert str(path) in said.err


def test_there_is_a_fault_of_each_kind() -> None:
    assert len(FAULTS) >= 25
    codes = {code for fault in FAULTS.values() for code, _, _ in fault.found}
    assert len(codes) >= 25
