"""What other users of the machine, a proxy or a log could give away."""

import os
import stat
import threading

import pytest
import typer
import uvicorn
from typer.testing import CliRunner

from reprise.errors import InvalidInputError
from reprise.site import Settings, commands, open_store
from reprise.site.mail.smtp import MailServer


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_files_that_hold_what_readers_wrote_are_their_owners_alone(tmp_path):
    before = os.umask(0o022)
    try:
        settings = Settings(folder=tmp_path / "site", database_url="")
        settings.key()
        store = open_store(settings.database_url)
        with store.writing():
            assert {path.name: mode(path) for path in settings.folder.iterdir()} == dict.fromkeys(
                ("secret-key", "site.db", "site.db-wal", "site.db-shm"), 0o600
            )
        store.close()
    finally:
        os.umask(before)


def test_many_that_start_at_once_have_one_key(tmp_path):
    settings = Settings(folder=tmp_path, database_url="")
    keys, ready = [], threading.Barrier(8)

    def read():
        ready.wait()
        keys.append(settings.key())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) > 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.parametrize("kept", ["", "\n", "short"])
def test_a_key_that_was_cut_off_signs_nothing(tmp_path, kept):
    (tmp_path / "secret-key").write_text(kept)
    with pytest.raises(InvalidInputError, match="holds no key"):
        Settings(folder=tmp_path, database_url="").key()


def test_a_server_that_dies_while_it_makes_its_key_leaves_none(tmp_path, monkeypatch):
    def die(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        Settings(folder=tmp_path, database_url="").key()
    assert not (tmp_path / "secret-key").exists()


def test_passwords_do_not_show_where_settings_are_printed():
    settings = Settings(smtp_url="smtps://user:hunter2@mail.example.org", secret_key="hunter2")
    server = MailServer.of_url(settings.smtp_url.get_secret_value())
    assert server.password == "hunter2"
    assert "hunter2" not in repr(settings) + str(settings.model_dump()) + repr(server)


@pytest.mark.parametrize("rate", ["0/minute", "often", ""])
def test_a_rate_that_is_none_is_told_at_the_start(rate):
    with pytest.raises(ValueError, match="rate"):
        Settings(vote_rate=rate)


def test_only_the_setting_says_which_proxies_are_believed(tmp_path, monkeypatch):
    served = {}

    def run(app, **how):
        served["app"] = app
        config = uvicorn.Config(app, **how)
        config.load()
        served["loaded"] = config.loaded_app

    monkeypatch.setattr(uvicorn, "run", run)
    app = typer.Typer()
    commands.register(app)
    answer = CliRunner().invoke(app, ["serve", "--folder", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert served["loaded"] is served["app"]  # and not a layer that rewrites addresses by what the request says
    served["app"].state.site.store.close()
