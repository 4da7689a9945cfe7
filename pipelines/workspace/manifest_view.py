"""The whole manifest of a workspace: its facts, grouped by subject.

1. Facts that describe one session are one session, and revisions are applied
   (`codec.merge.key_conflicts`).
2. Purged diffs are known by their SHA-256, whatever their session and its key.
3. Facts whose text was erased are skipped, wherever they come from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from codec.errors import FormatError
from codec.kinds import Key, Sha256
from codec.manifest.fact_lines import erased_digests, kept_rows
from codec.manifest.facts import (
    Archive,
    Disowned,
    Fact,
    Follows,
    Format,
    Kept,
    Purged,
    PurgedText,
    ReferencesBuilt,
    Revision,
    UnknownFact,
    V1Retired,
    V1Version,
)
from codec.manifest.identity import History, are_plain, histories_of
from codec.manifest.jsonl import decode_facts, fact_digest, fact_id, identity_of
from codec.manifest.order import in_order
from codec.manifest.session_fields import revised
from codec.names import key_time
from codec.records import PatchRef, Session
from pipelines.system.fs.lines import Lines, lines_of
from pipelines.workspace.location import MANIFEST

_F = TypeVar("_F", bound=Fact)


class Manifest(NamedTuple):
    """The content of a workspace's manifest.

    Attributes:
        sessions: the sessions, as they are now, by key.
        histories: the sessions that have several facts, or revisions, by key.
        key_conflicts: facts whose key another session has; `sessions` has them under other keys.
        format: the greatest version that a `format` fact states; 0 for none.
        versions, retired: versions of the v1 logs, in any order.
        follows: entries that directly follow another one, in any order.
        archives: the archives that cannot have a purged diff, by name.
        void: the archives that may have a purged diff, by the times of their sessions, by name.
            Their other diffs are read from them until they are rewritten.
        purged: the times at which diffs were erased, by SHA-256; without disowned tombstones.
        tombstones: all tombstones, including disowned ones.
        erased: the digests of the facts whose text was erased.
        kept: the digests of the rows that belong to the user, by file.
        builds: the builds of the references, in any order.
        unknown: facts of a kind that this version does not know.
        errors: errors on lines that are not facts.
        torn: the last line of the file is incomplete.
    """

    sessions: Mapping[Key, Session]
    histories: Mapping[Key, History] = MappingProxyType({})
    key_conflicts: tuple[Session, ...] = ()
    format: int = 0
    versions: tuple[V1Version, ...] = ()
    retired: tuple[V1Retired, ...] = ()
    follows: tuple[Follows, ...] = ()
    archives: Mapping[str, Archive] = MappingProxyType({})
    void: Mapping[str, Archive] = MappingProxyType({})
    purged: Mapping[str, str] = MappingProxyType({})
    tombstones: tuple[Purged, ...] = ()
    erased: frozenset[str] = frozenset()
    kept: Mapping[str, frozenset[str]] = MappingProxyType({})
    builds: tuple[ReferencesBuilt, ...] = ()
    unknown: tuple[UnknownFact, ...] = ()
    errors: tuple[FormatError, ...] = ()
    torn: bool = False

    def history(self, key: Key) -> History:
        """Return a session with its facts and revisions."""
        session = self.sessions[key]
        return self.histories.get(key) or History(session, session, (session,))

    def identity(self, key: Key) -> str:
        """Return the identity of a session, by which revisions refer to it."""
        return identity_of(self.history(key).base)

    def patches_of(self, key: Key) -> list[PatchRef]:
        """Return all patches that a session has or had, each once: the present one first."""
        versions = _versions_of(self.history(key))
        return list(dict.fromkeys(s.patch for s in versions if s.patch is not None))

    def shared_times(self) -> set[str]:
        """Return the times that sessions share, or whose session had another patch before.

        At such a time, the key of an archive's member does not identify its patch.
        """
        times = Counter(map(key_time, self.sessions))
        times.update(key_time(key) for key in self.histories if len(self.patches_of(key)) > 1)
        return {time for time, count in times.items() if count > 1}

    def patches(self) -> dict[Sha256, PatchRef]:
        """Return all patches that sessions have or had, by SHA-256."""
        found = {s.patch.sha256: s.patch for s in self.sessions.values() if s.patch is not None}
        found |= {p.sha256: p for key in self.histories for p in self.patches_of(key)}
        return found

    def entries(self) -> dict[str, Session]:
        """Return the migrated sessions by the hashes of all entries that they have or had."""
        found: dict[str, Session] = {
            s.v1.sha256: s for s in self.sessions.values() if s.v1 is not None
        }
        for history in self.histories.values():
            versions = (
                *history.facts,
                *(revised(history.base, r.changes) for r in history.revisions),
            )
            found |= {s.v1.sha256: history.session for s in versions if s.v1 is not None}
        return found

    def in_order(self) -> list[Session]:
        """Return all sessions in the order in which they happened."""
        entries = self.entries() if self.follows else {}
        return in_order(self.sessions.values(), self.follows, entries)

    def with_revisions(self, revisions: Iterable[Revision]) -> Manifest:
        """Return the manifest with more revisions of its sessions."""
        every = [self.history(key) for key in self.sessions]
        facts = [fact for history in every for fact in history.facts]
        known = [revision for history in every for revision in history.revisions]
        return self._replace(**_grouped(facts, [*known, *revisions]))

    def every_session(self) -> list[Session]:
        """Return all sessions: their present states, then those of their facts and revisions."""
        older = (v for key in self.histories for v in _versions_of(self.history(key)))
        return [*self.sessions.values(), *older]

    def every_archive(self) -> dict[str, Archive]:
        """Return all archives by name, void ones included."""
        return {**self.archives, **self.void}

    def purged_patches(self) -> dict[PatchRef, Key]:
        """Return the purged diffs of known sessions, and the key of a session for each."""
        found: dict[PatchRef, Key] = {}
        for session in self.every_session() if self.purged else ():
            if session.patch is not None and session.patch.sha256 in self.purged:
                found.setdefault(session.patch, session.key)
        return found

    def session_of(self, patch: PatchRef) -> Session:
        """Return a session that has or had a diff."""
        return next(s for s in self.every_session() if s.patch == patch)

    def with_purged(self, purged: Mapping[str, str]) -> Manifest:
        """Return the manifest with more tombstones, by SHA-256 as in `purged`."""
        return _without_void(self._replace(purged={**purged, **self.purged}))

    def sources(self) -> list[str]:
        """Return the v1 logs that were migrated, by path."""
        return sorted({v.source for v in self.versions})

    def newest(self, source: str) -> V1Version | None:
        """Return the version of a log that was seen last; None if no version was recorded."""
        seen = [v for v in self.versions if v.source == source]
        return max(seen, key=lambda v: (v.seen, v.sha256), default=None)

    def current_versions(self) -> dict[str, V1Version]:
        """Return the current version of each log: the retired version, else the one seen last."""
        found: dict[str, V1Version] = {}
        for version in sorted(self.versions, key=lambda v: (v.seen, v.sha256)):
            found[version.source] = version
        last = {r.source: r.sha256 for r in sorted(self.retired, key=lambda r: (r.time, r.sha256))}
        for version in sorted(self.versions, key=lambda v: v.seen, reverse=True):
            if last.get(version.source) == version.sha256:
                found[version.source] = version
                del last[version.source]
        return dict(sorted(found.items()))

    def last_builds(self) -> list[ReferencesBuilt]:
        """Return the builds of the references that no other one follows; several after a merge."""
        taken = {name for build in self.builds for name in build.after}
        return [build for build in self.builds if fact_id(build) not in taken]

    def retired_version(self, source: str) -> V1Version | None:
        """Return the version of a log that was retired last; None if it was not retired."""
        facts = [r for r in self.retired if r.source == source]
        last = max(facts, key=lambda r: (r.time, r.sha256), default=None)
        versions = [v for v in self.versions if last and v.sha256 == last.sha256]
        return max(versions, key=lambda v: v.seen, default=None)


def decode_manifest(data: bytes) -> Manifest:
    """Decode a manifest."""
    return decode_lines(lines_of(data))


def decode_lines(lines: Lines) -> Manifest:
    """Decode the lines of a manifest."""
    facts, errors = decode_facts(lines.lines)
    return manifest_of(facts, errors=tuple(e.at(file=MANIFEST) for e in errors), torn=lines.torn)


def manifest_of(
    facts: Iterable[Fact], *, errors: tuple[FormatError, ...] = (), torn: bool = False
) -> Manifest:
    """Return a manifest of facts, grouped by subject."""
    kinds = _by_kind(facts)
    found, revisions = _all(Session, kinds), _all(Revision, kinds)
    tombstones = _all(Purged, kinds)
    purged = _purged(tombstones, _all(Disowned, kinds))
    manifest = Manifest(
        **_grouped(found, revisions),
        format=max((f.version for f in _all(Format, kinds)), default=0),
        versions=_all(V1Version, kinds),
        retired=_all(V1Retired, kinds),
        follows=_all(Follows, kinds),
        archives={f.name: f for f in _all(Archive, kinds)},
        purged=purged,
        tombstones=tombstones,
        erased=erased_digests(_all(PurgedText, kinds)),
        kept=kept_rows(_all(Kept, kinds)),
        builds=_all(ReferencesBuilt, kinds),
        unknown=_all(UnknownFact, kinds),
        errors=errors,
        torn=torn,
    )
    return _without_void(manifest) if purged and manifest.archives else manifest


def _grouped(facts: Sequence[Session], revisions: Sequence[Revision]) -> dict[str, Any]:
    """Return the fields of a manifest that depend on the facts of sessions and their revisions."""
    plain = not revisions and are_plain(facts)
    histories = [] if plain else histories_of(facts, revisions)
    key_conflicts = (
        fact
        for h in histories
        for fact in h.facts
        if fact.key != h.session.key and fact.time == h.session.time
    )
    return {
        "sessions": {s.key: s for s in (facts if plain else (h.session for h in histories))},
        "histories": {h.session.key: h for h in histories if len(h.facts) > 1 or h.revisions},
        "key_conflicts": tuple(key_conflicts),
    }


def _by_kind(facts: Iterable[Fact]) -> dict[type, list[Fact]]:
    """Return facts by their kinds, without those whose text was erased."""
    kinds: defaultdict[type, list[Fact]] = defaultdict(list)
    for fact in facts:
        kinds[type(fact)].append(fact)
    erased = erased_digests(kinds.get(PurgedText, ()))
    for kind in (Session, Revision) if erased else ():
        kinds[kind] = [fact for fact in kinds[kind] if fact_digest(fact) not in erased]
    return kinds


def _all(kind: type[_F], kinds: Mapping[type, list[Fact]]) -> tuple[_F, ...]:
    return cast(tuple[_F, ...], tuple(kinds.get(kind, ())))


def _versions_of(history: History) -> Iterator[Session]:
    """Yield a session as it is now, as its facts state it, and after each revision."""
    yield history.session
    yield from history.facts
    yield from (revised(history.base, revision.changes) for revision in history.revisions)


def _purged(tombstones: Iterable[Purged], disowned: Iterable[Disowned]) -> dict[str, str]:
    """Return the times of the tombstones that are not disowned, by the SHA-256 of the diff."""
    void = {digest for fact in disowned for digest in fact.tombstones}
    valid = (fact for fact in tombstones if not void or fact_digest(fact) not in void)
    return {fact.sha256: fact.time for fact in valid}


def _without_void(manifest: Manifest) -> Manifest:
    """Return a manifest in which the archives that may have a purged diff are in `void`.

    A merge may have changed the key of a packed session to another key with its time, and several
    sessions may have the same diff.
    """
    sessions = manifest.every_session()
    times = {s.time for s in sessions if s.patch and s.patch.sha256 in manifest.purged}
    every = manifest.every_archive()
    void = {n: a for n, a in every.items() if not times.isdisjoint(map(key_time, a.keys))}
    left = {name: a for name, a in every.items() if name not in void}
    return manifest._replace(archives=left, void=void)
