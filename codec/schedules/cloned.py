"""The monthly job that starts with a clone: a GitHub Actions workflow, a Kubernetes CronJob.

1. A clone has no diffs: the job downloads them, so it needs a remote.
2. The job commits and pushes the changed manifest; then the clone is deleted.
3. Both run the same shell script for every workspace; only variables differ.
4. Files, arguments of programs and the clone never contain a password.
"""

from __future__ import annotations

import json
import re
from typing import Final

from codec.errors import FormatError
from codec.schedules.local import CRON, safe, sealed, slug

#: The Kubernetes Secret with the values that must not be in the job's text.
_OF_CLUSTER: Final = "session-codec"

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"\\$`@]+")
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>[^\s'\"\\$`]+)", re.ASCII)
_URL = re.compile(
    r"(?:https?|ssh|git\+ssh)://(?:[^\s/@]*@)?(?P<host>[\w.-]+)(?P<port>:\d+)?/(?P<path>[^\s'\"\\$`]+)",
    re.ASCII,
)

#: A failed step or an unset variable ends the job.
_STRICT: Final = "set -eu\n"
#: The steps of a job in a clone, which has no diffs. The job sets the variables. Only loose diffs
#: are restored: the tracked files of the clone are newer than those on the remote.
_IN_A_CLONE: Final = """\
session-codec restore --only loose --remote "$SESSION_CODEC_REMOTE"
found=0
session-codec archive || found=$?
session-codec sync --remote "$SESSION_CODEC_REMOTE"
git config user.name session-codec
git config user.email session-codec@localhost
git add -- {files}
if ! git diff --cached --quiet; then
  git commit --quiet --message "Archive the sessions of past months"
  git pull --quiet --rebase --autostash
  git push --quiet
fi
exit "$found"
"""
#: The steps of a pod before it has a clone and session-codec. No Python program imports from the
#: clone, and package builds do not see the credentials.
_PREPARED: Final = """\
python -I -m venv "$HOME/venv"
git clone --quiet --recurse-submodules "$REPOSITORY" "$HOME/repository"
cd "$HOME/repository"
env -u GIT_USERNAME -u GIT_PASSWORD -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \\
  -u AWS_SESSION_TOKEN "$HOME/venv/bin/python" -I -m pip install --quiet "$PACKAGE"
PATH="$HOME/venv/bin:$PATH"
cd "./$FOLDER"
"""
#: The tracked files that a job in a clone commits.
_COMMITTED: Final = (
    ".session-codec/manifest.jsonl",
    "AGENT_PROGRESS_LOG_v2.md",
    "PROJECT_METRICS.tsv",
    "SESSION_DELTAS.log",
)
#: How git in a job gets its credentials, without a file or an argument that contains them.
_GIT_LOGIN: Final = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "credential.helper",
    "GIT_CONFIG_VALUE_0": (
        '!f() { echo "username=$GIT_USERNAME"; echo "password=$GIT_PASSWORD"; }; f'
    ),
}


_WORKFLOW: Final = """\
# The secrets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are the remote's. A branch that takes no
# push from a workflow needs a rule that lets this one.
name: session-codec
on:
  schedule:
    - cron: "{cron}"
  workflow_dispatch:
permissions: {{}}
concurrency:
  group: session-codec-{slug}
  cancel-in-progress: false
jobs:
  archive:
    name: Archive the sessions of past months
    runs-on: ubuntu-latest
    timeout-minutes: 120
    permissions:
      contents: write # pushes the manifest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 0
          submodules: true
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.13"
      - name: Install session-codec
        run: python -I -m pip install --quiet "$PACKAGE"
        env:
          PACKAGE: {package}
      - name: Archive, copy, commit
        working-directory: {folder}
        run: |
{script}
        env:
{environment}
          GIT_PASSWORD: ${{{{ github.token }}}}
          AWS_ACCESS_KEY_ID: ${{{{ secrets.AWS_ACCESS_KEY_ID }}}}
          AWS_SECRET_ACCESS_KEY: ${{{{ secrets.AWS_SECRET_ACCESS_KEY }}}}
          AWS_DEFAULT_REGION: ${{{{ vars.AWS_REGION || 'us-east-1' }}}}
          SESSION_CODEC_ENDPOINT_URL: ${{{{ vars.SESSION_CODEC_ENDPOINT_URL }}}}
          SESSION_CODEC_ALLOW: ${{{{ vars.SESSION_CODEC_ALLOW }}}}
"""
_CRONJOB: Final = """\
# The Secret {secret} holds GIT_USERNAME and GIT_PASSWORD, which may push; of the remote
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and where they are needed AWS_DEFAULT_REGION,
# SESSION_CODEC_ENDPOINT_URL and SESSION_CODEC_ALLOW.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: session-codec-{name}
  labels:
    app.kubernetes.io/name: session-codec
spec:
  schedule: "{cron}"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 86400
  jobTemplate:
    spec:
      backoffLimit: 1
      activeDeadlineSeconds: 7200
      template:
        metadata:
          labels:
            app.kubernetes.io/name: session-codec
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: archive
              image: python:3.13
              command: [/bin/sh, -c]
              args:
                - |
{script}
              env:
{environment}
              envFrom:
                - secretRef:
                    name: {secret}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              resources:
                requests:
                  cpu: 500m
                  memory: 512Mi
                limits:
                  memory: 1Gi
              volumeMounts:
                - name: work
                  mountPath: /work
                - name: tmp
                  mountPath: /tmp
          volumes:
            - name: work
              emptyDir: {{}}
            - name: tmp
              emptyDir: {{}}
"""


def workflow(remote: str, package: str, folder: str) -> bytes:
    """Return the workflow of GitHub Actions.

    Args:
        remote: the address of the remote; a runner cannot reach a local directory.
        package: the argument of pip, relative to the top of the repository.
        folder: the workspace, relative to the top of the repository; `.` for the top itself.

    Raises:
        FormatError: a runner cannot reach the remote, or a value would be evaluated.
    """
    environment = {
        "SESSION_CODEC_REMOTE": _address(remote),
        "GIT_USERNAME": "x-access-token",
        **_GIT_LOGIN,
    }
    return sealed(
        "session-codec, once a month; the job commits the manifest and pushes it",
        _WORKFLOW.format(
            cron=CRON,
            slug=slug(folder),
            package=_literal(package),
            folder=_literal(folder),
            script=_indented(_STRICT + _in_a_clone(), 10),
            environment=_indented(_mapping(environment), 10),
        ),
    )


def cron_job(remote: str, package: str, folder: str, origin: str) -> bytes:
    """Return the Kubernetes CronJob, and the names of the values in its Secret.

    Args:
        remote: the address of the remote; a pod cannot reach a local directory.
        package: the argument of pip, relative to the top of the repository.
        folder: the workspace, relative to the top of the repository; `.` for the top itself.
        origin: the address to clone from; credentials in it are removed.

    Raises:
        FormatError: a pod cannot reach the remote or the origin.
    """
    address = clone_address(origin)
    environment = {
        "HOME": "/work",
        "SESSION_CODEC_REMOTE": _address(remote),
        "REPOSITORY": address,
        "FOLDER": safe(folder),
        "PACKAGE": safe(package),
        **_GIT_LOGIN,
    }
    variables = "".join(
        f"- name: {name}\n  value: {_literal(value.replace('$(', '$$('))}\n"
        for name, value in environment.items()
    )
    return sealed(
        "session-codec, once a month; the job commits the manifest and pushes it",
        _CRONJOB.format(
            secret=_OF_CLUSTER,
            name=slug(f"{address.rpartition('/')[2].removesuffix('.git')}-{folder}").lower(),
            cron=CRON,
            script=_indented(_STRICT + _PREPARED + _in_a_clone(), 18),
            environment=_indented(variables, 16),
        ),
    )


def _in_a_clone() -> str:
    return _IN_A_CLONE.format(files=" ".join(_COMMITTED))


def clone_address(origin: str) -> str:
    """Return the address that a pod clones from, without user and password.

    Raises:
        FormatError: it is a path, or it needs more than a password.
    """
    m = _URL.fullmatch(origin)
    if m is not None:
        port = (m["port"] or "") if origin.startswith("http") else ""
        scheme = "http" if origin.startswith("http://") else "https"
        return f"{scheme}://{m['host']}{port}/{m['path']}"
    m = _SCP.fullmatch(origin)
    if m is None:
        raise FormatError(
            "the git remote 'origin' is not an address that a cluster can clone from",
            hint="Set it with: git remote set-url origin https://HOST/PATH",
        )
    return f"https://{m['host']}/{m['path'].lstrip('/')}"


def _address(remote: str) -> str:
    if not _REMOTE.fullmatch(safe(remote)):
        raise FormatError(
            "a job in a clone cannot use this remote: use an s3 address without a password",
            hint="Pass --remote s3://bucket/prefix",
        )
    return remote


def _literal(text: str) -> str:
    """Return a text as a YAML scalar, written as JSON."""
    if "${{" in safe(text):
        raise FormatError(
            f"{text!r}: a workflow would evaluate the text after '${{{{'",
            hint="Rename it, without '${{'",
        )
    return json.dumps(text)


def _mapping(values: dict[str, str]) -> str:
    return "".join(f"{name}: {_literal(value)}\n" for name, value in values.items())


def _indented(text: str, width: int) -> str:
    return "\n".join(" " * width + line if line else "" for line in text.splitlines())
