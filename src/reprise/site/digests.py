"""Secrets are not kept, only what they can be recognised by."""

import hashlib


def digest(secret: str) -> str:
    """Give the digest under which a secret is kept.

    Examples
    --------
    >>> len(digest("a secret"))
    64
    """
    return hashlib.sha256(secret.encode()).hexdigest()
