"""What must hold after every step of a walk, and now and then in full."""

from __future__ import annotations

import shutil
from hashlib import sha256

from codec.errors import CodecError
from codec.kinds import Key, Sha256
from codec.records import PatchRef
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import Erased, NotFound
from pipelines.workspace.location import find
from tests.walks.model import LOG, Clone, Stored, Violation, Walk, marker_of
from tests.walks.running import run_verb
from tests.walks.unpacking import files_below, holds


def check_step(walk: Walk) -> None:
    """Check what must hold after every step."""
    for clone in (walk.a, walk.b):
        stored = walk.stored(clone)
        _check_readable(walk, clone, stored)
        _check_purged(walk, clone, stored)
    _check_purged_remotely(walk)


def check_all(walk: Walk) -> None:
    """Check what takes longer: restoring into an empty folder, and the v1 logs."""
    _check_pruned(walk)
    _check_restore(walk)
    _check_logs(walk)


def check_agreement(walk: Walk) -> None:
    """Merge both ways, and check that both clones then list the same sessions and verify."""
    from tests.walks.actions import merge

    listed = []
    for clone in (walk.a, walk.b):
        merge(walk, clone)
        walk.run(clone, "doctor", "--repair", may_kill=False)
        clone.commit("repaired")
    merge(walk, walk.a)
    for clone in (walk.a, walk.b):
        walk.run(clone, "doctor", "--repair", may_kill=False)
        lines = (clone.root / "SESSION_DELTAS.log").read_bytes().splitlines()
        listed.append(sorted(lines))
        done = walk.run(clone, "verify", "--full", may_kill=False)
        walk.expect(done, "verify", 0, 3)
    if listed[0] != listed[1]:
        differing = sorted(set(listed[0]) ^ set(listed[1]))
        raise Violation(f"the clones list different sessions: {differing[:4]}")


def _check_readable(walk: Walk, clone: Clone, stored: dict[str, Stored]) -> None:
    gone, anywhere = clone.tombstones(), walk.tombstones()
    store = Store(find(str(clone.root)))
    for session in clone.readable:
        if session not in stored:
            raise Violation(f"{session} is lost from the manifest of {clone.root.name}")
        found = stored[session]
        try:
            data = store.read(
                Key(found.key), PatchRef(Sha256(found.sha256), found.size), found.range
            )
        except Erased:
            if found.sha256 not in gone:
                raise Violation(f"{session} {found} is called purged, and is not") from None
            continue
        except (NotFound, CodecError) as e:
            if session in clone.pruned or found.sha256 in anywhere:
                continue
            where = clone.root.name
            raise Violation(f"{session} {found} cannot be read on {where}: {e}") from e
        if found.sha256 in gone:
            raise Violation(f"{session} {found} is purged and can be read")
        _check_bytes(walk, session, found, data)


def _check_bytes(walk: Walk, session: str, found: Stored, data: bytes) -> None:
    if sha256(data).hexdigest() != found.sha256:
        raise Violation(f"{session} {found}: other bytes were read")
    if walk.diffs[session] not in (None, data):
        raise Violation(f"{session} {found}: not the bytes that were recorded")


def _markers(walk: Walk, stored: dict[str, Stored], hashes: set[str]) -> dict[str, str]:
    """Return the markers of the diffs with some hashes, each with the session it belongs to."""
    owners = {s: found for s, found in stored.items() if found.sha256 in hashes}
    return {
        marker_of(session): other
        for other in owners
        for session in (other, *walk.diffs)
        if session == other or marker_of(session).encode() in (walk.diffs[other] or b"")
    }


def _check_purged(walk: Walk, clone: Clone, stored: dict[str, Stored]) -> None:
    markers = _markers(walk, stored, clone.purged)
    if not markers:
        return
    for name, data in files_below(clone.root):
        if name.startswith((LOG, "code-")):
            continue  # a person's own files: purge names them, and exits with 3
        for marker, session in markers.items():
            if holds(data, marker.encode()):
                raise Violation(f"purged bytes of {session} are on {clone.root.name} in {name}")


def _check_purged_remotely(walk: Walk) -> None:
    if not walk.purged_remotely:
        return
    stored = {**walk.stored(walk.a), **walk.stored(walk.b)}
    markers = _markers(walk, stored, walk.purged_remotely)
    for name, data in walk.remote.objects():
        for marker, session in markers.items():
            if holds(data, marker.encode()):
                raise Violation(f"purged bytes of {session} are on the remote in {name}")


def _check_pruned(walk: Walk) -> None:
    """Read the diffs that were deleted locally because the remote has them."""
    anywhere = walk.tombstones()
    for clone in (walk.a, walk.b):
        stored = walk.stored(clone)
        for session in sorted(clone.pruned & clone.readable):
            found = stored[session]
            if found.sha256 in anywhere:
                continue
            key = walk.key_of(clone, session)  # a later session can have taken the recorded one
            done = walk.run(
                clone, "show", key, "--diff", *walk.remote.read_options(), may_kill=False
            )
            walk.expect(done, f"show {session}", 0)
            _check_bytes(walk, session, found, done.out)


def _check_restore(walk: Walk) -> None:
    folder = walk.base / "restored"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    options = walk.remote.read_options()
    done = run_verb(["restore", *options], cwd=folder, now=walk.now, scratch=walk.base / "scratch")
    if done.code == 30 and not walk.sent:
        return
    walk.expect(done, "restore into an empty folder", 0, 3)
    restored = Clone(folder)
    stored, gone = walk.stored(restored), walk.tombstones()
    store = Store(find(str(folder)))
    for session in sorted(walk.sent):
        if session not in stored:
            raise Violation(f"{session} was sent, and restore has no such session")
        found = stored[session]
        if found.sha256 in gone or walk.diffs[session] is None:
            continue
        try:
            data = store.read(
                Key(found.key), PatchRef(Sha256(found.sha256), found.size), found.range
            )
        except (NotFound, CodecError) as e:
            raise Violation(f"{session} {found} was sent, and is not restored: {e}") from e
        _check_bytes(walk, session, found, data)
    done = run_verb(["verify", "--full"], cwd=folder, now=walk.now, scratch=walk.base / "scratch")
    walk.expect(done, "verify after restore", 0, 3)


def _check_logs(walk: Walk) -> None:
    clone, gone = walk.a, walk.tombstones()
    for version, data in list(clone.versions.items())[-3:]:
        within = {s for s in walk.in_log if marker_of(s).encode() in data}
        has_gap = any(sha256(walk.diffs[s] or b"").hexdigest() in gone for s in within)
        where = walk.remote.read_options() if within & clone.pruned else []
        done = walk.run(clone, "restore-v1", "--version", version, *where, may_kill=False)
        if done.code == 0 and done.out != data:
            raise Violation(f"restore-v1 --version {version[:8]} gave other bytes")
        if done.code != 0 and not has_gap:
            raise Violation(f"restore-v1 --version {version[:8]}: {done.code} {done.said}")
