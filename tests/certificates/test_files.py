"""A certificate says what is stored, holds for whoever has the key, and no longer once anything in it was changed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import tiny_certificate as tiny
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import canonical
from pipeline.certificates import files, page, signing
from pipeline.errors import CertificateError

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"1" * 32), Ed25519PrivateKey.from_private_bytes(b"2" * 32)
TRUSTED = KEY.public_key()


def write(folder: Path, key: Ed25519PrivateKey | None = KEY, **service: Any) -> tuple[Path, Path]:
    """As `files.issue` does, without a registry."""
    return files.write(tiny.certificate(**service), key, (folder / "one.json", folder / "one.html"))


def refusal(path: Path) -> str:
    with pytest.raises(CertificateError) as refused:
        files.verify(path, TRUSTED)
    return str(refused.value)


@pytest.mark.parametrize("which", [0, 1], ids=["json", "html"])
def test_what_was_signed_holds(tmp_path: Path, which: int) -> None:
    path = write(tmp_path)[which]
    checked = files.verify(path, TRUSTED)
    assert checked.certificate["model"]["version"] == tiny.NUMBER
    assert checked.fingerprint == signing.fingerprint(signing.public_text(TRUSTED))
    with pytest.raises(CertificateError, match="signed with another key"):
        files.verify(path, OTHER.public_key())


def test_both_files_say_the_same(tmp_path: Path) -> None:
    written, html = write(tmp_path)
    assert page.envelope(html.read_text(encoding="utf-8")) == json.loads(written.read_text(encoding="utf-8"))


def test_what_stands_in_it(tmp_path: Path) -> None:
    told = tiny.certificate()
    (one,) = told["requests"]
    assert (one["person"], one["received"], one["detected"]) == (tiny.PERSON, "2026-11-21T10:00:00.000Z", False)
    assert (one["unlearned"], one["verified"]) == ("2026-11-22T10:00:00.000Z", "2026-11-22T10:00:00.001Z")
    assert [one["request"] for one in told["not_forgotten"]] == ["20261121-000002"]
    assert told["evidence"]["audits"]["oracle"]["calibrated"]["auc_high"] == 0.51
    assert told["lineage"]["model_files_sha256"] == "1" * 64
    text = write(tmp_path)[1].read_text(encoding="utf-8")
    for shown in (tiny.PERSON, "0.520 [0.450, 0.590]", "0.500 [0.480, 0.510]", "1 of 40", "remembers", "1" * 64):
        assert shown in text
    assert "1 open request it has not forgotten" in text
    assert "What it does not promise" in text


def test_what_the_audit_says_of_earlier_rounds_stands_on_the_page(tmp_path: Path) -> None:
    told = tiny.evidence()
    earlier = {"forgotten_verdict": "remembers, earlier", "forgotten_persons": 41.0, "forgotten_persons_detected": 7.0}
    earlier |= {"forgotten_auc": 0.71, "forgotten_auc_low": 0.62, "forgotten_auc_high": 0.8}
    told["metrics"]["model"] = {**told["metrics"]["model"], **earlier}
    _, html = files.write(tiny.certificate(told), KEY, (tmp_path / "two.json", tmp_path / "two.html"))
    text = html.read_text(encoding="utf-8")
    for name, cell in (
        ("verdict", "remembers, earlier"),
        ("persons still detected", "7 of 41"),
        ("calibrated attack, AUC", "0.710 [0.620, 0.800]"),
    ):
        row = f'<th scope="row">earlier rounds: {name}</th><td>{cell}</td><td>–</td><td>–</td>'
        assert row in text
    first = write(tmp_path)[1].read_text(encoding="utf-8")
    assert "earlier rounds" not in first, "nobody was forgotten before"


def test_no_reason_and_no_picture_is_in_it(tmp_path: Path) -> None:
    for path in write(tmp_path):
        text = path.read_text(encoding="utf-8")
        assert tiny.SECRET not in text
        assert not any(word in text for word in ("<img", "data:image", "base64,", "url("))


def test_free_text_is_text(tmp_path: Path) -> None:
    text = write(tmp_path, forced=tiny.NASTY, overruled=[tiny.NASTY])[1].read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in text
    assert text.count("<script") == 1
    assert files.verify(tmp_path / "one.html", TRUSTED).certificate["service"]["forced"] == tiny.NASTY


def test_unsigned_it_says_so_in_large_letters_and_does_not_hold(tmp_path: Path) -> None:
    written, html = write(tmp_path, key=None)
    assert "<strong>UNSIGNED</strong>" in html.read_text(encoding="utf-8")
    for path in (written, html):
        assert "UNSIGNED" in refusal(path)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    return [path] if inside is None else [leaf for key, one in inside for leaf in leaves(one, (*path, key))]


def test_no_figure_or_word_of_the_data_can_be_changed(tmp_path: Path) -> None:
    path = write(tmp_path)[0]
    signed = json.loads(path.read_text(encoding="utf-8"))
    found = leaves(signed["certificate"])
    assert len(found) > 50
    for leaf in found:
        changed = json.loads(json.dumps(signed))
        place = changed["certificate"]
        for key in leaf[:-1]:
            place = place[key]
        place[leaf[-1]] = "something else"
        path.write_text(json.dumps(changed), encoding="utf-8")
        told = "of a form that this release knows" if leaf == ("format",) else "changed since it was signed"
        assert told in refusal(path), leaf


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1 of 40", "0 of 40", "the page was changed"),
        ("What it does not promise", "What it promises", "the page was changed"),
        ("</main>", "<p>And more.</p></main>", "the page was changed"),
        ('"test_accuracy":0.6', '"test_accuracy":0.9', "changed since it was signed"),
        ('<meta name="dlfd-page-signature"', '<meta name="nothing"', "no one place for its signature"),
        ('id="certificate"', 'id="other"', "no one JSON"),
    ],
)
def test_nothing_that_people_read_can_be_changed(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = write(tmp_path)[1]
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert told in refusal(path)


def test_a_signature_of_the_page_is_none_of_the_data(tmp_path: Path) -> None:
    """Nor the other way round: each begins with what it is of."""
    content = b"{}"
    assert not signing.holds(TRUSTED, signing.encode(KEY.sign(files.OF_PAGE + content)), files.OF_DATA + content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no certificate"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"{", "is no certificate"),
        (b"[]", "no certificate"),
        (b'{"certificate": {}, "signature": null}', "is no certificate"),
        (b'{"certificate": {"format": "x"}, "signature": null}', "of a form that this release knows"),
        (b'{"certificate": 1, "certificate": 2, "signature": null}', "a key stands in it twice"),
        (b'{"certificate": {"format": "dlfd-certificate/1"}, "signature": "?"}', "its signature is none of Ed25519"),
        (b'{"certificate": NaN, "signature": null}', "NaN is no number"),
        (b'{"certificate":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is no certificate"),
        (b'<script type="application/json" id="certificate">' + b"[" * 100_000 + b"</script>", "cannot be read"),
    ],
)
def test_what_is_no_certificate_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert told in refusal(path)
    assert "cannot be read" in refusal(tmp_path / "missing")


def test_an_infinite_number_was_never_signed(tmp_path: Path) -> None:
    path = write(tmp_path)[0]
    path.write_text(path.read_text(encoding="utf-8").replace('"test_accuracy": 0.6', '"test_accuracy": 1e999'))
    assert "changed since it was signed" in refusal(path)


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_json_survives_being_written_in_any_way(value: Any) -> None:
    try:
        form = canonical.dumps(value)
    except UnicodeEncodeError:  # half of a surrogate pair is no text
        return
    assert canonical.dumps(canonical.loads(json.dumps(value, indent=3))) == form
    assert canonical.dumps(canonical.loads(form)) == form


def test_what_is_no_number_becomes_null() -> None:
    assert canonical.plain({"a": float("nan"), "b": (1, float("inf"))}) == {"a": None, "b": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.dumps(float("nan"))


def test_the_signature_is_plain_ed25519_of_plain_json(tmp_path: Path) -> None:
    """So that anybody can check it without this project."""
    told = json.loads(write(tmp_path)[0].read_text(encoding="utf-8"))
    plain = json.dumps(told["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    TRUSTED.verify(base64.b64decode(told["signature"]["value"]), b"dlfd certificate\n" + plain)
