"""A claim module in miniature: two arms on seeded noise, to test what surrounds real ones."""

from reprise.claim import Claim, Measurement, Prepared

SLUG = "ila-sdp"  # the page of a result needs a catalogued paper
CLAIMS = (
    Claim(id="better", of="paper", kind="superior", says="A is more accurate than B", metric="accuracy", ours="A",
          against=("B",), margin=0.01),
    Claim(id="level", of="here", kind="interval", says="A's accuracy is at least 0.5", metric="accuracy", ours="A",
          low=0.5),
    Claim(id="exact", of="here", kind="identity", says="A's error is zero", metric="error", ours="A", tolerance=1e-9),
)  # fmt: skip
prepared_times = 0


def prepare(setting):
    global prepared_times
    prepared_times += 1
    return Prepared(content=0.1, facts={"data": "seeded noise", "scale": setting.scale})


def measure(trial, prepared):
    rng = trial.rng()
    for x in (1.0, 2.0, 16.0):
        noise = rng.normal(0, 0.01)
        yield Measurement("A", "accuracy", 0.8 + noise, x=x)
        yield Measurement("B", "accuracy", 0.8 + noise - prepared.content, x=x)
    for item in ("first", "second"):
        yield Measurement("A", "error", 0.0, item=item)
        yield Measurement("B", "error", float(rng.uniform()), item=item)
