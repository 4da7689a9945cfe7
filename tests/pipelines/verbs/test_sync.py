"""Sync: each object once, nothing lost, nothing overwritten, nothing that was not asked for."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codec.errors import IntegrityError
from pipelines.outcomes.errors import Conflict
from pipelines.outcomes.progress import Silent
from pipelines.remotes.directory import DirectoryRemote
from pipelines.transfer.last_snapshot import Last, read_last, write_last
from pipelines.verbs.sync import apply, plan
from pipelines.workspace.cache import CACHE
from pipelines.workspace.location import CONFIG, MANIFEST, V1_LOG
from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.pipelines.conftest import PATCH, Bench, Cli, command, day, entry, git, log_of, tree
from tests.pipelines.verbs.test_archive import archives, diffs, log_of_months, loose, patch_of

__all__ = ["at_once", "sdk_environment", "started"]
MONTHS = [f"{year}-{month:02}" for year in (2023, 2024) for month in range(1, 13)]


@pytest.fixture(autouse=True)
def own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Use the configuration of an operator who has decided nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [n for n in os.environ if n.startswith("SESSION_CODEC_")]:
        monkeypatch.delenv(name)
    return tmp_path / "config" / "session-codec" / "config.toml"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return the directory of a future remote."""
    return tmp_path / "remote"


@pytest.fixture
def made(bench: Bench, cli: Cli) -> Bench:
    """Make a workspace of two archived months and one session of this month."""
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    cli("archive", bench.root)
    bench.log.write_bytes(log_of_months() + entry("2099-01-01T00:00:00Z", task="new"))
    bench.migrate()
    bench.log.unlink()
    return bench


def without_cache(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return the files of a workspace without machine-local ones."""
    local = (CACHE, ".session-codec/lock")
    return {name: file for name, file in tree(root).items() if not name.startswith(local)}


def kinds(root: Path) -> list[str]:
    """Of which kinds the objects of a remote are."""
    return sorted(p.parent.name for p in root.rglob("*.zst"))


def test_everything_arrives_and_a_second_sync_is_one_list(
    made: Bench, cli: Cli, remote: Path
) -> None:
    first = cli("sync", made.root, "--remote", remote, "--json")
    assert first.code == 0
    assert first.json["requests"] == {"LIST": 1, "PUT": 6}
    assert kinds(remote) == ["archive", "archive", "loose", "snapshot", "v1", "v1"]
    before = tree(remote, times=True)
    second = cli("sync", made.root, "--remote", remote, "--json")
    assert (second.code, second.json["current"], second.json["sent"]) == (0, True, [])
    assert second.json["requests"] == {"LIST": 1}
    assert tree(remote, times=True) == before


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text here")
def test_a_folder_whose_name_is_not_text_is_a_remote_like_others(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    assert cli("sync", made.root, "--remote", folder).code == 0
    assert cli("sync", made.root, "--remote", folder, "--json").json["current"]
    assert cli("restore", tmp_path / "back", "--remote", folder).code == 0


def test_a_second_sync_of_24_months_is_one_list_and_no_other_request(
    bench: Bench, cli: Cli, started: Started, sdk_environment: None
) -> None:
    bench.log.write_bytes(
        log_of(*(entry(f"{m}-01T10:00:00Z", task=m, patch=patch_of(m)) for m in MONTHS))
    )
    bench.migrate()
    cli("archive", bench.root)
    server = started("moto")
    there = ("--remote", server.url(), "--endpoint-url", server.endpoint)
    first = cli("sync", bench.root, *there, "--json")
    assert first.code == 0
    assert first.json["requests"] == {"LIST": 1, "PUT": 24 + 2}
    second = cli("sync", bench.root, *there, "--json")
    assert (second.code, second.json["requests"]) == (0, {"LIST": 1})


def test_only_new_objects_are_sent_and_sent_objects_stay(
    made: Bench, cli: Cli, remote: Path
) -> None:
    cli("sync", made.root, "--remote", remote)
    before = tree(remote, times=True)
    (made.root / "a.py").write_text("x\n")
    made.commit()
    cli("record", made.root, "--agent", "a", "--task", "t")
    said = cli("sync", made.root, "--remote", remote, "--json")
    assert said.json["requests"] == {"LIST": 1, "PUT": 2}
    after = tree(remote, times=True)
    assert {name: after[name] for name in before} == before
    assert sorted(n.split("/")[0] for n in after.keys() - before) == ["loose", "snapshot"]


def test_diffs_that_were_archived_since_are_not_sent_as_loose_ones(
    bench: Bench, cli: Cli, remote: Path
) -> None:
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    assert cli("sync", bench.root, "--remote", remote).code == 0
    assert kinds(remote) == ["loose", "snapshot", "v1"]
    cli("archive", bench.root)
    said = cli("sync", bench.root, "--remote", remote, "--json")
    assert sorted(o["name"].split("/")[0] for o in said.json["sent"]) == [
        "archive",
        "archive",
        "snapshot",
    ]
    assert cli("sync", bench.root, "--remote", remote, "--json").json["requests"] == {"LIST": 1}


@pytest.mark.parametrize("kind", ["archive", "loose", "v1", "snapshot"])
def test_an_object_that_the_remote_lost_is_sent_again(
    made: Bench, cli: Cli, remote: Path, kind: str
) -> None:
    cli("sync", made.root, "--remote", remote)
    lost = next((remote / kind).iterdir())
    lost.unlink()
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert lost.exists() or kind == "snapshot"
    assert kinds(remote) == ["archive", "archive", "loose", "snapshot", "v1", "v1"]
    assert cli("sync", made.root, "--remote", remote, "--json").json["requests"] == {"LIST": 1}


@pytest.mark.parametrize(
    "what", [".diffs/2099-01-01T00:00:00Z.diff", ".diffs/archive", ".diffs/v1"]
)
def test_a_diff_that_was_missing_at_the_last_sync_is_sent_later(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path, what: str
) -> None:
    shutil.move(made.root / what, tmp_path / "elsewhere")
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert len(kinds(remote)) < 6
    assert cli("sync", made.root, "--remote", remote, "--json").json["sent"] == []
    shutil.move(tmp_path / "elsewhere", made.root / what)
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert {"archive", "loose", "v1"} <= set(kinds(remote))
    assert len([k for k in kinds(remote) if k != "snapshot"]) == 5


def test_a_dry_run_lists_the_uploads_and_sends_nothing(made: Bench, cli: Cli, remote: Path) -> None:
    said = cli("sync", made.root, "--remote", remote, "--dry-run", "--json")
    assert len(said.json["would_send"]) == 4
    assert (said.json["loose"], said.json["requests"]) == (1, {"LIST": 1})
    assert not remote.exists()
    shown = cli("sync", made.root, "--remote", remote, "--dry-run")
    assert "would send 1 loose diff\n" in shown.out


def test_a_lost_cache_costs_no_second_copy(made: Bench, cli: Cli, remote: Path) -> None:
    cli("sync", made.root, "--remote", remote)
    before = tree(remote, times=True)
    shutil.rmtree(made.root / CACHE)
    said = cli("sync", made.root, "--remote", remote, "--json")
    assert (said.code, said.json["sent"]) == (0, [])
    assert tree(remote, times=True) == before
    assert cli("sync", made.root, "--remote", remote, "--json").json["requests"] == {"LIST": 1}


def test_an_archive_is_deleted_here_only_after_its_copy_was_read(
    made: Bench, cli: Cli, remote: Path
) -> None:
    before = diffs(made.workspace)
    said = cli("sync", made.root, "--remote", remote, "--prune-local", "--json")
    assert said.code == 0
    assert said.json["requests"] == {"LIST": 1, "PUT": 6, "GET": 2}
    assert len(said.json["verified"]) == len(said.json["pruned"]) == 2
    assert archives(made) == []
    assert loose(made) == ["2099-01-01T00:00:00Z.diff"]
    cli("restore", made.root, "--remote", remote)
    assert diffs(made.workspace) == before


@pytest.mark.parametrize("harm", ["flipped", "cut", "other"])
def test_a_remote_copy_that_differs_keeps_the_local_archive(
    made: Bench, cli: Cli, remote: Path, harm: str
) -> None:
    cli("sync", made.root, "--remote", remote)
    (first, second) = archives(made)
    copy = remote / "archive" / first.name
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(
        {"flipped": bytes(data), "cut": bytes(data[:-9]), "other": second.read_bytes()}[harm]
    )
    said = cli("sync", made.root, "--remote", remote, "--prune-local")
    assert said.code == 12
    assert first.name in said.err
    assert archives(made) == [first, second]


def test_a_damaged_archive_is_not_sent(made: Bench, cli: Cli, remote: Path) -> None:
    (first, _) = archives(made)
    data = bytearray(first.read_bytes())
    data[10] ^= 1
    first.write_bytes(bytes(data))
    said = cli("sync", made.root, "--remote", remote)
    assert said.code == 12
    assert not (remote / "archive" / first.name).exists()
    assert "snapshot" not in kinds(remote)


def test_an_archive_that_changed_since_it_was_searched_is_not_sent(
    made: Bench, remote: Path
) -> None:
    there = DirectoryRemote(str(remote))
    chosen = plan(made.workspace, there, (), Silent())
    (first, _) = archives(made)
    first.write_bytes(first.read_bytes()[::-1])
    with pytest.raises(IntegrityError, match="does not match the recorded archive"):
        apply(chosen, there, Silent(), jobs=1)
    assert not (remote / "archive" / first.name).exists()
    assert "snapshot" not in kinds(remote)


def test_an_archive_that_is_stored_elsewhere_is_reported(
    made: Bench, cli: Cli, remote: Path
) -> None:
    (first, _) = archives(made)
    first.unlink()
    said = cli("sync", made.root, "--remote", remote, "--json")
    assert said.code == 0
    (finding,) = said.json["findings"]
    assert (finding["code"], finding["level"]) == ("absent", "note")


@pytest.mark.parametrize("name", [CONFIG, "PROJECT_REFERENCES.yaml", MANIFEST])
def test_a_file_outside_of_the_workspace_is_never_sent(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((made.root / MANIFEST).read_bytes() if name == MANIFEST else b"# secret\n")
    (made.root / name).unlink(missing_ok=True)
    (made.root / name).symlink_to(secret)
    said = cli("sync", made.root, "--remote", remote)
    assert said.code == 22
    assert not remote.exists()


def test_a_layout_that_is_a_link_is_never_sent(made: Bench, tmp_path: Path) -> None:
    (folder, *_) = (made.root / ".diffs" / "v1").iterdir()
    literal = folder / "literal.zst"
    shutil.move(literal, tmp_path / "secret")
    literal.symlink_to(tmp_path / "secret")
    with pytest.raises(Conflict, match="is a link"):
        plan(made.workspace, DirectoryRemote(str(tmp_path / "remote")), (), Silent())


def test_the_repository_cannot_say_where_copies_go(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    (made.root / CONFIG).write_text(f'[remote]\nurl = "{tmp_path / "theirs"}"\n')
    said = cli("sync", made.root)
    assert said.code == 2
    assert "--trust-repo-config" in said.err
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert not (tmp_path / "theirs").exists()
    assert cli("sync", made.root, "--trust-repo-config").code == 0
    assert kinds(tmp_path / "theirs")


def test_the_operators_own_file_makes_the_monthly_job_one_line(
    made: Bench, cli: Cli, remote: Path, own_configuration: Path
) -> None:
    own_configuration.parent.mkdir(parents=True)
    own_configuration.write_text(f'[workspace."{made.root}".remote]\nurl = "{remote}"\n')
    assert cli("sync", made.root).code == 0
    assert kinds(remote)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "no remote"),
        (("--remote", "ftp://host/x"), "a remote is a directory, or s3://"),
        (("--remote", "s3://"), "a remote is a directory, or s3://"),
        (("--remote", "x", "--sse", "AES256"), "need an s3:// remote"),
        (("--remote", "s3://b/x", "--endpoint-url", "host:80"), "write it as https://"),
        (("--remote", "s3://b", "--endpoint-url", "https://me:hunter2@h"), "contains credentials"),
        (("--retain-until", "2030-01-01", "--retain-days", "3"), "exclude each other"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(
    made: Bench, cli: Cli, arguments: tuple[str, ...], problem: str
) -> None:
    said = cli("sync", made.root, *arguments)
    assert said.code == 2
    assert problem in said.err
    assert "hunter2" not in said.err


def test_a_disk_that_is_not_mounted_is_not_an_empty_remote(made: Bench, cli: Cli) -> None:
    assert cli("sync", made.root, "--remote", made.root.parent / "nowhere" / "remote").code == 30


def clone(made: Bench, target: Path) -> Bench:
    """Copy a workspace with its diffs and its cache, as a disk image does."""
    shutil.copytree(made.root, target, symlinks=True)
    return Bench(target, made.worker)


def record(bench: Bench, cli: Cli, task: str) -> str:
    (bench.root / f"{task}.py").write_text(f"{task}\n")
    bench.commit()
    return cli("record", bench.root, "--agent", "a", "--task", task).out.strip()


def test_two_copies_of_a_workspace_that_sync_in_turn_both_come_back(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    made.commit()
    cli("sync", made.root, "--remote", remote)
    other = clone(made, tmp_path / "other")
    keys = []
    for n in range(2):
        keys += [record(made, cli, f"mine-{n}"), record(other, cli, f"theirs-{n}")]
        for bench in (made, other):
            assert cli("sync", bench.root, "--remote", remote).code == 0
    back = tmp_path / "back"
    assert cli("restore", back, "--remote", remote).code == 0
    assert cli("verify", back, "--json").json["diffs"]["absent"] == 0
    restored = Bench(back, made.worker).manifest.sessions
    assert len(restored) == 10 + 4
    tasks = {s.task for s in restored.values()}
    assert tasks >= {"mine-0", "mine-1", "theirs-0", "theirs-1"}


def test_two_machines_that_sync_at_once_both_succeed(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    made.commit()
    other = clone(made, tmp_path / "other")
    record(made, cli, "mine")
    record(other, cli, "theirs")
    running = [
        subprocess.Popen(
            command("sync", b.root, "--remote", remote), stdout=subprocess.PIPE, text=True
        )
        for b in (made, other, made)
    ]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0, 0]
    back = tmp_path / "back"
    assert cli("restore", back, "--remote", remote).code == 0
    restored = Bench(back, made.worker)
    assert {"mine", "theirs"} <= {s.task for s in restored.manifest.sessions.values()}
    assert cli("verify", back, "--json").json["diffs"]["absent"] == 0
    assert len(list((remote / "archive").iterdir())) == 2


def test_a_branch_that_lacks_sessions_does_not_hide_them(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    made.commit()
    git(made.root, "branch", "old")
    record(made, cli, "newer")
    made.commit()
    cli("sync", made.root, "--remote", remote)
    git(made.root, "checkout", "-q", "old")
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert cli("restore", tmp_path / "back", "--remote", remote).code == 0
    restored = Bench(tmp_path / "back", made.worker).manifest.sessions
    assert "newer" in {s.task for s in restored.values()}


@pytest.mark.parametrize("claim", ["all", "deep"])
def test_a_cache_from_a_clone_does_not_say_that_all_was_sent(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path, claim: str
) -> None:
    cli("sync", made.root, "--remote", remote)
    (cache,) = (made.root / CACHE).glob("sync-*")
    there = DirectoryRemote(str(remote))
    last = read_last(made.workspace, there)
    assert last is not None
    lie = last.snapshot._replace(layouts=(), packs=())
    write_last(made.workspace, there, Last(last.name, lie, {}))
    if claim == "deep":
        cache.write_bytes(b"[" * 100_000)
    git(made.root, "add", "-f", str(cache))
    made.commit()
    for kind in ("archive", "loose", "v1"):
        shutil.rmtree(remote / kind)
    git(tmp_path, "clone", "-q", str(made.root), str(tmp_path / "clone"))
    shutil.copytree(made.root / ".diffs", tmp_path / "clone" / ".diffs")
    assert cli("sync", tmp_path / "clone", "--remote", remote).code == 0
    assert {"archive", "loose", "v1"} <= set(kinds(remote))
    assert len(list((remote / "snapshot").iterdir())) == 1  # it says the same as before


@pytest.mark.parametrize("where", ["archive", "loose"])
def test_a_pipe_in_a_folder_is_not_an_object_and_is_not_waited_for(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path, where: str
) -> None:
    cli("sync", made.root, "--remote", remote)
    path = next((remote / where).iterdir())
    path.unlink()
    os.mkfifo(path)
    said = cli("sync", made.root, "--remote", remote, "--prune-local")
    assert (said.code, "is not a file" in said.err) == (12, True)
    assert len(archives(made)) == 2
    assert cli("restore", tmp_path / "back", "--remote", remote).code == 3


def test_a_file_with_its_former_content_is_restored_with_it(
    made: Bench, cli: Cli, remote: Path, tmp_path: Path
) -> None:
    path = made.root / "PROJECT_REFERENCES.yaml"
    for text in ("a: 1\n", "a: 2\n", "a: 1\n"):
        path.write_text(text)
        assert cli("sync", made.root, "--remote", remote).code == 0
    cli("restore", tmp_path / "back", "--remote", remote)
    assert (tmp_path / "back" / path.name).read_text() == "a: 1\n"


def test_a_purged_diff_is_not_sent_again(made: Bench, cli: Cli, remote: Path) -> None:
    cli("purge", "2099-01-01T00:00:00Z", made.root, "--yes")
    cli("purge", day(3), made.root, "--yes")
    assert cli("sync", made.root, "--remote", remote).code == 0
    assert kinds(remote) == ["archive", "archive", "snapshot", "v1", "v1"]
    assert {p.name for p in (remote / "archive").iterdir()} == {p.name for p in archives(made)}


def test_an_unsupported_request_exits_with_its_code(
    made: Bench, cli: Cli, started: Started, sdk_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server = started("moto")
    url = server.url()
    there = ("--endpoint-url", server.endpoint)
    said = cli("sync", made.root, "--remote", "s3://no-such-bucket/x", *there)
    assert (said.code, "the bucket does not exist" in said.err) == (30, True)
    said = cli("sync", made.root, "--remote", url, "--endpoint-url", "http://127.0.0.1:9")
    assert (said.code, "does not answer" in said.err) == (32, True)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = cli("sync", made.root, "--remote", url, *there)
    assert (said.code, "no credentials" in said.err) == (31, True)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    said = cli("sync", made.root, "--remote", url, *there)
    assert (said.code, "no credentials" in said.err) == (31, True)
    assert said.err.count("\n") == 1


def test_wrong_credentials_and_certificates_are_reported_in_one_line(
    made: Bench, cli: Cli, started: Started, sdk_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = started("seaweedfs-tls")
    there = ("--remote", server.url(), "--endpoint-url", server.endpoint)
    untrusted = cli("sync", made.root, *there)
    assert (untrusted.code, "certificate" in untrusted.err) == (32, True)
    monkeypatch.setenv("SESSION_CODEC_CA_BUNDLE", str(server.ca_bundle))
    assert cli("sync", made.root, *there).code == 0
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-and-secret")
    denied = cli("sync", made.root, *there)
    assert (denied.code, denied.err.count("\n")) == (31, 1)
    assert "secret key is wrong" in denied.err
    assert "wrong-and-secret" not in denied.err


def test_a_sync_sends_exactly_the_files_of_the_workspace(
    made: Bench, cli: Cli, remote: Path
) -> None:
    """Nothing else of a repository leaves it."""
    (made.root / ".env").write_text("SECRET=1\n")
    (made.root / V1_LOG).write_text("# not migrated\n")
    cli("sync", made.root, "--remote", remote)
    unpacked = [
        subprocess.run(
            ["tar", "--zstd", "-tf", path], capture_output=True, text=True, check=True
        ).stdout.split()
        for path in remote.rglob("snapshot/*.zst")
    ]
    assert unpacked == [sorted(unpacked[0])]
    assert set(unpacked[0]) <= {
        ".gitattributes", ".gitignore", CONFIG, MANIFEST, "snapshot.json", "SESSION_DELTAS.log",
        "PROJECT_METRICS.tsv", "PROJECT_REFERENCES.yaml", "AGENT_PROGRESS_LOG_v2.md",
    }  # fmt: skip


def test_objects_have_the_requested_storage_attributes(
    made: Bench, cli: Cli, started: Started, sdk_environment: None
) -> None:
    server = started("moto")
    client = server.client()
    client.create_bucket(Bucket="locked-bucket", ObjectLockEnabledForBucket=True)
    there = ("--remote", "s3://locked-bucket/x", "--endpoint-url", server.endpoint)
    how = ("--storage-class", "STANDARD_IA", "--sse", "AES256", "--retain-until", "2099-01-01")
    assert cli("sync", made.root, *there, *how).code == 0
    listed = client.list_objects_v2(Bucket="locked-bucket")["Contents"]
    assert len(listed) == 6
    for found in listed:
        head = client.head_object(Bucket="locked-bucket", Key=found["Key"])
        assert (head["StorageClass"], head["ServerSideEncryption"]) == ("STANDARD_IA", "AES256")
        assert head["ObjectLockRetainUntilDate"].year == 2099


def test_large_objects_are_sent_in_parts_of_the_configured_size(
    bench: Bench,
    cli: Cli,
    started: Started,
    sdk_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = random.Random(5).randbytes(7 << 20).hex()  # noqa: S311 - it hardly compresses
    patch = PATCH + b"".join(f"+{noise[i : i + 90]}\n".encode() for i in range(0, len(noise), 90))
    bench.log.write_bytes(log_of(entry(day(1), patch=patch)))
    bench.migrate()
    monkeypatch.setenv("SESSION_CODEC_MULTIPART_MIB", "1")
    monkeypatch.setenv("SESSION_CODEC_PART_MIB", "5")
    assert cli("archive", bench.root, "--profile", "fast", "--no-scan").code == 0
    server = started("moto")
    there = ("--remote", server.url(), "--endpoint-url", server.endpoint)
    said = cli("sync", bench.root, *there, "--json")
    if said.code == 3:  # noise may look like anything
        found = " ".join(f["fingerprint"] for f in said.json["findings"])
        monkeypatch.setenv("SESSION_CODEC_ALLOW", found)
        said = cli("sync", bench.root, *there, "--json")
    assert said.code == 0
    requests = said.json["requests"]
    assert (requests["UploadPart"], requests["CompleteMultipartUpload"]) == (2, 1)
    assert cli("sync", bench.root, *there, "--json").json["requests"] == {"LIST": 1}
