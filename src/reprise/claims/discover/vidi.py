"""Claims of ViDi (Ravi et al., 2020): whether clusters of explanations are alike in severity, and show why.

On chest radiographs of children, normal or with pneumonia; the paper's own, of adults with COVID-19, could not be had.
Attributions sum to the classifier's score, so that score cannot judge them: severity is the log-odds of a second
network of another kind and seed, the *judge*, which also says what a marked region was worth. Each arm clusters the
same held-out images within the same predicted classes into as many clusters, 2, 3 or 4 a class; homogeneity counts
within predicted classes. No arm is tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.metrics import homogeneity_score

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.discover._vidi.arms import (
    COMPONENTS,
    GRAD_CAM,
    NO_STRENGTH,
    OURS,
    OWN_SCORE,
    PENULTIMATE,
    PIXELS,
    Scored,
    clusterings,
)
from reprise.claims.discover._vidi.networks import SmallVGG, judge, penultimate, scores, trained
from reprise.claims.discover._vidi.occlusion import SHARE, drop, fillings, marked, moved
from reprise.claims.discover._vidi.task import SIZES, Size, Task, load
from reprise.discover.vidi import positive_predictive_value, severity_homogeneity
from reprise.nn.explain import Attributions, deep_shap, grad_cam

CLASSIFIER, JUDGE = "classifier", "judge"
WHOLE_CLASS, ELSEWHERE = "one picture a class", "region moved at random"
JUDGE_SEED = 10_000  # added to the trial's
SEVERITY, ERRORS = "homogeneity of severity", "homogeneity of errors"
FILLINGS = ("mean image", "blurred")
PPV, ACCURACY, INCOMPLETE = "positive predictive value, pneumonia", "accuracy", "largest completeness error"


NOTES = {
    GRAD_CAM: "It depends on the training seed: Grad-CAM's coarse maps go with the score in some networks and not in "
    "others.",
    PENULTIMATE: "These features hold the score itself, of which a map's strength keeps a part: where only severity is "
    "asked, they say more. Maps add where the evidence lies.",
    OWN_SCORE: "An independent network's severity goes with the classifier's score; clusters of maps are spent on "
    "places too.",
    PPV: "A small network, trained on 28 pixels without ImageNet weights, on children of whom half are ill; pilots are "
    "right in 90 % of all images.",
    PIXELS: "Images alike in pixels show the chest at the same place, so that their maps average well; removing by the "
    "mean image rewards that.",
}
PICTURES = {
    (PIXELS, "mean image"): NOTES[PIXELS],
    (
        PENULTIMATE,
        "blurred",
    ): "The difference is small, and the filling decides: by the mean image it is the other way.",
}


def _drop_by(filling: str) -> str:
    return f"drop of the judge's log-odds, {filling}"


def _severity_claim(id: str, of: str, against: tuple[str, ...], than: str, note: str = "") -> Claim:
    return Claim(
        id=id,
        of=of,  # type: ignore[arg-type]
        kind="superior",
        metric=SEVERITY,
        ours=OURS,
        against=against,
        says=f"clusters of DeepSHAP maps are more alike in severity, as an independent network sees it, than {than}",
        note=note,
    )


def _drop_claim(id: str, of: str, filling: str, against: str, says: str, note: str = "") -> Claim:
    taken = "replaced by the mean image" if filling == "mean image" else "blurred"
    return Claim(
        id=f"{id}-{filling.replace(' ', '-')}",
        of=of,  # type: ignore[arg-type]
        kind="superior",
        metric=_drop_by(filling),
        ours=OURS,
        against=(against,),
        says=f"{says}, where the region is {taken}",
        note=note,
    )


CLAIMS = (
    _severity_claim(
        "severity-beats-images", "paper", (PIXELS, COMPONENTS), "clusters of pixels or of their principal components"
    ),
    _severity_claim("severity-beats-grad-cam", "paper", (GRAD_CAM,), "clusters of Grad-CAM maps", NOTES[GRAD_CAM]),
    _severity_claim(
        "severity-beats-penultimate",
        "paper",
        (PENULTIMATE,),
        "clusters of the features that the classifier's last layer reads",
        NOTES[PENULTIMATE],
    ),
    Claim(
        id="predictive-value-of-pneumonia",
        of="paper",
        kind="interval",
        metric=PPV,
        ours=CLASSIFIER,
        low=0.97,
        says="at least 97 % of the images that the classifier reads as pneumonia are",
        note=NOTES[PPV],
    ),
    *(
        _drop_claim(
            "picture-marks-what-matters",
            "paper",
            filling,
            ELSEWHERE,
            "the region that a cluster's picture marks as favourable matters more to an independent network than the "
            "same moved elsewhere",
        )
        for filling in FILLINGS
    ),
    _severity_claim(
        "severity-beats-own-score", "here", (OWN_SCORE,), "slices of the classifier's own score", NOTES[OWN_SCORE]
    ),
    Claim(
        id="strength-matters",
        of="here",
        kind="superior",
        metric=SEVERITY,
        ours=OURS,
        against=(NO_STRENGTH,),
        says="clusters are more alike in severity where the amount of evidence counts beside its place",
    ),
    Claim(
        id="errors-meet",
        of="here",
        kind="superior",
        metric=ERRORS,
        ours=OURS,
        against=(PIXELS, COMPONENTS),
        says="clusters of DeepSHAP maps tell wrong decisions from right ones better than clusters of pixels or of "
        "their principal components",
    ),
    *(
        _drop_claim(
            f"pictures-beat-{short}",
            "here",
            filling,
            against,
            f"pictures of DeepSHAP clusters mark what matters to an independent network better than {than}",
            PICTURES.get((against, filling), ""),
        )
        for short, against, than in (
            ("grad-cam", GRAD_CAM, "those of Grad-CAM clusters"),
            ("whole-class", WHOLE_CLASS, "one DeepSHAP picture a class"),
            ("pixels", PIXELS, "DeepSHAP pictures of clusters of pixels"),
            ("penultimate", PENULTIMATE, "DeepSHAP pictures of clusters of penultimate features"),
        )
        for filling in FILLINGS
    ),
    Claim(
        id="complete",
        of="here",
        kind="identity",
        metric=INCOMPLETE,
        ours=OURS,
        tolerance=1e-4,
        says="each map sums to its score less the background's mean, to 1e-4 of the largest score",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load the images."""
    size, task = SIZES[setting.scale], load(setting.scale)
    quick = setting.scale == "quick"
    facts: dict[str, str | int | float | bool] = {
        "data": "scikit-learn's digits 3 and 8" if quick else "PneumoniaMNIST, a balanced part, 28 pixels",
        "licence": "CC BY 4.0 (UCI)" if quick else "CC BY 4.0 (MedMNIST v2)",
        "images": f"{len(task.learnt):,} to learn from, {len(task.held):,} held out and clustered",
        "patients": "the part's own split; whether a patient is in both halves is not known",
        "classifier": f"VGG-like, stages of {' and '.join(map(str, size.widths))} channels, {size.epochs} epochs, "
        "images turned, shifted and brightened; no ImageNet start",
        "judge": "strided convolutions with batch norm, another seed, the same images and epochs",
        "background": f"{size.background} training images of each class",
        "clusters a predicted class": ", ".join(map(str, size.clusters)),
        "region": f"{SHARE:.0%} of the image",
        "tuning": "none of any arm",
    }
    return Prepared(task, facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Train both networks, explain and cluster the held-out images each way, and ask the judge."""
    size, task = SIZES[trial.scale], prepared.content
    side = task.held.shape[-1]
    data = task.learnt, task.learnt_labels, size.epochs
    classifier = trained(lambda: SmallVGG(side, size.widths), *data, trial.seed)
    referee = trained(lambda: judge(side), *data, trial.seed + JUDGE_SEED)
    outputs = scores(classifier, task.held)
    predicted = outputs.argmax(axis=1)
    yield Measurement(CLASSIFIER, PPV, positive_predictive_value(task.held_labels, predicted))
    for arm, given in ((CLASSIFIER, outputs), (JUDGE, scores(referee, task.held))):
        yield Measurement(arm, ACCURACY, float(np.mean(given.argmax(axis=1) == task.held_labels)))

    found = deep_shap(classifier, task.held, _background(task, size, trial.rng()), batch_size=32)
    yield Measurement(OURS, INCOMPLETE, _relative_error(found))
    scored = Scored(
        task.held,
        predicted,
        outputs[:, 1] - outputs[:, 0],
        penultimate(classifier, task.held),
        found.maps,
        grad_cam(classifier, task.held, classifier.last_maps),
    )

    def severity(images: np.ndarray) -> np.ndarray:
        given = scores(referee, images)
        return given[:, 1] - given[:, 0]

    yield from _judged(scored, task, size, severity, trial)


def _judged(
    scored: Scored, task: Task, size: Size, severity: Callable[[np.ndarray], np.ndarray], trial: Trial
) -> Iterator[Measurement]:
    wrong, grades = scored.predicted != task.held_labels, severity(scored.images)
    evidence = {OURS: np.maximum(scored.maps[:, 0], 0), GRAD_CAM: scored.grad_cam}
    filled = fillings(scored.images, task.learnt)
    rng = trial.rng().spawn(1)[0]
    for k in size.clusters:
        regions = {WHOLE_CLASS: marked(evidence[OURS], scored.predicted)}
        for arm, labels in clusterings(scored, k, size.grid, trial.seed):
            homogeneity = severity_homogeneity(labels, grades, within=scored.predicted)
            yield Measurement(arm, SEVERITY, homogeneity, x=k)
            yield Measurement(arm, ERRORS, float(homogeneity_score(wrong, labels)), x=k)
            regions[arm] = marked(evidence.get(arm, evidence[OURS]), labels)
        regions[ELSEWHERE] = moved(regions[OURS], rng)
        for arm, region in regions.items():
            for name, filling in filled.items():
                fall = drop(scored.images, region, filling, scored.predicted, grades, severity)
                yield Measurement(arm, _drop_by(name), fall, x=k)


def _background(task: Task, size: Size, rng: np.random.Generator) -> np.ndarray:
    rows = [rng.choice(np.flatnonzero(task.learnt_labels == c), size.background, replace=False) for c in (0, 1)]
    return task.learnt[np.concatenate(rows)]


def _relative_error(found: Attributions) -> float:
    return float(found.completeness_error.max() / np.abs(found.scores).max())
