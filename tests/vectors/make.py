"""Make the vector files from the product, or check that they still say what the product does.

    python -m tests.vectors.make --check
    python -m tests.vectors.make --write

`codes.json` is not among them: it is kept by hand, because a code must never follow a change of the program.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from tests.vectors import FOLDER, bad_frames, certificates, derivations, good_frames, handshakes, hardened, rosters

FILES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "frames_good.json": good_frames.good_file,
    "frames_bad.json": bad_frames.bad_file,
    "masks.json": derivations.masks,
    "ratchet.json": derivations.ratchet,
    "superposition.json": derivations.superposition,
    "suite_basic.json": derivations.suite_basic,
    "suite_hardened.json": hardened.suite_hardened,
    "clients.json": derivations.clients,
    "fingerprints.json": derivations.fingerprints,
    "view.json": derivations.view,
    "schedule.json": derivations.schedule,
    "topics.json": derivations.topics,
    "merkle.json": rosters.merkle,
    "draws.json": rosters.draws,
    "roster.json": rosters.rosters,
    "certificates.json": certificates.certificates,
    "handshake.json": handshakes.handshake,
}
"""What makes each file."""

_LIST_OF_NUMBERS: Final = re.compile(r"\[\s+(-?\d+(?:,\s+-?\d+)*)\s+\]")


def text_of(name: str) -> str:
    """The whole text of one vector file, lists of numbers on one line."""
    text = json.dumps(FILES[name](), indent=2)
    return _LIST_OF_NUMBERS.sub(lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text) + "\n"


def stale() -> list[str]:
    """The files that do not say what the product does."""
    paths = {name: FOLDER / name for name in FILES}
    return [name for name, path in paths.items() if not path.exists() or path.read_text("utf-8") != text_of(name)]


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit status."""
    if arguments == ["--write"]:
        for name in FILES:
            (FOLDER / name).write_text(text_of(name), "utf-8")
        return 0
    if arguments == ["--check"]:
        wrong = stale()
        if wrong:
            sys.stderr.write(f"not what the product computes: {', '.join(wrong)}; rewrite with --write\n")
        return 1 if wrong else 0
    sys.stderr.write(str(__doc__))
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
