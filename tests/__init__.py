"""What checks annotations in tests: beartype, to which an int is a float too, as PEP 484 has it."""

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintException

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(decorated):
    """Check the annotations of a function or class; those that cannot be at run time, such as Self, are left alone."""
    try:
        return _check(decorated)
    except BeartypeDecorHintException:
        return decorated
