"""The certificate as a printable page that asks for nothing; the JSON stands in it, and a signature of the page itself.

The page is signed as it is, with that signature's own place left empty, so that neither the data nor what people read
can be changed. The JSON in it has its own signature, the same as in the JSON file.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline import canonical, pages
from pipeline.certificates import signing
from pipeline.errors import CertificateError

ROLES = {"model": "this model", "oracle": "retrained oracle", "original": "original"}
EMPTY = '<meta name="dlfd-page-signature" content="">'
SIGNED = re.compile(r'<meta name="dlfd-page-signature" content="([A-Za-z0-9+/=]*)">')
DATA = re.compile(r'<script type="application/json" id="certificate">(.*?)</script>', re.DOTALL)
ATTACKS = ("loss", "confidence", "entropy", "m_entropy", "calibrated", "rmia", "lira")


def render(envelope: dict[str, Any]) -> str:
    """The page, with the place of its signature empty.

    Args:
        envelope: of `pipeline.certificates.files`.
    """
    certificate, signature = envelope["certificate"], envelope["signature"]
    told = certificate["evidence"]
    values = {
        "envelope": envelope,
        "certificate": certificate,
        "fingerprint": signing.fingerprint(signature["public_key"]) if signature else "",
        "signature": signature,
        "told": told,
        "roles": ROLES,
        "figures": _figures(told["metrics"]) if told else [],
        "attacks": _attacks(told["audits"]) if told else [],
        "sentence": _sentence(certificate),
    }
    return pages.templates("certificate").get_template("page.html").render(values)


def sign(page: str, signature: str) -> str:
    """The page with its signature in place."""
    return page.replace(EMPTY, EMPTY.replace('""', f'"{signature}"'))


def unsign(page: str) -> tuple[str, str]:
    """The page as it was signed, and its signature; empty where it has none.

    Raises:
        CertificateError: there is no one place for a signature.
    """
    found = SIGNED.findall(page)
    if len(found) != 1:
        raise CertificateError("it is no certificate's page: there is no one place for its signature")
    return SIGNED.sub(EMPTY, page), found[0]


def envelope(page: str) -> dict[str, Any]:
    """The JSON in a page.

    Raises:
        CertificateError: there is none.
    """
    found = DATA.findall(page)
    if len(found) != 1:
        raise CertificateError("it is no certificate's page: there is no one JSON in it")
    try:
        return dict(canonical.loads(found[0]))
    except (ValueError, TypeError, RecursionError) as error:
        raise CertificateError(f"the JSON in it cannot be read ({error})") from None


def _sentence(certificate: dict[str, Any]) -> str:
    """Of how many persons, and what the audits say: no more than that."""
    asked, open_ = len({one["person"] for one in certificate["requests"]}), len(certificate["not_forgotten"])
    told = f"was made to forget {asked} {'person' if asked == 1 else 'persons'} who asked for it"
    if not asked:
        told = "was made for nobody who asked: no request stands behind it"
    if open_:
        told += f"; {open_} open {'request' if open_ == 1 else 'requests'} it has not forgotten"
    return told


def _figures(metrics: dict[str, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Rows of the first table: name -> a cell for each of ROLES."""

    def share(name: str) -> list[str]:
        return [_number(metrics[role].get(name)) for role in ROLES]

    def beside(name: str, low: str, high: str) -> list[str]:
        return [_interval(*(metrics[role].get(one) for one in (name, low, high))) for role in ROLES]

    def persons(detected: str, audited: str) -> list[str]:
        return [_of(metrics[role].get(detected), metrics[role].get(audited)) for role in ROLES]

    def word(name: str) -> list[str]:
        return [str(metrics[role].get(name) or "–") for role in ROLES]

    rows = [
        ("verdict", word("verdict")),
        ("persons still detected (1 % false alarms)", persons("persons_detected", "persons_audited")),
        ("deciding attack, AUC", beside("strongest_auc", "strongest_auc_low", "strongest_auc_high")),
        ("membership attack (MIA), accuracy", beside("mia_accuracy", "mia_interval_low", "mia_interval_high")),
    ]
    if any("forgotten_verdict" in metrics[role] for role in ROLES):  # the rows above are of this round's persons alone
        rows += [
            ("earlier rounds: verdict", word("forgotten_verdict")),
            ("earlier rounds: persons still detected", persons("forgotten_persons_detected", "forgotten_persons")),
            (
                "earlier rounds: calibrated attack, AUC",
                beside("forgotten_auc", "forgotten_auc_low", "forgotten_auc_high"),
            ),
        ]
    return [
        *rows,
        ("test accuracy", share("test_accuracy")),
        ("accuracy on the forgotten", share("forget_accuracy")),
        ("accuracy on never-seen persons", share("unseen_accuracy")),
    ]


def _attacks(audits: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[str, list[str]]]:
    """Rows of the second table: AUC with its interval of every attack."""
    names = [*ATTACKS, *sorted({name for one in audits.values() for name in one} - set(ATTACKS))]
    rows = []
    for name in names:
        found = [audits[role].get(name, {}) for role in ROLES]
        if any(found):
            rows.append((name, [_interval(*(one.get(key) for key in ("auc", "auc_low", "auc_high"))) for one in found]))
    return rows


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _of(part: float | None, whole: float | None) -> str:
    return "–" if part is None or whole is None else f"{part:.0f} of {whole:.0f}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    told = _number(value)
    return told if value is None or low is None or high is None else f"{told} [{low:.3f}, {high:.3f}]"
