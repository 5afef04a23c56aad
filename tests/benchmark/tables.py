"""Tables that go to the terminal and, as Markdown, into a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from tests.benchmark.stopwatch import Laps


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a head, rows of as many cells, and sentences that belong under it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def show(self, console: Console) -> None:
        """Print it."""
        table = RichTable(
            *self.head, title=self.title, title_justify="left", caption=self.note.replace("`", "") or None
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for row in self.rows:
            table.add_row(*(cell.replace("**", "") for cell in row))
        console.print(table)

    def markdown(self) -> str:
        """The same as a section of a Markdown page."""
        rule = ["---", *(["--:"] * (len(self.head) - 1))]
        lines = "\n".join(f"| {' | '.join(row)} |" for row in (self.head, rule, *self.rows))
        return f"## {self.title}\n\n{lines}\n" + (f"\n{self.note}\n" if self.note else "")


def us(laps: Laps) -> str:
    """Microseconds: the least, and the median in parentheses."""
    return f"{laps.least_us:.1f} ({laps.median_us:.1f})"


def ms(laps: Laps) -> str:
    """Milliseconds: the least, and the median in parentheses."""
    return f"{laps.least_us / 1_000:.2f} ({laps.median_us / 1_000:.2f})"
