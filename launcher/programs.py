"""Becomes the program of a gateway or of the provider: what `python -m smgw` starts, `dcnet smgw run` is.

The launcher's process is replaced, so that nothing of it stays in a Pi's memory, and signals and the exit status are
the program's own.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn


def become(module: str, config: Path, log_level: str | None, *options: str) -> NoReturn:
    """Replace this process by `python -m module --config FILE ...`."""
    level = [] if log_level is None else ["--log-level", log_level]
    command = [sys.executable, "-P", "-m", module, "--config", str(config), *level, *options]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command)  # noqa: S606 -- no shell is wanted
