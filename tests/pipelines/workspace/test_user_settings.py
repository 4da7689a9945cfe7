"""Where settings come from, and who may not speak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codec.errors import FormatError
from pipelines.workspace.location import Workspace
from pipelines.workspace.user_settings import Settings, operator_file, read_settings


class House:
    """A workspace, and a home with the operator's own file."""

    def __init__(self, tmp_path: Path) -> None:
        root = tmp_path / "repo"
        self.workspace = Workspace(str(root), str(root / ".diffs"), None)
        self.repository_file = root / ".session-codec" / "config.toml"
        self.environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        self.file = tmp_path / "config" / "session-codec" / "config.toml"
        self.repository_file.parent.mkdir(parents=True)
        self.file.parent.mkdir(parents=True)

    def settings(self, *, trust: bool = False, **given: Any) -> Settings:
        return read_settings(
            self.workspace, given, trust_repository=trust, environment=self.environment
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_without_any_source_nothing_is_decided(house: House) -> None:
    assert house.settings() == Settings()


def test_the_command_line_speaks_before_the_environment_and_the_files(house: House) -> None:
    house.repository_file.write_text('[remote]\nurl = "s3://repository/x"\n')
    assert house.settings(trust=True).remote == "s3://repository/x"
    house.file.write_text('[remote]\nurl = "s3://operator/x"\n')
    assert house.settings(trust=True).remote == "s3://operator/x"
    house.file.write_text(
        '[remote]\nurl = "s3://operator/x"\n'
        f'[workspace."{house.workspace.root}".remote]\nurl = "s3://operator/this"\n'
        '[workspace."/elsewhere".remote]\nurl = "s3://operator/other"\n'
    )
    assert house.settings(trust=True).remote == "s3://operator/this"
    house.environment["SESSION_CODEC_REMOTE"] = "s3://environment/x"
    assert house.settings(trust=True).remote == "s3://environment/x"
    assert house.settings(trust=True, remote="s3://line/x").remote == "s3://line/x"
    assert house.settings(trust=True, remote=None).remote == "s3://environment/x"


def test_a_repository_decides_nothing_unless_it_is_trusted(house: House) -> None:
    house.repository_file.write_text(
        '[agents]\nDiego = "human"\n'
        '[remote]\nurl = "s3://thief/x"\nendpoint_url = "http://thief"\nca_bundle = "thief.pem"\n'
        '[encrypt]\nto = ["age1thief"]\n'
        '[secrets]\nallow = ["0123456789abcdef"]\n'
    )
    assert house.settings() == Settings(ignored=("encrypt", "remote", "secrets"))
    trusted = house.settings(trust=True)
    assert trusted.remote == "s3://thief/x"
    assert trusted.allow == {"0123456789abcdef"}
    assert trusted.ignored == ()


def test_a_repository_cannot_speak_for_workspaces_even_if_it_is_trusted(house: House) -> None:
    house.repository_file.write_text('[workspace."/".remote]\nurl = "s3://thief/x"\n')
    assert house.settings(trust=True) == Settings()


def test_a_folder_of_settings_that_is_relative_is_not_searched_for_in_the_repository(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    expected = tmp_path / "home" / ".config" / "session-codec" / "config.toml"
    for folder in ("", ".", "config"):
        assert operator_file({"XDG_CONFIG_HOME": folder}) == str(expected)
    assert operator_file(house.environment) == str(house.file)


def test_allowances_of_all_sources_count_together_and_recipients_do_not(house: House) -> None:
    house.file.write_text('[secrets]\nallow = ["a1"]\n[encrypt]\nto = ["age1file"]\n')
    house.environment["SESSION_CODEC_ALLOW"] = "b2, c3"
    house.environment["SESSION_CODEC_ENCRYPT_TO"] = "age1one age1two"
    settings = house.settings(allow=("d4",))
    assert settings.allow == {"a1", "b2", "c3", "d4"}
    assert settings.encrypt_to == ("age1one", "age1two")
    assert house.settings(encrypt_to=("age1line",)).encrypt_to == ("age1line",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[encrypt]\nrecipient = ['x']\n", "encrypt.recipient: is not a setting"),
        ("[encryption]\nto = ['x']\n", "encryption: is not a setting"),
        ("[encrypt]\nto = 'x'\n", "encrypt.to: is not a list of texts"),
        ("[encrypt]\nto = [1]\n", "encrypt.to: is not a list of texts"),
        ("[remote]\nretain_days = true\n", "remote.retain_days: is not a whole number"),
        ("remote = 's3://x'\n", "remote: is not a table"),
        ("workspace = 1\n", "workspace: must have one table for each path"),
        ("[remote\n", "not TOML"),
    ],
)
def test_a_misspelt_setting_is_refused(house: House, text: str, message: str) -> None:
    house.file.write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        house.settings()
    assert caught.value.file == str(house.file)


def test_a_number_in_the_environment_must_be_one(house: House) -> None:
    house.environment["SESSION_CODEC_JOBS"] = "4"
    assert house.settings().jobs == 4
    house.environment["SESSION_CODEC_JOBS"] = "many"
    with pytest.raises(FormatError, match="SESSION_CODEC_JOBS: is not a whole number"):
        house.settings()
