"""The options that name a remote, and the functions that open remotes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipelines.cli.declared import Misuse, Option, absolute, between
from pipelines.cli.options import TRUST_REPO_CONFIG
from pipelines.cli.times import read_moment
from pipelines.remotes.base import Remote
from pipelines.workspace.location import Workspace
from pipelines.workspace.user_settings import Settings, read_settings

JOBS = 4
_S3 = re.compile(r"s3://(?P<bucket>[^/]+)(?P<prefix>(?:/[^/]+)*)/?")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
#: The forms in which other tools name a place: `host:path`, `s3:bucket`, `rclone-remote:folder`.
_OTHER_TOOL = re.compile(r"[^/\\:]+:")
_DRIVE = re.compile(r"[a-zA-Z]:[/\\]")
#: A name or password before the host, and a signature after the path.
_USER = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:/*[^/]*@|^[a-zA-Z][a-zA-Z0-9+.-]*://.*[?#]")
#: The options of every verb that reads from a remote.
REMOTE_OPTIONS: Final = (
    Option("--remote", "The remote: a directory, or s3://bucket/prefix.", metavar="URL"),
    Option("--endpoint-url", "The address of an S3-compatible store.", metavar="URL"),
    Option("--identity", "Decrypt the remote with the age identity in FILE.", metavar="FILE"),
    TRUST_REPO_CONFIG,
)
#: The options of every verb that writes to a remote.
UPLOAD_OPTIONS: Final = (
    Option(
        "--encrypt-to",
        "Encrypt uploads for this age recipient; repeatable.",
        repeat=True,
        metavar="RECIPIENT",
    ),
    Option("--storage-class", "S3 storage class, for example STANDARD_IA.", metavar="CLASS"),
    Option("--sse", "Server-side encryption: AES256 or aws:kms.", metavar="KIND"),
    Option("--sse-kms-key", "The key for --sse aws:kms.", metavar="KEY"),
    Option(
        "--retain-until",
        "Lock uploads until TIME: until then, nobody can change or delete them (object lock).",
        read=read_moment,
        metavar="TIME",
    ),
    Option(
        "--retain-days",
        "Lock uploads for N days from now.",
        read=between(1, 36_500),
        metavar="N",
    ),
)


def settings_of(workspace: Workspace | None, given: dict[str, Any], trust: bool) -> Settings:
    """Return the settings of the command line, the environment and the user's file.

    Raises:
        Misuse: an address contains a password, which would be printed and stored.
    """
    settings = read_settings(workspace, given, trust_repository=trust)
    for name, url in (("--remote", settings.remote), ("--endpoint-url", settings.endpoint_url)):
        if url is not None and _USER.search(url):
            raise Misuse(
                f"{name}: the URL contains credentials. Pass them as the AWS tools take them:"
                " AWS_PROFILE, AWS_ACCESS_KEY_ID or a role"
            )
    return settings


def opener(workspace: Workspace, given: dict[str, Any], trust: bool) -> Callable[[], Remote | None]:
    """Return a function that reads the settings and opens the named remote, if any."""

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
    """Return the remote that was named, opened to read or to write.

    Raises:
        Misuse: no remote was named, or the name is invalid.
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


def open_tables(given: dict[str, Any], workspace: Workspace | None) -> Remote:
    """Return a folder or prefix of tables, which other programs read and which is not encrypted.

    Args:
        given: `remote` and `endpoint_url` from the command line.
        workspace: the workspace of its rows, which must not contain it; None for rows of many.

    Raises:
        Misuse: the name is invalid, or the settings require encrypted uploads.
        Conflict: it overlaps the workspace.
    """
    settings = settings_of(workspace, given, trust=False)
    if settings.encrypt_to and _S3.fullmatch(settings.remote or ""):
        raise Misuse(
            "tables are not encrypted, and the settings ask for encrypted uploads ([encrypt] to)."
            " Write them to a directory"
        )
    return _plain_remote(settings, workspace, None)


def local_path(url: str) -> str | None:
    """Return the path of a remote that is a directory; None for a bucket."""
    return None if _S3.fullmatch(url) else _path(url)


def check_url(url: str, workspace: Workspace | None) -> None:
    """Raise an error if a URL cannot be the remote of a workspace.

    Raises:
        Misuse: it is a URL of another tool.
        Conflict: it is a directory that overlaps the workspace.
    """
    if _S3.fullmatch(url):
        return
    if _SCHEME.match(url):
        raise Misuse(f"{url}: a remote is a directory, or s3://bucket/prefix")
    if _OTHER_TOOL.match(url) and not (os.name == "nt" and _DRIVE.match(url)):
        raise Misuse(
            f"{url}: a remote is a directory, or s3://bucket/prefix; a directory of this name is"
            f" ./{url}"
        )
    if workspace is not None:
        from pipelines.workspace.overlap import check_apart

        check_apart(_path(url), workspace)


def _path(url: str) -> str:
    return os.path.normpath(absolute(os.path.expanduser(url)))


def _plain_remote(
    settings: Settings, workspace: Workspace | None, retain_until: datetime | None
) -> Remote:
    url = settings.remote
    if not url:
        hint = ""
        if "remote" in settings.ignored:
            hint = ". The repository's configuration names one; pass --trust-repo-config to use it"
        raise Misuse(
            "no remote is named: pass --remote, or set SESSION_CODEC_REMOTE or [remote] url in "
            f"your configuration file{hint}"
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
        raise Misuse("--storage-class, --sse and --retain-* need an s3:// remote")
    return DirectoryRemote(_path(path))


def _check_endpoint(url: str | None) -> None:
    """Raise Misuse for a URL that is not an endpoint."""
    if url is None:
        return
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Misuse("--endpoint-url: write it as https://host:port")
