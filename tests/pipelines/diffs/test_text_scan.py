"""No secret enters a tracked file or a report: it is replaced, and a finding says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from codec.manifest.jsonl import decode_fact
from codec.records import Session
from pipelines.diffs import secret_scan as secrets
from pipelines.diffs.text_scan import MARK
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES
from tests.pipelines.cli.test_hook import Agents, agents
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.pipelines.verbs.test_sync import own_configuration
from tests.support.made_secrets import planted

__all__ = ["agents", "own_configuration"]
TRACKED = (MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES)
ONE = planted()[0]
NAMED = next(p for p in planted() if p.kind == "password")


def sessions(bench: Bench) -> list[Session]:
    lines = (bench.root / MANIFEST).read_text().splitlines()
    return [fact for line in lines if isinstance(fact := decode_fact(line), Session)]


def holders(bench: Bench, secret: str) -> list[str]:
    """Return the tracked files that hold a secret."""
    files = [name for name in TRACKED if (bench.root / name).exists()]
    return [name for name in files if secret in (bench.root / name).read_text()]


@pytest.mark.parametrize("one", [p for p in planted() if "\n" not in p.text], ids=lambda p: p.kind)
def test_a_recorded_secret_is_replaced_in_every_text(bench: Bench, cli: Cli, one: object) -> None:
    assert isinstance(one, type(ONE))
    bench.migrate()
    for option in ("--notes", "--task"):
        said = cli("record", bench.root, "--agent", "a", "--status", "PASS", "--no-diff",
                   *(("--task", "t") if option == "--notes" else ()), option, one.text)  # fmt: skip
        assert said.code == 0
        assert "was replaced" in said.err
        assert one.secret not in said.out + said.err
    assert holders(bench, one.secret) == []
    assert MARK in sessions(bench)[-2].notes


@pytest.mark.parametrize("option", ["--agent", "--task", "--title", "--remark", "--notes"])
def test_no_option_of_amend_is_forgotten(bench: Bench, cli: Cli, option: str) -> None:
    bench.migrate()
    for dry in (("--dry-run",), ()):
        said = cli("amend", "latest", bench.root, option, f"t ({ONE.text})", *dry)
        assert said.code == 0
        assert "was replaced" in said.err
        assert ONE.secret not in said.out + said.err
    assert not any(ONE.secret.lower() in (bench.root / n).read_text().lower() for n in TRACKED)
    assert cli("verify", bench.root).code == 0


@pytest.mark.parametrize("option", ["--agent", "--task", "--status", "--notes"])
def test_no_option_of_record_is_forgotten(bench: Bench, cli: Cli, option: str) -> None:
    bench.migrate()
    texts = {"--agent": "a", "--task": "t", "--status": "PASS", "--notes": "n"}
    texts[option] = f"{texts[option]} ({ONE.text})"
    options = [word for pair in texts.items() for word in pair]
    for dry in (("--dry-run",), ()):
        said = cli("record", bench.root, *options, "--no-diff", *dry)
        assert said.code == 0
        assert ONE.secret not in said.out + said.err
    assert holders(bench, ONE.secret) == []
    assert any("secret" in str(field) for field in sessions(bench)[-1])


def test_a_secret_that_the_operator_allows_is_kept(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.migrate()
    record = ("record", bench.root, "--agent", "a", "--task", "t", "--notes", NAMED.text,
              "--no-diff", "--json")  # fmt: skip
    (finding,) = cli(*record).json["findings"]
    monkeypatch.setenv("SESSION_CODEC_ALLOW", finding["fingerprint"])
    assert cli(*record).json["findings"] == []
    assert sessions(bench)[-1].notes == NAMED.text


def test_without_a_scanner_a_suspicious_text_is_not_written_and_others_are(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.migrate()
    before = (bench.root / MANIFEST).read_bytes()
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    monkeypatch.setattr(secrets, "_scanner", secrets._scanner.__wrapped__)
    record = ("record", bench.root, "--agent", "a", "--task", "t", "--no-diff")
    said = cli(*record, "--notes", ONE.text)
    assert (said.code, (bench.root / MANIFEST).read_bytes()) == (32, before)
    assert ONE.secret not in said.out + said.err
    assert cli(*record, "--notes", "all tests pass").code == 0


def test_a_migrated_secret_is_replaced_and_named_with_its_line(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(
        log_of(
            entry(day(1), task=f"rotate {ONE.text}", patch=None),
            entry(day(2), notes=ONE.text, patch=None),
        )
    )
    said = cli("migrate", bench.root)
    assert said.code == 3
    assert "AGENT_PROGRESS_LOG.md:" in said.err
    assert ONE.secret not in said.out + said.err
    assert holders(bench, ONE.secret) == []
    assert cli("migrate", bench.root).code == 0  # known by the hash of its entry
    assert ONE.secret in cli("restore-v1", bench.root).out


def test_a_stated_secret_is_left_out_of_the_references(bench: Bench, cli: Cli) -> None:
    rule = f"ALWAYS deploy with {NAMED.text}"
    (bench.root / "AGENTS.md").write_text(f"# Rules\n\n- {rule}\n- ALWAYS run the tests\n")
    bench.migrate()
    assert holders(bench, NAMED.secret) == []
    said = cli("references", bench.root)
    assert holders(bench, NAMED.secret) == []
    assert "ALWAYS run the tests" in (bench.root / REFERENCES).read_text()
    assert NAMED.secret not in said.out + said.err


def test_verify_names_a_secret_that_a_tracked_text_has_already(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.migrate()
    monkeypatch.setattr(
        "pipelines.recording.session.clean_recording", lambda _, recording: (recording, [])
    )
    cli("record", bench.root, "--agent", "a", "--task", "t", "--notes", ONE.text, "--no-diff")
    key = sessions(bench)[-1].key
    with (bench.root / REFERENCES).open("a") as f:
        f.write(f"deploy: {json.dumps(NAMED.text)}\n")
    said = cli("verify", bench.root, "--json")
    found = [f for f in said.json["findings"] if f["code"] == "secret-text"]
    assert said.code == 3
    assert [(f["file"], f.get("key")) for f in found] == [(MANIFEST, key), (REFERENCES, None)]
    for secret in (ONE.secret, NAMED.secret):
        assert secret not in said.out + said.err


@pytest.mark.parametrize("name", ["notes", "task", "agent", "status"])
def test_a_report_holds_no_secret_of_any_text(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    bench.migrate()
    monkeypatch.setattr(
        "pipelines.recording.session.clean_recording", lambda _, recording: (recording, [])
    )
    texts = {"agent": "a", "task": "t", "status": "PASS", "notes": "n"}
    texts[name] = f"{texts[name]} {ONE.secret} \u202etxet\u200b"
    options = [word for option, text in texts.items() for word in (f"--{option}", text)]
    assert cli("record", bench.root, *options, "--no-diff").code == 0
    said = cli("report", bench.root, "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert said.code == 3
    assert "was replaced" in said.err
    assert ONE.secret not in page + said.out + said.err
    assert "\\u202e" not in page.lower()


@pytest.fixture
def agents_with_prompt(agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a transcript whose first prompt holds a secret."""
    folder = tmp_path / "claude" / "projects"
    folder.mkdir(parents=True)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder.parent))
    path = folder / "s-1.jsonl"
    message = {"role": "user", "content": f"deploy with {ONE.text}"}
    fields = {"type": "user", "sessionId": "s-1", "message": message}
    path.write_text(json.dumps({**fields, "timestamp": "2026-01-02T10:00:00Z"}) + "\n")
    agents.commit("begin")
    return path


def test_a_secret_in_a_prompt_is_replaced(agents: Agents, agents_with_prompt: Path) -> None:
    agents.claude("SessionStart", transcript_path=str(agents_with_prompt))
    agents.claude("SessionEnd", transcript_path=str(agents_with_prompt))
    drained = agents.drain()
    assert [f.code for f in drained.findings] == ["secret-replaced"]
    assert MARK in drained.sessions[0].title
    assert ONE.secret not in (agents.root / MANIFEST).read_text()


def test_prompts_can_be_kept_out_of_tasks(agents: Agents, agents_with_prompt: Path) -> None:
    config = agents.root / ".session-codec" / "config.toml"
    config.write_text('[record]\nprompts = "off"\n')
    agents.claude("SessionStart", transcript_path=str(agents_with_prompt))
    agents.commit("feature")
    agents.claude("SessionEnd", transcript_path=str(agents_with_prompt))
    (session,) = agents.drain().sessions
    assert session.title == "Add feature"


def test_a_setting_of_prompts_that_is_not_known_is_refused(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / ".session-codec" / "config.toml").write_text("[record]\nprompts = false\n")
    said = cli("record", bench.root, "--agent", "a", "--task", "t", "--no-diff")
    assert said.code in (10, 12)
    assert "record.prompts" in said.err
