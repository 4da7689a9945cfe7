"""Replace secrets in texts before they enter a tracked file.

1. Every text of a session is scanned here before its fact is made: `record_session` for users,
   hooks and imports, `amend` for corrections, the mapping of `migrate` for v1 logs, `read_stated`
   for values of the references. A text that was pushed once cannot be recalled.
2. A secret becomes a marker, and a finding has its rule and fingerprint. The session is recorded.
3. A quick test (`codec.secrets.hint`) decides whether the scanner is loaded, which takes half a
   second. Without a scanner, a text that may hold a secret is refused (`Unavailable`).
4. Ids and ranges are not scanned: they are names, and replacing one would join two sessions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec.kinds import Key
from codec.names import name_of
from codec.records import Session
from codec.secrets.hint import may_hold_secret
from pipelines.outcomes.findings import Finding
from pipelines.workspace.location import MANIFEST, Workspace

if TYPE_CHECKING:
    from pipelines.diffs.secret_scan import Redacted
    from pipelines.workspace.manifest_view import Manifest

#: The text that replaces a secret.
MARK: Final = "[secret removed]"
#: The fields of a session that hold text.
TEXTS: Final = ("agent", "task", "remark", "title", "notes")


class _Found(NamedTuple):
    """A text with a secret: its field, the redacted text, and the findings."""

    field: str
    redacted: Redacted


def clean_texts(
    workspace: Workspace | None, texts: Mapping[str, str]
) -> tuple[dict[str, str], list[Finding]]:
    """Return texts without secrets, and a finding for each secret that was replaced.

    Args:
        workspace: the workspace of the session.
        texts: the texts, by the names of their fields.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    found = _search(workspace, texts.items())
    cleaned = {**texts, **{f.field: f.redacted.text for f in found}}
    return cleaned, [finding for f in found for finding in _replaced(f)]


def clean_session(
    workspace: Workspace, session: Session, allow: Collection[str] | None = None
) -> tuple[Session, list[Finding]]:
    """Return a session without secrets, and a finding for each secret that was replaced.

    Args:
        workspace: the workspace of the session.
        session: the session to scan.
        allow: fingerprints of secrets that may stay; None for those in the operator's settings.

    Raises:
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    found = _search(workspace, ((name, getattr(session, name)) for name in TEXTS), allow)
    if not found:
        return session, []
    texts: dict[str, Any] = {f.field: f.redacted.text for f in found}
    if "title" in texts:  # the slug is derived from it, and may contain a part of the secret
        texts["task"] = name_of(texts["title"])
    for name in ("agent", "task"):
        if name in texts:
            texts[name] = name_of(texts[name])
    return session._replace(**texts), [finding for f in found for finding in _replaced(f)]


def holds_secret(text: str) -> bool:
    """Return True if a text seems to contain a secret that is not allowed."""
    return bool(_search(None, (("", text),)))


def secrets_in_text(workspace: Workspace, manifest: Manifest, references: str) -> Iterator[Finding]:
    """Yield a finding for each secret in the texts of the tracked files."""
    for session in manifest.sessions.values():
        for f in _search(workspace, ((name, getattr(session, name)) for name in TEXTS)):
            yield from _present(f, MANIFEST, f" in the {f.field} of {session.key}", session.key)
    for number, line in enumerate(references.splitlines(), 1):
        for f in _search(workspace, (("line", line),)):
            yield from _present(f, "PROJECT_REFERENCES.yaml", "", None, number)


def _search(
    workspace: Workspace | None,
    texts: Iterable[tuple[str, str]],
    allow: Collection[str] | None = None,
) -> list[_Found]:
    fields = [(name, text) for name, text in texts if text]
    if not may_hold_secret("\n".join(text for _, text in fields)):
        return []
    from pipelines.diffs.secret_scan import redact
    from pipelines.workspace.user_settings import read_settings

    allowed = read_settings(workspace).allow if allow is None else allow
    redacted = ((name, redact(text, allowed, MARK)) for name, text in fields)
    return [_Found(name, r) for name, r in redacted if r.found]


def _replaced(found: _Found) -> Iterator[Finding]:
    from pipelines.workspace.user_settings import operator_file

    for rule, fingerprint in found.redacted.found:
        yield Finding(
            code="secret-replaced",
            message=f"{rule}: a possible secret in the {found.field} was replaced"
            f" before it was written, fingerprint {fingerprint}",
            rule=rule,
            fingerprint=fingerprint,
            hint=f"If it is not one, add the fingerprint to [secrets] allow in {operator_file()}",
        )


def _present(
    found: _Found, file: str, where: str, key: Key | None, line: int | None = None
) -> Iterator[Finding]:
    from pipelines.workspace.user_settings import operator_file

    for rule, fingerprint in found.redacted.found:
        yield Finding(
            code="secret-text",
            message=f"{rule}: a possible secret{where}, fingerprint {fingerprint}",
            file=file,
            line=line,
            key=key,
            rule=rule,
            fingerprint=fingerprint,
            hint="If it is a secret, revoke it where it is used: git keeps it in its history."
            f" If not, add the fingerprint to [secrets] allow in {operator_file()}",
        )
