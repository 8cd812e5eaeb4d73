"""Templates of `dvc plots`: what is drawn of planted figures, of one revision and of several."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import vl_convert
import yaml
from dvc_render.vega import VegaRenderer

ROOT = Path(__file__).parents[1]
PLOTS = {name: plot for one in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for name, plot in one.items()}
Row = dict[str, str]  # DVC hands over what stands in the file, as text


def drawn(name: str, rows: list[Row]) -> ElementTree.Element:
    """The plot `name` of dvc.yaml as SVG."""
    plot = PLOTS[name]
    fields = {axis: next(iter(plot[axis].values())) if isinstance(plot[axis], dict) else plot[axis] for axis in "xy"}
    told = {key: plot[key] for key in ("title", "x_label", "y_label", "template")}
    renderer = VegaRenderer(rows, name, template_dir=str(ROOT / ".dvc/plots"), **fields, **told)
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(renderer.get_filled_template()))


def marks(svg: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    groups = [one for one in svg.iter() if re.search(rf"mark-{kind} role-mark", one.get("class", ""))]
    return [one for group in groups for one in group if one.get("d", "") or one.text]


def words(svg: ElementTree.Element) -> list[str]:
    return [one.text for one in svg.iter() if one.tag.endswith("text") and one.text]


def revision(mark: ElementTree.Element) -> str:
    """That of a mark, as a screen reader tells it."""
    (found,) = re.findall(r"revision: ([^;]+)", mark.get("aria-label", ""))
    return str(found)


def dashed(mark: ElementTree.Element) -> bool:
    return mark.get("stroke-dasharray") not in (None, "1,0")


def of_model(model: str, rev: str, score: str, accuracy: str = "0.6", nomus: str = "") -> Row:
    return {"model": model, "rev": rev, "forgetting_score": score, "test_accuracy": accuracy, "nomus": nomus}


def curve(method: str, rev: str, *losses: float) -> list[Row]:
    return [{"step": str(step), "loss": str(loss), "method": method, "rev": rev} for step, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("order", "newest"),
    [(("HEAD~1", "HEAD"), "HEAD"), (("HEAD", "HEAD~1"), "HEAD~1"), (("workspace", "HEAD"), "workspace")],
    ids=["as named", "named the other way round", "the workspace, which DVC hands over first"],
)
def test_the_revision_named_last_is_bold_and_first_in_the_legend(order: tuple[str, str], newest: str) -> None:
    (older,) = set(order) - {newest}
    rows = [row for rev in order for method in ("dlfd", "neggrad") for row in curve(method, rev, 1.0, 0.5, 0.75)]
    svg = drawn("unlearning loss", rows)
    lines = marks(svg, "line")
    assert len(lines) == 4, "a line a method and revision"
    assert {revision(one) for one in lines if float(one.get("stroke-width", "0")) > 2} == {newest}
    assert {revision(one) for one in lines if dashed(one)} == {older}
    assert [word for word in words(svg) if word in order] == [newest, older]
    assert len({one.get("stroke") for one in lines}) == 2, "a colour a method"


def test_one_revision_is_drawn_solid() -> None:
    (line,) = marks(drawn("unlearning loss", curve("dlfd", "workspace", 1.0, 0.5)), "line")
    assert not dashed(line)
    assert float(line.get("stroke-width", "0")) > 2


def test_a_model_that_moved_is_joined_to_where_it_was_and_named_once() -> None:
    before = [of_model("dlfd", "HEAD~1", "0.2", "0.5"), of_model("original", "HEAD~1", "0.3")]
    after = [of_model("dlfd", "HEAD", "0.1", "0.55"), of_model("original", "HEAD", "0.3")]
    svg = drawn("trade-off", [*before, *after])
    assert len(marks(svg, "symbol")) == 4
    paths = sorted(one.get("d", "") for one in marks(svg, "line"))
    lengths = [len(set(re.findall(r"-?[\d.]+,-?[\d.]+", path))) for path in paths]
    assert sorted(lengths) == [1, 2], "from a point to another, and from a point to itself"
    assert sorted(one.text or "" for one in marks(svg, "text")) == ["dlfd", "original"]
    assert {revision(one) for one in marks(svg, "symbol") if float(one.get("opacity", "1")) < 1} == {"HEAD~1"}


def test_a_model_that_is_gone_keeps_its_name_and_one_revision_is_not_pale() -> None:
    svg = drawn("trade-off", [of_model("scrub", "HEAD~1", "0.2"), of_model("dlfd", "HEAD", "0.1")])
    assert sorted(one.text or "" for one in marks(svg, "text")) == ["dlfd", "scrub"]
    (alone,) = marks(drawn("trade-off", [of_model("dlfd", "workspace", "0.1")]), "symbol")
    assert float(alone.get("opacity", "1")) == 1


def test_what_was_not_measured_is_not_drawn_as_zero() -> None:
    few = [of_model("dlfd", "workspace", ""), of_model("original", "workspace", "")]
    assert not marks(drawn("trade-off", few), "symbol")
    assert not marks(drawn("trade-off", few), "text")
    assert not marks(drawn("nomus", few), "rect")
    assert not marks(drawn("nomus", few), "text")


def test_bars_tell_their_value() -> None:
    rows = [of_model("dlfd", "HEAD", "0.1", nomus="0.7531"), of_model("dlfd", "workspace", "0.1", nomus="0.7694")]
    svg = drawn("nomus", rows)
    assert len(marks(svg, "rect")) == 2
    assert {one.text for one in marks(svg, "text")} == {"0.753", "0.769"}


def test_histograms_tell_revisions_apart() -> None:
    rows = [
        {"model": model, "subset": subset, "loss": loss, "share": "5", "rev": rev}
        for rev in ("workspace", "HEAD")
        for model in ("retrained", "dlfd")
        for subset in ("forget", "unseen", "retain")
        for loss in ("0.01", "0.1", "1")
    ]
    lines = marks(drawn("losses", rows), "line")
    assert len(lines) == 12
    assert {revision(one) for one in lines if dashed(one)} == {"HEAD"}
    assert len({one.get("stroke") for one in lines}) == 3
