"""What names a remote on the command line, and the one place where a remote is built."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.remotes.base import Remote
from pipelines.settings.user import Settings, read_settings
from pipelines.workspace.location import Workspace

JOBS = 4
_S3 = re.compile(r"s3://(?P<bucket>[^/]+)(?P<prefix>(?:/[^/]+)*)/?")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
#: How other tools name a place: `host:path`, `s3:bucket`, `rclone-remote:folder`.
_OTHER_TOOL = re.compile(r"[^/\\:]+:")
_DRIVE = re.compile(r"[a-zA-Z]:[/\\]")
#: A name or password before the host, and a signature behind the path.
_USER = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:/*[^/]*@|^[a-zA-Z][a-zA-Z0-9+.-]*://.*[?#]")
Command = Callable[..., Any]


def remote_options(command: Command) -> Command:
    """The options of every verb that reads from a remote."""
    named = (
        click.option("--remote", metavar="URL", help="A directory, or s3://bucket/prefix."),
        click.option("--endpoint-url", metavar="URL", help="Of another S3-compatible store."),
        click.option("--identity", metavar="FILE", help="What opens an encrypted remote (age)."),
        options.trust_repo_config,
    )
    for option in reversed(named):
        command = option(command)
    return command


def upload_options(command: Command) -> Command:
    """The options of every verb that writes to a remote."""
    named = (
        click.option(
            "--encrypt-to",
            multiple=True,
            metavar="RECIPIENT",
            help="Encrypt what is sent, so that this age recipient can read it; repeatable.",
        ),
        click.option("--storage-class", metavar="CLASS", help="As S3 calls it: STANDARD_IA."),
        click.option("--sse", metavar="KIND", help="Server-side encryption: AES256, aws:kms."),
        click.option("--sse-kms-key", metavar="KEY", help="The key of --sse aws:kms."),
        click.option(
            "--retain-until",
            type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
            help="Until when nobody can change or delete what is sent (object lock).",
        ),
        click.option("--retain-days", type=click.IntRange(1), help="The same, from now on."),
    )
    for option in reversed(named):
        command = option(command)
    return command


def settings_of(workspace: Workspace | None, given: dict[str, Any], trust: bool) -> Settings:
    """What was decided: by the command line, the environment, the operator's file.

    Raises:
        click.UsageError: an address has a password in it, which would be shown and stored.
    """
    settings = read_settings(workspace, given, trust_repository=trust)
    for name, url in (("--remote", settings.remote), ("--endpoint-url", settings.endpoint_url)):
        if url is not None and _USER.search(url):
            raise click.UsageError(
                f"{name}: credentials do not belong there: give them as the AWS tools take them,"
                " AWS_PROFILE, AWS_ACCESS_KEY_ID or a role"
            )
    return settings


def opener(workspace: Workspace, given: dict[str, Any], trust: bool) -> Callable[[], Remote | None]:
    """What gives the remote that was named, if one was: nothing is looked up before."""

    def open_named() -> Remote | None:
        settings = settings_of(workspace, given, trust)
        return open_remote(settings, workspace) if settings.remote else None

    return open_named


def open_remote(
    settings: Settings,
    workspace: Workspace,
    retain_until: datetime | None = None,
    *,
    writes: bool = False,
) -> Remote:
    """Open the remote that was named, to read or to write.

    Raises:
        click.UsageError: none was named, or the name cannot be one.
        Conflict: it overlaps the workspace.
        FormatError: a recipient or an identity cannot be read.
    """
    from pipelines.remotes.age import decode_recipients, read_identities
    from pipelines.remotes.encrypted import EncryptedRemote

    to = settings.encrypt_to if writes else ()
    return EncryptedRemote(
        _plain_remote(settings, workspace, retain_until),
        recipients=decode_recipients(to) if to else None,
        identities=read_identities(settings.identity) if settings.identity else (),
        writes=writes,
    )


def check_url(url: str, workspace: Workspace) -> None:
    """Refuse what cannot be the remote of a workspace.

    Raises:
        click.UsageError: it is a URL of another tool.
        Conflict: it is a directory that overlaps the workspace.
    """
    if _S3.fullmatch(url):
        return
    if _SCHEME.match(url):
        raise click.UsageError(f"{url}: a remote is a directory, or s3://bucket/prefix")
    if _OTHER_TOOL.match(url) and not (os.name == "nt" and _DRIVE.match(url)):
        raise click.UsageError(
            f"{url}: a remote is a directory, or s3://bucket/prefix; a directory of this name is"
            f" ./{url}"
        )
    from pipelines.workspace.overlap import check_apart

    check_apart(_path(url), workspace)


def _path(url: str) -> str:
    return os.path.normpath(absolute(os.path.expanduser(url)))


def _plain_remote(
    settings: Settings, workspace: Workspace, retain_until: datetime | None
) -> Remote:
    url = settings.remote
    if not url:
        hint = ""
        if "remote" in settings.ignored:
            hint = ". The repository's configuration names one: --trust-repo-config uses it"
        raise click.UsageError(
            f"no remote: give --remote, SESSION_CODEC_REMOTE, or the operator's configuration{hint}"
        )
    check_url(url, workspace)
    m = _S3.fullmatch(url)
    if m is None:
        return _directory(url, settings)
    _check_endpoint(settings.endpoint_url)
    from pipelines.remotes.s3 import MULTIPART, PART_SIZE, Options, S3Remote

    if settings.retain_days:
        retain_until = datetime.now(UTC) + timedelta(days=settings.retain_days)
    return S3Remote(
        m["bucket"],
        m["prefix"].strip("/"),
        Options(
            endpoint_url=settings.endpoint_url,
            ca_bundle=settings.ca_bundle,
            storage_class=settings.storage_class,
            sse=settings.sse,
            sse_kms_key=settings.sse_kms_key,
            retain_until=retain_until,
            jobs=settings.jobs or JOBS,
            multipart=(settings.multipart_mib or 0) << 20 or MULTIPART,
            part_size=(settings.part_mib or 0) << 20 or PART_SIZE,
        ),
    )


def _directory(path: str, settings: Settings) -> Remote:
    from pipelines.remotes.directory import DirectoryRemote

    of_s3 = (settings.storage_class, settings.sse, settings.sse_kms_key, settings.retain_days)
    if any(of_s3):
        raise click.UsageError("--storage-class, --sse and --retain-* are of s3:// remotes")
    return DirectoryRemote(_path(path))


def _check_endpoint(url: str | None) -> None:
    """Refuse what is no endpoint."""
    if url is None:
        return
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.UsageError("--endpoint-url: write it as https://host:port")
