"""Sources of papers for the tests: a real server on loopback that speaks arXiv's Atom, OAI-PMH and a daily feed.

Each answers from a list of papers as the real ones do. `Sources.mishaps` are answers that come first, whatever is
asked; `Sources.asked` are the queries that came in.
"""

import contextlib
import datetime
import socket
import threading
import time
from fnmatch import fnmatch
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

OAI_DAYS = ("2005-09-16", "2026-11-26")
"""The first and last day that OAI-PMH can be asked for, with which it answers an error to all others."""


def work(number, **facts):
    """Give a paper as the sources know it."""
    moment = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC) + datetime.timedelta(hours=number)
    return {
        "id": f"2611.{number:05d}",
        "title": f"Paper\n  {number}",
        "authors": ["Ada Lovelace", r"Jan {\L}ukasiewicz"],
        "abstract": f"  What paper {number}\n is about.  ",
        "categories": ["cs.LG", "stat.ML"],
        "published": moment,
        "updated": moment,
        "version": 1,
        "upvotes": number,
        "deleted": False,
        "comment": "12 pages",
        "source_types": [],
        **facts,
    }


class Sources:
    """The three sources, at `url`."""

    def __init__(self):
        self.works = []
        self.mishaps = []
        self.asked = []
        self.piece = 3
        self.epoch = 0  # tokens of an older one are refused
        self.expires = "2099-01-01T00:00:00Z"
        self.in_order = True
        self.url = ""

    def app(self):
        routes = [Route("/atom", self.answer("atom")), Route("/oai", self.answer("oai"))]
        return Starlette(routes=[*routes, Route("/daily", self.answer("daily"))])

    def answer(self, source):
        async def endpoint(request):
            query = dict(request.query_params)
            self.asked.append(query)
            if self.mishaps:
                mishap = self.mishaps.pop(0)
                mishap = mishap if isinstance(mishap, Response) else mishap(request)
                if mishap is not None:
                    return mishap
            return getattr(self, source)(query)

        return endpoint

    def atom(self, query):
        found = list(self.works)
        if names := query.get("id_list"):
            if names[2:4] > "12":
                return Response(ATOM_ERROR % names.encode(), 400, media_type="application/atom+xml")
            found = [w for w in found if w["id"] == names]
        for condition in filter(None, query.get("search_query", "").split(" AND ")):
            kind, _, value = condition.partition(":")
            if kind == "cat":
                found = [w for w in found if any(fnmatch(category, value) for category in w["categories"])]
            else:
                assert kind == "submittedDate", condition
                first, _, last = value.strip("[]").partition(" TO ")
                found = [w for w in found if first <= f"{w['published']:%Y%m%d%H%M}" <= last]
        if by := query.get("sortBy"):
            key = {"submittedDate": "published", "lastUpdatedDate": "updated"}[by]
            found.sort(key=lambda w: w[key], reverse=query["sortOrder"] == "descending")
        start = int(query.get("start", 0))
        shown = found[start : start + int(query["max_results"])]
        return Response(atom_feed(shown, len(found)), media_type="application/atom+xml")

    def oai(self, query):
        if token := query.get("resumptionToken"):
            assert set(query) == {"verb", "resumptionToken"}
            epoch, begin, last, held, start = token.split("|")
            if int(epoch) != self.epoch:
                return oai_answer('<error code="badResumptionToken">It has expired.</error>')
        else:
            begin, last, held, start = query.get("from", OAI_DAYS[0]), query.get("until", OAI_DAYS[1]), query["set"], 0
            if not OAI_DAYS[0] <= begin <= last <= OAI_DAYS[1]:
                return oai_answer('<error code="badArgument">There are no such days.</error>')
        group = held.split(":")
        found = [w for w in self.works if begin <= f"{w['updated']:%Y-%m-%d}" <= last and in_set(w, group)]
        if self.in_order:
            found.sort(key=lambda w: w["updated"])
        if not found:
            return oai_answer('<error code="noRecordsMatch"/>')
        start = int(start)
        after = start + self.piece
        token = f"{self.epoch}|{begin}|{last}|{held}|{after}" if after < len(found) else "\n "
        records = "".join(oai_record(w) for w in found[start:after])
        marks = f'completeListSize="{len(found)}" expirationDate="{self.expires}"'
        return oai_answer(f"<ListRecords>{records}<resumptionToken {marks}>{token}</resumptionToken></ListRecords>")

    def daily(self, query):
        found = [w for w in self.works if str(w["published"].date()) == query["date"]]
        start = int(query.get("p", 0)) * int(query["limit"])
        return JSONResponse([daily_entry(w) for w in found[start : start + int(query["limit"])]])


def in_set(work, group):
    return any(category.split(".") == group[1:] for category in work["categories"])


ATOM_ERROR = b"""<?xml version='1.0' encoding='UTF-8'?><feed xmlns="http://www.w3.org/2005/Atom"><entry>
    <id>https://arxiv.org/api/errors#incorrect_id_format_for_%b</id><title>Error</title>
    <summary>incorrect id format</summary></entry></feed>"""


def atom_feed(works, total):
    entries = "".join(
        f"""<entry><id>http://arxiv.org/abs/{w["id"]}v{w["version"]}</id><title>{escape(w["title"])}</title>
        <updated>{w["updated"]:%Y-%m-%dT%H:%M:%SZ}</updated><published>{w["published"]:%Y-%m-%dT%H:%M:%SZ}</published>
        <summary>{escape(w["abstract"])}</summary><arxiv:comment>{escape(w["comment"])}</arxiv:comment>
        {"".join(f"<author><name>{escape(name)}</name></author>" for name in w["authors"])}
        <arxiv:primary_category term="{w["categories"][0]}"/>
        {"".join(f'<category term="{c}" scheme="http://arxiv.org/schemas/atom"/>' for c in w["categories"])}</entry>"""
        for w in works
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"
        xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
        <opensearch:totalResults>{total}</opensearch:totalResults>{entries}</feed>""".encode()


def oai_answer(content):
    return Response(
        f"""<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
        <responseDate>2026-11-26T08:00:00Z</responseDate><request verb="ListRecords"/>{content}</OAI-PMH>""",
        media_type="text/xml",
    )


def oai_record(w):
    header = f"<identifier>oai:arXiv.org:{w['id']}</identifier><datestamp>{w['updated']:%Y-%m-%d}</datestamp>"
    if w["deleted"]:
        return f'<record><header status="deleted">{header}</header></record>'
    dates = [w["published"], *[w["updated"]] * (w["version"] - 1)]
    kinds = [*w["source_types"], *[""] * len(dates)]
    versions = "".join(
        f'<version version="v{n}"><date>{d:%a, %d %b %Y %H:%M:%S} GMT</date><size>9kb</size>'
        f"{f'<source_type>{kind}</source_type>' if kind else ''}</version>"
        for n, (d, kind) in enumerate(zip(dates, kinds, strict=False), 1)
    )
    return f"""<record><header>{header}</header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">
        <id>{w["id"]}</id><submitter>A. Lovelace</submitter>{versions}<title>{escape(w["title"])}</title>
        <authors>{escape(", ".join(w["authors"]))}</authors>
        <categories>{" ".join(w["categories"])}</categories><comments>{escape(w["comment"])}</comments>
        <license>http://creativecommons.org/licenses/by/4.0/</license><abstract>{escape(w["abstract"])}</abstract>
        </arXivRaw></metadata></record>"""


def daily_entry(w):
    return {
        "paper": {
            "id": w["id"],
            "authors": [{"name": name, "hidden": False} for name in w["authors"]],
            "publishedAt": w["published"].isoformat(),
            "title": w["title"],
            "summary": w["abstract"],
            "upvotes": w["upvotes"],
            "githubRepo": w.get("code"),
        },
        "publishedAt": w["published"].isoformat(),
        "title": w["title"],
        "numComments": 3,
    }


@contextlib.contextmanager
def serving(app):
    """Serve an application on loopback; give its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()
