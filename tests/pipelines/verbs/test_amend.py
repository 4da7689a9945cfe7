"""Amend: one more fact, the rows rewritten, and nothing else; texts can be removed for good."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codec.kinds import Key
from codec.manifest.facts import Format, Revision
from codec.manifest.jsonl import decode_fact
from pipelines.transfer.snapshots import tracked_files
from pipelines.verbs.amend import Amendment, amend
from pipelines.verification.integrity import check_integrity
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import Bench, Cli, day, tree
from tests.support.clones import Clone, clone_of, pull

ROWS = (DELTAS, METRICS, PROGRESS)


def findings(bench: Bench) -> list[str]:
    tracked = read_tracked(bench.workspace)
    found = check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None)
    return [f.code for f in found.findings]


def text(bench: Bench, *names: str) -> str:
    return "".join((bench.root / name).read_text() for name in names)


def test_rows_are_rewritten_in_place_and_no_other_line_changes(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = {name: text(bench, name).splitlines() for name in ROWS}
    said = cli("amend", day(2), bench.root, "--status", "FAIL", "--notes", "Taken back")
    assert (said.code, said.out) == (0, f"{day(2)}\n")
    for name in ROWS:
        after = text(bench, name).splitlines()
        changed = [new for old, new in zip(before[name], after, strict=False) if old != new]
        assert [line for line in changed if "FAIL" in line] == changed[:1], name
    assert "Notes: Taken back" in text(bench, PROGRESS)
    assert findings(bench) == []
    assert cli("verify", bench.root).code == 0
    assert bench.migrate().plan.is_empty


def test_every_verb_that_reads_shows_the_session_as_it_is_now(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    cli("amend", "latest", bench.root, "--task", "another name", "--agent", "claude-opus-4-1")
    session = cli("show", "latest", bench.root, "--json").json["session"]
    assert (session["task"], session["title"]) == ("another-name", "another name")
    assert session["agent"] == "opus-4.1"
    assert "opus-4.1 another name" in cli("context", bench.root).out
    assert "another-name" in cli("query", bench.root, "--last", "1").out
    assert cli("show", "latest", bench.root, "--diff").code == 0


def test_former_values_stay_in_the_manifest(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = text(bench, MANIFEST).splitlines()
    for status in ("FAIL", "PASS", "FAIL"):
        cli("amend", day(1), bench.root, "--status", status)
    first, *lines = text(bench, MANIFEST).splitlines()
    assert isinstance(decode_fact(first), Format)
    assert lines[: len(before)] == before
    facts = [decode_fact(line) for line in lines[len(before) :]]
    assert [f.changes.get("status") for f in facts if isinstance(f, Revision)] == [
        "FAIL", None, "FAIL",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        (("--lines-added", "12"), "lines_added", 12),
        (("--commits", "unknown"), "commits", None),
        (("--tokens-used", "0"), "tokens_used", 0),
        (("--remark", "merged"), "remark", "merged"),
        (("--title", " Two\nlines "), "title", "Two lines"),
        (("--title", ""), "title", None),
    ],
)
def test_each_field_is_set_and_removed(
    bench: Bench, cli: Cli, given: tuple[str, ...], field: str, value: Any
) -> None:
    bench.migrate()
    said = cli("amend", "latest", bench.root, "--json", *given)
    assert said.json["session"].get(field) == value
    assert cli("show", "latest", bench.root, "--json").json["session"].get(field) == value
    assert findings(bench) == []


def test_nothing_is_written_where_nothing_changes_or_on_a_dry_run(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = tree(bench.root)
    same = cli("amend", day(1), bench.root, "--status", "PASS", "--json")
    assert (same.code, same.json["changed"]) == (0, False)
    shown = cli("amend", day(1), bench.root, "--status", "FAIL", "--dry-run")
    assert "Status: FAIL" in shown.out
    for wrong in (
        ("--status", "GOOD"),
        ("--commits", "-1"),
        ("--private", "--notes", "x"),
    ):
        assert cli("amend", day(1), bench.root, *wrong).code == 2
    assert cli("amend", "2020", bench.root).code == 30
    after = tree(bench.root)
    assert after == before


def test_private_removes_the_texts_and_nothing_brings_them_back(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    cli("amend", day(2), bench.root, "--title", "Secret title", "--notes", "Secret notes")
    bench.commit()
    said = cli("amend", day(2), bench.root, "--private", "--json")
    assert said.code == 3
    places = [(f["code"], f.get("file", "")) for f in said.json["findings"]]
    assert ("text-remains", "") in places
    assert ("text-remains", "AGENT_PROGRESS_LOG.md") in places
    assert any(file.startswith(".diffs/v1/") for _, file in places)
    for _ in range(2):
        kept = text(bench, MANIFEST, *ROWS)
        assert "Secret" not in kept
        assert "task-2" not in kept
        session = bench.manifest.sessions[Key(day(2))]
        assert (session.task, session.title, session.private) == ("-", "", True)
        assert session.patch is not None
        assert findings(bench) == []
        bench.migrate()
        cli("doctor", bench.root, "--repair")  # HEAD has the texts
    assert cli("amend", day(2), bench.root, "--task", "told-anew").code == 0
    assert bench.manifest.sessions[Key(day(2))].task == "told-anew"
    assert findings(bench) == []


def test_purge_text_equals_amend_private(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    cli("amend", day(2), bench.root, "--title", "Secret title", "--notes", "Secret notes")
    before = tree(bench.root)
    for wrong in ("--merged", "--disown"):
        assert cli("purge", day(2), bench.root, "--text", wrong, "--yes").code == 2
    assert cli("purge", day(2), bench.root, "--text", "--remote", "copy", "--yes").code == 2
    assert cli("purge", day(2), bench.root, "--text").code == 2  # nobody can be asked
    planned = cli("purge", day(2), bench.root, "--text", "--dry-run")
    assert (planned.code, MANIFEST in planned.out, tree(bench.root) == before) == (0, True, True)
    said = cli("purge", day(2), bench.root, "--text", "--yes", "--json")
    assert (said.code, said.json["erased"]) == (3, [MANIFEST, METRICS, PROGRESS, DELTAS])
    assert {f["code"] for f in said.json["findings"]} == {"text-remains"}
    assert "Secret" not in text(bench, MANIFEST, *ROWS)
    session = bench.manifest.sessions[Key(day(2))]
    assert session.private
    assert session.patch is not None
    assert session.patch.sha256 not in bench.manifest.purged
    again = cli("purge", day(2), bench.root, "--text", "--dry-run")
    assert again.out == "the session has no texts\n"
    assert findings(bench) == []


def test_private_keeps_the_figures_that_were_amended(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    cli("amend", day(2), bench.root, "--commits", "9", "--notes", "Secret")
    cli("amend", day(2), bench.root, "--private")
    session = bench.manifest.sessions[Key(day(2))]
    assert (session.metrics.commits, session.notes) == (9, "")
    assert len(bench.manifest.patches_of(Key(day(2)))) == 1


def test_a_merge_with_a_clone_that_has_the_texts_does_not_bring_them_back(
    origin: Clone,
) -> None:
    ann, bob = clone_of(origin, "ann"), clone_of(origin, "bob", driver=False)
    amend(bob.workspace, day(2), Amendment(notes="Secret notes"))
    bob.commit("amended")
    amend(ann.workspace, day(2), Amendment(private=True))
    ann.commit("private")
    pull(ann, bob)
    assert ann.manifest.sessions[Key(day(2))].notes == ""
    assert ann.manifest.sessions[Key(day(2))].task == "-"
    assert [f.code for f in ann.check().findings if f.level == "finding"] == []


@pytest.mark.parametrize("driver", [True, False])
def test_two_clones_that_amend_one_session_come_to_one_result(
    origin: Clone, cli: Cli, driver: bool
) -> None:
    ann, bob = (clone_of(origin, name, driver=driver) for name in ("ann", "bob"))
    amend(ann.workspace, day(2), Amendment(status="FAIL", title="Ann"))
    amend(bob.workspace, day(2), Amendment(notes="Bob knows", title="Bob"))
    amend(bob.workspace, day(1), Amendment(figures={"commits": 7}))
    ann.commit("ann")
    bob.commit("bob")
    pull(ann, bob)
    pull(bob, ann)
    for clone in (ann, bob):
        if not driver:
            cli("doctor", clone.root, "--repair")
        assert [f.code for f in clone.check().findings if f.level == "finding"] == []
        session = clone.manifest.sessions[Key(day(2))]
        assert (session.status, session.notes) == ("FAIL", "Bob knows")
        assert clone.manifest.sessions[Key(day(1))].metrics.commits == 7
    assert ann.manifest.sessions == bob.manifest.sessions


def test_json_output_equals_the_session_in_the_manifest(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("amend", "latest", bench.root, "--notes", "n", "--json")
    document = json.loads(said.out)
    assert document["schema"] == "session-codec/amend/1"
    assert document["session"] == cli("show", "latest", bench.root, "--json").json["session"]


def test_a_sync_sends_no_text_that_was_erased_and_a_restore_brings_none_back(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    cli("amend", day(2), bench.root, "--notes", "Secret notes")
    remote, manifest = bench.root.parent / "remote", bench.root / MANIFEST
    assert cli("sync", bench.root, "--remote", remote).code == 0
    with_texts = manifest.read_bytes()
    cli("amend", day(2), bench.root, "--private")
    # a merge by lines, not repaired yet
    lines = with_texts.splitlines(keepends=True)
    manifest.write_bytes(manifest.read_bytes() + b"".join(lines))
    assert b"Secret" not in tracked_files(bench.workspace)[MANIFEST]
    assert bench.manifest.sessions[Key(day(2))].notes == ""
    assert "erased-text" in findings(bench)
    cli("doctor", bench.root, "--repair")
    assert cli("sync", bench.root, "--remote", remote).code == 0
    again = bench.root.parent / "again"
    assert cli("restore", again, "--remote", remote).code == 0
    restored = "".join((again / name).read_text() for name in (MANIFEST, *ROWS))
    assert "Secret" not in restored
    assert "task-2" not in restored
