"""Reprise: daily papers you can run.

Each paper is an ordinary Python object (`reprise.<family>.<paper>`), a set of claims that anyone can measure again
(`reprise run SLUG`) and an entry in a ledger of verdicts (`reprise ledger`).
"""

__version__ = "0.1.0"
