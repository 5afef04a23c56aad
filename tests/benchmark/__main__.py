"""`python -m tests.benchmark [--write docs/benchmarks.md] [--short] [--without-large] [--peers]`."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.benchmark import peers, report
from tests.benchmark.plan import FULL, SHORT, run


def main() -> None:
    """Measure, print, and write the page when asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="CPU and bytes of a round.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables to this Markdown page")
    parser.add_argument("--short", action="store_true", help="a tiny network: shows that it runs, says nothing of cost")
    parser.add_argument("--without-large", action="store_true", help="leave out 10,000 gateways, which take minutes")
    parser.add_argument("--peers", action="store_true", help="also other people's secure sums, installed on demand")
    arguments = parser.parse_args()
    console = Console()

    def say(part: str) -> None:
        console.print(f"measuring {part}", style="dim")

    plan = SHORT if arguments.short else FULL
    if arguments.without_large:
        plan = replace(plan, large=None)
    found = run(plan, say)
    others = peers.measure(plan.sizes, peers.DROPOUTS, peers.LIMIT_S, say=say) if arguments.peers else None
    for table in report.tables(found, others):
        table.show(console)
    if arguments.write:
        given = vars(arguments)
        options = "".join(f" --{name}" for name in ("short", "without-large", "peers") if given[name.replace("-", "_")])
        command = f"python -m tests.benchmark{options} --write {arguments.write}"
        arguments.write.write_text(report.markdown(found, command, others), encoding="utf-8")


if __name__ == "__main__":
    main()
