"""The paper's two summary figures (Choi & Na, AAAI 2025, section "Evaluation metrics"). Of no number (NaN): NaN."""

from __future__ import annotations


def forgetting_score(attack_accuracy: float) -> float:
    """2·|MIA − 0.5|, in [0, 1]: 0 where the attacker can do no better than to guess.

    Args:
        attack_accuracy: balanced accuracy of a membership inference attack, in [0, 1].
    """
    return 2 * abs(attack_accuracy - 0.5)


def nomus(accuracy: float, attack_accuracy: float) -> float:
    """Normalised machine unlearning score, ½·(accuracy + 1 − forgetting score), in [0, 1]; 1 is best."""
    return 0.5 * (accuracy + 1 - forgetting_score(attack_accuracy))
