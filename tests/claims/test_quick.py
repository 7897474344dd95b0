"""Every paper's claims run at quick scale, on data that packages ship, and end in verdicts."""

import pytest

from reprise import claims, runner
from reprise.errors import MissingPackageError


@pytest.mark.parametrize("slug", claims.runnable())
def test_claims_run_and_are_judged(slug, tmp_path, monkeypatch):
    monkeypatch.delenv("REPRISE_DATA", raising=False)
    try:
        run = runner.run([slug], seeds=[1000], scale="quick", jobs=0, out=tmp_path)[0].runs["quick"]
    except MissingPackageError as missing:
        pytest.skip(str(missing))
    promised = {claim.id: claim for claim in claims.load(slug).CLAIMS if "quick" in claim.scales}
    assert [record.id for record in run.claims] == list(promised)
    assert run.prepared
    measured = {m.metric for m in run.trials[0].measurements}
    assert {claim.metric for claim in promised.values() if claim.metric} <= measured
    for record in run.claims:
        exact = promised[record.id].kind in {"identity", "all_of"} or record.unit != "seed"
        assert exact or record.verdict == "undecided", "one seed decides nothing"
