"""The page's words, tables and the data of its charts; what a browser makes of them is in end_to_end."""

from __future__ import annotations

import base64
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_report as tiny
import yaml
from PIL import Image

from pipeline import layout
from pipeline.config import Params, method_names
from pipeline.data import groups
from pipeline.errors import DataError
from pipeline.report import answer, charts, course, features, figures, knobs, losses, methods, page, trade_off
from pipeline.settings import SplitSettings

ROOT = Path(__file__).parents[1]
VOID = {"meta", "link", "img", "br", "hr", "input"}
MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(names: tuple[str, ...] = ("finetune", "dlfd"), task: str = "age", **made: Any) -> str:
    """The page of made-up results, without the JavaScript of others."""
    tiny.make(names, task=task, **made)
    path = layout.REPORTS / "report.html"
    page.write(tiny.read(names, task=task), path)
    html = path.read_text(encoding="utf-8")
    assert html.count(charts.javascript()) == 1
    return html.replace(charts.javascript(), "")


def embedded(html: str, name: str) -> dict[str, Any]:
    """A JSON island; it must not hold what JSON does not know (NaN)."""
    (found,) = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in the data of the charts")

    told: dict[str, Any] = json.loads(found, parse_constant=refuse)
    return told


class Elements(HTMLParser):
    """Everything that a page opens, its attributes, its words, and whether all is closed again."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.words += " " if tag in ("td", "th") else ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words += data


def words(html: str) -> str:
    return " ".join(Elements(html).words.split())


def test_the_page_needs_nothing_but_itself() -> None:
    html = write()
    elements = Elements(html)
    assert elements.open == []
    assert not {"link", "iframe", "object"} & {tag for tag, _ in elements.found}
    for _, attributes in elements.found:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in html
    assert "@import" not in html
    (policy,) = [attributes["content"] for tag, attributes in elements.found if "http-equiv" in attributes]
    assert policy == "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def test_every_chart_that_is_placed_has_its_specification_and_data() -> None:
    html = write()
    specifications, data = embedded(html, "charts"), embedded(html, "data")
    placed = {attributes["data-chart"] for _, attributes in Elements(html).found if "data-chart" in attributes}
    switched = {attributes["value"] for _, attributes in Elements(html).found if "data-switch" in attributes}
    assert placed | switched == set(specifications)
    for specification in specifications.values():
        assert specification["description"]
        named = {layer["data"]["name"] for layer in _views(specification) if "name" in layer.get("data", {})}
        assert named
        assert named <= set(data)


def test_every_section_with_figures_says_how_to_read_them() -> None:
    sections = re.findall(r"<section>(.*?)</section>", write(), re.DOTALL)
    shown = [one for one in sections if "data-chart" in one or "<table" in one]
    assert len(shown) > 5
    for one in shown:
        assert re.search(r"<details|<figcaption|popovertarget", one), one[:80]


def test_the_contents_lead_to_every_section() -> None:
    html = write()
    elements = Elements(html).found
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    headings = [f"#{attributes['id']}" for tag, attributes in elements if tag == "h2"]
    assert links == headings
    assert len(set(links)) == len(links) > 6


def _views(specification: dict[str, Any]) -> list[dict[str, Any]]:
    return [specification, *specification.get("layer", [])]


def test_the_page_of_all_methods_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"forget": 1500, "retain": 3000, "validation": 500, "test": 500, "unseen": 1500}
    monkeypatch.setattr(tiny, "SIZES", sizes)
    names = tuple(name for name in method_names() if name not in tiny.HISTORIES or name == "dlfd")
    steps = np.arange(20_000)
    monkeypatch.setitem(tiny.HISTORIES, "dlfd", {"step": steps, "loss": 1 / (1 + steps), "ot_cost": 0.1})
    html = write((*names, "one_more", "and_another", "scrub", "ssd"))
    assert len(html) < MEGABYTE
    assert len(charts.javascript()) < 1.2 * MEGABYTE


# the answer


def test_the_answer_names_the_accepted_method_and_the_verdict() -> None:
    html = write(own={"finetune": {"verdict": "remembers", "strongest_auc": 0.61}})
    told = words(html).replace("?", "")
    assert "takes finetune: of the 2 methods that pass it has the greatest NoMUS on validation, 0.760." in told
    assert "still find that it remembers: AUC 0.61" in told
    assert 'class="answer doubt"' in html
    assert "dlfd: passes" in told


def test_of_few_persons_the_answer_says_by_what_it_was_decided() -> None:
    none = dict.fromkeys(("mia_accuracy", "forgetting_score", "nomus", "validation_nomus"), float("nan"))
    few = {**none, "validation_persons": 1.0, "validation_persons_detected": 0.0, "verdict": "too few persons"}
    own = {"finetune": {**few, "validation_person_nomus": 0.71}, "dlfd": {**few, "validation_persons_detected": 1.0}}
    html = write(own={**own, "original": few, "retrained": few})
    told = words(html)
    assert "takes finetune: it is the only one of 2 methods that passes, with a NoMUS by persons of 0.710" in told
    assert "places of 1 forgotten person(s) among those of validation: too few for NoMUS" in told
    assert "dlfd: refused: 1 of 1 forgotten person(s) stand out" in told
    assert "Of so few persons the audits can say nothing but who stands out" in told
    assert "nan" not in told.split()
    assert "Not drawn, for want of figures: dlfd, finetune, original, retrained." in told


def test_the_answer_says_why_none_is_accepted() -> None:
    refused = {"validation_nomus": 0.1}
    told = words(write(own={"finetune": refused, "dlfd": refused}))
    assert "takes no method: all 2 that were tried are refused" in told
    assert "dlfd: refused: validation NoMUS 0.1 is below min_nomus 0.6" in told


@pytest.mark.parametrize(
    ("split", "named", "identities", "expected"),
    [
        ({}, [], True, "12 persons (24 pictures), a random share to compare methods by: nobody asked"),
        ({}, [], False, "24 pictures, a random share to compare methods by: nobody asked"),
        ({"forget_by_name": 2}, [], True, "12 persons (24 pictures), asked for it (open requests)"),
        (
            {"forget_by_name": 2, "forgotten_earlier": 1},
            [],
            True,
            "12 persons (24 pictures), asked for it (open requests); 1 person of earlier rounds must stay forgotten",
        ),
        ({"forget_by_name": 1}, ["p1"], True, "12 persons (24 pictures), named in split.forget_persons"),
        (
            {"forget_by_name": 2},
            ["p1"],
            True,
            "12 persons (24 pictures), asked for it (open requests) or named in split.forget_persons",
        ),
        ({"protocol": "published"}, [], False, "24 pictures, as the data set's published split has it"),
    ],
)
def test_the_page_says_who_is_to_be_forgotten_and_why(
    monkeypatch: pytest.MonkeyPatch, split: dict[str, Any], named: list[str], identities: bool, expected: str
) -> None:
    monkeypatch.setattr(tiny, "SPLIT", {**tiny.SPLIT, **split})
    monkeypatch.setattr(tiny, "Params", lambda **other: Params(split=SplitSettings(forget_persons=named), **other))
    assert f"To be forgotten: {expected}." in words(write(identities=identities))


def test_every_subset_is_explained_and_what_the_split_noticed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "SPLIT", {**tiny.SPLIT, "warnings": ["a leak"], "notes": ["taken along"]})
    html = write()
    explained = re.findall(r"<dt>(\w+)</dt><dd>[^<]{20,}</dd>", html)
    assert explained == list(tiny.SIZES)
    assert {*groups.SUBSETS, "excluded"} <= answer.SUBSETS.keys()
    assert "⚠ a leak" in html
    assert "taken along" in html


def test_the_only_method_that_passes_is_called_so() -> None:
    html = write(own={"dlfd": {"status": "diverged"}})
    assert "it is the only one of 2 methods that passes" in words(html)
    assert 'class="answer"' in html, "no doubt"


# the table


def test_figures_stand_beside_their_model() -> None:
    html = write(("finetune", "dlfd", "neggrad"), own={"neggrad": {"status": "diverged"}})
    (table,) = re.findall(r'<table class="sortable">.*?</table>', html, re.DOTALL)
    rows = re.findall(r'(<tr class="(\w*)">\s*<th scope="row" data-order="(\w+)">.*?</tr>)', table, re.DOTALL)
    assert [name for _, _, name in rows] == ["original", "retrained", "finetune", "dlfd", "neggrad"]
    assert [kind for _, kind, _ in rows] == ["", "oracle", "accepted", "", ""]
    by_name = {name: words(row) for row, _, name in rows}
    assert "diverged" in by_name["neggrad"]
    assert "[0.48, 0.58]" in by_name["finetune"]
    assert "0.760" in by_name["finetune"]
    low, high = tiny.read(("finetune", "dlfd", "neggrad")).accuracy_intervals["finetune"]
    assert f"0.760[{low:.2f}, {high:.2f}]" in by_name["finetune"]


def test_every_column_is_explained() -> None:
    html = write()
    elements = Elements(html).found
    asked = {attributes["popovertarget"] for tag, attributes in elements if "popovertarget" in attributes}
    told = {attributes["id"] for tag, attributes in elements if "popover" in attributes}
    assert asked == told
    assert len(told) == len(methods.COLUMNS)


def test_figures_of_the_answer_are_explained_too() -> None:
    (answer,) = re.findall(r'<p class="answer">(.*?)</p>', write(), re.DOTALL)
    asked = {attributes["popovertarget"] for tag, attributes in Elements(answer).found if tag == "button"}
    assert asked == {"about-nomus", "about-strongest_auc", "about-verdict"}


@pytest.mark.parametrize("column", methods.COLUMNS, ids=lambda column: column.name)
def test_what_is_no_number_is_shown_as_none_and_sorted_last(column: methods.Column) -> None:
    tiny.make()
    row = methods.rows(tiny.read())[2]
    broken = {key: float("nan") if isinstance(value, float) else value for key, value in row.items()}
    broken["relearn_steps"] = float("nan")
    assert "nan" not in column.show(broken) + column.below(broken)
    assert column.order(broken) == ("" if isinstance(row[column.name], int | float) else row[column.name])
    assert "nan" not in column.show(row) + column.below(row)
    assert column.order(row) != ""


# the trade-off


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.4, 0.55, (0, 0.2)), (0.6, 0.7, (0.2, 0.4)), (0.2, 0.3, (0.4, 0.6))]
)
def test_the_interval_of_the_forgetting_score_holds_all_its_values(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    assert trade_off.score_interval(low, high) == pytest.approx(expected)
    values = 2 * np.abs(np.linspace(low, high, 101) - 0.5)
    assert trade_off.score_interval(low, high) == pytest.approx((values.min(), values.max()), abs=0.01)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 17])
def test_labels_do_not_overlap_and_move_no_more_than_they_must(seed: int, count: int) -> None:
    places = np.random.default_rng(seed).uniform(100, 200, count)
    moved = trade_off.spread(places, 17, 380)
    assert (np.diff(np.sort(moved)) >= 17 - 1e-9).all()
    assert (moved >= 0).all()
    assert (moved <= 380 + 1e-9).all()
    assert (np.argsort(moved) == np.argsort(places)).all(), "lines to labels do not cross"
    apart = np.arange(count) * 20.0
    assert trade_off.spread(apart, 17, 380) == pytest.approx(apart), "nothing moves where there is room"


def test_the_points_have_the_models_figures_with_intervals_about_them() -> None:
    tiny.make()
    found = trade_off.points(tiny.read()).set_index("model")
    assert found["role"].to_dict() == {
        "original": "original",
        "retrained": "retrained (oracle)",
        "finetune": "accepted",
        "dlfd": "other method",
    }
    assert (found["score_low"] <= found["score"]).all()
    assert (found["score"] <= found["score_high"]).all()
    right = tiny.read().samples["dlfd"].query("subset in ['test', 'unseen']")["correct"].mean()
    assert found.loc["dlfd", "accuracy_low"] < right < found.loc["dlfd", "accuracy_high"]


def test_a_model_without_figures_is_named_instead_of_drawn() -> None:
    nothing = {"mia_accuracy": float("nan"), "forgetting_score": float("nan"), "status": "diverged"}
    html = write(own={"dlfd": nothing}, broken=["dlfd"])
    assert set(embedded(html, "data")["trade_off"]["model"]) == {"original", "retrained", "finetune"}
    assert "Not drawn, for want of figures: dlfd." in words(html)
    assert "dlfd" not in embedded(html, "data")["features"]["model"]
    assert "its features are no numbers" in words(html).lower()


def test_intervals_that_are_no_numbers_are_left_out() -> None:
    ends = ("mia_interval_low", "mia_interval_high", "strongest_auc_low", "strongest_auc_high")
    html = write(own={"dlfd": dict.fromkeys(ends, float("nan"))})
    data = embedded(html, "data")["trade_off"]
    place = data["model"].index("dlfd")
    assert (data["score_low"][place], data["score_high"][place]) == (None, None)
    assert data["score"][place] is not None, "the point is drawn all the same"
    assert "nan" not in words(html)


# losses


def test_a_histogram_counts_every_picture_once() -> None:
    samples = pd.DataFrame({"subset": ["forget"] * 4 + ["unseen"], "loss": [0.0, 1.0, 1e9, float("inf"), 1.0]})
    found = losses.histogram(samples)
    sums = found.groupby("subset")["share"].sum().to_dict()
    assert sums == pytest.approx({"forget": 100, "unseen": 100, "retain": 0})
    forget = found[found["subset"] == "forget"]["share"].to_numpy()
    assert forget[0] == pytest.approx(25), "zero is in the first bin"
    assert forget[-2] == pytest.approx(50), "what lies beyond is in the last"
    assert losses.EDGES[np.flatnonzero(found[found["subset"] == "unseen"]["share"])[0]] == pytest.approx(0, abs=0.2)


def test_pictures_of_losses_have_one_scale_that_a_broken_model_does_not_spoil() -> None:
    table = pd.DataFrame({"model": ["retrained", "dlfd"], "share": [12.0, 20.0]})
    assert losses._top(table) == 20
    assert losses._top(table.replace(20.0, 100.0)) == 36
    assert losses._top(table.assign(share=0.0)) > 0
    html = write()
    encoding = embedded(html, "charts")["losses"]["encoding"]
    assert encoding["y"]["scale"]["domain"][1] >= 0.999 * max(embedded(html, "data")["losses"]["share"])


def test_over_forgetting_is_pointed_out_in_words() -> None:
    assert "Over-forgotten: forgotten pictures lie to the right" not in words(write())


def test_over_forgetting_is_pointed_out_where_the_verdict_says_so() -> None:
    html = write(own={"dlfd": {"verdict": "over-forgotten"}})
    (told,) = re.findall(r'<figcaption data-of="dlfd">(Over-forgotten: .*?)</figcaption>', html)
    assert "to the right" in told


# features


def turned(rng: np.random.Generator, width: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(width, width)))[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_only_turns_stretches_and_shifts_looks_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    retain, others = rng.normal(size=(50, 7)) * np.arange(7, 0, -1), rng.normal(size=(9, 7))
    rotation, shift = turned(rng, 7), rng.normal(size=7)
    plane = features.Plane.of(retain)
    expected, same = plane.moved(others, retain)
    places, larger = plane.moved(3 * others @ rotation + shift, 3 * retain @ rotation + shift)
    assert same == pytest.approx(1)
    assert larger == pytest.approx(3)
    assert places == pytest.approx(expected, abs=1e-9)


def test_the_plane_is_that_of_the_principal_components() -> None:
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    retain = rng.normal(size=(80, 5)) * [5, 3, 1, 1, 1] + 2
    plane = features.Plane.of(retain)
    reference = PCA(2).fit(retain)
    assert np.abs((plane.axes * reference.components_.T).sum(0)) == pytest.approx([1, 1])
    assert plane.explained == pytest.approx(reference.explained_variance_ratio_.sum())
    assert np.abs(plane.moved(retain, retain)[0]) == pytest.approx(np.abs(reference.transform(retain)))


def test_features_that_are_no_numbers_have_no_place() -> None:
    retain = np.random.default_rng(0).normal(size=(20, 4))
    broken = np.full((20, 4), np.nan)
    places, larger = features.Plane.of(retain).moved(broken[:3], broken)
    assert np.isnan(places).all()
    assert np.isnan(larger)


def test_all_models_are_seen_with_the_same_pictures_few_of_each_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "PICTURES", 10)
    tiny.make()
    data = features.section(tiny.read()).data["features"]
    assert (data.groupby(["model", "subset"]).size() == 10).all()
    by_model = {name: part[["subset", "label"]].to_numpy().tolist() for name, part in data.groupby("model")}
    assert by_model["dlfd"] == by_model["original"]
    # tiny models differ by rotation, size and shift alone (and by what float16 rounds)
    places = {name: part[["x", "y"]].to_numpy() for name, part in data.groupby("model")}
    assert places["dlfd"] == pytest.approx(places["original"], abs=0.05)


def test_results_of_other_pictures_are_refused() -> None:
    tiny.make()
    path = layout.EVALUATION / "dlfd" / "samples.parquet"
    table = pd.read_parquet(path)
    table.assign(image=table["image"] + 1).to_parquet(path)
    with pytest.raises(DataError, match=r"dlfd was evaluated on other pictures .* run `dvc repro`"):
        features.section(tiny.read())


# the course


@pytest.mark.parametrize(
    ("pushing", "stop"),
    [([1, 1, 0, 0], 2), ([1, 1, 1, 1], None), ([0, 0, 0, 0], None), ([1, 0, 0, 0], 1), ([1, 1, 1, 0], 3)],
)
def test_the_moment_the_pushing_stopped(pushing: list[int], stop: float | None) -> None:
    assert course.stopped(pd.DataFrame({"step": range(4), "distancing": pushing})) == stop


def test_a_long_curve_keeps_its_ends_and_only_its_finite_points() -> None:
    curve = pd.DataFrame({"step": np.arange(5000.0), "value": np.arange(5000.0)})
    curve.loc[10:20, "value"] = np.nan
    thin = course.thinned(curve)
    assert len(thin) <= course.POINTS
    assert thin["step"].iloc[[0, -1]].tolist() == [0, 4999]
    assert np.isfinite(thin["value"]).all()
    short = curve.head(5)
    assert course.thinned(short).equals(short)


def test_dlfds_pass_is_drawn_with_its_end_of_pushing() -> None:
    html = write()
    assert {f"pass_{name}" for name in ("ot_cost", "forgetting_score", "accuracy")} <= set(embedded(html, "charts"))
    assert "stopped before step 3 of 8, where the recovery of accuracy begins" in words(html)


def test_a_method_that_trains_nothing_says_so_and_a_diverged_one_has_its_finite_steps() -> None:
    html = write(("ssd", "scrub"))
    assert "ssd trains nothing, so it has no loss curve" in words(html)
    curves = embedded(html, "data")["loss_curve"]
    assert "ssd" not in curves["model"]
    assert curves["model"].count("scrub") == 1
    assert "pass_accuracy" not in embedded(html, "charts"), "DLFD did not run"


# what DLFD does to pictures


def test_pushed_pictures_are_shown_where_the_stage_kept_some() -> None:
    html = write()
    assert "Not shown here: these are pictures of real people" in words(html)
    assert not [tag for tag, _ in Elements(html).found if tag == "img"]
    picture = Image.new("RGB", (8, 24))
    picture.save(layout.MODELS / "dlfd" / "examples.png")
    page.write(tiny.read(), layout.REPORTS / "report.html")
    html = (layout.REPORTS / "report.html").read_text(encoding="utf-8")
    (shown,) = [attributes["src"] for tag, attributes in Elements(html).found if tag == "img"]
    png = base64.b64decode(str(shown).removeprefix("data:image/png;base64,"))
    assert png == (layout.MODELS / "dlfd" / "examples.png").read_bytes()


# persons, provenance, faces


def test_persons_at_risk_stand_under_their_model_by_pseudonym() -> None:
    html = write()
    told = re.search(r'<div data-of="dlfd">\s*<p>(.*?)</div>\s*</div>', html, re.DOTALL)
    assert told is not None
    found = words(told[0])
    assert "3 of 12 forgotten persons can still be detected in dlfd; chance alone would bring about 0.1." in found
    assert [f"person-{number:08x}" in found for number in range(4)] == [True, True, True, False]
    assert "1 stands out at the other end, as chance would have about 0.1" in found
    assert re.search(r"person-0000000b 2 -3.00 100.00 % over-forgotten", found)
    oracle = re.search(r'<div data-of="retrained">(.*?)</div>\s*</div>', html, re.DOTALL)
    assert oracle is not None
    assert "other end" not in oracle[1], "beside itself everybody scores alike"


def test_without_identities_pictures_are_at_risk() -> None:
    told = words(write(identities=False))
    assert "Pictures at risk" in told
    assert "does not say who is on a picture" in told


def test_no_key_of_a_person_is_on_the_page() -> None:
    html = write()
    keys = set(tiny.read().samples["dlfd"]["unit"])
    assert not [key for key in keys if re.search(rf"\b{key}\b", html)]


def test_persons_who_are_named_in_params_are_counted_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make()
    split = SplitSettings(forget_persons=["p003", "p004"])
    monkeypatch.setattr(tiny, "Params", lambda **other: Params(split=split, **other))
    page.write(tiny.read(), layout.REPORTS / "report.html")
    html = (layout.REPORTS / "report.html").read_text(encoding="utf-8")
    assert "split.forget_persons 2 person(s)" in words(html)
    assert "p003" not in html.replace(charts.javascript(), "")


def test_what_was_run_is_told() -> None:
    html = write()
    told = words(html)
    assert "git revision abc1234" in told
    assert re.search(r"split, SHA-256 [0-9a-f]{64}", told)
    for name in ("Python 3.", "torch ", "mlflow "):
        assert name in told
    assert "dlfd.forgetting_threshold 0.05" in told, "as the model was made"
    assert "train.epochs 30" in told


def test_the_hash_of_the_data_depends_on_every_picture() -> None:
    first = re.search(r"data, SHA-256 (\w+)", words(write()))
    table = pd.read_parquet(layout.FACES / "table.parquet")
    table.loc[3, "content"] = "other"
    table.to_parquet(layout.FACES / "table.parquet")
    page.write(tiny.read(), layout.REPORTS / "report.html")
    second = re.search(r"data, SHA-256 (\w+)", words((layout.REPORTS / "report.html").read_text(encoding="utf-8")))
    assert first is not None
    assert second is not None
    assert first[1] != second[1]


def test_the_page_says_when_it_was_written() -> None:
    told = re.search(r"page written at (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", words(write()))
    assert told is not None
    written = datetime.fromisoformat(f"{told[1]}+00:00")
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


def test_every_parameter_has_its_meaning_beside_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    html = write(("finetune", "dlfd", "cf_k"))
    (table,) = re.findall(r"<summary>Parameters</summary>(.*?)</details>", html, re.DOTALL)
    rows = re.findall(r'<th scope="row">(.+?)</th><td>.*?</td><td class="about-it">(.*?)</td>', table, re.DOTALL)
    assert len(rows) > 30
    assert [name for name, told in rows if not told] == []
    assert dict(rows)["dlfd.epochs"] == "passes over retain"
    assert dict(rows)["finetune.epochs"] == "passes over the pictures", "as `train:` says"


def test_every_knob_of_params_yaml_is_explained() -> None:
    path = ROOT / "params.yaml"
    known = knobs.meanings(path)
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = {
        f"{name}.{key}" if key else name
        for name, section in sections.items()
        for key in (section if isinstance(section, dict) else [""])
    }
    assert {name for name in names if not knobs.meaning(name, known)} == set()


def test_comments_are_read_with_what_follows_below_and_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(
        "# a head\none: 1  # first\n\ntwo:  # of two\n  a: [x, y]  # long,\n         # and longer\n  b: 2\n"
    )
    assert knobs.meanings(path) == {"one": "first", "two": "of two", "two.a": "long, and longer"}
    assert knobs.meanings(tmp_path / "none.yaml") == {}


def test_real_people_are_not_shown() -> None:
    assert "Contact sheet" not in write()


# any data


@pytest.mark.parametrize("task", ["age", "emotion", "gender", "attributes"])
def test_pictures_are_coloured_by_the_names_of_their_labels(task: str) -> None:
    html = write(task=task)
    seen = set(embedded(html, "data")["features"]["label"])
    names = set(tiny.read(task=task).labels)
    assert seen <= names
    assert len(seen) > 1
    assert embedded(html, "charts")["features_label"]["encoding"]["color"]["scale"]["domain"]


def test_two_models_are_enough() -> None:
    html = write(())
    assert "no method" in words(html)
    assert set(embedded(html, "data")["losses"]["model"]) == {"original", "retrained"}


def test_what_comes_from_the_data_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ["<script>alert(1)</script>", "</script>", "a & b", "d"]
    monkeypatch.setitem(tiny.CLASSES, "age", labels)
    html = write(own={"dlfd": {"verdict": "<b>bold</b>"}})
    assert "<script>alert" not in html
    assert "<b>bold" not in html
    assert labels[0] in embedded(html, "data")["features"]["label"]
    assert Elements(html).open == []


def test_the_picture_for_the_documentation_is_a_sound_png(tmp_path: Path) -> None:
    tiny.make()
    file = tmp_path / "picture.png"
    file.write_bytes(trade_off.png(tiny.read()))
    with Image.open(file) as image:
        assert min(image.size) > 400
        colours = image.convert("RGB").getcolors(maxcolors=1_000_000)
    assert colours is not None
    assert max(colours)[1] == (255, 255, 255), "on white paper"
    assert len(colours) > 20


@pytest.mark.parametrize(
    "path",
    ["evaluation/dlfd/persons.csv", "evaluation/dlfd/outputs.npz", "models/dlfd/history.csv", "models/dlfd/model.json"],
)
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_missing_and_damaged_files_are_named_with_the_remedy(path: str, damage: str) -> None:
    tiny.make()
    file = layout.WORKSPACE / path
    file.unlink() if damage == "missing" else file.write_bytes(b'\xff\xfe"\x00{')
    with pytest.raises(DataError, match=r"dlfd.*(not found: run|is damaged .* delete it and run) `dvc repro`"):
        page.write(tiny.read(), layout.REPORTS / "report.html")
    assert not (layout.REPORTS / "report.html").exists()


def test_every_chart_becomes_a_picture_of_its_model(tmp_path: Path) -> None:
    tiny.make()
    stored = tiny.read()
    sections = page.write(stored, tmp_path / "report.html")
    written = figures.write(stored, sections, tmp_path / "figures")
    drawn = {name for one in sections.values() for name in one.charts}
    assert {path.stem.partition("-")[0] for path in written} == drawn
    assert {path.name for path in written if path.name.startswith("losses")} == {
        f"losses-{name}.png" for name in stored.models
    }
    pixels = {path.name: np.asarray(Image.open(path).convert("L")) for path in written}
    assert all(len(np.unique(one)) > 2 for one in pixels.values()), "more than an empty frame"
    one, other = (pixels[f"losses-{name}.png"] for name in ("original", "dlfd"))
    assert one.shape != other.shape or (one != other).any()
    assert stored.shown_first == "finetune", "the accepted one"
    assert (tmp_path / "figures/features_label-finetune.png").is_file()
