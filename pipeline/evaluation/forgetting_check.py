"""A quick look at whether a model still remembers, for a method that decides by it while it runs."""

from __future__ import annotations

import numpy as np

from pipeline.data.batches import Faces
from pipeline.data.subsets import matched
from pipeline.evaluation.membership import loss_attack
from pipeline.evaluation.scores import forgetting_score
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import losses_of


class ForgettingCheck:
    """The loss attack on forget against validation of the same label mix, on a fixed sample of both.

    Quick: its folds are of pictures, where the evaluation's keep whole persons.

    Args:
        images: at most so many of each side.
        seed: of the samples, and of the attack's folds.
        precision: of the passes.
    """

    def __init__(self, forget: Faces, validation: Faces, *, images: int, seed: int, precision: str) -> None:
        self.forget = forget.sample(images, seed)
        self.validation = matched(validation, forget, seed).sample(images, seed)
        self.seed, self.precision = seed, precision

    def __call__(self, model: FaceClassifier) -> tuple[float, float]:
        """Forgetting score and AUC; of fewer pictures than the attack has folds, the score is the AUC's."""
        members, others = (losses_of(model, faces, self.precision) for faces in (self.forget, self.validation))
        attack = loss_attack(members.cpu().numpy(), others.cpu().numpy(), bootstrap=0, seed=self.seed)
        return forgetting_score(attack.auc if np.isnan(attack.accuracy) else attack.accuracy), attack.auc
