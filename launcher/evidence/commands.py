"""`dcnet smgw evidence` and `dcnet inspect --evidence`: what was kept, handed on, and judged."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from broker.credentials import AUTHORITY_FILE, CERTIFICATE_FILE, PROVIDER_FILE, fingerprint, stored
from broker.home import HomeError, write_file
from broker.pem import CERTIFICATE, one_of, to_pem
from broker.toml import SettingsError
from common.certificates import Authority
from launcher.errors import LauncherError
from launcher.evidence.document import Document, read_certificate, read_document
from launcher.evidence.judging import Verdict, judge
from launcher.fields import utc
from smgw import settings as smgw_settings
from smgw.core.events import Offense
from smgw.evidence import Kept, read_evidence, summary

NOT_PROVEN: Final = 1
"""Exit status when a file does not show what it claims."""

NOTHING: Final = "Nothing is kept: this gateway has no complaint about its provider."


def tell(config: Path, out: Path | None, say: Callable[[str], None]) -> None:
    """Say what the gateway of these settings has kept of its provider, and write each offense into a file of its own.

    Raises:
        LauncherError: The settings or the vault cannot be read, or a file cannot be written.
    """
    try:
        home = smgw_settings.load(config).home
        kept = read_evidence(home)
        for each in kept:
            say(str(each))
        say(summary(kept) or NOTHING)
        if out is not None and kept:
            _write(home, kept, out, say)
    except (SettingsError, HomeError) as error:
        raise LauncherError(str(error)) from error


def _write(home: Path, kept: list[Kept], out: Path, say: Callable[[str], None]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LauncherError(f"{out} cannot be made: {error.strerror}. Name another directory with --out.") from error
    for each in kept:
        document = document_of(home, each)
        path = out / f"evidence-{each.number}-{document.offense.lower().replace('_', '-')}.json"
        write_file(path, f"{document.model_dump_json(indent=2, exclude_none=True)}\n".encode())
        verdict = judge(document, Authority(stored(home / AUTHORITY_FILE, CERTIFICATE)))
        say(f"{path}: {verdict.text}")
    say("Nothing in these files is secret, and none holds a reading. Whoever gets one checks it with:")
    say(f"  dcnet inspect --evidence FILE --ca {AUTHORITY_FILE}")


def document_of(home: Path, kept: Kept) -> Document:
    """What others need to judge one offense; the certificates are those in this home directory.

    Raises:
        HomeError: One of them cannot be read.
    """
    evidence = kept.evidence
    is_own = evidence.offense is Offense.LEFT_OUT
    return Document.model_validate(
        {
            "offense": evidence.offense.name,
            "network": kept.network,
            "round": evidence.round,
            "noted_ms": evidence.time_ms,
            "first": evidence.first.hex(),
            "second": evidence.second.hex(),
            "provider": _pem(home / PROVIDER_FILE),
            "authority": _pem(home / AUTHORITY_FILE),
            "gateway": _pem(home / CERTIFICATE_FILE) if is_own else None,
        }
    )


def _pem(path: Path) -> str:
    return to_pem(CERTIFICATE, stored(path, CERTIFICATE)).decode("ascii")


def run_evidence(path: Path, ca: Path | None, *, as_json: bool) -> int:
    """Judge a file on the standard output.

    Args:
        path: The file.
        ca: The certificate of the administrator whom the judge trusts; None takes the one in the file.
        as_json: Whether to print one JSON object.

    Returns:
        0 when it shows what it claims, else 1.

    Raises:
        LauncherError: A file cannot be read, or is none.
    """
    document = read_document(path)
    der = read_certificate(ca) if ca is not None else _own_authority(document, path)
    try:
        authority = Authority(der)
    except ValueError as error:
        raise LauncherError(f"{ca or path}: the administrator's certificate cannot be used: {error}.") from error
    verdict = judge(document, authority)
    told = _as_json(document, der, ca, verdict)
    sys.stdout.write(f"{json.dumps(told) if as_json else _as_text(told)}\n")
    return 0 if verdict.holds else NOT_PROVEN


def _own_authority(document: Document, path: Path) -> bytes:
    try:
        return one_of(CERTIFICATE, document.authority.encode())
    except ValueError as error:
        raise LauncherError(
            f"{path}: its administrator's certificate cannot be used: {error}. Give one with --ca."
        ) from error


def _as_json(document: Document, authority: bytes, ca: Path | None, verdict: Verdict) -> dict[str, Any]:
    return {
        "offense": document.offense,
        "network": document.network,
        "round": document.round,
        "noted_ms": document.noted_ms,
        "authority": fingerprint(authority),
        "authority_from": "file" if ca is None else str(ca),
        "holds": verdict.holds,
        "verdict": verdict.text,
    }


def _as_text(told: dict[str, Any]) -> str:
    source = (
        "from the file itself: compare this fingerprint with the one that you know, or give --ca"
        if told["authority_from"] == "file"
        else f"from {told['authority_from']}"
    )
    return "\n".join(
        (
            f"claim       {told['offense']} in round {told['round']} of network {told['network']},"
            f" noted by a gateway at {utc(told['noted_ms'])}",
            f"authority   {told['authority']}, {source}",
            f"verdict     {told['verdict']}",
        )
    )
