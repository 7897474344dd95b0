"""What the server does beside answering: warming up, drawing the map, and what is due at its hour."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from reprise import catalogue
from reprise.site.atlas import MapDrawer
from reprise.site.garbage import settle
from reprise.site.ingest import ingest_all
from reprise.site.mail.delivery import deliver, forget
from reprise.site.mail.digest import write_digests
from reprise.site.mail.smtp import MailServer
from reprise.site.run_card import run_card
from reprise.site.store.types import now
from reprise.site.web.context import Site

_LOG = logging.getLogger("reprise.site")


def start_jobs(site: Site) -> Callable[[], None]:
    """Start the jobs; give what ends them.

    One thread does them one after the other, so that they never take more than one core from the readers; another
    hands mails over and writes down views.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor

    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1), "quick": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "misfire_grace_time": None},  # what was due while another worked is done then
        timezone="UTC",
    )

    drawer = MapDrawer(site.store, site.settings.folder)

    def start_up() -> None:
        drawer.draw()
        warm_cards()

    def stop() -> None:
        scheduler.shutdown(wait=False)
        drawer.stop()

    scheduler.add_job(_logged(start_up), id="start-up")
    scheduler.add_job(_logged(drawer.draw), IntervalTrigger(hours=1), id="map")
    scheduler.add_job(_logged(lambda: site.views.flush()), IntervalTrigger(seconds=10), id="views", executor="quick")
    scheduler.add_job(_logged(lambda: send_mails(site)), IntervalTrigger(seconds=15), id="mail", executor="quick")
    scheduler.add_job(_logged(lambda: forget(site.store)), IntervalTrigger(hours=1), id="old mails", executor="quick")
    scheduler.add_job(_logged(lambda: write_mails(site)), CronTrigger(hour=site.settings.digest_hour), id="digest")
    if site.settings.ingest_hour is not None:
        scheduler.add_job(
            _logged(lambda: ingest_all(site.settings, site.store)),
            CronTrigger(hour=site.settings.ingest_hour),
            id="ingest",
        )
    # Papers that have just been encoded have no place on the map yet.
    site.searcher.on_encoded = lambda: scheduler.modify_job("map", next_run_time=now())
    scheduler.start()
    site.wake_mail = lambda: scheduler.modify_job("mail", next_run_time=now())
    return stop


def send_mails(site: Site) -> None:
    """Hand over the mails that are due, where there is a server to take them."""
    url = site.mail_sink.url if site.mail_sink is not None else site.settings.smtp_url.get_secret_value()
    if url:
        deliver(site.store, MailServer.of_url(url), site.settings.mail_from)


def write_mails(site: Site) -> None:
    """Write today's digests, and send them."""
    write_digests(site.store, site.settings, site.signer, now().date(), searcher=site.searcher)
    send_mails(site)


def warm_cards() -> None:
    """Make the Run cards, whose first making imports the papers' code."""
    for paper in catalogue.papers():
        with suppress(Exception):
            run_card(paper.slug)
    settle()


def _logged(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except Exception:
            _LOG.exception("a job of the site failed; the site goes on")

    return run
