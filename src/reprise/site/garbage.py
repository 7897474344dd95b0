"""What is loaded to stay, and need not be looked through for garbage again and again."""

from __future__ import annotations

import gc


def settle() -> None:
    """Leave all that is there by now out of later collections.

    The libraries of a sentence encoder are a million objects. Python would look through them every few hundred
    requests, and all readers would wait for half a second.
    """
    gc.collect()
    gc.freeze()
