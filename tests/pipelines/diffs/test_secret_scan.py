"""The gate: findings in real patches, what may pass, and that no secret is ever printed."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from codec.kinds import Key
from codec.v1.detect import detect
from codec.v1.split import split
from pipelines.diffs import secret_scan as secrets
from pipelines.diffs.secret_scan import Scan, Text, scan
from pipelines.outcomes.errors import Unavailable
from tests.pipelines.conftest import Bench, Cli, corpus, day, entry, log_of
from tests.pipelines.verbs.test_archive import archives, loose, patch_of
from tests.support.made_secrets import HARMLESS, Maker, Planted, patch_with, planted

SAMPLE = Path(__file__).parents[3] / "fixtures" / "sample" / "AGENT_PROGRESS_LOG.md"
#: The letters that encode the length of a line of base85.
_LENGTHS: Final = b" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ONE: Planted = planted()[0]


def look(*patches: bytes, allowed: frozenset[str] = frozenset()) -> Scan:
    texts = (Text(f"{n}.diff", Key(str(n)), partial(bytes, p)) for n, p in enumerate(patches))
    return scan(texts, allowed, lambda done: None)


def patches_of(log: bytes) -> list[bytes]:
    return [log[slice(*span.patch)] for span in split(log, detect(log)) if span.patch is not None]


def in_the_middle(patch: bytes, text: str) -> tuple[bytes, int]:
    """Return a patch that adds one more text among its lines, and that text's line number."""
    lines = patch.splitlines(keepends=True)
    at = max(5, len(lines) // 2)
    planted_lines = [f"+{line}\n".encode() for line in text.split("\n")]
    return b"".join([*lines[:at], *planted_lines, *lines[at:]]), at + 1


def test_secrets_of_all_kinds_are_found_inside_patches_with_their_places() -> None:
    patches = [p for p in patches_of(SAMPLE.read_bytes()) if p.startswith(b"diff --git")]
    assert look(*patches).findings == []
    for n, one in enumerate(planted()):
        data, line = in_the_middle(patches[n % len(patches)], one.text)
        (finding,) = look(data).findings
        line += one.text[: one.text.index(one.secret)].count("\n")
        assert (finding.line, finding.key, finding.file) == (line, "0", "0.diff"), one.kind
        assert finding.rule
        assert finding.fingerprint
        assert not any(part in str(finding) for part in one.secret.split("\n"))


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:24])
def test_neither_scanner_calls_a_placeholder_a_secret(text: str) -> None:
    assert look(patch_with(text)).findings == []


@pytest.mark.slow
def test_few_of_ten_thousand_real_patches_are_suspected() -> None:
    """Counted by hand: eight findings are private keys, one is a token that a program gave out.

    Five are false: four values in manuals, one of them in two patches, and one a public key.
    """
    result = look(*patches_of(corpus("large.md")))
    assert result.texts == 10_000
    rules = [finding.rule for finding in result.findings]
    assert rules.count("private-key") == 8
    assert len(rules) <= 14


def test_a_secret_is_named_once_a_text_and_a_text_names_some_of_very_many() -> None:
    make = Maker(5)
    twice = patch_with(f"{ONE.text}\n{ONE.text}")
    many = patch_with("\n".join(f"password = '{make.of(12)}'" for _ in range(300)))
    assert [f.line for f in look(twice).findings] == [7]
    assert len(look(many).findings) == 20


def test_only_allowed_findings_pass() -> None:
    other = patch_with(planted()[6].text)
    first, second = look(patch_with(ONE.text), other).findings
    assert first.fingerprint
    result = look(patch_with(ONE.text), other, allowed=frozenset({first.fingerprint}))
    assert ([f.fingerprint for f in result.findings], result.allowed) == ([second.fingerprint], 1)


def test_texts_are_in_memory_a_few_at_a_time() -> None:
    drawn: list[int] = []
    ahead: list[int] = []

    def texts() -> Iterator[Text]:
        for n in range(200):
            drawn.append(n)
            yield Text(str(n), None, lambda: b"x = 1\n")

    done = scan(texts(), (), lambda count: ahead.append(len(drawn) - count))
    assert (done.texts, done.size) == (200, 1200)
    assert max(ahead) <= 4 * (os.cpu_count() or 1)


class Broken:
    """A scanner that fails and puts what it read into its error."""

    def scan(self, data: bytes, timeout: float) -> list[object]:
        raise RuntimeError(data.decode())


def broken() -> object:
    return Broken()


#: The real loader, which finds no scanner once its module is taken away.
missing: Final = secrets._scanner.__wrapped__


@pytest.fixture
def leaky(bench: Bench) -> Bench:
    """Make a workspace of two past months; a diff of the first holds a secret."""
    entries = [entry(day(n), task=f"t-{n}", patch=patch_of(f"f{n}")) for n in range(1, 4)]
    entries.append(entry(day(5), task="leak", patch=patch_with(ONE.text)))
    entries.append(entry("2025-12-01T10:00:00Z", task="late", patch=patch_of("late")))
    bench.log.write_bytes(log_of(*entries))
    bench.migrate()
    return bench


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Use an empty folder of settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "session-codec" / "config.toml"


def test_a_diff_with_a_secret_stays_loose_and_the_rest_is_packed(leaky: Bench, cli: Cli) -> None:
    said = cli("archive", leaky.root)
    assert said.code == 3
    assert loose(leaky) == [f"{day(5)}.diff"]
    assert [p.name[:7] for p in archives(leaky)] == ["2025-11", "2025-12"]
    assert f"finding: .diffs/{day(5)}.diff:7: aws-key-id in conf/settings.py" in said.err
    again = cli("archive", leaky.root)
    assert (again.code, loose(leaky), again.out) == (3, [f"{day(5)}.diff"], "")


def test_a_dry_run_reports_secrets_and_packs_nothing(leaky: Bench, cli: Cli) -> None:
    said = cli("archive", leaky.root, "--dry-run", "--json")
    assert said.code == 3
    assert (said.json["held"], said.json["planned"]) == ([day(5)], {"2025-11": 3, "2025-12": 1})
    assert len(loose(leaky)) == 5


@pytest.mark.parametrize("how", ["line", "environment", "file", "repository", "no-scan"])
def test_a_secret_that_the_operator_lets_pass_is_packed(
    leaky: Bench, cli: Cli, own_settings: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (finding,) = cli("archive", leaky.root, "--json").json["findings"]
    allow = f'[secrets]\nallow = ["{finding["fingerprint"]}"]\n'
    options: list[str] = []
    match how:
        case "line":
            options = ["--allow-secret", finding["fingerprint"]]
        case "environment":
            monkeypatch.setenv("SESSION_CODEC_ALLOW", finding["fingerprint"])
        case "file":
            own_settings.parent.mkdir(parents=True)
            own_settings.write_text(allow)
        case "repository":
            (leaky.root / ".session-codec" / "config.toml").write_text(allow)
            refused = cli("archive", leaky.root)
            assert (refused.code, len(loose(leaky))) == (3, 1)
            assert "note: .session-codec/config.toml: [secrets] is ignored" in refused.err
            options = ["--trust-repo-config"]
        case "no-scan":
            options = ["--no-scan"]
    assert cli("archive", leaky.root, *options).code == 0
    assert loose(leaky) == []


def test_a_purged_secret_does_not_block_a_sync(leaky: Bench, cli: Cli) -> None:
    cli("archive", leaky.root)
    cli("purge", day(5), leaky.root, "--yes")
    assert cli("archive", leaky.root).code == 0
    assert loose(leaky) == []


def test_an_invalid_fingerprint_is_a_misuse(leaky: Bench, cli: Cli) -> None:
    said = cli("archive", leaky.root, "--allow-secret", "*")
    assert said.code == 2
    assert len(loose(leaky)) == 5


@pytest.mark.parametrize("fault", [broken, missing])
@pytest.mark.parametrize("option", ["--json", "--keep-loose"])
def test_without_a_scanner_nothing_is_packed(
    leaky: Bench,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[], object],
    option: str,
) -> None:
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    monkeypatch.setattr(secrets, "_scanner", fault)
    said = cli("archive", leaky.root, option)
    assert said.code == 32
    assert "nothing is let through" in said.err
    assert (archives(leaky), len(loose(leaky))) == ([], 5)
    assert ONE.secret not in said.out + said.err


@pytest.mark.parametrize("option", ["--json", "--dry-run", "--keep-loose"])
def test_a_secret_is_never_printed(leaky: Bench, cli: Cli, option: str) -> None:
    said = cli("archive", leaky.root, option)
    assert said.code == 3
    assert ONE.secret not in said.out + said.err
    assert ONE.secret[4:] not in said.out + said.err


def test_a_file_name_that_contains_the_secret_is_not_printed() -> None:
    (finding,) = look(patch_with("x", file=f"{ONE.secret}.txt")).findings
    assert ONE.secret not in json.dumps(finding._asdict())


def test_an_error_of_the_scanner_does_not_quote_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(secrets, "_scanner", broken)
    with pytest.raises(Unavailable) as caught:
        look(patch_with(ONE.text))
    assert ONE.secret not in str(caught.value)
    assert caught.value.__suppress_context__


def binary_patch_of(folder: Path, *versions: bytes) -> bytes:
    """Return the patch of the last commit of a binary file, as `record` makes it."""

    def git(*arguments: str) -> bytes:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout

    git("init", "-q")
    for version in versions:
        (folder / "prod.env").write_bytes(version)
        git("add", "-A")
        git("commit", "-qm", "x")
    return git("show", "--format=", "--binary", "--root", "HEAD")


def test_a_secret_in_a_binary_patch_of_git_is_found_and_not_printed(tmp_path: Path) -> None:
    content = f"# ä\r\n{ONE.text}\r\n".encode("utf-16")
    data = binary_patch_of(tmp_path, content)
    assert b"GIT binary patch" in data
    (finding,) = look(data).findings
    assert (finding.code, finding.line) == ("secret", 6)
    assert "in prod.env" in finding.message
    assert ONE.secret not in json.dumps(finding._asdict())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
def test_secrets_of_all_kinds_are_found_in_binary_patches_of_every_encoding(encoding: str) -> None:
    head = b"diff --git a/b.env b/b.env\nnew file mode 100644\nGIT binary patch\n"
    for one in planted():
        content = b"\0\1\2\0" + f"# ä\r\n{one.text}\r\nX=1\r\n".encode(encoding)
        packed = zlib.compress(content)
        lines = [packed[at : at + 52] for at in range(0, len(packed), 52)]
        coded = b"".join(
            _LENGTHS[len(x) : len(x) + 1] + base64.b85encode(x, pad=True) + b"\n" for x in lines
        )
        (finding,) = look(head + b"literal %d\n" % len(content) + coded + b"\n").findings
        assert (finding.code, finding.line) == ("secret", 5), one.kind


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_secret_in_a_text_patch_of_utf_16_is_found(encoding: str) -> None:
    """A repository may declare such a file as text: `*.env diff`."""
    lines = f"# ä\r\n{ONE.text}\r\n".encode(encoding).split(b"\n")
    head = b"diff --git a/x.env b/x.env\n--- a/x.env\n+++ b/x.env\n@@ -0,0 +1,2 @@\n"
    (finding,) = look(head + b"".join(b"+" + line + b"\n" for line in lines)).findings
    assert finding.line == 6
    assert ONE.secret not in str(finding)


def test_base85_of_a_picture_is_not_searched_as_text(tmp_path: Path) -> None:
    noise = random.Random(9).randbytes(400_000)  # noqa: S311 - a picture
    assert look(binary_patch_of(tmp_path, b"\0" + noise)).findings == []


def test_a_binary_change_that_cannot_be_seen_is_a_finding_that_can_be_allowed(
    tmp_path: Path,
) -> None:
    before = b"\0" + random.Random(9).randbytes(40_000)  # noqa: S311 - does not compress
    data = binary_patch_of(tmp_path, before, before[:9_000] + b"x" * 20 + before[9_000:])
    findings = look(data).findings
    assert {f.code for f in findings} == {"unseen"}
    marks = frozenset(f.fingerprint for f in findings if f.fingerprint)
    assert len(marks) == 2
    assert look(data, allowed=marks).findings == []


def test_a_delta_is_applied_to_its_base_in_the_repository_and_searched(tmp_path: Path) -> None:
    """One half of the token is in the base, the other is inserted."""
    noise = random.Random(9).randbytes(40_000)  # noqa: S311 - does not compress
    text, secret = ONE.text.encode(), ONE.secret.encode()
    at = text.index(secret) + 8
    before = b"\0" + noise + b"\n" + text[:at] + b"\n" + noise[::-1]
    data = binary_patch_of(tmp_path, before, before.replace(text[:at], text))
    assert secret not in data

    def blob(name: str) -> bytes | None:
        command = ["git", "cat-file", "blob", name]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    result = scan([Text("0.diff", Key("0"), lambda: data)], (), lambda done: None, blob)
    assert [f.code for f in result.findings] == ["secret"]
