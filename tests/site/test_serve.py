"""`reprise serve` as a host meets it: what it says, when it refuses, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from typer.testing import CliRunner

from reprise.cli import app
from reprise.errors import InvalidInputError
from reprise.site.mail.sink import free_port


def refused(folder, *arguments):
    outcome = CliRunner().invoke(app, ["serve", "--folder", str(folder), *arguments])
    assert isinstance(outcome.exception, InvalidInputError), outcome.output
    assert not folder.exists()
    return str(outcome.exception)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DIGEST_HOUR", "99", "less than or equal to 23"),
        ("VOTE_RATE", "lots", "no rate such as 60/minute"),
        ("BASE_URL", "papers.example.org", "no address such as https://papers.example.org"),
        ("INGEST_SOURCES", "telex", "'arxiv', 'oai' or 'daily'"),
        ("SMTP_URL", "telex://mail.example.org", "smtp://"),
    ],
)
def test_a_setting_that_cannot_be_is_named_before_anything_is_written(tmp_path, monkeypatch, variable, value, says):
    monkeypatch.setenv(f"REPRISE_SITE_{variable}", value)
    said = refused(tmp_path / "site")
    assert says in said
    assert "\n" not in said
    if variable != "SMTP_URL":  # whose value may hold a password
        assert f"REPRISE_SITE_{variable} cannot be {value!r}" in said


def test_a_port_in_use_is_told_before_anything_is_written(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"127.0.0.1:{port} already" in refused(tmp_path / "site", "--port", str(port))


def test_an_address_of_another_machine_is_told(tmp_path):
    assert "cannot listen on 192.0.2.1" in refused(tmp_path / "site", "--host", "192.0.2.1", "--port", "8000")


def test_links_in_mails_lead_to_the_port_and_an_interrupt_ends_it_at_once(tmp_path):
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REPRISE_SITE_")}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "reprise", "serve", "--mail-sink", "--port", str(port), "--folder", str(tmp_path)]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        feed = ""
        while not feed:
            assert server.poll() is None
            assert time.monotonic() < until, "waited in vain"
            try:
                feed = urllib.request.urlopen(f"{address}/feed.atom", timeout=10).read().decode()
            except OSError:
                time.sleep(0.2)
        assert f"{address}/papers/" in feed
    finally:
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0, said
    assert f"Read it at {address}" in said
    assert "Traceback" not in said
