"""What the features of a model still hold: probes trained on frozen features, clusters, alignment of eigenspaces."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.evaluation.representation import eigenspace
from pipeline.evaluation.samples import Results

PROBE_IMAGES = 2000  # most pictures that a probe learns from
ENERGY = 0.95


def figures(results: Results, seed: int) -> dict[str, float]:
    """Figures of one model from its features; of attributes the code is the label.

    dimensional_alignment: share of the forget features' energy, about the retain mean, in the leading eigenspace of the
        retain features, in [0, 1] (after Seo et al., WACV 2025; the formula is ours).
    probe_accuracy: of a linear probe for the task's label, trained on retain features, on never-seen persons. A fall
        against the original model is a collapse of what the features tell: the correlation collapse of the paper.
    forget_probe_accuracy, forget_probe_f1: the same probe on forget (linear probing and macro F1 of Seo et al.).
    forget_nmi: normalised mutual information, in [0, 1], of k-means clusters of forget features and their labels.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import f1_score, normalized_mutual_info_score

    retain, forget, held_out = results.of("retain"), results.of("forget"), results.of("test", "unseen")
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(retain.table))[:PROBE_IMAGES])
    x, y = retain.features[chosen].astype(np.float32), retain.table["label"].to_numpy()[chosen]
    probe = _probe().fit(x, y)
    guess, labels = probe.predict(forget.features.astype(np.float32)), forget.table["label"].to_numpy()
    held_out_guess = probe.predict(held_out.features.astype(np.float32))
    kinds = len(np.unique(labels))
    clusters = KMeans(kinds, n_init=3, random_state=seed).fit_predict(forget.features.astype(np.float32))
    space = eigenspace(torch.from_numpy(x), ENERGY)
    return {
        "dimensional_alignment": float(space.alignment(torch.from_numpy(forget.features.astype(np.float32)))),
        "probe_accuracy": float((held_out_guess == held_out.table["label"]).mean()),
        "forget_probe_accuracy": float((guess == labels).mean()),
        "forget_probe_f1": float(f1_score(labels, guess, average="macro")),
        "forget_nmi": float(normalized_mutual_info_score(labels, clusters)),
    }


def _probe():  # type: ignore[no-untyped-def]  # scikit-learn has no types
    """Ridge regression on the classes: a linear probe with one solution, in closed form."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))
