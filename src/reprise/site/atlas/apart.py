"""Drawing the map in a process of its own: what it imports and holds, some hundred megabytes, goes when it is done."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from reprise.site.atlas.build import build_atlas
from reprise.site.store import Store, open_store


class MapDrawer:
    """Draws the map anew where papers have changed, one drawing at a time.

    Parameters
    ----------
    store : whose papers are drawn.
    folder : where the map is kept.

    Raises
    ------
    RuntimeError
        If the process dies; the map that is there stays.
    """

    def __init__(self, store: Store, folder: Path):
        self.url = store.engine.url.render_as_string(hide_password=False)
        self.folder = folder
        self._process: multiprocessing.process.BaseProcess | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def draw(self) -> None:
        """Draw, and wait for it."""
        with self._lock:
            if self._stopped:
                return
            process = multiprocessing.get_context("spawn").Process(
                target=_draw, args=(self.url, self.folder), name="map", daemon=True
            )
            process.start()
            self._process = process
        process.join()
        if process.exitcode and not self._stopped:
            raise RuntimeError(f"The process that draws the map ended with {process.exitcode}.")

    def stop(self) -> None:
        """End a drawing that is under way; whoever waits for it goes on."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()


def _draw(url: str, folder: Path) -> None:
    store = open_store(url)
    try:
        build_atlas(store, folder)
    except KeyboardInterrupt:
        pass
    finally:
        store.close()
