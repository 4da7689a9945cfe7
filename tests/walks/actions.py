"""The steps of a walk: each runs one verb or changes files as a person would."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from tests.walks.model import LOG, Clone, Violation, Walk, marker_of
from tests.walks.running import Done, run_verb
from tests.walks.unpacking import files_below, unpacked

Action = Callable[[Walk, Clone], None]


def record(walk: Walk, clone: Clone) -> None:
    walk.tick()
    session = walk.new_id("s")
    earlier = [diff for diff in walk.diffs.values() if diff]
    if earlier and walk.random.random() < walk.chances.repeat:
        diff = walk.random.choice(earlier)
    else:
        diff = walk.patch(session, walk.random.choice((1, 5, 40)))
    file = walk.base / "scratch" / "diff"
    file.write_bytes(diff)
    walk.diffs[session] = diff
    task = walk.random.choice(("same", f"task-{session}"))
    done = walk.run(clone, "record", "--agent", "human", "--task", task, "--status", "PASS",
                    "--id", session, "--diff", str(file))  # fmt: skip
    known = session in walk.stored(clone)
    if done.code == 0 and not known:
        raise Violation("record exited with 0, and the manifest lacks the session")
    if known and sha256(diff).hexdigest() not in clone.tombstones():
        clone.readable.add(session)


def record_commit(walk: Walk, clone: Clone) -> None:
    walk.tick()
    session = walk.new_id("g")
    with (clone.root / f"code-{session}.py").open("a") as f:
        f.write(f"{marker_of(session)} {walk.random.getrandbits(64)}\n" * 3)
    clone.commit(session)
    walk.run(clone, "record", "--agent", "human", "--task", session, "--status", "PASS",
             "--id", session, "--git", "HEAD")  # fmt: skip
    if session in walk.stored(clone):
        walk.diffs[session] = None
        clone.readable.add(session)


def flush(walk: Walk, clone: Clone) -> None:
    done = walk.run(clone, "flush")
    walk.expect(done, "flush", 0)
    _run_again(walk, clone, done, ["flush"])


def take_back(walk: Walk, clone: Clone) -> None:
    """Record, then restore the tracked files to HEAD: no session may be lost with them."""
    clone.commit("work")
    record(walk, clone)
    before = set(walk.stored(clone))
    if walk.random.random() < 0.5:
        clone.git("checkout", "-q", ".")
    elif not clone.git("stash", check=False).returncode:
        clone.git("stash", "drop", check=False)
    walk.note(clone.root.name, "took the tracked files back")
    if lost := before - set(walk.stored(clone)):
        raise Violation(f"checkout or stash lost {sorted(lost)}")


def write_log(walk: Walk, clone: Clone) -> None:
    if clone is not walk.a:
        return
    for _ in range(walk.random.randint(1, 3)):
        walk.tick()
        session = walk.new_id("v")
        diff = walk.patch(session, 4)
        walk.diffs[session] = diff
        walk.in_log[session] = f"{walk.now[:19]}Z"
        walk.log.append(
            f"### {walk.now[:19]}Z | human | {session}\nStatus: PASS\n"
            f"```diff\n{diff.decode()}```\n\n---\n\n"
        )
    path = clone.root / LOG
    if path.exists() and b"MARK" not in path.read_bytes():  # a stub: it is appended to
        text = f"{path.read_text()}\n{walk.log[-1]}"
        del walk.log[:-1]
    else:
        text = "# Log\n\n" + "".join(walk.log)
    path.write_text(text)
    walk.note("the log has", len(walk.log), "entries")
    migrate(walk, clone)


def migrate(walk: Walk, clone: Clone) -> None:
    path = clone.root / LOG
    if not path.exists():
        return
    data = path.read_bytes()
    done = walk.run(clone, "migrate")
    if done.code not in (0, 3):
        return
    if b"### 20" in data:
        clone.versions[sha256(data).hexdigest()] = data
    stored = walk.stored(clone)
    for session in walk.in_log:
        if session in stored and marker_of(session).encode() in data:
            clone.readable.add(session)
            clone.pruned.discard(session)


def archive(walk: Walk, clone: Clone) -> None:
    arguments = ["archive", "--before", walk.random.choice(("2025-02", "2025-03", "2025-12"))]
    arguments += ["--no-scan"] if walk.random.random() < 0.6 else []
    arguments += ["--keep-loose"] if walk.random.random() < 0.15 else []
    done = walk.run(clone, *arguments)
    walk.expect(done, "archive", 0, 3)
    _run_again(walk, clone, done, arguments)


def sync(walk: Walk, clone: Clone) -> None:
    prune = walk.random.random() < 0.25
    arguments = ["sync", *walk.remote.write_options(), *(["--prune-local"] if prune else [])]
    done = walk.run(clone, *arguments)
    if prune:
        clone.pruned |= clone.readable
    walk.expect(done, "sync", 0, 3)
    if done.code == 0:
        walk.sent |= clone.readable - clone.pruned
    _run_again(walk, clone, done, arguments)


def restore(walk: Walk, clone: Clone) -> None:
    only = walk.random.choice(("diffs", "loose"))
    done = walk.run(clone, "restore", "--only", only, *walk.remote.read_options())
    walk.expect(done, "restore", 0, 3, 30)


def purge(walk: Walk, clone: Clone) -> None:
    stored, gone = walk.stored(clone), clone.tombstones()
    candidates = [s for s in stored if stored[s].sha256 not in gone or walk.random.random() < 0.3]
    if not candidates:
        return
    session = walk.random.choice(sorted(candidates))
    where = walk.remote.write_options() if walk.random.random() < 0.5 else []
    done = walk.run(clone, "purge", walk.key_of(clone, session), "--yes", *where)
    _purged(walk, clone, done, {stored[session].sha256}, where)


def purge_merged(walk: Walk, clone: Clone) -> None:
    """Erase remaining copies of the diffs that another clone purged."""
    gone = clone.tombstones()
    where = walk.remote.write_options() if walk.random.random() < 0.5 else []
    done = walk.run(clone, "purge", "--merged", "--yes", *where)
    _purged(walk, clone, done, gone, where)


def _purged(walk: Walk, clone: Clone, done: Done, sha256s: set[str], where: list[str]) -> None:
    """Note what a purge promised: nothing if it was killed, or if it named bytes that it left.

    It names, for example, the pieces that a killed verb began to send: another may be sending them.
    """
    walk.expect(done, "purge", 0, 3)
    if done.code == 0:
        clone.purged |= sha256s
        if where:
            walk.purged_remotely |= sha256s


def disown(walk: Walk, clone: Clone) -> None:
    """Keep a diff that another clone purged."""
    stored = walk.stored(clone)
    foreign = clone.tombstones() - clone.purged
    candidates = [s for s in stored if stored[s].sha256 in foreign]
    if not candidates or walk.random.random() < 0.5:
        return
    session = walk.random.choice(sorted(candidates))
    done = walk.run(clone, "purge", walk.key_of(clone, session), "--disown")
    walk.expect(done, "purge --disown", 0, 22)  # 22: nothing of the diff is left here
    _note_disowned(walk, clone, foreign)


def _note_disowned(walk: Walk, clone: Clone, foreign: set[str]) -> None:
    """Note whose tombstones no longer count; where their bytes were erased, they may be missing."""
    disowned = foreign - clone.tombstones()
    if not disowned:
        return
    walk.disown(disowned)
    other = walk.other(clone)
    lost = {s for s, found in walk.stored(other).items() if found.sha256 in disowned}
    other.readable -= lost
    walk.sent -= lost


def amend(walk: Walk, clone: Clone) -> None:
    stored = walk.stored(clone)
    if not stored:
        return
    key = walk.key_of(clone, walk.random.choice(sorted(stored)))
    task = f"amended-{walk.random.randrange(4)}"
    done = walk.run(clone, "amend", key, "--task", task)
    walk.expect(done, "amend", 0)


def repair(walk: Walk, clone: Clone) -> None:
    done = walk.run(clone, "doctor", "--repair")
    walk.expect(done, "doctor", 0, 3)
    _run_again(walk, clone, done, ["doctor", "--repair"])


def merge(walk: Walk, clone: Clone) -> None:
    other = walk.other(clone)
    clone.commit("work")
    other.commit("work")
    clone.git("fetch", "-q", str(other.root), "HEAD")
    merged = clone.git("merge", "--no-edit", "-m", "merge", "FETCH_HEAD", check=False)
    walk.note(clone.root.name, "merge ->", merged.returncode)
    walk.counts["merge"] += 1
    if merged.returncode:
        names = clone.git("diff", "--name-only", "--diff-filter=U").stdout.decode().split()
        if any("code" not in name and name != LOG for name in names):
            raise Violation(f"conflicts in {names}: {merged.stdout!r} {merged.stderr!r}")
        side = "--ours" if clone is walk.a else "--theirs"
        for name in names:
            clone.git("checkout", side, "--", name, check=False)
        clone.commit("merge")
    by_union = clone is walk.b and not walk.with_driver
    if by_union or walk.random.random() < 0.2:
        walk.expect(walk.run(clone, "doctor", "--repair", may_kill=False), "doctor", 0, 3)
        clone.commit("repaired")


def break_file(walk: Walk, clone: Clone) -> None:
    """Damage a v2 file as an editor or a crash would; doctor must put it right."""
    name = walk.random.choice(
        ("SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md")
    )
    path = clone.root / name
    data = path.read_bytes() if path.exists() else b""
    damage = walk.random.choice(("torn", "crlf", "repeated", "dropped"))
    if damage == "torn":
        data += b"2025-01-0"
    elif damage == "crlf":
        data = data.replace(b"\n", b"\r\n")
    elif damage == "repeated":
        data += data[-60:]
    else:
        lines = data.splitlines(keepends=True)
        data = b"".join(x for i, x in enumerate(lines) if i == 0 or walk.random.random() < 0.8)
    path.write_bytes(data)
    walk.note(clone.root.name, "damaged", name, damage)
    walk.expect(walk.run(clone, "doctor", "--repair", may_kill=False), "doctor", 0, 3)


def retire(walk: Walk, clone: Clone) -> None:
    if clone is not walk.a or not clone.versions or walk.random.random() < 0.7:
        return
    clone.commit("log")
    if walk.run(clone, "retire-v1").code == 0:
        walk.log.clear()


def context(walk: Walk, clone: Clone) -> None:
    walk.expect(walk.run(clone, "context", may_kill=False), "context", 0)


def verify(walk: Walk, clone: Clone) -> None:
    full = ["--full"] if walk.random.random() < 0.5 else []
    done = walk.run(clone, "verify", "--json", *full, may_kill=False)
    walk.expect(done, "verify", 0, 3)
    _check_reported(walk, clone, done)


def _check_reported(walk: Walk, clone: Clone, done: Done) -> None:
    """Check that verify reports the bytes that remain of diffs that were purged elsewhere."""
    hashes = {sha256(data).hexdigest(): data for data in walk.diffs.values() if data}
    purged = {hashes[digest] for digest in clone.tombstones() & hashes.keys()}
    remaining = [
        name
        for name, data in files_below(clone.root / ".diffs")
        if any(diff in part for part in unpacked(data) for diff in purged)
    ]
    codes = {finding["code"] for finding in json.loads(done.out)["findings"]}
    if remaining and (done.code != 3 or codes.isdisjoint({"purged-diff", "purged-archive"})):
        raise Violation(f"verify ended with {done.code} and does not report {remaining}: {codes}")


#: Every action with its weight.
ACTIONS: Final[tuple[tuple[Action, int], ...]] = (
    (record, 10),
    (record_commit, 2),
    (flush, 2),
    (take_back, 2),
    (write_log, 3),
    (migrate, 1),
    (archive, 5),
    (sync, 5),
    (restore, 2),
    (purge, 3),
    (purge_merged, 1),
    (disown, 1),
    (amend, 2),
    (repair, 2),
    (merge, 4),
    (verify, 2),
    (context, 1),
    (retire, 1),
    (break_file, 1),
)


def _run_again(walk: Walk, clone: Clone, done: Done, arguments: list[str]) -> None:
    """Now and then run a verb that exited with 0 a second time; it must change nothing."""
    if done.code != 0 or walk.random.random() > 0.3:
        return
    before = _fingerprint(walk, clone)
    again = run_verb(arguments, cwd=clone.root, now=walk.now, scratch=walk.base / "scratch")
    walk.note(clone.root.name, "again", *arguments, f"-> {again.code}")
    changed = before ^ _fingerprint(walk, clone)
    if changed:
        names = sorted({name for name, _ in changed})
        raise Violation(f"a second {arguments[0]} changed {names[:6]}: {again.said}")


def _fingerprint(walk: Walk, clone: Clone) -> set[tuple[str, str]]:
    files = (
        (name, data)
        for name, data in files_below(clone.root)
        if "/cache/" not in f"/{name}" and not name.endswith("/lock")
    )
    return {
        (name, sha256(data).hexdigest()) for source in (files, walk.remote.objects())
        for name, data in source
    }  # fmt: skip
