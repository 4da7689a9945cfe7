"""Copies on an S3 server, beside other tools: wall time, and requests at the server.

The server is SeaweedFS on this machine, behind a proxy that counts requests and changes nothing.
Each program starts with an empty bucket and copies the same folder: two years of archives, the
layouts and the tracked files. Ours also searches for secrets in diffs that `archive` did not search
on this machine; both cases are measured.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.process import Cost, Failed, Skipped, run
from bench.table import Pair, Row, compared
from bench.verbs import Setting, tool, verb

if TYPE_CHECKING:
    from tests.faults.hostile import Proxy
    from tests.support.servers import Server

_FINDINGS: Final = 3


class Copier(NamedTuple):
    """A program that copies a folder to a prefix of a bucket."""

    name: str
    argv: Callable[[str], list[str]]
    prepare: Callable[[str], list[str]] | None = None


def remotes(setting: Setting) -> Iterator[Row]:
    """Measure the first copy, a second copy of unchanged months, and one diff read through."""
    import pytest  # heavy, as is what the servers of the tests import

    from tests.faults.hostile import Proxy
    from tests.support.servers import ENVIRONMENT, seaweedfs

    with ExitStack() as stack:
        try:
            server = stack.enter_context(seaweedfs(setting.fresh()))
        except pytest.skip.Exception as e:
            raise Skipped(f"skipped, for {e}") from None
        bucket, _ = server.place()
        proxy = stack.enter_context(Proxy(server.endpoint).running())
        os.environ.update(ENVIRONMENT)
        os.environ["XDG_CACHE_HOME"] = str(_own_cache(setting.fresh()))
        folder, key = _workspace(setting)
        os.environ["SESSION_CODEC_ENDPOINT_URL"] = proxy.endpoint
        os.environ["SESSION_CODEC_ALLOW"] = _fingerprints(folder, f"s3://{bucket}/x")
        for copier in _copiers(proxy.endpoint, bucket, setting.fresh()):
            try:
                yield from _compared(setting, folder, proxy, bucket, copier)
            except Skipped as e:
                sys.stderr.write(f"{copier.name}: {e}\n")
        yield from _read_through(setting, folder, proxy, server, f"s3://{bucket}/read", key)


def _workspace(setting: Setting) -> tuple[Path, str]:
    """Make a migrated, archived workspace; return it with the key of a session with a diff."""
    folder = setting.repository(setting.log)
    verb("migrate", cwd=folder)
    (folder / "AGENT_PROGRESS_LOG.md").unlink()
    verb("archive", "--before", "9999-01", "--profile", "fast", cwd=folder, good=(0, _FINDINGS))
    manifest = (folder / ".session-codec" / "manifest.jsonl").read_text().splitlines()
    facts = map(json.loads, manifest)
    return folder, next(f["keys"][0] for f in facts if f["fact"] == "archive")


def _own_cache(folder: Path) -> Path:
    """Point caches at one folder that holds the scanner's compiled rules."""
    rules = Path.home() / ".cache" / "kingfisher"
    rules.mkdir(parents=True, exist_ok=True)
    (folder / rules.name).symlink_to(rules)
    return folder


def _fingerprints(folder: Path, url: str) -> str:
    """Return the fingerprints of the findings in the log, so that they may be copied."""
    program = os.path.join(os.path.dirname(sys.executable), "session-codec")
    said = subprocess.run(
        [program, "sync", "--dry-run", "--json", "--remote", url],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    findings = json.loads(said.stdout)["findings"]
    return " ".join(f["fingerprint"] for f in findings if "fingerprint" in f)


def _copiers(endpoint: str, bucket: str, home: Path) -> Iterator[Copier]:
    """Return the commands of other programs that copy folders, as their manuals give them."""
    excluded = ("--exclude", ".git/*")
    yield Copier(
        "aws s3 sync",
        lambda prefix: [
            tool("aws"), "s3", "sync", ".", f"s3://{bucket}/{prefix}", "--endpoint-url", endpoint,
            "--only-show-errors", *excluded,
        ],
    )  # fmt: skip
    rclone = shutil.which("rclone", path=os.path.dirname(sys.executable)) or "rclone"
    there = ["--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", endpoint]
    os.environ["RCLONE_CONFIG"] = str(home / "none")
    yield Copier(
        "rclone copy",
        lambda prefix: [tool(rclone), "copy", ".", f":s3:{bucket}/{prefix}", *there, *excluded],
    )
    os.environ.update(RESTIC_PASSWORD="x", RESTIC_CACHE_DIR=str(home / "restic"))  # noqa: S106
    yield Copier(
        "restic backup",
        lambda prefix: [tool("restic"), *_restic(endpoint, bucket, prefix), "backup", "-q",
                        "--exclude", ".git", "."],
        lambda prefix: [tool("restic"), *_restic(endpoint, bucket, prefix), "init", "-q"],
    )  # fmt: skip


def _restic(endpoint: str, bucket: str, prefix: str) -> list[str]:
    return ["-r", f"s3:{endpoint}/{bucket}/{prefix}"]


def _compared(
    setting: Setting, folder: Path, proxy: Proxy, bucket: str, copier: Copier
) -> Iterator[Row]:
    rows: dict[str, list[Pair]] = {"first, unsearched": [], "first": [], "again": []}
    counts: dict[str, str] = {}
    for turn in setting.turns(3):
        name = f"{copier.name.split()[0]}-{turn}"
        if copier.prepare:
            run(copier.prepare(name), cwd=folder)
        theirs: dict[str, Cost] = {}
        for kind in ("first", "again"):
            theirs[kind], counts[f"{kind} theirs"] = _counted(
                proxy, partial(run, copier.argv(name), cwd=folder)
            )
        for kind, pairs in rows.items():
            url = f"s3://{bucket}/ours-{name}{'-new' if kind == 'first, unsearched' else ''}"
            if kind == "first, unsearched":
                searched = Path(os.environ["XDG_CACHE_HOME"], "session-codec")
                shutil.rmtree(searched, ignore_errors=True)
            ours, counts[f"{kind} ours"] = _counted(
                proxy, partial(verb, "sync", "--remote", url, cwd=folder)
            )
            pairs.append((ours, theirs[kind.partition(",")[0]]))
    for kind, pairs in rows.items():
        mine, other = counts[f"{kind} ours"], counts[f"{kind.partition(',')[0]} theirs"]
        yield compared(f"sync {kind}", f"sync ({mine})", f"{copier.name} ({other})", pairs)


def _counted(proxy: Proxy, measured: Callable[[], Cost]) -> tuple[Cost, str]:
    """Return what a run took, and its number of requests by method."""
    proxy.reset(lambda _: "")
    cost = measured()
    methods = Counter(request.method for request in proxy.seen)
    return cost, " ".join(f"{count} {method}" for method, count in sorted(methods.items()))


def _read_through(
    setting: Setting, folder: Path, proxy: Proxy, server: Server, url: str, key: str
) -> Iterator[Row]:
    """One diff of an archive that is not here, beside the whole archive by the SDK's own tool."""
    verb("sync", "--prune-local", "--remote", url, cwd=folder)
    if list((folder / ".diffs" / "archive").glob("*.zst")):
        raise Failed("sync --prune-local left an archive")
    cache = folder / ".session-codec" / "cache"
    shown = ("show", key, "--diff", "--remote", url)
    listed = subprocess.run(
        [tool("aws"), "--endpoint-url", server.endpoint, "s3", "ls", f"{url}/archive/{key[:7]}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    whole = [tool("aws"), "--endpoint-url", server.endpoint, "s3", "cp",
             f"{url}/archive/{listed[-1]}", "-"]  # fmt: skip
    rows: dict[str, list[Pair]] = {"cold": [], "warm": []}
    counts: dict[str, str] = {}
    for _ in setting.turns():
        shutil.rmtree(cache, ignore_errors=True)
        for kind, pairs in rows.items():
            cost, counts[kind] = _counted(proxy, lambda: verb(*shown, cwd=folder))
            pairs.append((cost, run(whole, cwd=folder)))
    for kind, pairs in rows.items():
        yield compared(f"show {kind}", f"show --diff ({counts[kind]})", "aws s3 cp archive", pairs)
