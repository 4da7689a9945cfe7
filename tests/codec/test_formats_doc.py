"""FORMATS.md: every example in it is run, and every table is the code's own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codec.archive.container import encode_archive
from codec.archive.frames import PROFILES, FrameSizes, encode_seek_table
from codec.archive.snapshot import decode_snapshot, decode_snapshot_name, encode_snapshot, is_object
from codec.archive.tar import (
    Member,
    arrange,
    decode_index,
    encode_header,
    encode_index,
    entries_of,
    frame_sizes,
)
from codec.errors import FormatError
from codec.kinds import Key, Sha256, sha256_of
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
from codec.manifest.jsonl import decode_fact, encode_fact, fact_digest, identity_of
from codec.merge.key_conflicts import settle_merge
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS, FACTS
from codec.names import diff_name, is_key, name_of
from codec.patches.diff_stat import diff_stat, touched_path
from codec.records import FromTranscript, Metrics, PatchRef, Session, V1Entry
from codec.references.document import decode_references, encode_references
from codec.summaries.summary_file import decode_summary, encode_summary
from codec.tokens.tokenizers import TOKENIZERS, counter
from codec.v1.dates import parse_timestamp
from codec.v1.detect import detect
from codec.v1.dialects import Marker, line_text
from codec.v1.entry import entry_hash, read_entry
from codec.v1.forms import FORMS, match_forms
from codec.v1.labels import DATE_LABELS, LABELS
from codec.v1.layout import StoredPatch, decode_layout, encode_layout
from codec.v1.mapping import Options, session_of
from codec.v1.purged_text import gap_line, gaps_in
from codec.v1.split import Span, split
from codec.v1.text import LineNumbers
from codec.v2.compact_view import decode_view, encode_view
from codec.v2.context_notes import note_lines, notes_in
from codec.v2.context_view import digest, render_context
from codec.v2.deltas import Delta, decode_delta, delta_of, encode_delta, encode_metrics
from codec.v2.metrics import HEADER, decode_row, encode_row
from codec.v2.progress_log import decode_references as decode_entries
from codec.v2.progress_log import encode_reference
from codec.vocabulary import STATUS_WORDS, agent_of, status_of
from pipelines.verification.report import RULES
from pipelines.workspace.journal import FORMAT, VERSION
from pipelines.workspace.setting_tables import decode_tables
from pipelines.workspace.thresholds import Limits, limits_of

TEXT = (Path(__file__).parents[2] / "codec" / "FORMATS.md").read_text(encoding="utf-8")

_BLOCK = re.compile(
    r"^(?P<mark>`{3,}|~{3,})(?:\w+) (?P<kind>[\w-]+)\n(?P<body>.*?)^(?P=mark)$", re.M | re.S
)
_TABLE = re.compile(r"<!-- table: (?P<name>[\w-]+) -->\n\n(?P<rows>(?:\|.*\n)+)")
_CELL_END = re.compile(r"(?<!\\)\|")

BLOCKS = [(m["kind"], m["body"]) for m in _BLOCK.finditer(TEXT)]
KINDS = {
    "deltas", "not-deltas", "metrics", "reference", "references", "facts", "layout-log", "layout",
    "gap", "journal", "view", "frame", "notes", "digest", "log", "sessions", "hash", "one-liner",
    "output", "ours", "theirs", "merged", "merged-deltas",
    "archive-index", "archive-seek-table", "archive-one-liner", "archive-output",
    "objects", "snapshot", "config", "summary",
}  # fmt: skip


def blocks(kind: str) -> list[str]:
    return [body for name, body in BLOCKS if name == kind]


def block(kind: str) -> str:
    (body,) = blocks(kind)
    return body


def rows(table: str) -> Iterator[list[str]]:
    """Return the rows below a table's header, each cell without backticks."""
    (text,) = [m["rows"] for m in _TABLE.finditer(TEXT) if m["name"] == table]
    for line in text.splitlines()[2:]:
        cells = [cell.strip() for cell in _CELL_END.split(line)[1:-1]]
        yield [plain(cell) for cell in cells]


def plain(cell: str) -> str:
    cell = cell.replace("\\|", "|")
    one = re.fullmatch(r"`([^`]*)`", cell)
    return one[1] if one else cell


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell) or [cell]


def sessions_of(log: str) -> list[tuple[int, Session, Span]]:
    data = log.encode()
    lines = LineNumbers(data)
    found = []
    for span in split(data, detect(data)):
        if span.heading is None:
            continue
        whole = data[span.start : span.end]
        patch = data[span.patch[0] : span.patch[1]] if span.patch else None
        mapped = session_of(
            read_entry(whole, span, entry_hash(whole)),
            source="log.md",
            patch=None if patch is None else PatchRef.of(patch),
            stat=None if patch is None else diff_stat(patch),
            tokens={},
            options=Options(),
        )
        found.append((lines.at(span.start), mapped.session, span))
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_no_example_is_skipped() -> None:
    assert {kind for kind, _ in BLOCKS} == KINDS
    opened = re.findall(r"^(?:`{3,}|~{3,})\w+ [\w-]+$", TEXT, re.M)
    inner = sum(len(re.findall(r"^`{3,}\w+ [\w-]+$", b, re.M)) for b in blocks("log"))
    assert len(opened) - inner == len(BLOCKS)


def test_deltas_are_read_and_written_as_shown() -> None:
    for line in block("deltas").splitlines():
        assert encode_delta(decode_delta(line)) == line


@pytest.mark.parametrize("line", block("not-deltas").splitlines())
def test_lines_that_the_document_calls_invalid_deltas_are_refused(line: str) -> None:
    with pytest.raises(FormatError):
        decode_delta(line)


def test_metrics_rows_are_read_and_written_as_shown() -> None:
    header, *lines = block("metrics").splitlines()
    assert header == HEADER
    for line in lines:
        assert encode_row(decode_row(line)) == line


def test_reference_entries_are_read_and_written_as_shown() -> None:
    entries, errors = decode_entries(block("reference"))
    assert not errors
    assert "".join(encode_reference(entry) for entry in entries) == block("reference")


def test_references_are_read_and_written_as_shown() -> None:
    text = block("references").encode()
    assert encode_references(decode_references(text)) == text


def test_facts_are_read_and_written_as_shown() -> None:
    for line in block("facts").splitlines():
        assert encode_fact(decode_fact(line)) == line
    lines = block("facts").splitlines()
    known = [line for line in lines if not isinstance(decode_fact(line), UnknownFact)]
    assert known == lines[:-1]
    told = re.findall(r"^\*\*([\w-]+)\*\*: ", TEXT, re.M)
    assert told == list(dict.fromkeys(json.loads(line)["fact"] for line in known))


def test_the_example_facts_name_each_other_by_their_digests() -> None:
    facts = [decode_fact(line) for line in block("facts").splitlines()]
    sessions = {identity_of(f) for f in facts if isinstance(f, Session)}
    first, second = [f for f in facts if isinstance(f, Revision)]
    assert {first.of, second.of} <= sessions
    assert second.after == (fact_digest(first),)
    (disowned,) = [f for f in facts if isinstance(f, Disowned)]
    assert disowned.tombstones == tuple(fact_digest(f) for f in facts if isinstance(f, Purged))


NUMBERS = dict.fromkeys(
    ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used"), 1
)
KEY = Key("2025-11-06")
HASH = Sha256("0" * 64)


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        (
            "| field | value |",
            Session(
                key=Key("2025-11-06"), time="2025-11-06", agent="a", task="t", status="PASS",
                remark="r", title="t", notes="n",
                metrics=Metrics(**NUMBERS, deployment="dpl_1"),
                patch=PatchRef(sha256=HASH, size=1),
                id="x",
                range=f"{'a' * 40}..{'b' * 40}", commits_of=("c" * 40,),
                v1=V1Entry(source="l", sha256=HASH, tokens={"": 1}, counted=("lines_added",)),
                reader=1, private=True,
                transcript=FromTranscript(
                    agent="a", session="s", until="2025-11-06", reader=1, wall_min=1,
                    tokens={"input": 1}, files=1, unknown=1, commits=("c",),
                ),
            ),
        ),
        (
            "**v1**: ",
            V1Version(
                source="l", sha256=HASH, size=1, words=1, tokens={"": 1}, seen="s",
                dialect="bare", pattern="p", reader=1,
            ),
        ),
        ("**format**: ", Format(version=1, needs="0")),
        ("**revision**: ", Revision(of=HASH, after=(HASH,), by="log", changes={"key": 1})),
        ("**follows**: ", Follows(entry=HASH, after=HASH, assumed=True)),
        ("**disowned**: ", Disowned(tombstones=(HASH,), time="t")),
        ("**purged-text**: ", PurgedText(lines=(HASH,), time="t")),
        ("**kept**: ", Kept(file="n", rows=(HASH,))),
        ("**v1-retired**: ", V1Retired(source="l", sha256=HASH, time="t")),
        ("**archive**: ", Archive(name="n", sha256=HASH, size=1, keys=(KEY,), zstd="1")),
        ("**purged**: ", Purged(key=KEY, sha256=HASH, time="t")),
        (
            "**references**: ",
            ReferencesBuilt(
                after=("a",), values={"n": ("v",)}, sources={"n": ("f",)}, declined=frozenset("d")
            ),
        ),
    ],
    ids=[
        "session", "v1", "format", "revision", "follows", "disowned", "purged-text", "kept",
        "v1-retired", "archive", "purged", "references",
    ],
)  # fmt: skip
def test_every_field_of_a_fact_is_documented(kind: str, fact: Fact) -> None:
    assert isinstance(fact, tuple)
    assert all(getattr(fact, f) for f in fact._fields if f != "extra")
    told = set(re.findall(r"`(\w+)`", TEXT.partition(kind)[2].partition("\n\n")[0]))
    fields = json.loads(encode_fact(fact))
    inner = [value.keys() for name, value in fields.items() if name in ("diff", "v1", "transcript")]
    assert told.union({"fact", "source"}) >= fields.keys() | set().union(*inner)


def test_the_gap_is_that_of_the_patch_of_the_layout() -> None:
    layout = decode_layout(block("layout").encode())
    (part,) = (part for part in layout.parts if isinstance(part, StoredPatch))
    assert gap_line(part.patch).decode() == block("gap")
    assert gaps_in(block("gap").encode()) == (part.patch,)


def test_the_layout_is_the_one_of_the_log_above_it() -> None:
    data = block("layout-log").encode()
    ((_, session, span),) = sessions_of(data.decode())
    assert session.patch is not None
    assert span.patch is not None
    start, end = span.patch
    stored = StoredPatch(key=session.key, patch=session.patch)
    encoded = encode_layout([data[:start], stored, data[end:]])(sha256_of(data), len(data))
    assert encoded.layout.decode() == block("layout")


def archived() -> tuple[list[Member], dict[str, bytes]]:
    """Return the members of the example, with diffs of their sizes that mention their paths."""
    cells = list(rows("archive-members"))
    heads = {key: f"diff --git a/{path} b/{path}\n".encode() for key, path, _ in cells}
    diffs = {key: heads[key].ljust(int(size), b"+")[: int(size)] for key, _, size in cells}
    members = [Member(Key(key), int(size), path.encode()) for key, path, size in cells]
    assert all(touched_path(d) in (m.path, b"") for d, m in zip(diffs.values(), members))
    return members, diffs


def test_the_index_is_that_of_the_members_above_it() -> None:
    arranged = arrange(archived()[0])
    index = encode_index(entries_of(arranged), sum(frame_sizes(arranged)))
    assert index.decode() == block("archive-index")


def test_the_seek_table_is_as_shown() -> None:
    size = decode_index(block("archive-index").encode()).size
    table = encode_seek_table([FrameSizes(1000, size), FrameSizes(220, 0)])
    assert table == bytes.fromhex(block("archive-seek-table"))


def test_plain_tools_read_an_archive_as_shown(tmp_path: Path) -> None:
    if not shutil.which("zstd"):
        pytest.skip("zstd is not here")
    members, diffs = archived()
    archive = b"".join(encode_archive(members, lambda m: (diffs[m.key],)))
    (tmp_path / "2025-11.tar.zst").write_bytes(archive)
    for command, output in zip(blocks("archive-one-liner"), blocks("archive-output"), strict=True):
        run = ["sh", "-c", command]
        shown = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert shown.stdout == output


def test_the_profiles_of_archives_are_those_of_the_code() -> None:
    told = {
        name: (int(level), {word: int(n) for word, n in re.findall(r"`(\w+)` (\d+)", changed)})
        for name, level, changed in rows("archive-profiles")
    }
    assert told == PROFILES


def test_the_header_of_a_member_is_as_shown() -> None:
    shown = bytearray(512)
    for offset, field, text in rows("archive-header"):
        end = b"\0 " if "space" in field else b""
        value = text.encode() + end
        shown[int(offset) : int(offset) + len(value)] = value
    assert bytes(shown) == encode_header(Key("2025-11-06T14:30:00Z"), 1148)


def test_a_summary_is_read_and_written_as_shown() -> None:
    data = block("summary").encode()
    assert encode_summary(decode_summary(data)) == data


def test_the_journal_is_of_this_version() -> None:
    header = json.loads(block("journal"))
    assert (header["format"], header["version"]) == (FORMAT, VERSION)


@pytest.mark.parametrize("view", blocks("view"))
def test_a_view_is_read_and_written_as_shown(view: str) -> None:
    assert encode_view(decode_view(view)) == view


def test_a_context_begins_with_the_line_that_is_shown() -> None:
    delta = decode_delta(block("deltas").splitlines()[0])
    assert render_context("", [delta], count=len, budget=None).text.startswith(block("frame"))


def test_a_note_of_the_reference_entry_is_written_as_shown() -> None:
    notes = notes_in(block("reference").splitlines())
    assert note_lines(notes, notes, len, 1000) == block("notes")


def test_the_digest_has_the_form_that_is_shown() -> None:
    deltas = [decode_delta(line) for line in block("deltas").splitlines()]
    shown = re.sub(r"\d+", "N", block("digest"))
    made = re.sub(r"\d+", "N", digest([d for d in deltas if d.status != "UNKNOWN"]))
    assert made == shown


LOGS = [
    (BLOCKS[i][1], BLOCKS[i + 1][1]) for i, (kind, _) in enumerate(BLOCKS[:-1]) if kind == "log"
]


@pytest.mark.parametrize(("log", "told"), LOGS)
def test_open_choices_are_decided_as_the_document_says(log: str, told: str) -> None:
    found = []
    for line, session, span in sessions_of(log):
        stat = "-"
        if span.patch:
            counted = diff_stat(log.encode()[span.patch[0] : span.patch[1]])
            stat = f"+{counted.added}-{counted.removed}"
        found.append(f"{line} {session.time} {session.task} {stat}")
    assert found == told.splitlines()


def test_entries_with_the_same_words_have_one_hash() -> None:
    first, second = blocks("hash")
    assert entry_hash(first.encode()) == entry_hash(second.replace("\n", "\r\n").encode())
    assert entry_hash(first.encode()) == sha256(first.rstrip("\n").encode())


def test_the_one_liners_print_the_documented_output(tmp_path: Path) -> None:
    (tmp_path / "SESSION_DELTAS.log").write_text(block("deltas"), encoding="utf-8")
    (tmp_path / "PROJECT_METRICS.tsv").write_text(block("metrics"), encoding="utf-8")
    for command, output in zip(blocks("one-liner"), blocks("output"), strict=True):
        run = ["sh", "-c", command]
        shown = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert shown.stdout == output


def _form(cells: list[str]) -> None:
    name, weak, example, time, agent, task = cells
    form = next(f for f in FORMS if f.name == name)
    assert form.weak == (weak == "yes")
    text = line_text(example, Marker.HEADING, len(example) - len(example.lstrip("#")))
    assert text is not None
    assert next(f.name for f in FORMS if f.match(text)) == name
    heading = match_forms(text, FORMS)
    assert heading is not None
    assert (heading.time, heading.agent or heading.name, heading.task) == (time, agent, task)


def _heading(cells: list[str]) -> None:
    line, agent, task, status = cells
    text = line_text(line, Marker.HEADING, 2)
    assert text is not None
    heading = match_forms(text, FORMS)
    assert heading is not None
    assert (heading.agent, heading.task, heading.status) == (agent, task, status)


def _notes(cells: list[str]) -> None:
    body, notes = cells
    lines = body.replace(" / ", "\n")
    ((_, session, _),) = sessions_of(f"## 2025-11-06 | codex | x\n{lines}\n")
    assert session.notes == notes


def _figure(cells: list[str]) -> None:
    line, metrics = cells
    ((_, session, _),) = sessions_of(f"### 2025-11-06 | codex | x\n{line}\n")
    assert encode_metrics(delta_of(session).metrics) == metrics


def _time(cells: list[str]) -> None:
    written, time, assumed = cells
    read = parse_timestamp(written)
    assert (read.text, read.assumed) == (time, assumed == "yes")


def _diff_name(cells: list[str]) -> None:
    key, name, safe = cells
    assert (diff_name(Key(key)), diff_name(Key(key), colons=False)) == (name, safe)


def _key(cells: list[str]) -> None:
    assert is_key(cells[0]) == (cells[1] == "yes")


def _name(cells: list[str]) -> None:
    assert name_of(cells[0]) == cells[1]


def _agent(cells: list[str]) -> None:
    assert agent_of(cells[0], {}) == cells[1]


def _status(cells: list[str]) -> None:
    assert status_of(cells[0]) == (cells[1], cells[2])


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "keys": _key, "names": _name, "diff-names": _diff_name, "forms": _form, "times": _time,
    "statuses": _status, "agents": _agent, "figures": _figure,
    "headings": _heading, "notes": _notes,
}  # fmt: skip
#: Tables that are compared as a whole.
WHOLE = {
    "archive-header",
    "archive-members",
    "archive-profiles",
    "date-labels",
    "findings",
    "labels",
    "status-words",
    "tokens",
}


@pytest.mark.parametrize(
    ("table", "cells"), [(table, cells) for table in CHECKS for cells in rows(table)]
)
def test_each_row_of_a_table_agrees_with_the_code(table: str, cells: list[str]) -> None:
    check_row = CHECKS[table]
    check_row(cells)


def test_no_table_is_skipped() -> None:
    assert {m["name"] for m in _TABLE.finditer(TEXT)} == CHECKS.keys() | WHOLE


def test_the_table_of_forms_has_every_form_once() -> None:
    assert [cells[0] for cells in rows("forms")] == [form.name for form in FORMS]


def test_the_table_of_labels_is_that_of_the_code() -> None:
    assert [(name, tuple(words(cell))) for name, cell in rows("labels")] == list(LABELS.items())


def test_the_labels_of_dates_are_those_of_the_code() -> None:
    ((cell,),) = rows("date-labels")
    assert tuple(words(cell)) == DATE_LABELS


def test_the_table_of_status_words_is_that_of_the_code() -> None:
    told = [(word, status) for status, cell in rows("status-words") for word in words(cell)]
    assert told == list(STATUS_WORDS.items())


def test_the_documented_tokens_of_the_examples_are_right() -> None:
    examples = {"deltas": block("deltas"), "view": blocks("view")[0]}
    told = {name: [int(n) for n in numbers] for name, *numbers in rows("tokens")}
    counters = [counter(name) for name in TOKENIZERS]
    assert told == {name: [c.count([text])[0] for c in counters] for name, text in examples.items()}


def test_a_delta_that_the_view_cannot_express_is_its_line() -> None:
    ((last,),) = [
        [line for line in view.splitlines() if " | " in line] for view in blocks("view")[1:]
    ]
    assert isinstance(decode_delta(last), Delta)


def test_the_manifests_and_deltas_merge_as_they_say() -> None:
    ours, theirs, merged, deltas = (
        block(kind).encode() for kind in ("ours", "theirs", "merged", "merged-deltas")
    )
    assert merge_manifests(b"", ours, theirs) == merged
    mine, yours = [
        b"".join(f"{encode_delta(delta_of(s))}\n".encode() for s in facts_of(side))
        for side in (ours, theirs)
    ]
    assert merge_rows(DELTAS, b"", mine, yours, lambda: settle_merge(ours, theirs)) == deltas
    for side, begins in ((ours, "6ecbed"), (theirs, "5769c3")):
        (session,) = facts_of(side)
        assert hashlib.sha256(f"id:{session.id}".encode()).hexdigest().startswith(begins)


def test_the_objects_of_a_remote_are_named_so() -> None:
    names = block("objects").splitlines()
    assert len(names) == 4
    assert all(is_object(name) for name in names)
    assert [str(decode_snapshot_name(n)) for n in names if decode_snapshot_name(n)] == names[3:]


def test_the_snapshot_is_written_so() -> None:
    document = block("snapshot").encode()
    snapshot = decode_snapshot(document)
    assert encode_snapshot(snapshot) == document
    assert {*snapshot.layouts, *(p.name for p in snapshot.packs)} <= {*block("objects").split()}


def facts_of(manifest: bytes) -> list[Session]:
    found = (FACTS.read(piece) for piece in FACTS.split(manifest))
    return [fact for fact in found if isinstance(fact, Session)]


def test_the_settings_are_read_as_shown() -> None:
    tables = decode_tables(block("config").encode(), "config.toml")
    assert set(tables) == {"agents", "record", "verify"}
    assert limits_of(tables, {}) == Limits(
        threshold=95, context=400, references=300, is_explicit=True
    )


def test_the_table_of_findings_has_every_code() -> None:
    assert dict(rows("findings")) == RULES
