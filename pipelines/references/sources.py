"""Read the statements of a repository about itself, and build references from them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Mapping, Sequence

from codec.errors import FormatError
from codec.manifest.facts import ReferencesBuilt
from codec.references.budget import fit
from codec.references.document import encode_references
from codec.references.merge import Refresh, refresh
from codec.references.sources.collect import WANTED, LineMap, Stated, limit_of, stated_references
from codec.references.values import by_name, from_names
from pipelines.diffs.text_scan import holds_secret


def read_stated(
    root: str,
    repository: str | None,
    logs: Mapping[str, bytes],
    lines: Mapping[str, LineMap] | None = None,
) -> Stated:
    """Return the statements of a workspace's files and v1 logs; an unreadable file is a problem.

    Args:
        root: the folder with the manifests, workflows and agent rules.
        repository: the top of its git worktree; files outside of it are not read.
        logs: the text of its v1 logs outside of sessions, by name.
        lines: the line numbers of these texts.
    """
    files: dict[str, bytes] = {}
    problems: list[FormatError] = []
    top = os.path.realpath(repository or root)
    for pattern in WANTED:
        for name in sorted(glob.glob(pattern, root_dir=root, include_hidden=True)):
            path, full = name.replace(os.sep, "/"), os.path.join(root, name)
            target = os.path.realpath(full)
            if not os.path.isfile(target):
                continue
            if os.path.commonpath([top, target]) != top:
                problems.append(
                    FormatError("is a link to a place outside the repository; not read", file=path)
                )
                continue
            try:
                with open(target, "rb") as f:
                    files[path] = f.read(limit_of(path) + 1)
            except OSError as e:
                reason = f"cannot be read: {(e.strerror or str(e)).lower()}"
                problems.append(FormatError(reason, file=path))
    stated = stated_references({**files, **logs}, lines)
    values = by_name(stated.references)
    withheld = [name for name, value in values.items() if any(map(holds_secret, value))]
    problems += (_secret(stated, name) for name in withheld)
    kept = {name: value for name, value in values.items() if name not in withheld}
    return Stated(
        references=from_names(kept, stated.references.extra) if withheld else stated.references,
        origins=stated.origins,
        problems=(*problems, *stated.problems),
    )


def _secret(stated: Stated, name: str) -> FormatError:
    """Return the problem of a stated value that looks like a secret and is left out."""
    origin = next(iter(stated.origins.get(name, ())), None)
    return FormatError(
        "a value looks like a secret; it is left out of the references",
        file=origin.file if origin else None,
    )


def source_files(stated: Stated) -> dict[str, tuple[str, ...]]:
    """Return the files of each value, by the name of the value."""
    return {
        name: tuple(dict.fromkeys(origin.file for origin in origins))
        for name, origins in stated.origins.items()
    }


def first_build(
    stated: Stated, builds: Sequence[ReferencesBuilt], count: Callable[[str], int], budget: int
) -> tuple[bytes, ReferencesBuilt]:
    """Return the bytes of new references, and the fact of the build.

    Args:
        stated: the statements of the repository.
        builds: the last builds, if the file was deleted.
        count: returns the number of tokens of a text.
        budget: the most tokens.
    """
    values, sources = by_name(stated.references), source_files(stated)

    def without(dropped: Collection[str]) -> Refresh:
        return refresh(builds, None, values, sources, dropped=dropped)

    def file(dropped: Collection[str]) -> bytes:
        return encode_references(from_names(without(dropped).values(), {}))

    def cost(dropped: Collection[str]) -> int:
        data = file(dropped)
        return len(data) if len(data) <= budget else count(data.decode())  # no token is empty

    dropped = fit(values, cost, budget).dropped
    return file(dropped), without(dropped).built
