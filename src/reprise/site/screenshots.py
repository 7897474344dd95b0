"""Pictures of the site for the README: ``python -m reprise.site.screenshots docs``, with Playwright and Chromium.

The map is drawn of the arXiv sample, whose meanings take a minute or two to encode.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise.site import Settings, Store

SHOTS = {
    "site-trending": ("/trending?runs=1", "light", 1200, 820),
    "site-paper": ("/papers/matryoshka#run-card", "dark", 1200, 820),
    "site-map": ("/map", "light", 1200, 900),
}


def main(folder: str) -> None:
    """Write the pictures into a folder."""
    import uvicorn
    from playwright.sync_api import sync_playwright

    from reprise.site import Settings, create_app, open_store
    from reprise.site.mail.sink import free_port

    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(folder=Path(temporary), database_url="", base_url=f"http://127.0.0.1:{port}", jobs=False)
        app = create_app(settings, store := open_store(settings.database_url))
        _fill(store, settings)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        with sync_playwright() as playwright:
            browser: Any = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, (address, scheme, width, height) in SHOTS.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(f"{settings.base_url}{address}")
                page.wait_for_load_state("networkidle")
                page.screenshot(path=Path(folder) / f"{name}.png")
            browser.close()
        server.should_exit = True
        thread.join(10)


def _fill(store: Store, settings: Settings) -> None:
    from reprise.site.atlas import build_atlas
    from reprise.site.ingest import ingest
    from reprise.site.search import encode
    from reprise.site.search.meaning import load_encoder

    ingest(settings, store, "file", file="arxiv")
    if (encoder := load_encoder()) is not None:
        encode(store, encoder)
    build_atlas(store, settings.folder)


if __name__ == "__main__":
    main(sys.argv[1])
