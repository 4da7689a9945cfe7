"""No credential is ever printed or written, whatever its source and whatever fails.

Each error is one line that says what to do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.faults.hostile import ECHOED, Proxy
from tests.faults.test_remote_faults import proxy
from tests.pipelines.conftest import Bench, Cli, command, day
from tests.pipelines.verbs.test_sync import made, own_configuration
from tests.support.servers import ACCESS, Server

__all__ = ["at_once", "made", "own_configuration", "proxy", "sdk_environment", "started"]
pytestmark = pytest.mark.slow
#: What must never be visible, wherever it comes from.
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzSECRETKEY"  # noqa: S105 - of nobody
TOKEN = "FwoGZXIvYXdzEJrzzzzSESSIONTOKEN"  # noqa: S105 - of nobody


class Given(NamedTuple):
    """Where a test finds credentials, and how the verb is called with them."""

    environment: dict[str, str]
    arguments: tuple[str, ...] = ()


def in_the_environment(_folder: Path) -> Given:
    return Given({"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET})


def with_a_token(_folder: Path) -> Given:
    return Given(
        {
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": f"{TOKEN}\n",  # as a file that was read with its line end
        }
    )


def in_the_shared_file(folder: Path) -> Given:
    path = folder / "credentials"
    path.write_text(f"[x]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    return Given({"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_PROFILE": "x"})


def in_the_configuration(folder: Path) -> Given:
    path = folder / "aws"
    path.write_text(
        f"[profile x]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
    )
    return Given({"AWS_CONFIG_FILE": str(path), "AWS_PROFILE": "x"})


def in_a_file_that_is_none(folder: Path) -> Given:
    path = folder / "broken"
    path.write_text(f"aws_secret_access_key = {SECRET}\n[x\n")
    return Given({"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_PROFILE": "x"})


def of_a_process_that_fails(folder: Path) -> Given:
    path = folder / "aws"
    path.write_text(
        f'[profile x]\ncredential_process = /bin/sh -c "echo {SECRET} >&2; echo {TOKEN}; exit 1"\n'
    )
    return Given({"AWS_CONFIG_FILE": str(path), "AWS_PROFILE": "x"})


SOURCES: list[Callable[[Path], Given]] = [
    in_the_environment,
    with_a_token,
    in_the_shared_file,
    in_the_configuration,
    in_a_file_that_is_none,
    of_a_process_that_fails,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "person"
    path.mkdir()
    return path


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, sdk_environment: None) -> pytest.MonkeyPatch:
    """Remove all credentials from the environment, and make the SDK try once."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return monkeypatch


def written(*folders: Path) -> Iterator[bytes]:
    """Return the content of all files."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()


def check_silent(said: str, *folders: Path) -> None:
    for secret in (SECRET, TOKEN, ECHOED, "Signature=", "X-Amz-"):
        assert secret not in said
        assert all(secret.encode() not in data for data in written(*folders))
    assert "Traceback" not in said


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", ["denied", "expired", "skewed", "region", "500", "reset", ""])
def test_no_credential_of_any_source_is_printed_whatever_the_server_says(
    made: Bench,
    cli: Cli,
    proxy: Proxy,
    nobody: pytest.MonkeyPatch,
    folder: Path,
    source: Callable[[Path], Given],
    fault: str,
) -> None:
    for name, value in source(folder).environment.items():
        nobody.setenv(name, value)
    proxy.reset(lambda _: fault)
    for verb in (("sync",), ("sync", "--json"), ("restore", "--only", "v2")):
        there = ("--remote", "s3://no-such-bucket/x", "--endpoint-url", proxy.endpoint)
        said = cli(verb[0], made.root, *verb[1:], *there)
        assert said.code in {30, 31, 32}
        assert len(said.err.splitlines()) == 1
        check_silent(said.out + said.err, made.root)


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{ACCESS}:{SECRET}@bucket/x",
        f"s3://{SECRET}@bucket",
        f"s3:{ACCESS}:{SECRET}@bucket/x",
        f"https://{ACCESS}:{SECRET}@host.example/bucket",
        f"https://bucket.host.example/x?X-Amz-Signature={SECRET}",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_shown_or_stored(
    made: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str, own_configuration: Path
) -> None:
    archives = made.root / ".diffs/archive"
    archives.rename(archives.with_name("elsewhere"))
    calls: list[tuple[object, ...]] = [
        ("sync", made.root, "--remote", url),
        ("sync", made.root, "--json", "--remote", url),
        ("sync", made.root, "--remote", "s3://bucket/x", "--endpoint-url", url),
        ("restore", made.root, "--remote", url),
        ("show", day(1), made.root, "--diff", "--remote", url),
        ("purge", day(1), made.root, "--yes", "--remote", url),
        ("install", made.root, "--schedule", "cron", "--remote", url),
        ("install", made.root, "--schedule", "github", "--remote", url),
    ]
    for call in calls:
        said = cli(*call)
        assert (said.code, "contains credentials" in said.err + said.out) == (2, True), call
        check_silent(said.out + said.err, made.root)
    monkeypatch.setenv("SESSION_CODEC_REMOTE", url)
    said = cli("sync", made.root)
    assert said.code == 2
    check_silent(said.out + said.err, made.root)
    monkeypatch.delenv("SESSION_CODEC_REMOTE")
    own_configuration.parent.mkdir(parents=True)
    own_configuration.write_text(f'[remote]\nurl = "{url}"\n')
    said = cli("sync", made.root)
    assert said.code == 2
    check_silent(said.out + said.err, made.root)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTPS_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", "garbage:"])
def test_a_password_in_an_address_of_the_sdk_is_not_shown(
    made: Bench, cli: Cli, nobody: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    nobody.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    nobody.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    nobody.setenv(name, f"{scheme}me:{TOKEN}@127.0.0.1:9")
    said = cli("sync", made.root, "--remote", "s3://bucket/x")
    assert (said.code, len(said.err.splitlines())) == (32, 1)
    check_silent(said.out + said.err, made.root)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sync", "--encrypt-to", f"AGE-SECRET-KEY-{SECRET}"), 10),
        (("sync", "--encrypt-to", f"age-secret-key-{SECRET}"), 10),
        (("sync", "--identity", "identity"), 10),
        (("restore", "--identity", "identity"), 10),
    ],
)
def test_an_identity_is_not_shown(
    made: Bench,
    cli: Cli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.chdir(folder)
    (folder / "identity").write_text(f"AGE-SECRET-KEY-{SECRET}\n")
    verb, *more = arguments
    said = cli(verb, made.root, "--remote", folder / "remote", *more)
    assert said.code == code
    check_silent(said.out + said.err, made.root)


def test_a_wrong_key_is_reported_by_a_server_that_checks_it(
    made: Bench, cli: Cli, started: Started, nobody: pytest.MonkeyPatch
) -> None:
    server: Server = started("seaweedfs")
    nobody.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    nobody.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    there = ("--remote", server.url(), "--endpoint-url", server.endpoint)
    for more in ((), ("--json",)):
        said = cli("sync", made.root, *there, *more)
        assert (said.code, "secret key is wrong" in said.err + said.out) == (31, True)
        check_silent(said.out + said.err, made.root)


def test_a_bug_shows_no_credential_in_its_traceback(
    made: Bench, started: Started, nobody: pytest.MonkeyPatch, folder: Path
) -> None:
    server = started("moto")
    (folder / "sitecustomize.py").write_text(
        "import botocore.client\n"
        "def fail(*args, **more):\n    raise RuntimeError('a bug')\n"
        "botocore.client.BaseClient._make_api_call = fail\n"
    )
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    given = in_the_environment(folder).environment
    there = ("--remote", "s3://bucket/x", "--endpoint-url", server.endpoint)
    done = subprocess.run(
        command("sync", made.root, *there),
        env={**os.environ, **given, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "a bug" in done.stderr) == (1, True), done.stderr
    assert SECRET not in done.stdout + done.stderr
