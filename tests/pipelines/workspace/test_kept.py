"""Rows that a person wrote into the v2 files before the first migration stay, whatever runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from codec.manifest.fact_lines import read_fact
from codec.manifest.facts import Kept
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, V1_LOG, locate
from pipelines.workspace.merge_driver_setup import configure_merge
from tests.pipelines.conftest import THREE, Cli, day, entry, git, log_of

#: A v2 log as a person keeps it: prose, fences, entries under our keys and others, an end mark.
PROSE: Final = f"""# Log of the lighthouse
Kept by hand since the lamp was changed.

---

## Entries

### [REF:{day(2)}:keeper:oil-the-gears]
Status: PASS
Metrics: L+12 T:30min C:1 D:north_tower
Diff: .diffs/{day(2)}.diff
Notes: Oiled, and the bell too

### [REF:{day(3)}:keeper:task-3]
Status: FAIL (fog)
Metrics: L+7,-2,C:1
Diff: none

```bash
grep "Status: PASS" {PROGRESS}
```

When two keepers write at once:

```
<<<<<<< mine
### [REF:{day(3)}:keeper:task-3]
=======
>>>>>>> yours
```

### [SELF-HEAL:{day(4)}:lamp-out]
Relit it
### {day(2)} | keeper | oil-the-gears

```
### [REF:{day(3)}:keeper:task-3]
Status: FAIL (fog)
Metrics: L+7,-2,C:1
Diff: none

```
Status: PASS
END OF THE LOG"""
ROWS: Final = f"# one line per night\n{day(2)} | keeper | oil | PASS | L+1\nfog all night\n"
TABLE: Final = f"night\tkeeper\twhat\n{day(2)}\tada\toil\n"
VERBS: Final = ("references", "references --check", "verify", "context", "query", "doctor")


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """Make a repository with a v1 log and hand-written files, but without a workspace."""
    root = tmp_path / "tower"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / V1_LOG).write_bytes(THREE)
    (root / PROGRESS).write_bytes(PROSE.encode())
    (root / DELTAS).write_bytes(ROWS.encode())
    (root / METRICS).write_bytes(TABLE.encode())
    (root / "PROJECT_REFERENCES.yaml").write_text(
        "# by hand\nstack:\n  lamp: Fresnel\nmandates:\n  oil_every_days: 7\n  no_smoke: true\n"
    )
    (root / "PROJECT_MEMORY.yaml").write_text("stack:\n lamp: [\n")
    (root / ".diffs").mkdir()
    (root / ".diffs" / "README.md").write_text("Diffs of the lighthouse\n")
    (root / ".husky").mkdir()
    (root / ".husky" / "pre-commit").write_text("#!/bin/sh\nexit 0\n")
    commit(root)
    return root


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "state")


def kept_by(root: Path) -> dict[str, Kept]:
    facts = map(read_fact, (root / MANIFEST).read_bytes().splitlines())
    return {fact.file: fact for fact in facts if isinstance(fact, Kept)}


def assert_untouched(root: Path) -> None:
    """Every file of the first commit still begins with the lines that it held there."""
    first = git(root, "rev-list", "--max-parents=0", "HEAD").split()[-1]
    for name in git(root, "ls-tree", "-r", "--name-only", first).splitlines():
        before = lines_of(git(root, "show", f"{first}:{name}"))
        assert lines_of((root / name).read_text())[: len(before)] == before, name


def lines_of(text: str) -> list[str]:
    """Give the lines of a text but blank ones, which end entries."""
    return [line for line in text.splitlines() if line]


def assert_sound(cli: Cli, root: Path) -> None:
    for verb in VERBS:
        name, *options = verb.split()
        said = cli(name, root, *options)
        assert said.code == 0, (verb, said)
    assert_untouched(root)


def assert_by_hand(root: Path) -> None:
    """Assert that the v2 files still begin with the hand-written text."""
    for name, text in ((PROGRESS, PROSE), (DELTAS, ROWS), (METRICS, TABLE)):
        before = lines_of(text)
        assert lines_of((root / name).read_text())[: len(before)] == before, name


def migrated(cli: Cli, root: Path) -> None:
    said = cli("migrate", root)
    assert said.code == 0, said


def test_no_verb_reports_or_changes_a_users_rows(cli: Cli, tower: Path) -> None:
    migrated(cli, tower)
    assert set(kept_by(tower)) == {PROGRESS, METRICS, DELTAS}
    assert_sound(cli, tower)
    commit(tower)
    assert_sound(cli, tower)
    assert cli("doctor", tower, "--repair").code == 0
    assert git(tower, "status", "--porcelain") == ""


def test_each_session_is_shown_once_beside_a_row_of_a_user(cli: Cli, tower: Path) -> None:
    migrated(cli, tower)
    assert cli("query", tower).out.count(day(2)) == 1
    assert cli("context", tower, "--style", "lines").out.count(day(2)) == 1


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
def test_rows_with_any_line_ends_stay(cli: Cli, tower: Path, ends: bytes) -> None:
    path = tower / PROGRESS
    path.write_bytes(path.read_bytes().replace(b"\n", ends))
    before = path.read_bytes()
    migrated(cli, tower)
    assert cli("doctor", tower).code == 0
    assert cli("doctor", tower, "--repair").code == 0
    assert path.read_bytes().startswith(before)
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))  # as git does by its attributes
    assert cli("doctor", tower).code == 0


def test_a_byte_order_mark_before_a_users_header_stays(cli: Cli, tower: Path) -> None:
    path = tower / METRICS
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    commit(tower)
    before = path.read_bytes()
    migrated(cli, tower)
    assert cli("doctor", tower, "--repair").code == 0
    assert path.read_bytes().startswith(before)


def test_install_keeps_rows_and_uninstall_forgets_them(cli: Cli, tower: Path) -> None:
    (tower / V1_LOG).unlink()
    commit(tower)
    assert cli("install", tower).code == 0
    assert set(kept_by(tower)) == {PROGRESS, METRICS, DELTAS}
    assert cli("doctor", tower).code == 0
    assert cli("install", tower, "--uninstall").code == 0
    assert not (tower / MANIFEST).exists(), "what it found is not a reason to stay"
    assert cli("install", tower).code == 0
    assert cli("record", tower, "--agent", "ada", "--task", "t", "--no-diff").code == 0
    assert set(kept_by(tower)) == {PROGRESS, METRICS, DELTAS}
    assert cli("verify", tower).code == 0
    assert cli("doctor", tower, "--repair").code == 0
    assert_by_hand(tower)


def test_rows_of_a_workspace_whose_manifest_was_lost_are_not_a_user_s(
    cli: Cli, tower: Path
) -> None:
    migrated(cli, tower)
    commit(tower)
    (tower / MANIFEST).unlink()
    cli("migrate", tower)
    assert kept_by(tower) == {}


def test_an_empty_file_and_a_file_of_ours_keep_nothing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / V1_LOG).write_bytes(THREE)
    (tmp_path / DELTAS).write_bytes(b"")
    (tmp_path / METRICS).write_bytes(b"\n")
    assert cli("migrate", tmp_path).code == 0
    assert kept_by(tmp_path) == {}


def test_a_users_row_equal_to_ours_is_not_repeated(cli: Cli, tower: Path) -> None:
    ours = f"{day(2)} | sonnet-4.5 | task-2 | PASS | L+2,-1,C:1,T:5min\n"
    (tower / DELTAS).write_text(ours)
    migrated(cli, tower)
    assert (tower / DELTAS).read_text().count(ours) == 1
    assert cli("verify", tower).code == 0
    assert cli("doctor", tower).code == 0
    assert cli("amend", day(2), tower, "--status", "FAIL").code == 0
    assert (tower / DELTAS).read_text().startswith(ours), "it is a person's, and stays"
    assert cli("doctor", tower).code == 0


def test_later_migrations_and_amendments_change_no_row_of_a_user(cli: Cli, tower: Path) -> None:
    migrated(cli, tower)
    (tower / V1_LOG).write_bytes(log_of(entry(day(9), task="task-9")) + THREE)
    migrated(cli, tower)
    assert cli("amend", day(3), tower, "--title", "Another", "--status", "PARTIAL").code == 0
    assert cli("doctor", tower).code == 0
    assert_by_hand(tower)


@pytest.mark.parametrize("driver", [True, False])
def test_a_merge_keeps_rows_of_a_user_and_a_repair_after_it(
    cli: Cli, tower: Path, driver: bool
) -> None:
    other = tower.parent / "other"
    git(tower.parent, "clone", "-q", str(tower), str(other))
    for root, who in ((tower, "ann"), (other, "bob")):
        migrated(cli, root)
        assert cli("record", root, "--agent", who, "--task", "t", "--no-diff").code == 0
        assert cli("amend", day(3), root, "--notes", f"by {who}").code == 0
        commit(root)
    if driver:
        configure_merge(locate(str(tower)))
    git(tower, "pull", "-q", "--no-rebase", str(other), "main")
    if driver:
        assert cli("verify", tower).code == 0
    assert cli("doctor", tower, "--repair").code in {0, 3}
    for verb in ("verify", "doctor", "context"):
        assert cli(verb, tower).code == 0, verb
    assert_by_hand(tower)


def test_a_restored_copy_knows_which_rows_are_a_user_s(cli: Cli, tower: Path) -> None:
    migrated(cli, tower)
    remote = tower.parent / "remote"
    assert cli("sync", tower, "--remote", remote).code == 0
    copy = tower.parent / "copy"
    copy.mkdir()
    assert cli("restore", copy, "--remote", remote).code == 0
    assert kept_by(copy) == kept_by(tower)
    assert cli("doctor", copy).code == 0
