"""Migrating: the right sessions, every byte kept, again and again, and nothing outside touched."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import pipelines.verbs.migrate
from codec.v2.deltas import decode_deltas
from codec.v2.metrics import decode_row
from codec.v2.progress_log import TITLE, decode_references
from pipelines.outcomes.errors import Conflict, WorkspaceMissing
from pipelines.outcomes.progress import Advance
from pipelines.system.worker.client import Worker
from pipelines.v1.beside import stage_runs
from pipelines.workspace.location import MANIFEST, Workspace, writing
from pipelines.workspace.transaction import Transaction
from tests.pipelines.conftest import (
    HEAD,
    PATCH,
    REAL,
    TAIL,
    THREE,
    Bench,
    Cli,
    codes,
    corpus,
    day,
    entry,
    git,
    log_of,
    tree,
)

ORIGIN_DELTAS = [
    "2025-11-06T14:00:00Z | sonnet-4.5 | coverage-validation | PASS | L+1247,-89,C:11,T:30min",
    "2025-11-06T14:19:00Z | human | warp-ui-baseline | PASS | L+324,-45,C:1",
    "2025-11-06T14:30:00Z | sonnet-4.5 | agentic-orchestration | PASS | L+847,C:1,T:45min",
]
V2 = (
    "SESSION_DELTAS.log",
    "PROJECT_METRICS.tsv",
    "AGENT_PROGRESS_LOG_v2.md",
    ".session-codec/manifest.jsonl",
)


def parses(bench: Bench) -> None:
    """Every v2 file can be read whole, and holds as many sessions as the manifest."""
    count = len(bench.manifest.sessions)
    deltas, errors = decode_deltas(enumerate(bench.deltas(), 1))
    assert (len(deltas), errors) == (count, [])
    rows = (bench.root / "PROJECT_METRICS.tsv").read_text().split("\n")[1:-1]
    assert len({decode_row(row).key for row in rows}) == count
    text = (bench.root / "AGENT_PROGRESS_LOG_v2.md").read_text()
    references, errors = decode_references(text.removeprefix(TITLE))
    assert (len(references), errors) == (count, [])


# The origin's log


def test_the_origin_gives_these_sessions_in_this_order(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(corpus("origin.md"))
    said = cli("migrate", bench.root, "--json")
    assert said.code == 0
    assert bench.deltas() == ORIGIN_DELTAS
    (log,) = said.json["logs"]
    assert len([s for s in log["sections"] if s["after_sessions"]]) == 8
    assert (log["sessions"], log["templates"]) == (3, 2)
    text = (bench.root / "AGENT_PROGRESS_LOG_v2.md").read_text()
    third = text.partition("coverage-validation]")[2].partition("###")[0]
    assert "\nDiff: none\n" in third
    baselines = {b["name"]: b for b in said.json["tokens"]["baselines"]}
    assert said.json["tokens"]["tokenizer"] == "o200k_base"
    assert baselines["log"]["reduction_percent"] >= 90
    assert said.json["tokens"]["gate"] == {
        **said.json["tokens"]["gate"],
        "judged": False,
        "met": None,
        "over_budget": [],
    }
    assert "gate: not judged" in cli("migrate", bench.root).out


# No byte is lost


@pytest.mark.parametrize("name", [*(f"{n}.md" for n in REAL), "traps.md"])
def test_a_real_log_comes_back_byte_for_byte_and_a_second_run_writes_nothing(
    bench: Bench, name: str
) -> None:
    data = corpus(name)
    bench.log.write_bytes(data)
    bench.migrate()
    assert bench.restore() == data
    parses(bench)
    before = tree(bench.root, times=True)
    assert bench.migrate().written == []
    assert tree(bench.root, times=True) == before


VARIANTS = {
    "crlf": THREE.replace(b"\n", b"\r\n"),
    "mixed-line-ends": log_of(entry(day(1)).replace(b"\n", b"\r\n"), entry(day(2))),
    "bom": b"\xef\xbb\xbf" + THREE,
    "bom-before-a-session": b"\xef\xbb\xbf" + entry(day(1)) + entry(day(2)),
    "windows-1252": THREE.replace(b"Be brief", b"S\xe9ance \x96 \x80").replace(b"old", b"\xfcber"),
    "nul": THREE.replace(b"+more", b"+mo\0re").replace(b"None", b"No\0ne"),
    "not-utf-8": THREE.replace(b"+more", bytes(range(128, 256))),
    "unterminated-fence": HEAD + entry(day(1)) + entry(day(2)).partition(b"```\n\n")[0],
    "unterminated-fence-inside": log_of(
        entry(day(1)).replace(b"+more\n```\n", b"+more\n"), entry(day(2))
    ),
    "no-last-line-end": THREE.rstrip(b"\n"),
    "odd-separators": THREE.replace(b"+more\n", b"+m\x0bo\x0cr\x1ce\xc2\x85\xe2\x80\xa8\rx\n"),
    "fence-in-diff": THREE.replace(b"+more\n", b" ```python\n+more\n ```\n"),
    "headings-only": b"".join(f"### {day(n)} | a | b\n".encode() for n in (1, 2, 3)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_comes_back_byte_for_byte_and_a_second_run_writes_nothing(
    bench: Bench, name: str
) -> None:
    data = VARIANTS[name]
    bench.log.write_bytes(data)
    bench.migrate()
    assert bench.restore() == data
    assert len(bench.manifest.sessions) == len(re.findall(rb"^(?:\xef\xbb\xbf)?### ", data, re.M))
    parses(bench)
    before = tree(bench.root, times=True)
    assert bench.migrate().written == []
    assert tree(bench.root, times=True) == before


def test_the_log_itself_is_never_changed(bench: Bench) -> None:
    before = bench.log.stat()
    bench.migrate()
    assert bench.log.read_bytes() == THREE
    assert bench.log.stat().st_mtime_ns == before.st_mtime_ns


# Again and again


@pytest.mark.parametrize("where", ["end", "beginning"])
def test_a_grown_log_adds_only_new_sessions_and_keeps_old_lines(bench: Bench, where: str) -> None:
    bench.migrate()
    before = tree(bench.root)
    version = bench.manifest.versions[0].sha256
    new = [entry(day(n), task=f"task-{n}", patch=None) for n in (10, 11, 12)]
    old = [entry(day(n), task=f"task-{n}") for n in (3, 2, 1)]
    bench.log.write_bytes(log_of(*(old + new if where == "end" else new[::-1] + old)))
    result = bench.migrate()
    assert [a.session.key for a in result.plan.added] == [day(10), day(11), day(12)]
    for name in V2:
        content = (bench.root / name).read_bytes()
        assert content.startswith(before[name][0])
        assert len(content) > len(before[name][0])
    assert len(bench.deltas()) == 6
    assert bench.restore() == bench.log.read_bytes()
    assert bench.restore(version) == THREE


def test_a_checkout_with_other_line_ends_adds_and_doubles_nothing(bench: Bench) -> None:
    bench.migrate()
    before = tree(bench.root)
    version = bench.manifest.versions[0].sha256
    bench.log.write_bytes(THREE.replace(b"\n", b"\r\n"))
    assert bench.migrate().plan.added == []
    after = tree(bench.root)
    for name in V2[:3]:
        assert after[name] == before[name]
    assert bench.restore() == THREE.replace(b"\n", b"\r\n")
    assert bench.restore(version) == THREE


@pytest.mark.parametrize("kept", ["head", "tail"])
def test_a_log_that_was_rotated_loses_nothing(bench: Bench, kept: str) -> None:
    data = corpus("origin.md")
    bench.log.write_bytes(data)
    bench.migrate()
    before = tree(bench.root)
    version = bench.manifest.versions[0].sha256
    cut = data.index(b"\n### ", len(b"".join(data.splitlines(keepends=True)[:100]))) + 1
    bench.log.write_bytes(data[:cut] if kept == "head" else data[cut:])
    bench.migrate()
    after = tree(bench.root)
    del before["AGENT_PROGRESS_LOG.md"], before[".session-codec/manifest.jsonl"]
    assert {k: after[k] for k in before} == before
    assert bench.restore(version) == data
    assert bench.restore() == bench.log.read_bytes()


def test_a_log_that_was_emptied_is_reported_and_the_old_one_can_be_restored(bench: Bench) -> None:
    # What 'tail -n +101 LOG > LOG' does, to the letter.
    bench.migrate()
    before = tree(bench.root)
    bench.log.write_bytes(b"")
    assert codes(bench.migrate(), "note") == ["no-sessions"]
    assert bench.restore() == THREE
    assert {**tree(bench.root), "AGENT_PROGRESS_LOG.md": (THREE, 0)} == before


def test_a_log_that_went_back_and_forth_is_restored_as_it_was_last_seen(bench: Bench) -> None:
    other = log_of(entry(day(1), task="task-1"))
    for data in (THREE, other, THREE):
        bench.log.write_bytes(data)
        bench.migrate()
    assert bench.restore() == THREE


def test_a_version_from_a_clock_that_was_ahead_does_not_stay_the_newest(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / V2[3]
    path.write_text(re.sub(r'"seen":"\d{4}', '"seen":"2999', path.read_text()))
    bench.log.write_bytes(THREE + b"\nmore\n")
    bench.migrate()
    assert bench.restore() == bench.log.read_bytes()
    assert bench.migrate().written == []


# Several logs


def test_a_session_in_two_logs_is_one(bench: Bench) -> None:
    other = bench.root / "other log.md"
    other.write_bytes(log_of(entry(day(2), task="task-2"), entry(day(9), task="task-9")))
    bench.migrate(bench.log, other)
    assert [line.split(" | ")[2] for line in bench.deltas()] == [
        "task-1",
        "task-2",
        "task-3",
        "task-9",
    ]
    assert bench.restore(source="other log.md") == other.read_bytes()
    assert bench.restore(source="AGENT_PROGRESS_LOG.md") == THREE
    assert bench.migrate().written == []


def test_two_copies_of_one_log_are_migrated_as_one(bench: Bench) -> None:
    other = bench.root / "copy.md"
    other.write_bytes(THREE)
    bench.migrate(bench.log, other)
    assert len(bench.deltas()) == 3
    assert bench.restore(source="copy.md") == THREE


def test_without_any_log_the_way_out_is_named(plain: Bench) -> None:
    plain.log.unlink()
    with pytest.raises(WorkspaceMissing, match="--from"):
        plain.migrate()
    assert tree(plain.root) == {}
    plain.log.write_bytes(THREE)
    plain.migrate()
    plain.log.unlink()
    assert plain.migrate().written == []


def test_rows_that_were_lost_come_back_without_the_log(bench: Bench) -> None:
    bench.migrate()
    bench.log.unlink()
    deltas = bench.root / "SESSION_DELTAS.log"
    first, second, third = deltas.read_text().splitlines()
    deltas.write_text("\n".join([first, second.replace("PASS", "MANGLED"), third]) + "\n")
    bench.migrate()
    assert bench.deltas()[3:] == [second]


# Hostile input

HOSTILE = {
    "time": entry(f"{day(1)}/../../../etc/x", task="a"),
    "time-only-dots": entry("2025-11-06/../../x", task="b"),
    "agent": entry(day(2), agent="../../agent/x"),
    "dots": entry(day(3), agent="..", task=".."),
    "slash": entry(day(4), agent="/", task="/etc/passwd"),
    "escapes": entry(day(5), task="a\x1b[2J\x1b]0;x\x07b"),
    "tabs": entry(day(6), task="a\tb|c | d \\| e"),
    "line-ends": entry(day(7), task="a\rb\x0bc\x85d\u2028e\x0cf", notes="x\ry\u2029z\x1b[1m"),
    "bidi": entry(day(8), agent="a\u202eb", task="\u2066x\u2069"),
    "nul": entry(day(9), agent="a\0b", task="c\0d"),
    "reference": entry(day(10), agent="a:b]", task="x]\n### [REF:y:z:w"),
    "long": entry(day(11), agent="a" * 5000, task="b-" * 5000, notes="c" * 100_000),
    "option": entry(day(12), agent="--help", task="-rf"),
    "combining": entry(day(13), agent="e\u0301", task="\u0301\u0301"),
    "status": entry(day(14), status="PASS | x\t(y) )( \x1b[31m"),
    "figures": entry(day(15)).replace(b"Commits: 1", b"Commits: " + b"9" * 5000),
    "duration": entry(day(16)).replace(b"Duration: 5 min", b"Duration: " + b"9" * 400 + b" min"),
    "negative": entry(day(17)).replace(b"Commits: 1", b"Commits: -5"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_session_breaks_no_file_and_touches_nothing_outside(
    bench: Bench, name: str
) -> None:
    guard = bench.root.parent
    (guard / "victim").write_bytes(b"untouched")
    before = {k for k in tree(guard) if not k.startswith("repo/")}
    bench.log.write_bytes(log_of(entry("2024-01-01T00:00:00Z"), HOSTILE[name]))
    bench.migrate()
    assert {k for k in tree(guard) if not k.startswith("repo/")} == before
    assert (guard / "victim").read_bytes() == b"untouched"
    parses(bench)
    assert bench.restore() == bench.log.read_bytes()
    for file in V2:
        text = (bench.root / file).read_bytes()
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]", text)


def test_a_tracked_file_that_is_a_link_is_not_written_through(bench: Bench) -> None:
    victim = bench.root.parent / "victim"
    victim.write_bytes(b"mine\n")
    (bench.root / "AGENT_PROGRESS_LOG_v2.md").symlink_to(victim)
    with pytest.raises(Conflict, match="symbolic link"):
        bench.migrate()
    assert victim.read_bytes() == b"mine\n"
    assert not (bench.root / MANIFEST).exists()


def test_a_linked_diff_is_replaced_by_none_and_its_target_is_not_touched(bench: Bench) -> None:
    victim = bench.root.parent / "victim"
    victim.write_bytes(b"mine\n")
    (bench.root / ".diffs").mkdir()
    (bench.root / ".diffs" / f"{day(1)}.diff").symlink_to(victim)
    bench.migrate()
    assert victim.read_bytes() == b"mine\n"
    assert bench.restore() == THREE


# Plans that are not applied


def test_strict_writes_nothing_where_there_are_findings(plain: Bench) -> None:
    plain.log.write_bytes(log_of(entry(day(1)), entry("2025-13-41T99:00:00Z", task="bad")))
    before = tree(plain.root)
    result = plain.migrate(strict=True)
    assert codes(result) == ["quarantined"]
    assert result.written == []
    assert tree(plain.root) == before
    assert plain.migrate().written != []


# A log that changes while it is read


class Meddling:
    """Progress that does something when a stage begins."""

    def __init__(self, name: str, then: object) -> None:
        self._name = name
        self._then = then

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        del total
        if name == self._name and callable(self._then):
            self._then()
        yield lambda done: None


@pytest.mark.parametrize("stage", ["split", "read", "count", "map", "stage", "prove"])
@pytest.mark.parametrize("change", ["grown", "swapped"])
def test_a_log_that_changes_while_it_is_read_is_a_conflict_and_nothing_is_written(
    plain: Bench, stage: str, change: str
) -> None:
    def meddle() -> None:
        if change == "grown":
            with plain.log.open("ab") as f:
                f.write(entry(day(9)))
        else:
            (plain.root / "new").write_bytes(THREE + b"x")
            (plain.root / "new").rename(plain.log)

    with pytest.raises(Conflict, match="changed while it was read"):
        plain.migrate(progress=Meddling(stage, meddle))
    left = set(tree(plain.root)) - {".session-codec/lock"}
    assert left == {"AGENT_PROGRESS_LOG.md"}
    plain.migrate()
    assert plain.restore() == plain.log.read_bytes()


def test_a_log_without_diffs_that_grew_before_the_commit_is_a_conflict(plain: Bench) -> None:
    # no worker opens it a second time, so that nothing but the last look can notice
    plain.log.write_bytes(log_of(entry(day(1), patch=None)))

    def meddle() -> None:
        with plain.log.open("ab") as f:
            f.write(b"more\n")

    with pytest.raises(Conflict, match="changed while it was read"):
        plain.migrate(progress=Meddling("prove", meddle))
    assert not plain.manifest.sessions


def test_staging_is_not_removed_while_the_worker_writes(
    plain: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Event()
    staged: list[Future[None]] = []
    done: list[bool] = []

    def write(folder: str) -> None:
        stopped.wait()
        for n in range(300):
            Path(folder, f"{n}.diff").write_bytes(PATCH)

    def stop() -> None:
        stopped.set()
        raise RuntimeError

    abandon = Transaction.abandon

    def abandoned(self: Transaction) -> None:
        done.append(all(future.done() for future in staged))
        abandon(self)

    with ThreadPoolExecutor(1) as pool:

        def call(worker: Worker, function: object, *arguments: Any) -> Future[Any]:
            if function is not stage_runs:
                return ask(worker, function, *arguments)  # type: ignore[arg-type]
            future = pool.submit(write, arguments[0])
            staged.append(future)
            while not future.running():
                pass
            return future

        ask = Worker.call
        monkeypatch.setattr(Worker, "call", call)
        monkeypatch.setattr(Transaction, "abandon", abandoned)
        with pytest.raises(RuntimeError):
            plain.migrate(progress=Meddling("prove", stop))
    assert done == [True]
    assert set(tree(plain.root)) == {"AGENT_PROGRESS_LOG.md", ".session-codec/lock"}


# Two at once


@pytest.mark.parametrize("lost", [None, "SESSION_DELTAS.log", "PROJECT_REFERENCES.yaml"])
def test_a_run_that_waited_for_another_one_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, lost: str | None
) -> None:
    (bench.root / "package.json").write_text('{"dependencies": {"next": "15"}}')
    if lost:
        bench.migrate()
        (bench.root / lost).unlink()
    ran: list[object] = []

    @contextmanager
    def after_another(workspace: Workspace) -> Iterator[None]:
        if not ran:
            ran.append(None)
            bench.migrate()
            ran.append(tree(bench.root))
        with writing(workspace):
            yield

    monkeypatch.setattr(pipelines.verbs.migrate, "writing", after_another)
    assert bench.migrate().written == []
    assert tree(bench.root) == ran[1]
    assert len(bench.deltas()) == 3


def test_strict_applies_to_findings_of_a_concurrent_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.migrate()
    bench.log.write_bytes(THREE + entry(day(8)))
    manifest = bench.root / V2[3]

    @contextmanager
    def after_another(workspace: Workspace) -> Iterator[None]:
        manifest.write_bytes(manifest.read_bytes() + b"[1]\n")
        with writing(workspace):
            yield

    monkeypatch.setattr(pipelines.verbs.migrate, "writing", after_another)
    result = bench.migrate(strict=True)
    assert codes(result) == ["broken-fact"]
    assert result.written == []
    assert len(bench.deltas()) == 3


def test_diffs_on_a_mount_of_their_own_are_published(bench: Bench, tmp_path: Path) -> None:
    # /dev/shm is another file system than the test's folder wherever both exist
    shm = Path("/dev/shm")  # noqa: S108
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system to put .diffs on")
    away = shm / f"session-codec-{os.getpid()}"
    away.mkdir()
    try:
        (bench.root / ".diffs").symlink_to(away)
        bench.migrate()
        assert (away / f"{day(1)}.diff").read_bytes() == PATCH
        assert bench.restore() == THREE
        assert bench.migrate().written == []
    finally:
        for path in sorted(away.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        away.rmdir()


def test_a_commit_of_the_result_and_a_clone_of_it_go_on_together(bench: Bench) -> None:
    bench.migrate()
    bench.commit()
    clone = Bench(bench.root.parent / "clone", bench.worker)
    git(bench.root, "clone", "-q", str(bench.root), str(clone.root))
    clone.log.write_bytes(THREE + entry(day(8), task="task-8"))
    clone.migrate()
    assert len(clone.deltas()) == 4
    assert clone.restore() == clone.log.read_bytes()
    assert TAIL in clone.restore()


def test_a_manifest_names_no_log_outside_the_workspace(bench: Bench) -> None:
    secret = bench.root.parent / "secret.md"
    secret.write_bytes(log_of(entry(day(8), notes="the secret")))
    bench.migrate()
    fact = (bench.root / ".session-codec" / "manifest.jsonl").read_text().splitlines()[-1]
    with (bench.root / ".session-codec" / "manifest.jsonl").open("a") as f:
        f.write(fact.replace('"AGENT_PROGRESS_LOG.md"', '"../secret.md"') + "\n")
    assert bench.migrate().plan.added == []
