"""What the authors report: their own notebooks (Choi & Na, AAAI 2025, Table 1), single runs, ResNet18 at 128 pixels."""

from __future__ import annotations

NOTE = "Paper: its published split of real faces, ResNet18 at 128 pixels, 100 epochs, one run."
REFERENCE: dict[str, dict[str, tuple[float, float, float]]] = {  # task -> model -> accuracy, MIA, NoMUS
    "age": {
        "original": (0.633, 0.692, 0.624),
        "retrained": (0.608, 0.555, 0.749),
        "finetune": (0.638, 0.688, 0.630),
        "cf_k": (0.622, 0.684, 0.627),
        "eu_k": (0.630, 0.689, 0.625),
        "neggrad": (0.412, 0.475, 0.681),
        "unsir": (0.491, 0.531, 0.714),
        "bad_teacher": (0.420, 0.563, 0.647),
        "scrub": (0.646, 0.664, 0.659),
        "dlfd": (0.620, 0.528, 0.782),
    },
    "emotion": {
        "original": (0.750, 0.674, 0.701),
        "retrained": (0.719, 0.520, 0.840),
        "finetune": (0.752, 0.683, 0.693),
        "cf_k": (0.751, 0.673, 0.703),
        "eu_k": (0.752, 0.674, 0.702),
        "neggrad": (0.732, 0.647, 0.720),
        "unsir": (0.622, 0.520, 0.791),
        "bad_teacher": (0.515, 0.521, 0.737),
        "scrub": (0.751, 0.638, 0.738),
        "dlfd": (0.661, 0.546, 0.784),
    },
}
