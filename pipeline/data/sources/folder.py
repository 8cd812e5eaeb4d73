"""Any folder of pictures with a manifest: how you bring your own data.

`manifest.csv` or `manifest.parquet` in the folder, with the columns

    path       of each picture, relative to the folder
    person     whom it shows; without this column every picture is a unit of its own
    subset     retain, forget, validation, unseen or test, for `split.protocol: published`; may be left out
    age, emotion, gender, young, smiling       at least one: class names, or numbers from 0; empty where unknown
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.data.groups import SUBSETS
from pipeline.data.sources import TASKS, RawDataset
from pipeline.data.sources.common import canonical, first, reader, refuse

MANIFESTS = ("manifest.csv", "manifest.parquet")


def recognises(root: Path) -> bool:
    """Whether there is a manifest."""
    return any((root / name).is_file() for name in MANIFESTS)


def read(root: Path) -> RawDataset:
    """Read the manifest and check it against the folder.

    Raises:
        DataError: one message with every problem: a manifest that cannot be read, a missing column, an unknown subset,
            a picture that is missing, listed twice or outside the folder.
    """
    path = next(root / name for name in MANIFESTS if (root / name).is_file())
    problems: list[str] = []
    manifest = _read(path, problems)
    refuse(root, "the manifest", problems)
    tasks = [task for task in TASKS if task in manifest]
    problems += _problems(root, manifest, tasks)
    refuse(root, "the manifest", problems)
    encoded = {task: _encode(manifest[task]) for task in tasks}
    table = canonical(
        {
            "source": manifest["path"],
            **({"person": manifest["person"]} if "person" in manifest else {}),
            **({"published_subset": manifest["subset"]} if "subset" in manifest else {}),
            **{task: labels for task, (labels, _) in encoded.items()},
        }
    )
    classes = {task: names for task, (_, names) in encoded.items()}
    return RawDataset(name="folder", classes=classes, table=table, image=reader(root, table))


def _read(path: Path, problems: list[str]) -> pd.DataFrame:
    """All cells as text, empty where unknown."""
    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").apply(
                lambda c: c.str.strip()
            )
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        problems.append(f"{path.name} cannot be read: {error}")
        return pd.DataFrame()
    whole = {str(name): cells.astype("Int64") for name, cells in table.items() if pd.api.types.is_numeric_dtype(cells)}
    return table.assign(**whole).astype("string").fillna("").astype(str)


def _problems(root: Path, manifest: pd.DataFrame, tasks: list[str]) -> list[str]:
    if "path" not in manifest:
        return [f"no column `path`; there is {', '.join(map(str, manifest.columns)) or 'none'}"]
    found = [] if tasks else [f"no column of labels: at least one of {', '.join(TASKS)}"]
    if manifest.empty:
        return [*found, "it lists no picture"]
    paths = manifest["path"]
    base = root.resolve()
    outside = [path for path in paths if not (root / path).resolve().is_relative_to(base)]
    absent = [path for path in paths if path not in outside and not (path and (root / path).is_file())]
    told = {
        "picture(s) outside the folder": outside,
        "picture(s) not found": absent,
        "picture(s) listed more than once": list(paths[paths.duplicated()]),
    }
    if "person" in manifest:
        told["picture(s) without a person"] = list(paths[manifest["person"] == ""])
    if "subset" in manifest:
        told[f"subset(s) other than {', '.join(SUBSETS)}"] = list(
            manifest["subset"][~manifest["subset"].isin([*SUBSETS, ""])].unique()
        )
    found += [f"{len(examples)} {what}: {first(examples)}" for what, examples in told.items() if examples]
    return found + [f"column {task}: no label at all" for task in tasks if (manifest[task] == "").all()]


def _encode(cells: pd.Series) -> tuple[pd.Series, list[str]]:
    """Labels, -1 where empty, and class names. Numbers are labels already; names are sorted."""
    known = cells[cells != ""]
    if known.str.fullmatch(r"\d+").all():
        numbers = pd.to_numeric(cells.where(cells != "", "-1")).astype(int)
        return numbers, [str(number) for number in range(int(numbers.max()) + 1)]
    names = sorted(known.unique())
    return cells.map({name: number for number, name in enumerate(names)}).fillna(-1).astype(int), names
