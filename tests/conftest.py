"""What all tests share: one thread a worker, no network."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import torch  # noqa: E402  (thread counts are read at import)

torch.set_num_threads(1)

import pytest  # noqa: E402

from tests import toy as toy_claims  # noqa: E402


@pytest.fixture
def toy(monkeypatch):
    """Stand the miniature claim module in for that of a real paper."""
    from reprise import claims

    monkeypatch.setattr(claims, "load", lambda slug: toy_claims)
    monkeypatch.setattr(claims, "fingerprint", lambda slug: "toy")
    monkeypatch.setattr(toy_claims, "prepared_times", 0)
    return toy_claims
