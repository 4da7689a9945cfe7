"""The same two states give the same patch, whatever git is configured to do."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from codec.kinds import Sha256
from codec.records import PatchRef
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.workspace.git_patches import (
    LEFT_OUT,
    PATCH_OPTIONS,
    patch_of,
    remade,
    remakable,
    worktree_patch,
)
from pipelines.workspace.location import Workspace, at
from tests.pipelines.conftest import Cli, git

IDS = re.compile(rb"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
ATTRIBUTES = "*.py -diff\n*.txt diff=mine\n*.bin diff\n"
DRIVER = '[diff "mine"]\n\txfuncname = ^(only.*)$\n\talgorithm = histogram\n\tbinary = true\n'


class Case(NamedTuple):
    """A repository with a range of commits, and its patch without any setting.

    Attributes:
        root: its folder.
        commits: `BASE..HEAD`.
        patch: what git prints where nothing is configured.
    """

    root: Path
    commits: str
    patch: bytes

    @property
    def workspace(self) -> Workspace:
        return at(str(self.root))

    @property
    def ref(self) -> PatchRef:
        return PatchRef.of(self.patch)


def written(root: Path, *, changed: bool) -> None:
    """Write files whose patches differ by nearly every setting of git."""
    blank = [f"line {n}" if n % 3 else "" for n in range(40)]
    if changed:
        blank[5], blank[13], blank[30] = "five", "thirteen", "thirty"
    (root / "mutters.txt").write_text("".join(f"{line}\n" for line in blank))
    code = ["def a():", "    return 1", "", "", "def b():", "    return 2", ""]
    if changed:
        code[2:2] = ["", "def new():", "    return 3", ""]
    (root / "code.py").write_text("".join(f"{line}\n" for line in code))
    (root / "größe.txt").write_text("groß\n" * (2 if changed else 1))
    (root / "dos.txt").write_bytes(b"one\r\ntwo\r\n" + b"three\r\n" * changed)
    (root / "wide.txt").write_text("wide\n" * (3 if changed else 2), encoding="utf-16")
    (root / "data.bin").write_bytes(bytes(range(256)) + b"more" * changed)
    moved = "".join(f"{n} stays\n" for n in range(30))
    (root / "old-name").unlink(missing_ok=True)
    (root / ("new-name" if changed else "old-name")).write_text(moved + "end\n" * changed)
    (root / "SESSION_DELTAS.log").write_text("a row\n" * (2 if changed else 1))
    (root / "deep").mkdir(exist_ok=True)
    (root / "deep" / "file.txt").write_text("deep\n" * (2 if changed else 1))


def made(root: Path, *options: str) -> Case:
    """Make a repository with two commits; its patch is that of git itself, unconfigured."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main", *options)
    link = "1" if "--object-format=sha256" not in options else "1" * 25
    for changed in (False, True):
        written(root, changed=changed)
        git(root, "add", "-A")
        object_id = (link if not changed else link.replace("1", "2")) * 40
        length = 64 if len(link) > 1 else 40
        git(root, "update-index", "--add", "--cacheinfo", f"160000,{object_id[:length]},module")
        git(root, "commit", "-qm", f"changed {changed}")
    commits = "..".join(git(root, "rev-parse", "HEAD^", "HEAD").split())
    own = (f":(top,exclude,literal){name}" for name in LEFT_OUT)
    done = subprocess.run(
        ["git", "diff-tree", *PATCH_OPTIONS, *commits.split(".."), "--", ":(top)", *own],
        cwd=root, capture_output=True, check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull,
             "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    return Case(root, commits, done.stdout)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return made(tmp_path_factory.mktemp("original") / "repo")


@pytest.fixture
def case(original: Case, tmp_path: Path) -> Case:
    root = tmp_path / "repo"
    shutil.copytree(original.root, root)
    return original._replace(root=root)


Setting = Callable[[Case, pytest.MonkeyPatch], Case]


def config(*pairs: str) -> Setting:
    """Return what sets NAME=VALUE in the repository."""

    def apply(case: Case, _: pytest.MonkeyPatch) -> Case:
        for pair in pairs:
            git(case.root, "config", *pair.split("=", 1))
        return case

    return apply


def user_config(*lines: str) -> Setting:
    """Return what writes the user's configuration."""

    def apply(case: Case, monkeypatch: pytest.MonkeyPatch) -> Case:
        path = case.root.parent / "gitconfig"
        path.write_text("\n".join(lines))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
        return case

    return apply


def environment(name: str, value: str) -> Setting:
    """Return what sets a variable."""

    def apply(case: Case, monkeypatch: pytest.MonkeyPatch) -> Case:
        monkeypatch.setenv(name, value)
        return case

    return apply


def attributes(where: str, text: str = ATTRIBUTES) -> Setting:
    """Return what gives files attributes, and configures the driver that they name."""

    def apply(case: Case, _: pytest.MonkeyPatch) -> Case:
        with open(case.root / ".git" / "config", "a") as f:
            f.write(DRIVER)
        path = case.root.parent / "attributes" if where == "user" else case.root / where
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        if where == "user":
            git(case.root, "config", "core.attributesFile", str(path))
        if where == ".gitattributes":
            git(case.root, "add", where)
            git(case.root, "commit", "-qm", "attributes")
        return case

    return apply


def xdg_attributes(case: Case, monkeypatch: pytest.MonkeyPatch) -> Case:
    folder = case.root.parent / "xdg" / "git"
    folder.mkdir(parents=True)
    (folder / "attributes").write_text(ATTRIBUTES)
    (folder / "config").write_text(DRIVER)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder.parent))
    return case


def replaced(case: Case, _: pytest.MonkeyPatch) -> Case:
    blob = git(case.root, "hash-object", "-w", "deep/file.txt").strip()
    other = git(case.root, "hash-object", "-w", "code.py").strip()
    git(case.root, "replace", blob, other)
    git(case.root, "replace", *case.commits.split("..")[::-1])
    return case


def grafted(case: Case, _: pytest.MonkeyPatch) -> Case:
    (case.root / ".git" / "info").mkdir(exist_ok=True)
    (case.root / ".git" / "info" / "grafts").write_text(f"{case.commits.split('..')[1]}\n")
    return case


def linked(case: Case, _: pytest.MonkeyPatch) -> Case:
    git(case.root, "worktree", "add", "-q", "--detach", "../linked", "HEAD^")
    return case._replace(root=case.root.parent / "linked")


def submodule(case: Case, _: pytest.MonkeyPatch) -> Case:
    outer = case.root.parent / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    allowed = ("-c", "protocol.file.allow=always")
    git(outer, *allowed, "submodule", "add", "-q", str(case.root), "inner")
    return case._replace(root=outer / "inner")


def submodule_settings(case: Case, _: pytest.MonkeyPatch) -> Case:
    text = '[submodule "module"]\n\tpath = module\n\turl = ./x\n\tignore = all\n'
    (case.root / ".gitmodules").write_text(text)
    git(case.root, "config", "submodule.module.ignore", "all")
    git(case.root, "config", "diff.submodule", "log")
    git(case.root, "config", "diff.ignoreSubmodules", "all")
    return case


def sparse(case: Case, _: pytest.MonkeyPatch) -> Case:
    git(case.root, "sparse-checkout", "set", "deep")
    return case


def partial(case: Case, _: pytest.MonkeyPatch) -> Case:
    """Clone without blobs, then fetch what the hint of the refusal says."""
    git(case.root, "config", "uploadpack.allowFilter", "true")
    git(case.root, "config", "uploadpack.allowAnySHA1InWant", "true")
    other = case._replace(root=case.root.parent / "partial")
    git(case.root.parent, "clone", "-q", "--no-checkout", "--filter=blob:none",
        f"file://{case.root}", str(other.root))  # fmt: skip
    with pytest.raises(NotFound, match="partial clone") as caught:
        patch_of(other.workspace, [case.commits])
    command = (caught.value.hint or "").partition(": git ")[2].removesuffix(" > /dev/null")
    git(other.root, *command.split())
    return other


def shared(case: Case, _: pytest.MonkeyPatch) -> Case:
    git(case.root.parent, "clone", "-q", "--shared", str(case.root), "shared")
    return case._replace(root=case.root.parent / "shared")


def shallow(case: Case, _: pytest.MonkeyPatch) -> Case:
    git(case.root.parent, "clone", "-q", "--depth=2", f"file://{case.root}", "shallow")
    return case._replace(root=case.root.parent / "shallow")


def packed(case: Case, _: pytest.MonkeyPatch) -> Case:
    git(case.root, "gc", "-q")
    return case


SETTINGS: dict[str, Setting] = {
    ".gitattributes": attributes(".gitattributes"),
    ".git/info/attributes": attributes(".git/info/attributes"),
    "core.attributesFile": attributes("user"),
    "attributes of the user": xdg_attributes,
    "text and eol attributes": attributes(".gitattributes", "* text eol=crlf\n"),
    "working-tree-encoding": attributes(
        ".gitattributes", "wide.txt working-tree-encoding=UTF-16\n"
    ),
    "diff.suppressBlankEmpty": config("diff.suppressBlankEmpty=true"),
    "diff.default.xfuncname": config("diff.default.xfuncname=^(.*line.*)$"),
    "diff.algorithm": config("diff.algorithm=patience"),
    "diff.default.binary": config("diff.default.binary=true"),
    "GIT_DIFF_OPTS": environment("GIT_DIFF_OPTS", "-u0"),
    "GIT_EXTERNAL_DIFF": environment("GIT_EXTERNAL_DIFF", "false"),
    "GIT_LITERAL_PATHSPECS": environment("GIT_LITERAL_PATHSPECS", "1"),
    "GIT_CONFIG_PARAMETERS": environment("GIT_CONFIG_PARAMETERS", "'diff.suppressBlankEmpty=true'"),
    "diff.noprefix": config("diff.noprefix=true"),
    "diff.mnemonicPrefix": config("diff.mnemonicPrefix=true"),
    "diff.orderFile": config("diff.orderFile=/nowhere"),
    "diff.external": config("diff.external=false"),
    "diff.relative": config("diff.relative=true"),
    "core.quotePath": config("core.quotePath=false"),
    "core.abbrev": config("core.abbrev=7"),
    "core.bigFileThreshold": config("core.bigFileThreshold=1"),
    "core.whitespace": config("core.whitespace=cr-at-eol", "apply.whitespace=fix"),
    "i18n": config("i18n.commitEncoding=ISO-8859-1", "i18n.logOutputEncoding=UTF-16"),
    "color": config("color.ui=always", "color.diff=always", "diff.colorMoved=zebra"),
    "diff.renames": config("diff.renames=false", "diff.renameLimit=1"),
    "diff.context": config("diff.context=9"),
    "diff.interHunkContext": config("diff.interHunkContext=9"),
    "diff.indentHeuristic": config("diff.indentHeuristic=false"),
    "diff.wsErrorHighlight": config("diff.wsErrorHighlight=all"),
    "submodules": submodule_settings,
    "core.autocrlf": config("core.autocrlf=true"),
    "core.eol": config("core.eol=crlf"),
    "settings of the user": user_config("[diff]\n\tsuppressBlankEmpty = true\n\tnoprefix = true"),
    "replace refs": replaced,
    "grafts": grafted,
    "a linked worktree": linked,
    "a submodule": submodule,
    "a sparse checkout": sparse,
    "a partial clone": partial,
    "a clone that borrows objects": shared,
    "a shallow clone": shallow,
    "packs": packed,
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_changes_a_byte_of_a_patch(
    case: Case, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    other = SETTINGS[setting](case, monkeypatch)
    assert patch_of(other.workspace, [other.commits]) == case.patch
    assert remade(other.workspace, [other.commits], case.ref) == case.patch
    wanted = {((other.commits,), case.ref)}
    assert remakable(other.workspace, wanted) == wanted


def test_a_sha256_repository_gives_the_same_patch_but_for_object_ids(
    case: Case, tmp_path: Path
) -> None:
    other = made(tmp_path / "sha256", "--object-format=sha256")
    patch = patch_of(other.workspace, [other.commits])
    assert patch == other.patch
    assert IDS.sub(b"ID", patch) == IDS.sub(b"ID", case.patch)
    assert remakable(other.workspace, [((other.commits,), other.ref)])


@pytest.mark.parametrize(
    "setting",
    ["core.autocrlf", "core.eol", "color", "core.quotePath", "diff.noprefix", "diff.context",
     "GIT_LITERAL_PATHSPECS", "GIT_DIFF_OPTS", "a linked worktree", "a sparse checkout", "packs",
     "settings of the user", "core.bigFileThreshold"],
)  # fmt: skip
def test_no_setting_changes_the_patch_of_a_working_tree(
    case: Case, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    other = SETTINGS[setting](case, monkeypatch)
    (other.root / "module").mkdir(exist_ok=True)
    (other.root / "deep" / "file.txt").write_text("edited\n\n")
    (other.root / "deep" / "größe").write_text("new\n")
    patch = worktree_patch(other.workspace)
    assert patch.count(b"diff --git") == 2
    assert b"-deep\n+edited\n+\n" in patch
    assert b'"b/deep/gr\\303\\266\\303\\237e"' in patch


@pytest.mark.parametrize("index", ["--sparse-index", "--no-sparse-index"])
def test_new_files_outside_of_a_sparse_checkout_are_in_the_patch(case: Case, index: str) -> None:
    git(case.root, "sparse-checkout", "init", "--cone", index)
    git(case.root, "sparse-checkout", "set", "deep")
    (case.root / "elsewhere").mkdir()
    (case.root / "elsewhere" / "new.txt").write_text("new\n")
    (case.root / "module").mkdir(exist_ok=True)
    patch = worktree_patch(case.workspace)
    assert patch.count(b"diff --git") == 1
    assert b"+++ b/elsewhere/new.txt" in patch


@pytest.mark.parametrize("setting", ["index.threads=4", "core.splitIndex=true", "index.version=4"])
def test_an_index_of_another_form_is_copied_whole(case: Case, setting: str) -> None:
    git(case.root, "config", *setting.split("="))
    (case.root / "module").mkdir(exist_ok=True)
    git(case.root, "add", "-A")
    git(case.root, "update-index", "--force-write-index")
    before = git(case.root, "ls-files", "--stage")
    (case.root / "deep" / "file.txt").write_text("edited\n")
    assert worktree_patch(case.workspace).count(b"diff --git") == 1
    assert git(case.root, "ls-files", "--stage") == before


def test_line_ends_of_a_working_tree_are_converted_as_for_a_commit(case: Case) -> None:
    git(case.root, "config", "core.autocrlf", "true")
    git(case.root, "config", "core.safecrlf", "true")
    (case.root / "deep" / "file.txt").write_bytes(b"deep\r\ndeep\nnew\r\n")
    patch = worktree_patch(case.workspace)
    assert b"+new\n" in patch
    assert b"\r" not in patch


# What was recorded before


def test_a_diff_that_was_made_under_attributes_is_remade_under_them(case: Case) -> None:
    (case.root / ".git" / "info").mkdir(exist_ok=True)
    (case.root / ".git" / "info" / "attributes").write_text("*.txt -diff\n")
    own = (f":(top,exclude,literal){name}" for name in LEFT_OUT)
    ends = case.commits.split("..")
    old = git(case.root, "diff-tree", *PATCH_OPTIONS, *ends, "--", ":(top)", *own).encode()
    assert old != case.patch
    ref = PatchRef.of(old)
    assert remade(case.workspace, [case.commits], ref) == old
    assert remakable(case.workspace, [((case.commits,), ref)]) == {((case.commits,), ref)}


def test_a_patch_that_git_recomputes_differently_does_not_count(case: Case) -> None:
    other = PatchRef(sha256=Sha256("0" * 64), size=len(case.patch))
    assert remade(case.workspace, [case.commits], other) is None
    unknown = f"{'1' * 40}..{'2' * 40}"
    named, lost = (case.commits,), (unknown,)
    pairs = [(named, other), (named, case.ref), (lost, case.ref)]
    assert remakable(case.workspace, pairs) == {(named, case.ref)}


def test_many_ranges_are_remade_in_one_run(case: Case) -> None:
    ends = [
        *case.commits.split(".."),
        git(case.root, "hash-object", "-wt", "tree", "/dev/null").strip(),
    ]
    pairs = [f"{a}..{b}" for a in ends for b in ends]
    patches = {pair: patch_of(case.workspace, [pair]) for pair in pairs}
    wanted = {((pair,), PatchRef.of(data)) for pair, data in patches.items()}
    assert remakable(case.workspace, wanted) == wanted


def test_several_ranges_are_one_patch_in_their_order(case: Case) -> None:
    back = "..".join(case.commits.split("..")[::-1])
    patch = patch_of(case.workspace, [case.commits, back])
    assert patch == case.patch + patch_of(case.workspace, [back])


def test_a_commit_by_itself_is_compared_with_its_first_parent(case: Case) -> None:
    base, head = case.commits.split("..")
    assert patch_of(case.workspace, [head]) == case.patch
    assert remakable(case.workspace, [((head,), case.ref)]) == {((head,), case.ref)}
    empty = git(case.root, "hash-object", "-wt", "tree", "/dev/null").strip()
    assert patch_of(case.workspace, [base]) == patch_of(case.workspace, [f"{empty}..{base}"])
    with pytest.raises(NotFound, match="no such commit"):
        patch_of(case.workspace, ["1" * 40])


def test_a_missing_object_is_a_missing_diff_and_the_others_are_remade(case: Case) -> None:
    blob = git(case.root, "rev-parse", "HEAD:data.bin").strip()
    (case.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    same = "..".join([case.commits.split("..")[0]] * 2)
    empty = PatchRef(sha256=Sha256(hashlib.sha256(b"").hexdigest()), size=0)
    pairs = {((case.commits,), case.ref), ((same,), empty)}
    assert remakable(case.workspace, pairs) == {((same,), empty)}


# Filters


def filtered(root: Path, scope: tuple[str, ...]) -> None:
    git(root, "config", *scope, "filter.case.clean", "tr a-z A-Z")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text("*.txt filter=case\n")


def test_a_filter_of_the_user_runs_as_for_a_commit(
    case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    filtered(case.root, ("--file", str(tmp_path / "gitconfig")))
    (case.root / "deep" / "file.txt").write_text("edited\n")
    assert b"+EDITED\n" in worktree_patch(case.workspace)


def test_a_filter_of_the_repository_does_not_run_and_is_named(case: Case, cli: Cli) -> None:
    filtered(case.root, ())
    (case.root / "deep" / "file.txt").write_text("edited\n")
    with pytest.raises(Conflict, match=r"deep/file\.txt needs the filter 'case'"):
        worktree_patch(case.workspace)
    (case.root / ".session-codec").mkdir()
    (case.root / ".session-codec" / "manifest.jsonl").touch()
    said = cli("record", case.root, "--agent", "a", "--task", "t", "--worktree")
    assert (said.code, "git config --global" in said.err) == (22, True)


def test_a_filter_of_the_repository_that_nothing_needs_is_not_an_obstacle(case: Case) -> None:
    (case.root / "module").mkdir()
    for name in git(case.root, "ls-files", "-z").split("\0")[:-1]:
        if (case.root / name).is_file():  # older than the index, so that git trusts their times
            os.utime(case.root / name, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
    git(case.root, "update-index", "--refresh")
    filtered(case.root, ())
    (case.root / "code.py").write_text("edited\n")
    assert b"+edited" in worktree_patch(case.workspace)


def test_a_patch_that_needs_too_much_memory_is_left_and_the_others_are_made(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes that a clone brings can become gigabytes."""
    monkeypatch.setattr("pipelines.system.git.process._MEMORY", 4 << 20)
    huge = case.root / "huge.bin"
    with huge.open("wb") as f:
        f.truncate(8 << 20)
    git(case.root, "add", "huge.bin")
    git(case.root, "commit", "-qm", "huge")
    ends = git(case.root, "rev-parse", "HEAD^", "HEAD").split()
    named = ("..".join(ends),)
    wanted = {(named, PatchRef(sha256=Sha256("0" * 64), size=1 << 20)), ((case.commits,), case.ref)}
    assert remakable(case.workspace, wanted) == {((case.commits,), case.ref)}
