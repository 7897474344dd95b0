"""What all tests share: one thread a worker, no network, and shapes and types checked at every call of ours.

The option ``--jaxtyping-packages`` in pyproject.toml lets beartype check the annotations. Inside `pytest.raises`
and in scikit-learn's own checks of estimators, whose input is often bad on purpose, they are not checked: what is
tested there is what a user meets, who has no such checks.
"""

import contextlib
import gc
import os
import signal

# Started in the background of a shell, tests would inherit that Ctrl-C is ignored, and hand it on to their commands.
signal.signal(signal.SIGINT, signal.default_int_handler)

gc.disable()  # until the tests are collected: what that makes is there to stay

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import torch  # noqa: E402  (thread counts are read at import)

torch.set_num_threads(1)

import jaxtyping  # noqa: E402
import pytest  # noqa: E402

from tests import toy as toy_claims  # noqa: E402

checked_raises = pytest.raises


@contextlib.contextmanager
def unchecked():
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


@contextlib.contextmanager
def unchecked_raises(*expected, **settings):
    with checked_raises(*expected, **settings) as caught, unchecked():
        yield caught


pytest.raises = unchecked_raises


def pytest_collection_finish():
    """Spare the garbage collector, a quarter of the tests' time, what has been there before them."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.fixture(autouse=True)
def scikit_learn_unchecked(request):
    from_scikit_learn = "check" in getattr(getattr(request.node, "callspec", None), "params", {})
    with unchecked() if from_scikit_learn else contextlib.nullcontext():
        yield


@pytest.fixture
def toy(monkeypatch):
    """Stand the miniature claim module in for that of a real paper."""
    from reprise import claims

    monkeypatch.setattr(claims, "load", lambda slug: toy_claims)
    monkeypatch.setattr(claims, "fingerprint", lambda slug: "3:toy")
    monkeypatch.setattr(toy_claims, "prepared_times", 0)
    return toy_claims
