"""Every page and form, asked with whatever fits its parameters, by a moderator who may use all of them."""

import hypothesis
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from tests.site.conftest import record
from tests.site.test_accounts import Browser, token_of

from reprise.errors import InvalidInputError
from reprise.site.accounts.comments import add_comment
from reprise.site.accounts.moderation import claim_authorship, submit
from reprise.site.store.tables import Account
from reprise.site.web.app import create_app

ENDS = {"/logout", "/account/delete", "/login/{secret}"}
"""After which whoever asks is somebody else."""


@pytest.fixture
def inhabited(settings, store, make_papers, monkeypatch):
    """A site with something of everything, whose pages are described as its interface is."""
    include = FastAPI.include_router
    monkeypatch.setattr(
        FastAPI, "include_router", lambda *given, **more: include(*given, **(more | {"include_in_schema": True}))
    )
    make_papers(record(1), record(2, arxiv="math/0101001"))
    rates = dict.fromkeys(("vote_rate", "login_rate", "search_rate", "comment_rate"), "1000000/minute")
    app = create_app(settings.model_copy(update=rates | {"admins": frozenset({"ada@example.org"})}), store)

    def lookup(_, text):
        raise InvalidInputError("arXiv has no such paper.")

    monkeypatch.setattr("reprise.site.web.pages.submit.lookup", lookup)
    with store.writing() as session:
        session.add(Account(id=5, email="eve@example.org"))
        session.flush()
        add_comment(session, 5, 1, "A comment")
        claim_authorship(session, 5, 1)
        submit(session, 5, record(3))
    return app


def test_no_request_of_a_reader_breaks_a_page(inhabited, store):
    schemathesis = pytest.importorskip("schemathesis")
    client = TestClient(inhabited, follow_redirects=False)
    browser = Browser(client)
    browser.log_in(store)
    who = {"headers": {"x-csrf-token": token_of(client.get("/about"))}, "cookies": dict(client.cookies)}
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", inhabited)
    asked = {}
    for operation in (found.ok() for found in schema.get_all_operations()):
        if operation.path in ENDS or operation.path.startswith("/api"):
            continue

        @hypothesis.settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @hypothesis.given(case=operation.as_strategy())
        def ask(case):
            answer = case.call(**who)
            asked.setdefault((case.method, case.path), set()).add(answer.status_code)
            assert answer.status_code < 500, (case.method, case.path, case.query, case.body)

        ask()
    assert client.get("/moderate").status_code == 200  # still logged in
    assert len(asked) > 40
    assert all(statuses - {403} for statuses in asked.values())  # every form took the token
