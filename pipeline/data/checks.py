"""The gate before training: Great Expectations on the split.

Leaks are errors under protocol `person` and warnings under `published`. A forget set of named persons is as small as it
is, and its label mix is theirs: neither may hold up a request.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data import groups, subset_names
from pipeline.data.splits import COLUMNS
from pipeline.errors import DataError
from pipeline.settings import ValidateSettings

LARGE_ENOUGH = ("retain", "forget", "validation", "unseen")  # subsets with a least number of images
SHOWN = 5


@dataclass(frozen=True)
class Outcome:
    """What the checks found: sentences with counts and examples, and everything that was checked.

    Attributes:
        errors: stop the run.
        warnings: leaks of a published split.
        checks: one entry an expectation: suite, rule, severity, success, and what was found where it failed.
    """

    errors: list[str]
    warnings: list[str]
    checks: list[dict[str, Any]]

    def raise_for_errors(self) -> None:
        """Raises DataError: one message with every error."""
        if self.errors:
            told = "".join(f"\n  - {error}" for error in self.errors)
            raise DataError(
                f"the split fails {len(self.errors)} check(s):{told}\n"
                "Change `split:` or `validate:` in params.yaml, or the data, and run `dvc repro`."
            )


def check(
    splits: pd.DataFrame,
    faces: pd.DataFrame,
    classes: list[str],
    *,
    protocol: str,
    settings: ValidateSettings,
    docs: Path,
    by_name: bool = False,
) -> Outcome:
    """Check a split against its store, and write Data Docs.

    Args:
        splits: as the split stage wrote it, or as somebody changed it.
        faces: the store's table.
        classes: class names of the task, in label order.
        protocol: `published` makes leaks and a label shift warnings.
        docs: folder of the HTML, replaced.
        by_name: whether the forget set is of named persons: it has no least size, and a label shift is a warning.
    """
    suites = _Suites(docs)
    leak = "warning" if protocol == "published" else "critical"
    text: list[str] = [*splits.select_dtypes("str")]  # Great Expectations knows text only in object columns
    suites.run("schema", splits.astype(dict.fromkeys(text, object)), _schema(suites.gxe), index=[])
    if not suites.errors:  # the other rules read these columns
        images = _with_groups(splits, faces)
        rules = _images(suites.gxe, len(faces), len(classes), leak)
        suites.run("images", images, rules, index=["image"], details=_shared(images))
        used = splits[splits["subset"].isin(subset_names.SUBSETS)]
        suites.run("classes", _per_class(used, classes), _classes(suites.gxe, settings), index=["label", "images"])
        large = tuple(name for name in LARGE_ENOUGH if not (by_name and name == "forget"))
        suites.run("subsets", _per_subset(used, large), _subsets(suites.gxe, settings, large), ["subset", "images"])
        shift = groups.label_shift(
            *(used.loc[(used["subset"] == name) & (used["label"] >= 0), "label"] for name in ("forget", "unseen")),
            len(classes),
        )
        frame = pd.DataFrame({"label_shift": [round(shift, 4)]})
        shifted = "warning" if by_name else leak
        suites.run("label_shift", frame, _label_shift(suites.gxe, settings, shifted), index=[])
    return Outcome(suites.errors, suites.warnings, suites.checks)


def _with_groups(splits: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """The split with precomputed columns, so that each rule stays a plain check of one column.

    Groups are computed from the store and not from the split: a changed key cannot hide a leak.
    """
    store = pd.DataFrame(
        {
            "image": faces["image"].astype("int64"),
            "person_in_store": faces["person"].astype(str),
            "unit_in_store": groups.units(faces["person"], faces["content"]),
            "content": faces["content"],
        }
    )
    table = splits.merge(store, on="image", how="left")
    table["keys_fit"] = (table["person"] == table["person_in_store"]) & (table["unit"] == table["unit_in_store"])
    used = table["subset"] != "excluded"
    table["used_label"] = table["label"].where(used).astype("Int64")
    table["reason_fits"] = (table["reason"].fillna("") == "") == used
    for name, by in (("person", "person_in_store"), ("unit", "unit_in_store"), ("content", "content")):
        table[f"sides_of_{name}"] = groups.sides_touched(table["subset"], table[by]).fillna(0).astype("int64")
    table["labels_of_content"] = table["used_label"].groupby(table["content"]).transform("nunique").fillna(0)
    return table


def _shared(images: pd.DataFrame) -> dict[str, str]:
    """Column of a leak rule -> how many persons, units or pictures each two subsets share."""
    groupings = {"person": "person_in_store", "unit": "unit_in_store", "content": "content"}
    found = {name: groups.shared(images["subset"], images[by]) for name, by in groupings.items()}
    return {
        f"sides_of_{name}": ", ".join(f"{count} in {pair}" for pair, count in pairs.items())
        for name, pairs in found.items()
    }


def _per_class(used: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Images of each class in retain; a class without any counts as 0."""
    counts = used.loc[used["subset"] == "retain", "label"].value_counts().reindex(range(len(classes)), fill_value=0)
    return pd.DataFrame({"label": classes, "images": counts.to_numpy()})


def _per_subset(used: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    counts = used["subset"].value_counts().reindex(list(names), fill_value=0)
    return pd.DataFrame({"subset": list(names), "images": counts.to_numpy()})


def _schema(gxe: Any) -> list[Any]:
    columns = gxe.ExpectTableColumnsToMatchSet(
        column_set=list(COLUMNS), exact_match=True, meta={"rule": f"columns are {', '.join(COLUMNS)}"}
    )
    kinds = {column: ("whole numbers", ["int16", "int32", "int64"]) for column in ("image", "label")}
    kinds |= {column: ("text", ["str"]) for column in ("person", "unit", "subset", "reason")}
    types = [
        gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=kind, meta={"rule": f"column {name} holds {told}"})
        for name, (told, kind) in kinds.items()
    ]
    filled = [
        gxe.ExpectColumnValuesToNotBeNull(column=name, meta={"rule": f"column {name} has no gaps"}) for name in kinds
    ]
    return [columns, *types, *filled]


def _images(gxe: Any, count: int, classes: int, leak: str) -> list[Any]:
    within = gxe.ExpectColumnValuesToBeInSet
    one = {"value_set": [0, 1], "severity": leak}
    fits = {"value_set": [True]}
    rules: list[tuple[Any, dict[str, Any], str]] = [
        (gxe.ExpectTableRowCountToEqual, {"value": count}, f"every one of the {count} images of the store has a row"),
        (gxe.ExpectColumnValuesToBeUnique, {"column": "image"}, "no image is listed twice"),
        (gxe.ExpectColumnValuesToNotBeNull, {"column": "person_in_store"}, "every image is in the store"),
        (within, {"column": "keys_fit", **fits}, "person and unit are those of the store"),
        (within, {"column": "subset", "value_set": [*subset_names.SUBSETS, "excluded"]}, "every subset is a known one"),
        (within, {"column": "reason_fits", **fits}, "excluded images have a reason, and only they"),
        (
            gxe.ExpectColumnValuesToBeBetween,
            {"column": "used_label", "min_value": 0, "max_value": classes - 1},
            f"labels are from 0 to {classes - 1}",
        ),
        (within, {"column": "sides_of_person", **one}, "no person key is on two sides"),
        (within, {"column": "sides_of_unit", **one}, "no person (keys that share a picture) is on two sides"),
        (within, {"column": "sides_of_content", **one}, "no identical pictures are on two sides"),
        (within, {"column": "labels_of_content", **one}, "identical pictures have one label"),
    ]
    return [expectation(**arguments, meta={"rule": rule}) for expectation, arguments, rule in rules]


def _classes(gxe: Any, settings: ValidateSettings) -> list[Any]:
    least = settings.min_images_per_class
    rule = f"retain has at least {least} images of each class (validate.min_images_per_class)"
    return [gxe.ExpectColumnValuesToBeBetween(column="images", min_value=least, meta={"rule": rule})]


def _subsets(gxe: Any, settings: ValidateSettings, names: tuple[str, ...]) -> list[Any]:
    least = settings.min_images_per_subset
    rule = f"each of {', '.join(names)} has at least {least} images (validate.min_images_per_subset)"
    return [gxe.ExpectColumnValuesToBeBetween(column="images", min_value=least, meta={"rule": rule})]


def _label_shift(gxe: Any, settings: ValidateSettings, severity: str) -> list[Any]:
    most = settings.max_label_shift
    rule = f"label mixes of forget and unseen differ by at most {most} (validate.max_label_shift)"
    return [
        gxe.ExpectColumnValuesToBeBetween(column="label_shift", max_value=most, severity=severity, meta={"rule": rule})
    ]


class _Suites:
    """Runs suites in one ephemeral context and gathers what failed."""

    def __init__(self, docs: Path) -> None:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read once, at import
        import great_expectations as gx
        import great_expectations.expectations as gxe

        self.gx, self.gxe = gx, gxe
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.checks: list[dict[str, Any]] = []
        shutil.rmtree(docs, ignore_errors=True)
        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
        self.context.delete_data_docs_site("local_site")  # its own, in a temporary folder
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        site = {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": backend}
        self.context.add_data_docs_site(site_name="docs", site_config=site)
        self.source = self.context.data_sources.add_pandas("split")

    def run(
        self,
        name: str,
        frame: pd.DataFrame,
        expectations: list[Any],
        index: list[str],
        details: dict[str, str] | None = None,
    ) -> None:
        """Check a frame; examples in messages name the columns in `index`, `details` adds to a column's message."""
        gx, context = self.gx, self.context
        batch = self.source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
        checkpoint = gx.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add(definition)],
            actions=[gx.checkpoint.UpdateDataDocsAction(name="docs", site_names=["docs"])],
            result_format={"result_format": "SUMMARY", "unexpected_index_column_names": index},
        )
        with _unwritten_pages_raise():
            outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        for run in outcome.run_results.values():
            for result in sorted(run.results, key=_position(expectations)):
                self._gather(name, result, index, details or {})

    def _gather(self, suite: str, result: Any, index: list[str], details: dict[str, str]) -> None:
        rule = result.expectation_config.meta["rule"]
        warning = str(getattr(result.expectation_config.severity, "value", "critical")) == "warning"
        detail = details.get(result.expectation_config.kwargs.get("column", ""), "")
        found = "" if result.success else _found(result, index, detail)
        entry = {"suite": suite, "rule": rule, "severity": "warning" if warning else "error"}
        self.checks.append({**entry, "success": bool(result.success), "found": found})
        if not result.success:
            (self.warnings if warning else self.errors).append(f"not so: {rule}: {found}")


class _Raise(logging.Handler):
    """Raises the error that is being logged."""

    def emit(self, record: logging.LogRecord) -> None:
        if (error := sys.exc_info()[1]) is not None:
            raise error


@contextmanager
def _unwritten_pages_raise() -> Iterator[None]:
    """Great Expectations logs what it cannot write of Data Docs, with its traceback, and goes on without."""
    logger, handler = logging.getLogger("great_expectations.render.renderer.site_builder"), _Raise()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _position(expectations: list[Any]) -> Callable[[Any], int]:
    rules = [expectation.meta["rule"] for expectation in expectations]
    return lambda result: rules.index(result.expectation_config.meta["rule"])


def _found(result: Any, index: list[str], detail: str) -> str:
    """What an expectation saw, in a few words."""
    seen = result.result
    if not seen:
        return "could not be checked: " + str(result.exception_info)[:200]
    if "unexpected_count" not in seen:
        return f"found {seen.get('observed_value')}"
    if seen["element_count"] == 1:
        return f"found {seen['partial_unexpected_list'][0]}"
    rows = seen.get("partial_unexpected_index_list") or []
    told = [" ".join(f"{name} {row[name]}" for name in index) for row in rows] if index else []
    told = told or [str(value) for value in seen["partial_unexpected_list"]]
    examples = list(dict.fromkeys(told))
    more = ", …" if seen["unexpected_count"] > SHOWN else ""
    counted = f"{seen['unexpected_count']} row(s)" + (f" ({detail})" if detail else "")
    return f"{counted}, such as {', '.join(examples[:SHOWN])}{more}"
