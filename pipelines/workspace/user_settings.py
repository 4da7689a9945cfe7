"""The settings of the user who runs a verb: remotes, recipients, allowed findings.

1. The command line takes precedence, then the environment, then the user's own file, in which the
   settings of one workspace precede those of all.
2. The repository's own file comes last, and only if the user trusts it: a committer must not
   redirect an upload, add a recipient, or allow a secret.
3. An unknown name is refused: `encrypt.too` must not lead to an unencrypted upload.

`$XDG_CONFIG_HOME/session-codec/config.toml`:

    [remote]
    url = "s3://bucket/prefix"
    [secrets]
    allow = ["0123456789abcdef"]
    [workspace."/home/ada/app".remote]
    url = "s3://bucket/app"
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from pipelines.outcomes.findings import Finding
from pipelines.workspace.location import CONFIG, Workspace
from pipelines.workspace.setting_tables import (
    NUMBER,
    SWITCH,
    TEXT,
    TEXTS,
    Kind,
    Tables,
    checked_values,
    read_tables,
)


class _Name(NamedTuple):
    """The name of a setting in a file: its table, its key, and its type."""

    table: str
    name: str
    kind: Kind


#: By the name of their field. The variable is `SESSION_CODEC_` and that name in capitals.
_NAMES: Final = {
    "remote": _Name("remote", "url", TEXT),
    "endpoint_url": _Name("remote", "endpoint_url", TEXT),
    "ca_bundle": _Name("remote", "ca_bundle", TEXT),
    "storage_class": _Name("remote", "storage_class", TEXT),
    "sse": _Name("remote", "sse", TEXT),
    "sse_kms_key": _Name("remote", "sse_kms_key", TEXT),
    "retain_days": _Name("remote", "retain_days", NUMBER),
    "jobs": _Name("remote", "jobs", NUMBER),
    "multipart_mib": _Name("remote", "multipart_mib", NUMBER),
    "part_mib": _Name("remote", "part_mib", NUMBER),
    "encrypt_to": _Name("encrypt", "to", TEXTS),
    "identity": _Name("encrypt", "identity", TEXT),
    "allow": _Name("secrets", "allow", TEXTS),
    "private_paths": _Name("private", "paths", TEXTS),
    "model_endpoint": _Name("model", "endpoint", TEXT),
    "model_consent": _Name("model", "consent", SWITCH),
    "model_max_tokens": _Name("model", "max_tokens", NUMBER),
}
#: The tables of a repository's file that must be trusted.
_TABLES: Final = frozenset(name.table for name in _NAMES.values())
#: The table that need not be trusted: it only keeps more data from leaving.
_PRIVATE: Final = "private"
_SCHEMA: Final = {
    table: {n.name: n.kind for n in _NAMES.values() if n.table == table} for table in _TABLES
}
_PREFIX: Final = "SESSION_CODEC_"


class Settings(NamedTuple):
    """The settings; None or empty if not set.

    Attributes:
        remote: a directory, or `s3://bucket/prefix`.
        endpoint_url: the address of an S3-compatible store.
        ca_bundle: the path of the certificates to trust.
        storage_class, sse, sse_kms_key: the values that S3 documents under these names.
        retain_days: the days for which uploads are locked.
        jobs: the number of parallel requests.
        multipart_mib: the size in MiB above which objects are uploaded in parts.
        part_mib: the size of a part in MiB; S3 requires at least 5.
        encrypt_to: the age recipients, who alone can decrypt uploads.
        identity: the path of a file with age identities.
        allow: fingerprints of secrets that may leave the machine, from all sources together.
        private_paths: patterns of paths whose sessions are not described in output, from all
            sources together.
        model_endpoint: the address of an OpenAI-compatible API for summaries.
        model_consent: `on` if questions to a model are sent without asking the user.
        model_max_tokens: the most tokens that one run may send and receive.
        ignored: the tables of the repository's file that were not used because it is not trusted.
    """

    remote: str | None = None
    endpoint_url: str | None = None
    ca_bundle: str | None = None
    storage_class: str | None = None
    sse: str | None = None
    sse_kms_key: str | None = None
    retain_days: int | None = None
    jobs: int | None = None
    multipart_mib: int | None = None
    part_mib: int | None = None
    encrypt_to: tuple[str, ...] = ()
    identity: str | None = None
    allow: frozenset[str] = frozenset()
    private_paths: tuple[str, ...] = ()
    model_endpoint: str | None = None
    model_consent: str | None = None
    model_max_tokens: int | None = None
    ignored: tuple[str, ...] = ()


def read_settings(
    workspace: Workspace | None,
    given: Mapping[str, Any] | None = None,
    *,
    trust_repository: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings, each from the first place that states it.

    Args:
        workspace: the workspace that it is for; None before one exists.
        given: the values of the command line, by field; None and empty values count as missing.
        trust_repository: use the repository's own file as well.
        environment: the variables that name settings and the folder of the user's file.

    Raises:
        FormatError: a file is not TOML, or has an unknown name or an invalid value.
    """
    path = operator_file(environment)
    mine = read_tables(path, path)
    theirs = read_tables(workspace.path(CONFIG), CONFIG) if workspace else {}
    sources = [
        {k: v for k, v in (given or {}).items() if v not in (None, (), [])},
        _of_environment(environment),
        _of_tables(_of_workspace(mine, workspace, path), path),
        _of_tables({k: v for k, v in mine.items() if k != "workspace"}, path),
    ]
    asked = {k: v for k, v in theirs.items() if k in _TABLES and k != _PRIVATE}
    sources.append(_of_tables({k: v for k, v in theirs.items() if k == _PRIVATE}, CONFIG))
    if trust_repository:
        sources.append(_of_tables(asked, CONFIG))
    found = {k: v for source in reversed(sources) for k, v in source.items()}
    return Settings(
        **{
            **found,
            "encrypt_to": tuple(found.get("encrypt_to", ())),
            "allow": frozenset(f for source in sources for f in source.get("allow", ())),
            "private_paths": tuple(
                dict.fromkeys(path for s in sources for path in s.get("private_paths", ()))
            ),
            "ignored": () if trust_repository else tuple(sorted(asked)),
        }
    )


def operator_file(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path of the user's own file, which need not exist."""
    return os.path.join(config_home(environment), "session-codec", "config.toml")


def config_home(environment: Mapping[str, str] = os.environ) -> str:
    """Return the folder for the settings of all the user's programs."""
    folder = environment.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):  # the specification says to ignore a relative one
        folder = os.path.join(os.path.expanduser("~"), ".config")
    return folder


def _of_workspace(mine: Tables, workspace: Workspace | None, path: str) -> Tables:
    """Return the tables for one workspace in the user's file."""
    tables = mine.get("workspace", {})
    if not isinstance(tables, dict) or not all(isinstance(v, dict) for v in tables.values()):
        raise FormatError("must have one table for each path", file=path, field="workspace")
    if workspace is None:
        return {}
    here = os.path.realpath(workspace.root)
    for name, chosen in tables.items():
        if os.path.realpath(os.path.expanduser(name)) == here:
            return dict(chosen)
    return {}


def _of_tables(tables: Tables, file: str) -> dict[str, Any]:
    """Return the settings of a file, by field."""
    found = checked_values(tables, _SCHEMA, file)
    return {
        field: found[n.table, n.name] for field, n in _NAMES.items() if (n.table, n.name) in found
    }


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of the environment, by field; lists are separated by spaces or commas."""
    found: dict[str, Any] = {}
    for field, name in _NAMES.items():
        variable = _PREFIX + field.upper()
        text = environment.get(variable, "")
        if not text:
            continue
        if name.kind is NUMBER and not (text.isascii() and text.isdigit()):
            raise FormatError("is not a whole number", file="the environment", field=variable)
        found[field] = (
            int(text) if name.kind is NUMBER
            else text.replace(",", " ").split() if name.kind is TEXTS
            else text
        )  # fmt: skip
    return found


def ignored_findings(settings: Settings, *tables: str) -> Iterator[Finding]:
    """Yield a note on untrusted tables of the repository's file that the verb would use."""
    for table in settings.ignored:
        if table in tables:
            yield Finding(
                code="not-trusted",
                message=f"[{table}] is ignored: only the user, not a committer, may set it",
                level="note",
                file=CONFIG,
                hint="If you have read it, pass --trust-repo-config",
            )
