"""The sections of params.yaml as plain frozen dataclasses; what each knob means stands beside it in params.yaml.

Nothing here imports pydantic, so that the library runs where only torch and its friends are installed;
`pipeline.config` validates params.yaml against these types. A method's own section lives in its own file
under `pipeline/unlearning/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal


@dataclass(frozen=True)
class Range:
    """A number within bounds, in the form pydantic understands (a core-schema hook) without importing it.

    Strict: neither true nor "3" is a number.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(source)
        finite = {"allow_inf_nan": False} if schema["type"] == "float" else {}
        return {**schema, "strict": True, **finite, **{k: v for k, v in vars(self).items() if v is not None}}


@dataclass(frozen=True)
class Exactly:
    """A value of the type itself, nothing that could be converted; text of a pattern where one is given."""

    pattern: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(source)
        return {**schema, "strict": True, **({"pattern": self.pattern} if self.pattern else {})}


Count = Annotated[int, Range(ge=1)]
NonNegativeInt = Annotated[int, Range(ge=0)]
Positive = Annotated[float, Range(gt=0)]
NonNegative = Annotated[float, Range(ge=0)]
Share = Annotated[float, Range(gt=0, lt=1)]  # a proper part of a whole
Temperature = Annotated[float, Range(ge=1)]  # that softens a prediction; below 1 it would sharpen it
Unit = Annotated[float, Range(ge=0, le=1)]
Seed = Annotated[int, Range(ge=0, lt=2**32)]
Flag = Annotated[bool, Exactly()]

Task = Literal["age", "emotion", "gender", "young", "smiling", "attributes"]  # TASKS, and several at once
Architecture = Literal["resnet18", "densenet121", "efficientnet_b0"]  # pipeline.learning.architectures.BACKBONES
Device = Literal["auto", "cpu", "cuda"]
CHAMPION = "champion"  # of `unlearn.start_from`: the model in service


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of params.yaml. Unknown keys are refused."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - pydantic's documented spelling


@dataclass(frozen=True, kw_only=True)
class DataSettings(Section):
    image_size: Annotated[int, Range(ge=32, le=512)] = 48
    on_corrupt: Literal["skip", "fail"] = "fail"


@dataclass(frozen=True, kw_only=True)
class SplitSettings(Section):
    protocol: Literal["person", "published"] = "person"
    forget_fraction: Share = 0.15
    forget_persons: list[str] = field(default_factory=list)
    validation_fraction: Share = 0.15
    test_fraction: Share = 0.2
    duplicates: Literal["drop", "keep"] = "drop"


@dataclass(frozen=True, kw_only=True)
class ValidateSettings(Section):
    min_images_per_class: NonNegativeInt = 5
    min_images_per_subset: Count = 50
    max_label_shift: Unit = 0.1


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Section):
    architecture: Architecture = "resnet18"
    head: Literal["linear", "mlp"] = "linear"
    weights: str = ""


@dataclass(frozen=True, kw_only=True)
class PassSettings(Section):
    """How pictures go through a model: all that a method needs which takes no optimiser step."""

    batch_size: Annotated[int, Range(ge=2)] = 64
    precision: Literal["bf16", "fp32"] = "bf16"


@dataclass(frozen=True, kw_only=True)
class TrainSettings(PassSettings):
    epochs: Count = 30
    learning_rate: Positive = 0.05
    momentum: Annotated[float, Range(ge=0, lt=1)] = 0.9
    weight_decay: NonNegative = 5e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    augment: Flag = True


@dataclass(frozen=True, kw_only=True)
class UnlearnSettings(Section):
    start_from: Literal["original", "champion"] = "original"
    methods: list[str] = field(default_factory=lambda: ["finetune", "neggrad", "dlfd"])


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(Section):
    attack_folds: Annotated[int, Range(ge=2, le=20)] = 5  # no more than persons of whom a verdict is given
    bootstrap: Annotated[int, Range(ge=50)] = 1000


@dataclass(frozen=True, kw_only=True)
class AuditSettings(Section):
    tolerance: Unit = 0.03
    oracle_seeds: list[Seed] = field(default_factory=list)
    reference_models: list[Count] = field(default_factory=list)
    relearn_steps: NonNegativeInt = 0


@dataclass(frozen=True, kw_only=True)
class RegisterSettings(Section):
    model_name: Annotated[str, Exactly(r"^[^/:\s][^/:]*$")] = "unlearned-face-classifier"
    min_nomus: Unit = 0.6
    max_forgetting_score: Unit = 0.15
    max_accuracy_drop: Unit = 0.1
