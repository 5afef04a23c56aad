"""`dcnet analyze rounds`: corrections, messages, bytes and waiting time over size and loss, by the real cores.

Beside each measured case stands a model without cores, which also covers networks that are too large to play. Source:
docs/protocol.md, "Rounds", "Correction".
"""

from launcher.analysis.options import Options, Tell
from launcher.analysis.progress import telling
from launcher.analysis.rounds_cases import measured, modeled, rows_of
from launcher.analysis.rounds_plots import draw, draw_bytes, draw_waiting
from launcher.analysis.rounds_words import section, summary
from launcher.analysis.tables import Results, write_csv

__all__ = ["draw", "draw_bytes", "draw_waiting", "results", "run", "section", "summary"]


def results(options: Options, tell: Tell) -> Results:
    """The tables: `rounds`, played by real cores with the model beside them, and `rounds_model`, the model alone."""
    played, alone = measured(options), modeled(options)
    rows = rows_of(options, tell, [*played, *alone])
    return {"rounds": rows[: len(played)], "rounds_model": rows[len(played) :]}


def run(options: Options) -> int:
    """The command: compute, write the tables, say what came out."""
    with telling() as tell:
        found = results(options, tell)
    write_csv(options.out, found)
    print(summary(found))  # noqa: T201 -- what the command is for
    return 0
