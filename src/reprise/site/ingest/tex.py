r"""Letters that TeX writes in ASCII, as arXiv's authors do: ``Poincar\'e``, ``{\L}ukasiewicz``, ``Stra\ss e``.

arXiv's pages and its Atom API show them as letters and its OAI-PMH does not, so they are read everywhere, and a paper
looks the same whichever way it came. Formulas between dollars are left alone.
"""

from __future__ import annotations

import re
import unicodedata

_ABOVE = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł",
    "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ",
}  # fmt: skip

_FORMULA = re.compile(r"(\$\$?[^$]*\$\$?)")
_BASE = r"(?:\{\s*(?P<braced>\\?[ij]|[A-Za-z])\s*\}|(?P<bare>\\[ij](?![A-Za-z])\s*|[A-Za-z]))"
_ACCENT = re.compile(r"\\(?P<sign>[`'^~=.\"])\s*" + _BASE)
_NAMED = re.compile(r"\\(?P<sign>[urHvdckb])(?:\s+|(?=\{))" + _BASE)
_LETTER = re.compile(rf"\\({'|'.join(sorted(_LETTERS, key=len, reverse=True))})(?![A-Za-z])(?:\{{\}}|\s+)?")
_BRACED = re.compile(r"\{([^\W\d_a-zA-Z][\u0300-\u036f]?)\}")


def letters(text: str) -> str:
    r"""Give a text with its accents and special letters read.

    Examples
    --------
    >>> letters(r"Zo\"e {\L}ukasiewicz, Paul Erd\H{o}s, \v{C}ech, J\o rgensen, Mart{\'\i}nez, Fran\c cois")
    'Zoë Łukasiewicz, Paul Erdős, Čech, Jørgensen, Martínez, François'
    >>> letters(r"M\"obius maps of $\H^3$, and \emph{more}")
    'Möbius maps of $\\H^3$, and \\emph{more}'
    """
    if "\\" not in text:
        return text
    parts = _FORMULA.split(text)
    parts[::2] = (_read(part) for part in parts[::2])
    return "".join(parts)


def _read(text: str) -> str:
    for pattern in (_ACCENT, _NAMED):
        text = pattern.sub(_accented, text)
    text = _LETTER.sub(lambda found: _LETTERS[found[1]], text)
    return _BRACED.sub(r"\1", text)


def _accented(found: re.Match[str]) -> str:
    base = (found["braced"] or found["bare"]).strip().removeprefix("\\")  # a dotless letter loses its dot to the accent
    return unicodedata.normalize("NFC", base + _ABOVE[found["sign"]])
