"""What a stranger does, in a real browser against a real server: one story from `reprise serve` to a digest."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from reprise.site.mail.sink import free_port

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("aiosmtpd")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

SLUG = "ila-sdp"


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """Start the site as `make serve` does, in a folder of its own; give its address and its environment."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    environment = os.environ | {"REPRISE_SITE_FOLDER": str(folder), "REPRISE_SITE_BASE_URL": f"http://127.0.0.1:{port}"}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "reprise", "serve", "--mail-sink", "--port", str(port)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: fetch(f"{address}/api/papers")["papers"], server)
        yield address, environment
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def fetch(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def wait_for(found, server=None, seconds=120):
    until = time.monotonic() + seconds
    while True:
        assert server is None or server.poll() is None, "the server has ended"
        try:
            if value := found():
                return value
        except OSError:
            pass
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, serving):
    """Give a page whose every complaint, such as a script that the policy forbids, fails the test."""
    address, _ = serving
    context = chromium.new_context(base_url=address, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    complaints = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    yield page
    context.close()
    assert not complaints


def mail_about(page, words):
    """Open the mails that the server keeps, and give the first link of the latest one about something."""

    def found():
        page.goto("/dev/mail")
        mail = page.locator("article", has_text=words).first
        return mail.locator("p.note a").first.get_attribute("href") if mail.count() else None

    return wait_for(found)


def test_a_stranger_searches_votes_subscribes_and_is_sent_a_digest(page, serving):
    address, environment = serving
    page.goto("/")
    assert page.title().endswith("Reprise Daily Papers")

    # A search by meaning finds what no word of it says.
    pytest.importorskip("sentence_transformers")
    from reprise.models import text

    if text.is_installed():
        meant = f"{address}/api/search?q=which+animal+is+on+the+picture+that+nobody+annotated"
        wait_for(lambda: any(hit["why"] != "words" for hit in fetch(meant)["hits"]))
    page.get_by_label("Search papers").fill("Matryoshka")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Matryoshka Representation Learning").first.click()
    assert page.url.endswith("/papers/matryoshka")

    # A vote asks to log in; the link comes by mail.
    page.get_by_role("button", name=re.compile("^Vote for")).click()
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_role("button", name="Send the link").click()
    page.get_by_text("is on its way").wait_for()
    page.goto(mail_about(page, "Log in"))
    page.get_by_role("button", name=re.compile("^Log in to")).click()
    page.goto("/papers/matryoshka")
    vote = page.get_by_role("button", name=re.compile("^Vote for"))
    vote.click()
    page.locator('.vote button[aria-pressed="true"]').wait_for()
    assert page.locator(".vote .count").inner_text() == "1"

    # A paper is marked as read where it stands.
    page.goto("/?date=2022-05-26")
    page.get_by_role("button", name=re.compile("^Mark as read")).first.click()
    page.get_by_role("button", name=re.compile("^✓ Read")).first.wait_for()

    # A subscription is confirmed by mail, and tomorrow's digest holds today's paper.
    page.goto("/subscribe")
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_text("asks whether you want this").wait_for()
    page.goto(mail_about(page, "Confirm"))
    page.get_by_role("button", name="Yes, send them").click()
    page.get_by_text("daily: all papers").wait_for()
    add_a_paper_of_today(environment)
    tomorrow = str(datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1))
    told = run("digest", "--date", tomorrow, "--json", environment=environment)
    assert json.loads(told)["written"] == 1
    assert mail_about(page, "A paper of today").startswith(address)

    # A Run card tells what to type, and what it tells works.
    page.goto(f"/papers/{SLUG}")
    page.get_by_role("heading", name="Run card").wait_for()
    command = re.search(rf"reprise (run {SLUG})", page.locator("#run-card pre").first.inner_text())[1]
    out = environment["REPRISE_SITE_FOLDER"] + "/results"
    run(*command.split(), "--scale", "quick", "--seeds", "1", "--jobs", "0", "--out", out, environment=environment)
    with open(f"{out}/{SLUG}.json") as file:
        assert json.load(file)["runs"]["quick"]["claims"]


def run(*arguments, environment):
    done = subprocess.run(
        [sys.executable, "-m", "reprise", *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_a_paper_of_today(environment):
    from tests.site.conftest import record

    from reprise.site import Settings, open_store
    from reprise.site.store.papers import keep

    store = open_store(Settings(folder=environment["REPRISE_SITE_FOLDER"], database_url="").database_url)
    with store.writing() as session:
        keep(session, [record(1, title="A paper of today", day=datetime.datetime.now(datetime.UTC).date())])
    store.close()


ADDRESSES = (
    "/",
    "/trending?runs=1",
    "/papers/matryoshka",
    "/search?q=graphs",
    "/login",
    "/subscribe",
    "/about",
    "/map",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(chromium, serving, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(base_url=serving[0], color_scheme=scheme)
    page = context.new_page()
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    for address in ADDRESSES:
        page.goto(address)
        found = axe.run(page, options=rules)
        assert found.violations_count == 0, f"{address}: {found.generate_report()}"
    context.close()


def test_pages_fit_a_phone(chromium, serving):
    context = chromium.new_context(base_url=serving[0], viewport={"width": 360, "height": 740})
    page = context.new_page()
    for address in ADDRESSES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    context.close()


def test_everything_can_be_reached_by_keyboard(page):
    page.goto("/trending")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.locator("h1").click()
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('href')") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.getAttribute('href')") == first


def test_choosing_a_topic_asks_for_it(page):
    page.goto("/subscribe")
    assert page.get_by_label("all papers").is_checked()
    page.get_by_label("Category").fill("cs.LG")
    assert page.get_by_label("a topic:").is_checked()
    page.get_by_label("Search", exact=True).fill("wings")
    assert page.get_by_label("what a search finds:").is_checked()


def test_without_scripts_pages_read_and_lead_on(chromium, serving):
    context = chromium.new_context(base_url=serving[0], java_script_enabled=False)
    page = context.new_page()
    page.goto("/new")
    page.get_by_role("link", name="Further down").click()
    page.get_by_text("Page 2").wait_for()
    page.locator("article h2 a").first.click()
    page.get_by_role("heading", name="Cite").wait_for()
    context.close()


def test_colours_are_kept(page):
    page.goto("/")
    page.get_by_role("button", name=re.compile("^Colours: auto")).click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("/trending")
    assert page.locator("html").get_attribute("data-theme") == "dark"
