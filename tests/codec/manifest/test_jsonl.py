"""Facts are complete, one per line, and unknown facts are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from codec.errors import FormatError
from codec.kinds import Key, Sha256
from codec.manifest.facts import (
    Archive,
    Disowned,
    Fact,
    Follows,
    Format,
    Kept,
    Purged,
    PurgedText,
    Revision,
    UnknownFact,
    V1Retired,
    V1Version,
)
from codec.manifest.jsonl import decode_fact, decode_facts, encode_fact, identity_of
from codec.manifest.session_fields import changes_between, revised
from codec.records import NO_METRICS, Metrics, PatchRef, Session, V1Entry

SHA = Sha256("ab" * 32)
SESSION = Session(
    key=Key("2025-11-06T14:30:00Z.0123ab"),
    time="2025-11-06T14:30:00Z",
    agent="sonnet-4.5",
    task="naïve",
    status="PASS",
    remark="deployed",
    title="A naïve task",
    notes="None lost",
    metrics=Metrics(
        lines_added=0,
        lines_removed=1,
        commits=2,
        duration_min=3,
        tokens_used=4,
        deployment="dpl_5",
    ),
    patch=PatchRef(sha256=SHA, size=1148),
    id='run "7"',
    range=f"{'0a' * 20}..{'b1' * 32}",
    commits_of=("0a" * 20, f"{'0a' * 20}..{'b1' * 20}"),
    v1=V1Entry(
        source="AGENT_PROGRESS_LOG.md",
        sha256=SHA,
        tokens={"o200k_base": 17},
        counted=("lines_added",),
    ),
    reader=2,
    private=True,
)
LINE = (
    '{"fact":"session","key":"2025-11-06T14:30:00Z.0123ab","time":"2025-11-06T14:30:00Z",'
    '"agent":"sonnet-4.5","task":"naïve","status":"PASS","remark":"deployed",'
    '"title":"A naïve task","notes":"None lost","lines_added":0,"lines_removed":1,"commits":2,'
    f'"duration_min":3,"tokens_used":4,"deployment":"dpl_5","diff":{{"sha256":"{SHA}",'
    f'"bytes":1148}},"id":"run \\"7\\"","range":"{"0a" * 20}..{"b1" * 32}",'
    f'"commits_of":["{"0a" * 20}","{"0a" * 20}..{"b1" * 20}"],'
    f'"v1":{{"source":"AGENT_PROGRESS_LOG.md","sha256":"{SHA}",'
    '"tokens":{"o200k_base":17},"counted":["lines_added"]},"reader":2,"private":true}'
)
BARE = Session(key=Key("2025-11-06"), time="2025-11-06", agent="-", task="-", status="UNKNOWN")
BARE_LINE = (
    '{"fact":"session","key":"2025-11-06","time":"2025-11-06","agent":"-","task":"-",'
    '"status":"UNKNOWN"}'
)
VERSION = V1Version(
    source="a.md", sha256=SHA, size=9, words=2, tokens={"o200k_base": 3}, seen="2025-11-06"
)
FACTS: list[tuple[Fact, str]] = [
    (SESSION, LINE),
    (BARE, BARE_LINE),
    (
        VERSION,
        f'{{"fact":"v1","source":"a.md","sha256":"{SHA}","bytes":9,"words":2,'
        '"tokens":{"o200k_base":3},"seen":"2025-11-06"}',
    ),
    (
        V1Retired(source="a.md", sha256=SHA, time="2025-11-06"),
        f'{{"fact":"v1-retired","source":"a.md","sha256":"{SHA}","time":"2025-11-06"}}',
    ),
    (
        Archive(
            name=f"2025-11-{SHA[:12]}.tar.zst",
            sha256=SHA,
            size=9,
            keys=(Key("2025-11-06"),),
            zstd="1",
        ),
        f'{{"fact":"archive","name":"2025-11-{SHA[:12]}.tar.zst","sha256":"{SHA}","bytes":9,'
        '"keys":["2025-11-06"],"zstd":"1"}',
    ),
    (
        Purged(key=Key("2025-11-06"), sha256=SHA, time="2025-11-07"),
        f'{{"fact":"purged","key":"2025-11-06","sha256":"{SHA}","time":"2025-11-07"}}',
    ),
    (Format(version=1, needs="9"), '{"fact":"format","version":1,"needs":"9"}'),
    (
        Revision(of=SHA, after=(SHA,), by="hook", changes={"notes": None, "commits": 2}),
        f'{{"fact":"revision","of":"{SHA}","after":["{SHA}"],"by":"hook","notes":null,"commits":2}}',
    ),
    (
        Follows(entry=SHA, after="cd" * 32),
        f'{{"fact":"follows","entry":"{SHA}","after":"{"cd" * 32}"}}',
    ),
    (
        Disowned(tombstones=(SHA,), time="2025-11-07"),
        f'{{"fact":"disowned","tombstones":["{SHA}"],"time":"2025-11-07"}}',
    ),
    (
        PurgedText(lines=(SHA,), time="2025-11-07"),
        f'{{"fact":"purged-text","lines":["{SHA}"],"time":"2025-11-07"}}',
    ),
    (
        Kept(file="SESSION_DELTAS.log", rows=(SHA,)),
        f'{{"fact":"kept","file":"SESSION_DELTAS.log","rows":["{SHA}"]}}',
    ),
    (UnknownFact(line='{"fact": "later",  "n": 1.50}'), '{"fact": "later",  "n": 1.50}'),
]


@pytest.mark.parametrize(("fact", "line"), FACTS)
def test_a_fact_is_written_as_specified_and_read_back(fact: Fact, line: str) -> None:
    assert encode_fact(fact) == line
    assert decode_fact(line) == fact


def test_fields_of_a_later_version_are_kept_in_their_order() -> None:
    line = BARE_LINE[:-1] + ',"zebra":[1,{"x":null}],"apple":"y","mango":2}'
    fact = decode_fact(line)
    assert isinstance(fact, Session)
    assert list(fact.extra.items()) == [("zebra", [1, {"x": None}]), ("apple", "y"), ("mango", 2)]
    assert encode_fact(fact) == line


def test_the_bytes_of_a_fact_do_not_depend_on_the_seed_of_hashes() -> None:
    line = BARE_LINE[:-1] + "".join(f',"{name}":1' for name in "zyxwvutsr") + "}"
    program = (
        "from codec.manifest.jsonl import decode_fact, encode_fact\n"
        f"print(encode_fact(decode_fact({line!r})))"
    )
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == line + "\n"


def archive(**fields: object) -> str:
    whole = {"fact": "archive", "name": f"2025-11-{SHA[:12]}.tar.zst", "sha256": SHA, "bytes": 9}
    return json.dumps({**whole, "keys": [], "zstd": "1", **fields})


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(LINE), **fields})


def revision(**fields: object) -> str:
    return json.dumps({"fact": "revision", "of": SHA, "after": [], "by": "person", **fields})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (LINE[:-1], "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"fact":"session","n":' + "9" * 5000 + "}", "not JSON"),
        ("[]", "not a fact"),
        ("null", "not a fact"),
        ('{"key":"2025-11-06"}', "not a fact"),
        ('{"fact":7}', "not a fact"),
        ('{"fact":"session"}', "key: is missing"),
        ('{"fact":"v1"}', "source: is missing"),
        ('{"fact":"archive"}', "name: is missing"),
        ('{"fact":"purged","key":"../x","time":""}', "key: not a key"),
        (archive(name="../../x"), "name: unexpected"),
        (archive(name=f"2025-13-{SHA[:12]}.tar.zst"), "name: unexpected"),
        (archive(name=f"2025-11-{'cd' * 6}.tar.zst"), "name: unexpected"),
        (archive(keys="2025-11-06"), "keys: unexpected"),
        (archive(keys=["2025-11-06", 7]), "key: not a key"),
        ('{"fact":"v1-retired","source":"a"}', "sha256: is missing"),
        (changed(key="../x"), "key: not a key"),
        (changed(key=7), "key: not a key"),
        (changed(time="2025-13-01"), "time: not the time of the key"),
        (changed(status="GOOD"), "status: unknown status 'GOOD'"),
        (changed(agent=None), "agent: unexpected"),
        (changed(notes=1), "notes: unexpected"),
        (changed(commits=-1), "commits: unexpected"),
        (changed(commits=True), "commits: unexpected"),
        (changed(commits=1.0), "commits: unexpected"),
        (changed(deployment=1), "deployment: unexpected"),
        (changed(diff="none"), "diff: unexpected"),
        (changed(diff={"sha256": SHA}), "bytes: is missing"),
        (changed(diff={"sha256": "AB" * 32, "bytes": 1}), "sha256: unexpected"),
        (changed(diff={"sha256": SHA[1:], "bytes": 1}), "sha256: unexpected"),
        (changed(range="--output=x"), "range: unexpected"),
        (changed(range="HEAD^..HEAD"), "range: unexpected"),
        (changed(commits_of=[]), "commits_of: unexpected"),
        (changed(commits_of=["--output=x"]), "commits_of: unexpected"),
        (changed(private=False), "private: unexpected"),
        (changed(reader=-1), "reader: unexpected"),
        (revision(by="robot"), "by: unexpected"),
        (revision(of=SHA[1:]), "of: unexpected"),
        (revision(after=["cd" * 32, SHA]), "after: unexpected"),
        (revision(key="2025-11-06"), "key: cannot be revised"),
        (revision(id="x"), "id: cannot be revised"),
        (revision(status="GOOD"), "status: unknown status 'GOOD'"),
        (revision(agent=None), "agent: is missing"),
        (revision(range="HEAD^..HEAD"), "range: unexpected"),
        ('{"fact":"format","version":"2","needs":""}', "version: unexpected"),
        ('{"fact":"purged-text","lines":["x"],"time":""}', "lines: unexpected"),
        (changed(id="a\nb"), "id: unexpected"),
        (changed(v1=[]), "v1: unexpected"),
        (changed(v1={"source": "a"}), "sha256: is missing"),
        (changed(v1={"source": "a", "sha256": SHA, "counted": "x"}), "counted: unexpected"),
        (changed(v1={"source": "a", "sha256": SHA, "tokens": [1]}), "tokens: unexpected"),
        (changed(v1={"source": "a", "sha256": SHA, "tokens": {"x": "1"}}), "x: unexpected"),
        (changed(notes="half \ud800"), "a lone surrogate"),
        (changed(later=["\udfff"]), "a lone surrogate"),
    ],
)
def test_a_line_that_is_not_a_fact_is_refused_by_its_field(line: str, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        decode_fact(line)
    assert problem in str(caught.value)


def test_escapes_of_whole_characters_are_read() -> None:
    fact = decode_fact(changed(notes="🎉"))
    assert isinstance(fact, Session)
    assert fact.notes == "🎉"


def test_equal_lines_are_one_fact_and_broken_ones_are_reported() -> None:
    lines = [(1, LINE), (2, BARE_LINE), (3, ""), (4, LINE), (5, "torn"), (6, FACTS[2][1])]
    facts, errors = decode_facts(lines)
    assert facts == [SESSION, BARE, VERSION]
    assert [e.line for e in errors] == [5]


def test_the_order_of_lines_does_not_change_the_facts() -> None:
    lines = [line for _, line in FACTS]
    forwards, _ = decode_facts(enumerate(lines))
    backwards, _ = decode_facts(enumerate(reversed(lines)))
    assert forwards == list(reversed(backwards))


def test_a_revision_states_the_differences_and_gives_the_same_session() -> None:
    after = SESSION._replace(
        notes="", metrics=NO_METRICS._replace(commits=0), patch=None, private=False, reader=3
    )
    changes = changes_between(SESSION, after)
    assert changes.pop("diff") is None
    assert {name: value for name, value in changes.items() if value is not None} == {
        "commits": 0,
        "reader": 3,
    }
    assert revised(SESSION, changes_between(SESSION, after)) == after
    assert changes_between(SESSION, SESSION._replace(key=Key("2025-11-06T14:30:00Z"))) == {}


def test_neither_another_key_nor_another_reader_changes_the_identity_of_a_session() -> None:
    entry = V1Entry(source="LOG.md", sha256=Sha256("12" * 32))
    assert identity_of(BARE._replace(v1=entry)) == "12" * 32
    recorded = BARE._replace(id="x")
    other = recorded._replace(key=Key("2025-11-06.abcdef"), task="t", reader=2)
    assert identity_of(other) == identity_of(recorded)
    assert identity_of(BARE) == identity_of(BARE._replace(key=Key("2025-11-06.abcdef")))
    assert len({identity_of(s) for s in (BARE, recorded, BARE._replace(id="y"))}) == 3
