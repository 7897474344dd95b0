"""The web application, put together."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, IntegrityError
from starlette.exceptions import HTTPException

from reprise.errors import RepriseError
from reprise.site.accounts.votes import ViewCounter
from reprise.site.jobs import start_jobs
from reprise.site.machines import api, atom
from reprise.site.machines.agents import agent_routes, agent_server
from reprise.site.mail.sink import MailSink
from reprise.site.search import Searcher
from reprise.site.seed import seed
from reprise.site.settings import Settings
from reprise.site.store import Store, open_store
from reprise.site.templating import path
from reprise.site.tokens import Signer
from reprise.site.web import assets
from reprise.site.web.bodies import BodyLimit
from reprise.site.web.context import LoginNeeded, Site
from reprise.site.web.guard import SecurityHeaders, forgery_guard, security_headers
from reprise.site.web.head import AnswerHead
from reprise.site.web.limits import Limiter, TooMany
from reprise.site.web.render import page
from reprise.site.web.targets import LONGEST_BACK, local_target

PAGES = (
    "feed",
    "host",
    "login",
    "account",
    "marks",
    "comments",
    "submit",
    "moderate",
    "subscribe",
    "foryou",
    "devmail",
    "about",
    "map",
    "search",
    "theme",
    "paper",
)
"""Modules of `reprise.site.web.pages`, in the order in which their addresses are tried."""

_MESSAGES = {
    403: "This form is too old, or not of this site. Go back, load the page again, and retry.",
    404: "There is no such page here.",
    405: "This address does not answer that way.",
    408: "This took too long to arrive. Try again.",
    409: "Something else has just changed the same thing. Go back, look, and try again.",
    413: "This is more than the site takes at once.",
    429: "You are quicker than this site can take. Wait a moment, then try again.",
    500: "Something went wrong here. It is not your doing; it has been written down.",
}


def create_app(settings: Settings | None = None, store: Store | None = None) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : how it runs; None reads the environment.
    store : an open database; None opens the one that the settings name.

    Examples
    --------
    >>> app = create_app(Settings(database_url="sqlite://", secret_key="for this example"))
    >>> app.title
    'Reprise Daily Papers'
    """
    settings = settings or Settings()
    store = store or open_store(settings.database_url)
    seed(store)
    store.analyse()
    site = Site(
        settings,
        store,
        Signer(settings.key()),
        Limiter(),
        Searcher(store, settings.folder),
        ViewCounter(store),
        MailSink() if settings.mail_sink else None,
    )
    agents = agent_server(site)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if site.mail_sink is not None:
            site.mail_sink.start()
        stop_jobs = start_jobs(site) if settings.jobs else None
        if settings.meaning or settings.jobs:
            site.searcher.start(encode=settings.jobs, meaning=settings.meaning)
        async with agents.session_manager.run():
            yield
        site.searcher.stop(1.0)  # a batch that is cut short is encoded again; before the jobs, which it wakes
        if stop_jobs is not None:
            stop_jobs()
        if site.mail_sink is not None:
            site.mail_sink.stop()
        site.views.flush()
        store.close()

    app = FastAPI(
        title=settings.title,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.site = site
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, secure=settings.secure)
    app.add_middleware(AnswerHead)
    app.include_router(assets.router)
    app.include_router(api.router)
    app.include_router(atom.router, include_in_schema=False)
    app.router.routes.extend(agent_routes(site, agents))
    for name in PAGES:
        module = importlib.import_module(f"reprise.site.web.pages.{name}")
        app.include_router(module.router, dependencies=[Depends(forgery_guard)], include_in_schema=False)
        if machine_router := getattr(module, "machine_router", None):
            app.include_router(machine_router)
    _answer_errors(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def http(request: Request, problem: HTTPException) -> Response:
        detail = problem.detail if problem.detail != HTTPStatus(problem.status_code).phrase else None
        return _error(request, problem.status_code, detail, problem.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, problem: RequestValidationError) -> Response:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _error(request, 422, f"{where or 'The request'}: {first['msg']}")

    @app.exception_handler(RepriseError)
    async def ours(request: Request, problem: RepriseError) -> Response:
        return _error(request, 400, str(problem))

    @app.exception_handler(DataError)
    async def not_kept(request: Request, _: DataError) -> Response:
        return _error(request, 400, "The request holds characters or numbers that cannot be looked up.")

    @app.exception_handler(IntegrityError)
    async def at_once(request: Request, _: IntegrityError) -> Response:
        return _error(request, 409)

    @app.exception_handler(TooMany)
    async def too_many(request: Request, problem: TooMany) -> Response:
        return _error(request, 429, None, {"retry-after": str(problem.retry_after)})

    @app.exception_handler(LoginNeeded)
    async def login_needed(request: Request, _: LoginNeeded) -> Response:
        came_from = request.url.path if request.method == "GET" else request.headers.get("referer", "")
        back = local_target(request, came_from) if came_from else ""
        target = path("/login", next=back if len(back) <= LONGEST_BACK else "")
        if "hx-request" in request.headers:
            return Response(status_code=204, headers={"hx-redirect": target})
        return RedirectResponse(target, 303)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> Response:
        site: Site = request.app.state.site
        request.state.reader = None  # the database may be what is broken
        return _error(request, 500, None, security_headers(secure=site.settings.secure))


def _error(request: Request, status: int, detail: str | None = None, headers: object = None) -> Response:
    message = detail or _MESSAGES.get(status, HTTPStatus(status).phrase)
    wants_page = request.url.path.split("/")[1:2] not in (["api"], ["mcp"])
    response: Response
    if wants_page:
        response = page(request, "error.html", status=status, code=status, message=message)
    else:
        response = JSONResponse({"detail": message}, status)
    if isinstance(headers, dict):
        response.headers.update(headers)
    return response
