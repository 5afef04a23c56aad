"""`python -m tests.benchmark [--write docs/benchmarks.md] [--short]`."""

import argparse
from pathlib import Path

from rich.console import Console

from tests.benchmark import report
from tests.benchmark.plan import FULL, SHORT, run


def main() -> None:
    """Measure, print, and write the page when asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="CPU and bytes of a round.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables to this Markdown page")
    parser.add_argument("--short", action="store_true", help="a tiny network: shows that it runs, says nothing of cost")
    arguments = parser.parse_args()
    console = Console()
    found = run(SHORT if arguments.short else FULL, lambda part: console.print(f"measuring {part}", style="dim"))
    for table in report.tables(found):
        table.show(console)
    if arguments.write:
        command = f"python -m tests.benchmark{' --short' if arguments.short else ''} --write {arguments.write}"
        arguments.write.write_text(report.markdown(found, command), encoding="utf-8")


if __name__ == "__main__":
    main()
