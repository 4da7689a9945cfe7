"""Run git. No other module runs it.

1. git never searches for a repository. It is given the one that was found by reading the file
   system (`git.worktree`), because a folder in a clone can look like a bare repository whose
   configuration names programs to run.
2. The owner of the repository is checked first, by git's own rule.
3. No program that a repository names runs: no fsmonitor, hook, pager or transport. Without a
   transport, git cannot fetch missing objects of a partial clone on demand. Filters are only used
   by the two callers that read the working tree: `add_worktree` and `names_changed` of
   `workspace.git_queries`.
4. Variables about repositories, diffs and configuration are removed from the environment, except
   those that name the user's and the system's configuration files.
5. An exit code counts as an answer only if git documents it as one. Any other raises an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final, TypeAlias

from pipelines.outcomes.errors import Denied, Unavailable
from pipelines.system.git.repository import Repository, repository_at
from pipelines.system.git.worktree import (
    ancestors,
    is_own,
    is_own_repository,
    opened,
    repository_of,
)

if TYPE_CHECKING:
    import subprocess

#: The time limit in seconds. A patch of a large range takes minutes on a slow disk.
_TIMEOUT: Final = 900
#: The bytes that git may allocate at once if its output is a stream.
_MEMORY: Final = 1 << 28
#: Variables that name git's files, with the same meaning in every repository.
_KEPT: Final = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH")
#: Variables that name the committer and the time.
_IDENTITY: Final = tuple(
    f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")
)
_PINNED: Final = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_SETTINGS: Final = (
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "advice.graftFileDeprecated=false",
)
#: Empty bare repositories, by their object format: in these, git has no attributes and only the
#: settings of the command line.
_PLAIN: Final = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plain_git"
)

_SHA256: Final = rb"(?im)^\s*objectformat\s*=\s*sha256\s*$"

Done: TypeAlias = "subprocess.CompletedProcess[bytes]"


def run_git(
    repository: Repository,
    *arguments: str,
    data: bytes = b"",
    answers: tuple[int, ...] = (0,),
    settings: Iterable[str] = (),
    index: str | None = None,
    plain: bool = False,
    with_identity: bool = False,
) -> Done:
    """Run git in a repository.

    Args:
        repository: the repository that was found.
        arguments: the arguments of git.
        data: the input of git.
        answers: exit codes that are answers.
        settings: further git configuration, as `NAME=VALUE`.
        index: the path of another index file.
        plain: read the repository's objects without its settings, references and attributes, and
            without the user's settings.
        with_identity: use the committer that the environment names.

    Raises:
        Denied: git does not trust the owner of the repository.
        NotFound: the repository does not have some objects; the hint says how to fetch them.
        Unavailable: git is not installed, failed, or did not end in time.
    """
    command, environment = _prepared(repository, settings, plain=plain)
    if index is not None:
        environment["GIT_INDEX_FILE"] = index
    if with_identity:
        environment |= {name: os.environ[name] for name in _IDENTITY if name in os.environ}
    done = _run([*command, *arguments], environment, data)
    if done.returncode not in answers:
        from pipelines.system.git.missing import failure

        raise failure(repository.common, arguments[0], said(done))
    return done


@contextmanager
def git_output(
    repository: Repository, *arguments: str, data: bytes, plain: bool, memory: int = _MEMORY
) -> Iterator[IO[bytes]]:
    """Run git and yield its output as a stream, without keeping all of it in memory.

    Args:
        repository: the repository that was found.
        arguments: the arguments of git.
        data: the input of git, at most what a pipe can hold.
        plain: see `run_git`.
        memory: the bytes that git may allocate at once.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: git is not installed, failed, needs more memory, or did not end in time.
    """
    import threading

    process = _start(repository, arguments, plain=plain, memory=memory)
    watch = threading.Timer(_TIMEOUT, process.kill)
    watch.start()
    assert process.stdin
    assert process.stdout
    try:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(data)
        yield process.stdout
    finally:
        process.stdout.close()
        process.wait()
        watch.cancel()
    if process.returncode:
        raise Unavailable(f"git {arguments[0]}: ended with {process.returncode}")


@contextmanager
def git_dialogue(
    repository: Repository, *arguments: str, settings: Iterable[str] = (), plain: bool = False
) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run a git command that answers questions; yield its stdin and its stdout.

    Read the answers before sending more than a pipe can hold, unless git does not answer.

    Args:
        repository: the repository that was found.
        arguments: the arguments of git.
        settings, plain: see `run_git`.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: git is not installed, or failed.
    """
    process = _start(repository, arguments, settings, plain=plain)
    assert process.stdin
    assert process.stdout
    done = False
    try:
        yield process.stdin, process.stdout
        done = True
    except BrokenPipeError:
        done = True
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        if not done:
            process.kill()
        process.stdout.close()
        process.wait()
    if process.returncode:
        raise Unavailable(f"git {arguments[0]}: ended with {process.returncode}")


def is_tracked(path: str) -> bool:
    """Return True if git tracks a file or link, in the repository that really contains it.

    Links in the folders above it are resolved first. Case is ignored, because file systems may
    ignore it.

    Args:
        path: the absolute path.

    Raises:
        Denied, Unavailable: as in `run_git`.
    """
    folder = os.path.realpath(os.path.dirname(path))
    top = repository_of(ancestors(folder))
    if top is None:
        return False
    name = os.path.relpath(os.path.join(folder, os.path.basename(path)), top)
    pathspec = f":(top,literal,icase){name.replace(os.sep, '/')}"
    arguments = ("ls-files", "--error-unmatch", "--", pathspec)
    return run_git(repository_at(top), *arguments, answers=(0, 1)).returncode == 0


def said(done: Done) -> str:
    """Return the error output of a failed git command."""
    return done.stderr.decode(errors="replace").strip() or f"ended with {done.returncode}"


def _prepared(
    repository: Repository, settings: Iterable[str], *, plain: bool
) -> tuple[list[str], dict[str, str]]:
    """Check the owner; return the command before git's own arguments, and its environment."""
    check_owner(repository)
    variables = dict(repository.variables)
    if plain:
        folder = os.path.join(_PLAIN, _object_format(repository))
        where = ["-C", folder, f"--git-dir={folder}"]
        variables |= _without_settings(repository, folder)
    else:
        where = ["-C", repository.top, f"--git-dir={repository.git}"]
        where.append(f"--work-tree={repository.top}")
    command = ["git", *where, "--no-pager", *_options((*_SETTINGS, *settings))]
    return command, {**_environment(_KEPT), **_PINNED, **variables}


def _options(settings: Iterable[str]) -> list[str]:
    return [part for setting in settings for part in ("-c", setting)]


def _environment(kept: Iterable[str]) -> dict[str, str]:
    """Return the environment without git's variables, except the named ones."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in kept}


def _object_format(repository: Repository) -> str:
    with open(os.path.join(repository.common, "config"), "rb", opener=opened) as f:
        config = f.read()
    # Compiling a regular expression would take longer than everything else here.
    return "sha256" if b"sha256" in config.lower() and re.search(_SHA256, config) else "sha1"


def _without_settings(repository: Repository, folder: str) -> dict[str, str]:
    """Return variables with which git reads the objects of a repository without configuration."""
    return {
        "GIT_OBJECT_DIRECTORY": os.path.join(repository.common, "objects"),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "HOME": folder,  # git 2.31 and older ignore GIT_CONFIG_GLOBAL
        "XDG_CONFIG_HOME": folder,
    }


def check_owner(repository: Repository) -> None:
    """Raise Denied for a repository of another user, unless git is configured to trust it.

    git makes this check only when it searches for the repository itself. Exceptions
    (`safe.directory`) can be in several files and in the environment, so git is asked for them.

    Raises:
        Denied: git does not trust the owner; the hint is git's advice.
    """
    if is_own_repository(repository.top) and is_own(repository.git):
        return
    configured = {name for name in os.environ if name.startswith("GIT_CONFIG")}
    command = ["git", "-C", repository.top, *_options(_SETTINGS)]
    environment = {**_environment({*_KEPT, *configured}), "LC_ALL": "C"}
    done = _run([*command, "rev-parse", "--absolute-git-dir"], environment, b"")
    found = os.fsdecode(done.stdout.removesuffix(b"\n"))
    if done.returncode == 0 and os.path.realpath(found) == os.path.realpath(repository.git):
        return
    problem, _, advice = said(done).removeprefix("fatal: ").partition("\n")
    raise Denied(problem, hint=" ".join(advice.split()) or None)


def _start(
    repository: Repository,
    arguments: Iterable[str],
    settings: Iterable[str] = (),
    *,
    plain: bool,
    memory: int | None = None,
) -> subprocess.Popen[bytes]:
    """Return a git process with pipes for its stdin and stdout."""
    import subprocess

    command, environment = _prepared(repository, settings, plain=plain)
    if memory is not None:
        environment["GIT_ALLOC_LIMIT"] = str(memory)
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [*command, *arguments], env=environment, stdin=pipe, stdout=pipe, stderr=null
        )
    except FileNotFoundError:
        raise _missing() from None


def _run(command: list[str], environment: Mapping[str, str], data: bytes) -> Done:
    import subprocess  # importing it takes 3 ms, and `record` may not need git

    try:
        return subprocess.run(
            command, env=environment, input=data, capture_output=True, check=False, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise _missing() from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git did not end within {_TIMEOUT} seconds") from None


def _missing() -> Unavailable:
    return Unavailable("git is not installed, or not on the PATH")
