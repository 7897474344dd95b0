"""Signed tokens: what a link or a form brings back unchanged, for one purpose and for so long."""

from __future__ import annotations

from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer


class Signer:
    """Makes and reads tokens that only this site could have made.

    Parameters
    ----------
    key : secret.

    Examples
    --------
    >>> signer = Signer("a secret")
    >>> token = signer.sign("unsubscribe", {"id": 7})
    >>> signer.read("unsubscribe", token, max_age=None)
    {'id': 7}
    >>> signer.read("login", token, max_age=None) is None  # made for another purpose
    True
    """

    def __init__(self, key: str):
        self._key = key

    def sign(self, purpose: str, content: Any) -> str:
        """Make a token for `purpose` that holds `content` (JSON), readable by anyone, forged by no one."""
        return self._serializer(purpose).dumps(content)

    def read(self, purpose: str, token: str, *, max_age: float | None) -> Any:
        """Give the content of a token, or None if it was not made here, not for this purpose, or too long ago.

        Parameters
        ----------
        purpose, token : as signed.
        max_age : seconds; None takes tokens of any age.
        """
        try:
            return self._serializer(purpose).loads(token, max_age=None if max_age is None else int(max_age))
        except (BadSignature, SignatureExpired, ValueError):
            return None

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._key, salt=f"reprise-site {purpose}")
