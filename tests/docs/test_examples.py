"""The examples of README.md, docs/ and every help text work, each in a repository of its own.

A page is one shell script: its blocks marked `sh`, in their order, run in a copy of the bundled
sample. Three comments before a block change that: `<!-- setup: COMMAND -->` runs first,
`<!-- exit: N -->` is the code that the block ends with, and `<!-- not run: REASON -->` leaves the
block out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from docs.generate import all_help
from docs.site import ROOT, pages
from tests.support.servers import ENVIRONMENT, Server, moto

_BLOCK = re.compile(
    r"(?P<comments>(?:<!-- (?:setup|exit|not run): [^\n]*? -->\n\n)*)"
    r"^```sh\n(?P<commands>.*?)^```$",
    re.M | re.S,
)
_COMMENT = re.compile(r"<!-- (?P<kind>setup|exit|not run): (?P<value>.*?) -->")
_EXAMPLES = re.compile(r"^ *Examples:\n(?P<lines>(?: .*\n)+)", re.M)
#: Pages that begin with a log that is not migrated yet.
UNMIGRATED: Final = frozenset({"README.md", "migrate.md", "security-and-privacy.md"})
#: FORMATS.md has tests of its own.
WITH_EXAMPLES: Final = [
    page
    for page in pages()
    if page.parent != ROOT / "codec" and _BLOCK.search(page.read_text(encoding="utf-8"))
]


#: The archive that examples name.
ARCHIVE: Final = "2025-11-7c8a10e34dcc.tar.zst"


class Block(NamedTuple):
    """Commands of a page, the code that they end with, and what has to run before."""

    commands: str
    setup: str
    code: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page that are run."""
    for m in _BLOCK.finditer(text):
        said = {c["kind"]: c["value"] for c in _COMMENT.finditer(m["comments"])}
        if "not run" not in said:
            yield Block(m["commands"], said.get("setup", ""), int(said.get("exit", "0")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server with the bucket of the examples."""
    with moto(tmp_path_factory.mktemp("moto")) as started:
        started.client().create_bucket(Bucket="bucket")
        yield started


class Sandbox:
    """A home with `src/app`, a copy of the sample in git, and nothing of the user's."""

    def __init__(self, home: Path, server: Server) -> None:
        """Use a home that exists; `create` fills a new one."""
        self.home = home
        self.app = home / "src" / "app"
        program = home / "bin" / "session-codec"
        program.parent.mkdir(parents=True, exist_ok=True)
        python = shlex.quote(sys.executable)
        program.write_text(f'#!/bin/sh\nexec {python} -m pipelines.cli.main "$@"\n')
        program.chmod(0o755)
        (home / ".gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        )
        inherited = ("XDG_CACHE_HOME", "LANG", "LC_ALL", "TMPDIR")
        self.environment = {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            **ENVIRONMENT,
            "HOME": str(home),
            "PATH": os.pathsep.join([str(program.parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "SESSION_CODEC_ENDPOINT_URL": server.endpoint,
        }

    def create(self) -> None:
        """Fill the home."""
        (self.home / "mnt" / "backup").mkdir(parents=True)
        shutil.copytree(ROOT / "fixtures" / "sample", self.app)
        self.run("git init -q && git add -A && git commit -qm 'Tide tables'")
        self.run("echo more >> CLAUDE.md && git commit -qam 'More rules'")

    def run(self, script: str, code: int = 0) -> str:
        """Run a script in the repository; return what it printed."""
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.app, env=self.environment, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    def filled(self, text: str, prefix: str) -> str:
        """Return commands with the names of the examples replaced by those of this sandbox."""
        if "age1..." in text:
            text = text.replace("age1...", self._recipient())
        log = (self.app / "AGENT_PROGRESS_LOG.md").read_bytes()
        text = text.replace("3fa1", hashlib.sha256(log).hexdigest()[:4])
        if ARCHIVE in text:
            self.run("session-codec archive")
            (packed,) = (self.app / ".diffs" / "archive").glob(f"{ARCHIVE[:7]}-*.tar.zst")
            text = text.replace(ARCHIVE, packed.name)
        text = text.replace("/mnt/", f"{self.home}/mnt/")
        return text.replace("s3://bucket/", f"s3://bucket/{prefix}/")

    def _recipient(self) -> str:
        """Write an identity of age where the examples have it; return its recipient."""
        pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed")
        identity = pyrage.x25519.Identity.generate()
        file = self.home / ".config" / "age" / "identity.txt"
        file.parent.mkdir(parents=True)
        file.write_text(f"{identity}\n")
        return str(identity.to_public())


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=() if page.name == "README.md" else pytest.mark.slow)
        for page in WITH_EXAMPLES
    ],
)
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path, server: Server) -> None:
    text = page.read_text(encoding="utf-8")
    if "--zstd" in text and not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    sandbox = Sandbox(tmp_path / "home", server)
    sandbox.create()
    if page.name not in UNMIGRATED:
        sandbox.run("session-codec migrate && git add -A && git commit -qm 'Migrate'")
    script = ["set -o pipefail"]
    for n, block in enumerate(blocks(text)):
        commands = f"set -e\n{block.setup}\n{block.commands}"
        # A block is a subshell for its code; its folder is that of the next one.
        script.append(f"(\n{commands}pwd > ~/folder\n)\nfound=$?")
        script.append(f'[ $found = {block.code} ] || {{ echo "block {n} ended: $found"; exit 1; }}')
        script.append('cd "$(cat ~/folder)"')
    sandbox.run(sandbox.filled("\n".join(script), page.stem))


def help_examples() -> Iterator[str]:
    """Yield the examples of all help texts."""
    for _words, text in all_help():
        for m in _EXAMPLES.finditer(text):
            for line in m["lines"].splitlines():
                yield re.split(r"\s{3,}", line.strip())[0]  # without its explanation


def test_every_help_text_has_an_example() -> None:
    without = [words for words, text in all_help() if "\nExamples:\n" not in text]
    assert without == []


#: Parts of examples that are not run, each with the reason.
NOT_RUN: Final = {
    "fleet run migrate,verify,export": "prepares what the examples beside it read",
    "--schedule systemd": "starts a service of the user's own service manager",
    "https://s3.example.com": "names a server that does not exist",
    "--model": "asks a model that is not installed",
    "source <(": "changes the shell that runs it",
    "| source": "changes the shell that runs it",
}
#: Parts of examples that do not exit with 0.
ENDS: Final = {
    "--threshold 95": 3,  # the sample saves less
    "--private": 3,  # git's history and the v1 log have the texts, too
    "--yes": 3,  # and the diff
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """Make a home whose repository has what the examples of help texts name."""
    home = tmp_path_factory.mktemp("help") / "home"
    sandbox = Sandbox(home, server)
    sandbox.create()
    sandbox.run("sed -i 's/2025-11-06T14:00/2025-11-06T14:30/' AGENT_PROGRESS_LOG.md")
    for copy in ("docs/SESSIONS.md", "memory/one.md"):
        sandbox.run(f"mkdir $(dirname {copy}) && cp AGENT_PROGRESS_LOG.md {copy} && git add -A")
    sandbox.run("git commit -qm 'Log of sessions' && git clone -q --bare . ../app.git")
    sandbox.run("git remote add origin ../app.git && git fetch -q")
    sandbox.run("session-codec migrate && git add -A && git commit -qm 'Migrate'")
    for name in ("a", "b", "c"):  # diffs that apply to a repository without these files
        sandbox.run(
            f"printf 'diff --git a/{name} b/{name}\\nnew file mode 100644\\n--- /dev/null\\n"
            f"+++ b/{name}\\n@@ -0,0 +1 @@\\n+new\\n' | "
            f"session-codec record --agent codex --task {name} --status PASS --diff -"
        )
    sandbox.run("git checkout -q -b topic && echo topic > topic && git add topic")
    sandbox.run("git commit -qm 'Topic'")
    for remote in ("project", "app"):
        sandbox.run(sandbox.filled(f"session-codec sync --remote s3://bucket/{remote}", "help"))
    sandbox.run("session-codec export --to parquet ../tables --repository app")
    to_bucket = "session-codec export --to parquet s3://bucket/tables --repository app"
    sandbox.run(sandbox.filled(to_bucket, "help"))
    sandbox.run("echo . > repositories.txt")
    sandbox.run("session-codec fleet run migrate,verify,export --repos repositories.txt")
    sandbox.run("session-codec fleet run verify --repos repositories.txt --run verify-2025-11")
    sandbox.run(sandbox.filled("session-codec sync --remote /mnt/backup/project", "help"))
    return home


@pytest.mark.slow
@pytest.mark.parametrize("command", list(help_examples()))
def test_an_example_of_a_help_text_works(
    command: str, prepared: Path, tmp_path: Path, server: Server
) -> None:
    for part, reason in NOT_RUN.items():
        if part in command:
            pytest.skip(reason)
    home = tmp_path / "home"
    shutil.copytree(prepared, home, symlinks=True)
    sandbox = Sandbox(home, server)
    prefix = "help" if "--encrypt-to" not in command else f"encrypted-{tmp_path.name}"
    code = next((code for part, code in ENDS.items() if part in command), 0)
    sandbox.run(sandbox.filled(f"set -o pipefail\n{command}", prefix), code)
