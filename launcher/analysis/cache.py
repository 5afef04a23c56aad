"""Finished parts of experiments on disk, so that a run that was stopped goes on where it was.

A part is known by its name, its parameters and the seed. A part is written in one move: what is there is whole.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final

from launcher.analysis.options import Options
from launcher.analysis.tables import Cell, Rows

FORMAT: Final = 1
"""Part of every key: raise it when an experiment computes something else under the same parameters."""


class Cache:
    """The cache below the directory of results."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._directory = options.out / "cache"

    def find(self, name: str, parameters: Mapping[str, Cell]) -> Rows | None:
        """The rows of a part that was finished earlier; None when it was not, or when nothing is to be resumed."""
        if not self._options.resume:
            return None
        try:
            stored = json.loads(self._directory.joinpath(self._file(name, parameters)).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        rows: Rows = stored["rows"]
        return rows

    def keep(self, name: str, parameters: Mapping[str, Cell], rows: Rows) -> None:
        """Store a finished part."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / self._file(name, parameters)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"parameters": dict(parameters), "rows": rows}), encoding="utf-8")
        part.replace(path)

    def rows(self, name: str, parameters: Mapping[str, Cell], compute: Callable[[], Rows]) -> Rows:
        """The rows of a part: found, or computed and kept."""
        rows = self.find(name, parameters)
        if rows is None:
            rows = compute()
            self.keep(name, parameters, rows)
        return rows

    def _file(self, name: str, parameters: Mapping[str, Cell]) -> str:
        key = json.dumps([FORMAT, name, self._options.seed, dict(parameters)], sort_keys=True)
        return f"{name}-{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}.json"
