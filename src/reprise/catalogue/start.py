"""A few lines to start from: what to install, and the example in a method's own docstring."""

from __future__ import annotations

from reprise.catalogue.model import Paper


def snippet(paper: Paper) -> str:
    """Give the example of the first class or function that serves a task, as a script; imports the method.

    Examples
    --------
    >>> from reprise.catalogue import paper
    >>> snippet(paper("ila-sdp")).splitlines()[0]
    'from reprise.discover.ila_sdp import LikelihoodAdjustedSDP'
    """
    import doctest
    import importlib

    first = paper.serves[0]
    served = getattr(importlib.import_module(paper.module), first.name)
    lines = [example.source.rstrip() for example in doctest.DocTestParser().get_examples(served.__doc__ or "")]
    imported = f"from {paper.module} import {first.name}"
    return "\n".join(dict.fromkeys([imported, *lines]))


def distribution(family: str) -> str:
    """Give what to install for the papers of a family.

    Examples
    --------
    >>> distribution("language"), distribution("symmetry")
    ('reprise-papers[language]', 'reprise-papers')
    """
    extra = {"language": "[language]", "structured": "[structured]", "segment": "[vision]"}.get(family, "")
    return f"reprise-papers{extra}"
