"""`dcnet analyze ...`: the evaluation of network size, key graph and rounds, and the report made of it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from launcher.analysis.options import OUT_DEFAULT, SEED_DEFAULT, Options

app = typer.Typer(
    help="How large a network must be: privacy, use and cost over its size, with a report.", no_args_is_help=True
)

Seed = Annotated[int, typer.Option(min=0, help="Every random number follows from it.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where CSV files, plots and finished parts go.")]
Full = Annotated[bool, typer.Option("--full", help="Everything, instead of what fits in five minutes.")]
Resume = Annotated[
    bool, typer.Option("--resume/--fresh", help="Take finished parts of an earlier run, or compute all again.")
]
Jobs = Annotated[int, typer.Option(min=0, help="Processes; 0 takes one for each core. No number depends on it.")]


@app.command()
def size(  # noqa: PLR0913, PLR0917 -- these are a command's options
    seed: Seed = SEED_DEFAULT,
    out: Out = OUT_DEFAULT,
    full: Full = False,
    resume: Resume = True,
    jobs: Jobs = 0,
    households: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Readings of your own households (CSV); else simulated ones.")
    ] = None,
) -> None:
    """How much a sum over n households says about one of them, for periods of 1, 5, 15 and 60 minutes.

    Example:  dcnet analyze size --households readings.csv --out my-evaluation
    """
    from launcher.analysis import size as experiment  # noqa: PLC0415 -- see launcher/cli.py

    raise typer.Exit(experiment.run(_options(seed, out, full, resume, jobs), households))


@app.command()
def graph(  # noqa: PLR0913, PLR0917 -- as above
    seed: Seed = SEED_DEFAULT,
    out: Out = OUT_DEFAULT,
    full: Full = False,
    resume: Resume = True,
    jobs: Jobs = 0,
    members: Annotated[int, typer.Option(min=2, max=100_000, help="Recommend for a network of this size.")] = 1_000,
    colluders: Annotated[
        str, typer.Option(metavar="SHARE", help="Who works with the provider: 5%, or how many.")
    ] = "5%",
    loss: Annotated[str, typer.Option(metavar="SHARE", help="How many of the others are absent.")] = "5%",
    risk: Annotated[float, typer.Option(min=1e-15, max=1, help="That what is promised to one member fails.")] = 1e-6,
) -> None:
    """Whether the key graph holds together and whether a member can be isolated; recommends how many to draw.

    Example:  dcnet analyze graph --members 500 --colluders 10% --risk 1e-6
    """
    from launcher.analysis import graph as experiment  # noqa: PLC0415

    question = experiment.Question.parse(members, colluders, loss, risk)
    raise typer.Exit(experiment.run(_options(seed, out, full, resume, jobs), question))


@app.command()
def rounds(
    seed: Seed = SEED_DEFAULT, out: Out = OUT_DEFAULT, full: Full = False, resume: Resume = True, jobs: Jobs = 0
) -> None:
    """What rounds cost over size and loss: corrections, messages, bytes and waiting time, by the real cores."""
    from launcher.analysis import rounds as experiment  # noqa: PLC0415

    raise typer.Exit(experiment.run(_options(seed, out, full, resume, jobs)))


@app.command()
def report(  # noqa: PLR0913, PLR0917 -- these are a command's options
    seed: Seed = SEED_DEFAULT,
    out: Out = OUT_DEFAULT,
    full: Full = False,
    resume: Resume = True,
    jobs: Jobs = 0,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The report; evaluation.md beside DIR unless given.")
    ] = None,
) -> None:
    """Run all three, draw the plots, and write the report.

    Example:  dcnet analyze report --out docs/evaluation
    """
    from launcher.analysis import report as whole  # noqa: PLC0415

    page = page or out.parent / "evaluation.md"
    raise typer.Exit(whole.run(_options(seed, out, full, resume, jobs), page))


def _options(seed: int, out: Path, full: bool, resume: bool, jobs: int) -> Options:
    return Options(seed, out, full, resume, jobs or os.cpu_count() or 1)
