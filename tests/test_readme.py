"""What the README and the documentation say of the ledger is what the ledger says."""

from pathlib import Path

import pytest

from reprise import ledger
from reprise.errors import InvalidInputError
from reprise.report.markdown import BEGIN, END, with_ledger

README = Path(__file__).parent.parent / "README.md"


def test_the_table_of_verdicts_is_that_of_the_ledger():
    text = README.read_text(encoding="utf-8")
    assert with_ledger(text, ledger.all_committed()) == text, "run `make ledger`"


@pytest.mark.parametrize("text", ["no marks", f"{END} {BEGIN}", f"{BEGIN} {END} {BEGIN} {END}"])
def test_marks_that_are_missing_or_doubled_are_refused(text):
    with pytest.raises(InvalidInputError, match="marks"):
        with_ledger(text, [])
