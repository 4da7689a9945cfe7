"""A key's bytes: the right ones, or an error that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import IntegrityError
from codec.kinds import Key, Sha256
from codec.manifest.jsonl import encode_fact
from codec.records import PatchRef, Session
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.progress import Silent
from pipelines.verbs.archive import Request, archive
from pipelines.verbs.archive_files import verify_archives
from pipelines.verification.integrity import check_integrity
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import MANIFEST
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import PATCH, THREE, Bench, day, entry, log_of


def test_a_stored_diff_is_the_patch_byte_for_byte(bench: Bench) -> None:
    bench.migrate()
    session = bench.manifest.sessions[Key(day(1))]
    assert session.patch is not None
    assert Store(bench.workspace).read(Key(day(1)), session.patch) == PATCH
    assert (bench.root / ".diffs" / f"{day(1)}.diff").read_bytes() == PATCH


def test_a_diff_is_found_under_the_name_that_other_systems_give_it(bench: Bench) -> None:
    bench.migrate()
    plain, safe = names_of(Key(day(1)))
    diffs = bench.root / ".diffs"
    (diffs / plain).rename(diffs / safe)
    session = bench.manifest.sessions[Key(day(1))]
    assert session.patch is not None
    assert Store(bench.workspace).read(Key(day(1)), session.patch) == PATCH
    assert bench.migrate().written == []


@pytest.mark.parametrize(
    "content", [PATCH[:-1], PATCH + b"x", PATCH.replace(b"more", b"m0re"), b""]
)
def test_a_diff_that_is_not_the_recorded_one_is_never_given(bench: Bench, content: bytes) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(1)}.diff").write_bytes(content)
    session = bench.manifest.sessions[Key(day(1))]
    assert session.patch is not None
    with pytest.raises(IntegrityError, match="SHA-256 or size differ"):
        Store(bench.workspace).read(Key(day(1)), session.patch)


def test_a_diff_that_is_not_here_is_not_found(bench: Bench) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(1)}.diff").unlink()
    session = bench.manifest.sessions[Key(day(1))]
    assert session.patch is not None
    with pytest.raises(NotFound, match="not stored on this machine"):
        Store(bench.workspace).read(Key(day(1)), session.patch)


def test_only_diffs_are_listed_and_a_workspace_without_any_has_none(plain: Bench) -> None:
    assert Store(plain.workspace).loose_names() == set()
    plain.migrate()
    Path(plain.root, ".diffs", "README").write_bytes(b"")
    assert Store(plain.workspace).loose_names() == {f"{day(n)}.diff" for n in (1, 2, 3)}


def rekey(bench: Bench, key: str, new: str) -> None:
    """Give a session another key, as a merge does: in the manifest, not in `.diffs`."""
    path = bench.root / MANIFEST
    path.write_text(path.read_text().replace(f'"key":"{key}"', f'"key":"{new}"'))


OTHER = Session(
    key=Key(day(1)), time=day(1), agent="a", task="t", status="PASS",
    patch=PatchRef(sha256=Sha256("12" * 32), size=9),
)  # fmt: skip


def test_a_diff_whose_session_a_merge_gave_another_key_is_found_by_its_hash(bench: Bench) -> None:
    bench.migrate()
    rekey(bench, day(1), f"{day(1)}.abcdef")
    session = bench.manifest.sessions[Key(f"{day(1)}.abcdef")]
    assert session.patch is not None
    assert Store(bench.workspace).read(session.key, session.patch) == PATCH
    # the layout of the log still names the old key
    assert bench.restore() == THREE
    found = check_integrity(
        bench.workspace, read_tracked(bench.workspace), bench.manifest, lambda _: None
    )
    assert (found.diffs, found.layouts) == ((3, 0, 0), (1, 0, 0))


def test_the_diff_of_another_session_of_the_time_is_absence_and_no_damage(bench: Bench) -> None:
    bench.migrate()
    rekey(bench, day(1), f"{day(1)}.abcdef")
    with (bench.root / MANIFEST).open("a") as f:
        f.write(f"{encode_fact(OTHER)}\n")  # it came with a merge; its diff is on another machine
    assert OTHER.patch is not None
    with pytest.raises(NotFound, match="not stored on this machine"):
        Store(bench.workspace).read(OTHER.key, OTHER.patch)


def test_a_file_that_is_not_a_sessions_diff_is_damage(bench: Bench) -> None:
    bench.migrate()
    rekey(bench, day(1), f"{day(1)}.abcdef")
    with (bench.root / MANIFEST).open("a") as f:
        f.write(f"{encode_fact(OTHER)}\n")
    (bench.root / ".diffs" / f"{day(1)}.diff").write_bytes(b"neither")
    assert OTHER.patch is not None
    with pytest.raises(IntegrityError, match="SHA-256 or size differ"):
        Store(bench.workspace).read(OTHER.key, OTHER.patch)


def test_an_archived_diff_is_found_by_its_hash_after_a_merge(bench: Bench) -> None:
    others = {n: PATCH.replace(b"a.py", b"b%d.py" % n) for n in (1, 2, 3)}
    bench.log.write_bytes(log_of(*(entry(day(n), patch=others[n]) for n in (1, 2, 3))))
    bench.migrate()
    archive(Request(workspace=bench.workspace, before="2026"), Silent())
    assert not list((bench.root / ".diffs").glob("*.diff"))
    rekey(bench, day(1), f"{day(1)}.abcdef")
    with (bench.root / MANIFEST).open("a") as f:
        f.write(f"{encode_fact(OTHER)}\n")
    session = bench.manifest.sessions[Key(f"{day(1)}.abcdef")]
    assert session.patch is not None
    assert OTHER.patch is not None
    store = Store(bench.workspace)
    assert store.read(session.key, session.patch) == others[1]
    with pytest.raises(NotFound, match="not stored on this machine"):
        store.read(OTHER.key, OTHER.patch)
    unknown = PatchRef(sha256=Sha256("34" * 32), size=9)
    with pytest.raises(IntegrityError, match="does not match its record"):
        store.read(Key(day(2)), unknown)
    assert verify_archives(bench.workspace, (), Silent()).damaged == []


def test_other_bytes_are_not_damage_while_an_interrupted_verb_is_not_completed(
    bench: Bench,
) -> None:
    bench.migrate()
    session = bench.manifest.sessions[Key(day(1))]
    assert session.patch is not None
    (bench.root / ".diffs" / f"{day(1)}.diff").write_bytes(PATCH + b"of a session not recorded yet")
    journal = bench.root / ".session-codec" / "journal-0123456789abcdef"
    journal.write_bytes(b"{}\n")
    with pytest.raises(NotFound):
        Store(bench.workspace).read(Key(day(1)), session.patch)
    journal.unlink()
    with pytest.raises(IntegrityError, match="SHA-256 or size differ"):
        Store(bench.workspace).read(Key(day(1)), session.patch)
