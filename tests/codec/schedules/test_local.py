"""A job calls what it should, with the paths that it was given; a person's lines stay theirs."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from codec.errors import FormatError
from codec.schedules.cloned import clone_address, cron_job, workflow
from codec.schedules.local import (
    job_name,
    local_command,
    replaced,
    sealed,
    systemd_service,
    systemd_timer,
    with_cron_job,
    without_cron_job,
)

ROOTS = [
    "/home/ada/app",
    "/home/ada/my app",
    "/srv/100%",
    "/srv/a\\%b%%c",
    "/srv/back\\slash\\",
    '/srv/it\'s "quoted"',
    "/srv/$HOME/`id`/${x}/$$",
    "/srv/#1;&|<>*?[a]!~",
    "/srv/größe/日本",
    "/srv/ ends in a blank ",
    "/srv/%h\\n\\x41",
]
REMOTE = "s3://bucket/app"
REMOTES = [REMOTE, "/mnt/my copies/100%\\%", "s3://bucket/$x'y"]


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Make a program that logs its arguments and exits as its folder says for each verb."""
    path = tmp_path / "bin of 100%" / "session-codec"
    path.parent.mkdir()
    path.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" >> {shlex.quote(str(tmp_path / "called"))}
exit "$(cat {shlex.quote(str(tmp_path))}/"$1" 2>/dev/null || echo 0)"
"""
    )
    path.chmod(0o755)
    return str(path)


def as_cron_runs(line: str) -> list[str]:
    """Run a line as cron does: five fields, then a command that ends at a bare %."""
    text = line.split(" ", 5)[5].removesuffix("\n")
    command, escaped = "", False
    for char in text:
        if escaped:
            command = command[:-1] + "%" if char == "%" else command + char
            escaped = False
            continue
        assert char != "%", "cron would cut the command here"
        escaped = char == "\\"
        command += char
    return ["/bin/sh", "-c", command]


def as_systemd_runs(unit: bytes) -> list[str]:
    """Run ExecStart as systemd does: quotes and backslashes, then specifiers and variables."""
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.decode(), re.M)
    words = shlex.split(line)
    for word in words:
        assert not re.search(r"(?<!%)(?:%%)*%(?!%)", word), "systemd would put in a specifier"
        assert not re.search(r"(?<!\$)(?:\$\$)*\$(?!\$)", word), "systemd would put in a variable"
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


@pytest.mark.parametrize("remote", REMOTES)
@pytest.mark.parametrize("root", ROOTS)
def test_paths_reach_the_program_as_they_are(
    tmp_path: Path, program: str, root: str, remote: str
) -> None:
    command = local_command([program], root, remote)
    line = with_cron_job(b"", "session-codec-x-1", command).decode().splitlines()[1]
    expected = ["archive", root, "verify", "--full", root, "sync", root, "--remote", remote]
    for arguments in (as_cron_runs(line), as_systemd_runs(systemd_service(command, root))):
        (tmp_path / "called").unlink(missing_ok=True)
        assert subprocess.run(arguments, check=False).returncode == 0
        assert (tmp_path / "called").read_text().splitlines() == expected


@pytest.mark.parametrize(
    ("archive", "verify", "sync", "end"),
    [
        (0, 0, 0, 0),
        (3, 0, 0, 3),
        (0, 12, 0, 12),
        (3, 12, 0, 12),
        (12, 0, 0, 12),
        (0, 0, 32, 32),
        (3, 3, 32, 32),
    ],
)
def test_a_copy_is_made_even_if_packing_had_findings(
    tmp_path: Path, program: str, archive: int, verify: int, sync: int, end: int
) -> None:
    (tmp_path / "archive").write_text(str(archive))
    (tmp_path / "verify").write_text(str(verify))
    (tmp_path / "sync").write_text(str(sync))
    command = local_command([program], "/srv/app", REMOTE)
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == end
    assert "sync" in (tmp_path / "called").read_text().splitlines()


def test_without_a_remote_nothing_is_copied() -> None:
    assert local_command(["/bin/session-codec"], "/srv/app", None) == (
        "/bin/session-codec archive /srv/app; found=$?; "
        "/bin/session-codec verify --full /srv/app || found=$?; exit $found"
    )


@pytest.mark.parametrize("root", ["/srv/a\nb", "/srv/\x1b[0m", "/srv/\x85", "/srv/\udcff"])
def test_a_path_that_is_not_a_line_of_text_is_refused(root: str) -> None:
    with pytest.raises(FormatError, match="a job needs UTF-8 text"):
        local_command(["/bin/session-codec"], root, None)
    assert re.fullmatch(r"session-codec-[A-Za-z0-9-]+", job_name(root))


def test_workspaces_of_one_name_have_jobs_of_their_own() -> None:
    assert job_name("/home/ada/app") != job_name("/srv/app")


def test_long_names_of_kubernetes_stay_apart_and_within_its_limit() -> None:
    origin = f"https://host.example/a/{'long-name-' * 9}"
    names = {
        re.findall(r"^  name: (.*)$", cron_job(REMOTE, "x", folder, origin).decode(), re.M)[0]
        for folder in ("apps/a", "apps/b")
    }
    assert len(names) == 2
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", name) for name in names)


def test_a_line_that_cron_would_cut_is_refused() -> None:
    with pytest.raises(FormatError, match="bytes that cron reads"):
        with_cron_job(b"", "session-codec-x-1", "true " + "ü" * 500)


CRONTABS = [b"", b"MAILTO=ada\n\n0 3 * * * /bin/backup 100\\%\n", b"# caf\xe9\n* * * * * true\n"]


@pytest.mark.parametrize("crontab", CRONTABS)
def test_the_line_is_added_once_and_removed_without_trace(crontab: bytes) -> None:
    once = with_cron_job(crontab, "session-codec-app-1", "archive /srv/app")
    assert once.startswith(crontab)
    assert with_cron_job(once, "session-codec-app-1", "archive /srv/app") == once
    moved = with_cron_job(once, "session-codec-app-1", "/new/archive /srv/app")
    assert moved.count(b"/srv/app") == 1
    assert without_cron_job(moved, "session-codec-app-1") == crontab


def test_the_line_of_another_workspace_stays() -> None:
    other = with_cron_job(b"", "session-codec-app-12", "archive /srv/other")
    both = with_cron_job(other, "session-codec-app-1", "archive /srv/app")
    assert without_cron_job(both, "session-codec-app-1") == other
    assert without_cron_job(other, "session-codec-app-1") == other


def test_a_line_that_a_user_edited_is_not_changed() -> None:
    crontab = with_cron_job(b"", "session-codec-app-1", "archive").replace(b"17 4 2", b"0 12 3")
    with pytest.raises(FormatError, match="edited"):
        with_cron_job(crontab, "session-codec-app-1", "archive")
    with pytest.raises(FormatError, match="edited"):
        without_cron_job(crontab, "session-codec-app-1")


def test_only_our_unedited_text_is_replaced() -> None:
    ours, theirs = sealed("session-codec", "a: 1\n"), b"a: 1\n"
    new = sealed("session-codec", "a: 2\n")
    assert replaced(None, new) == new
    assert replaced(ours, new) == new
    assert replaced(ours.replace(b"\n", b"\r\n"), new) == new
    assert replaced(ours, None) is None
    assert replaced(None, None) is None
    assert replaced(theirs, None) == theirs
    for data, text in ((theirs, new), (ours + b"b: 1\n", new), (ours + b"b: 1\n", None)):
        with pytest.raises(FormatError, match="left as it is"):
            replaced(data, text)


def test_a_machine_that_was_off_makes_up_for_the_run() -> None:
    assert "\nPersistent=true\n" in systemd_timer("/srv/app").decode()


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://host.example/a/b.git", "https://host.example/a/b.git"),
        ("https://ada:hunter2@host.example:8443/a/b", "https://host.example:8443/a/b"),
        ("http://host.example/a/b", "http://host.example/a/b"),
        ("git@host.example:a/b.git", "https://host.example/a/b.git"),
        ("host.example:/a/b.git", "https://host.example/a/b.git"),
        ("ssh://git@host.example:22/a/b.git", "https://host.example/a/b.git"),
    ],
)
def test_a_pod_clones_without_the_password_of_a_user(origin: str, address: str) -> None:
    assert clone_address(origin) == address
    assert b"hunter2" not in cron_job(REMOTE, "./session-codec", ".", origin)


@pytest.mark.parametrize("origin", ["/srv/git/app.git", "../app", "file:///srv/app", "", "a b:c"])
def test_an_origin_that_a_pod_cannot_clone_is_refused(origin: str) -> None:
    with pytest.raises(FormatError, match="not an address that a cluster can clone from"):
        clone_address(origin)


@pytest.mark.parametrize("remote", ["/mnt/copies", "s3://key:secret@host/x", "s3://a b", "s3://$x"])
def test_a_remote_that_runners_cannot_reach_or_that_has_a_password_is_refused(remote: str) -> None:
    with pytest.raises(FormatError, match="cannot use this remote"):
        workflow(remote, "./session-codec", ".")
    with pytest.raises(FormatError, match="cannot use this remote"):
        cron_job(remote, "./session-codec", ".", "https://host.example/a/b")


def test_a_workflow_evaluates_nothing_that_a_folder_is_called() -> None:
    with pytest.raises(FormatError, match="evaluate"):
        workflow(REMOTE, "./session-codec", "a/${{ secrets.X }}")
