"""What the server does beside answering: warming up, drawing the map, and what is due at its hour."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from reprise import catalogue
from reprise.site.atlas import build_atlas
from reprise.site.run_card import run_card
from reprise.site.web.context import Site

_LOG = logging.getLogger("reprise.site")


def start_jobs(site: Site) -> BackgroundScheduler:
    """Start the jobs; they end with the scheduler.

    One thread does them one after the other, so that they never take more than one core from the readers.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor

    scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone="UTC")

    def start_up() -> None:
        draw_map(site)
        warm_cards()

    scheduler.add_job(_logged(start_up), id="start-up", misfire_grace_time=None)
    scheduler.add_job(
        _logged(lambda: draw_map(site)), IntervalTrigger(hours=1), id="map", coalesce=True, misfire_grace_time=None
    )
    scheduler.add_job(
        _logged(lambda: site.parts["views"].flush()), IntervalTrigger(seconds=10), id="views", coalesce=True
    )
    scheduler.start()
    return scheduler


def draw_map(site: Site) -> None:
    """Draw the map anew where papers have changed."""
    build_atlas(site.store, site.settings.folder)


def warm_cards() -> None:
    """Make the Run cards, whose first making imports the papers' code."""
    for paper in catalogue.papers():
        with suppress(Exception):
            run_card(paper.slug)


def _logged(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except Exception:
            _LOG.exception("a job of the site failed; the site goes on")

    return run
