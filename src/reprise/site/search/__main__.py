"""``python -m reprise.site.search``: encode the papers that wait, and tell how quickly; stopped, it goes on later."""

from __future__ import annotations

import sys

from reprise.errors import RepriseError
from reprise.site.search.encoding import Encoded, encode
from reprise.site.search.meaning import is_installed, load_encoder
from reprise.site.settings import Settings
from reprise.site.store import open_store


def main() -> int:
    """Encode; give the exit code."""
    if not is_installed():
        from reprise.models.text import COMMAND, EXTRA_COMMAND

        print(f"The sentence encoder is not installed: {EXTRA_COMMAND}; {COMMAND}", file=sys.stderr)
        return 1
    encoder = load_encoder()
    assert encoder is not None
    try:
        store = open_store(Settings().database_url)
        print(encode(store, encoder, report=_tell))
    except RepriseError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the next run goes on from here.", file=sys.stderr)
        return 130
    store.close()
    return 0


def _tell(done: Encoded) -> None:
    print(done, file=sys.stderr, end="\r", flush=True)


if __name__ == "__main__":
    sys.exit(main())
