"""The table of rounds: one line for each closed round, and one for the round that is open."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.identifiers import RoundNumber
from common.schedule import Schedule
from launcher.board import Board
from launcher.rounds import ClosedRound
from launcher.spectator import NetworkView

BAR_CELLS = 6

WIDE = 118
"""Terminal columns from which export and what happens fit beside the rest."""

MEDIUM = 92
"""Terminal columns from which bars fit."""

_NOTHING = "·"


def kwh(dwh: int | None) -> str:
    """Energy for people: `0.0042`, from 0.1 Wh; a dot when there is none."""
    return _NOTHING if dwh is None else f"{dwh / 10_000:.4f}"


def time_bar(elapsed_ms: int, period_ms: int, style: str, width: int = WIDE) -> Text:
    """A part of the period as a bar with seconds: `━━━───  1.4 s`; the seconds alone when the terminal is narrow."""
    if width < MEDIUM:
        return Text(f"{elapsed_ms / 1000:.1f} s")
    filled = min(round(BAR_CELLS * elapsed_ms / period_ms), BAR_CELLS)
    bar = Text("━" * filled, style=style)
    bar.append("─" * (BAR_CELLS - filled), style="bright_black")
    return bar.append(f" {elapsed_ms / 1000:4.1f} s", style="default")


def verdict(closed: ClosedRound) -> Text:
    """Whether the sum is right, or what became of the round instead."""
    if closed.is_exact is None:
        return Text(closed.message.status, style="yellow")
    if closed.is_exact:
        return Text("✓ exact", style="green")
    return Text("✗ WRONG", style="bold red")


def cells(closed: ClosedRound, schedule: Schedule, width: int) -> list[Text]:
    """A closed round from its number to its bar, without network and notes."""
    message, truth = closed.message, closed.truth
    is_short = message.missing > 0
    energies = [
        Text(kwh(message.import_dwh), style="bold"),
        Text(kwh(truth.import_dwh if truth else None)),
        Text(kwh(message.export_dwh), style="bold"),
        Text(kwh(truth.export_dwh if truth else None)),
    ]
    return [
        Text(str(closed.number) if closed.number else "start", style="" if closed.number else "bright_black"),
        Text(f"{message.present} of {message.members}", style="yellow" if is_short else ""),
        Text(str(message.missing) if is_short else _NOTHING, style="yellow" if is_short else "bright_black"),
        Text(str(message.attempts) if message.attempts else _NOTHING, style="" if message.attempts else "bright_black"),
        *(energies if width >= WIDE else energies[:2]),
        verdict(closed),
        time_bar(message.duration_ms, schedule.period_ms, "cyan", width),
    ]


def rounds_table(board: Board, now_ms: int, rows_max: int, width: int) -> Table:
    """The last rounds of all networks, the open ones included."""
    has_networks, is_wide = len(board.networks) > 1, width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, expand=is_wide)
    for heading in ["round", *(["network"] if has_networks else []), "present", "missing", "attempts"]:
        table.add_column(f"\n{heading}", justify="right", no_wrap=True)
    energies = ["import\nsum kWh", "import\ntrue kWh", "export\nsum kWh", "export\ntrue kWh"]
    for heading in energies if is_wide else energies[:2]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("\nsum is", min_width=len("✓ exact"))
    table.add_column("\nclosed after" if width >= MEDIUM else "closed\nafter", no_wrap=True)
    if is_wide:
        table.add_column("\nwhat happens", ratio=1)
    for row in _rows(board, now_ms, width)[-rows_max:]:
        table.add_row(row[0], *(row[1:] if has_networks else row[2:]))
    return table


def _rows(board: Board, now_ms: int, width: int) -> list[list[Text]]:
    """Round, network and the rest, of the closed rounds and then of the open ones."""
    rows, is_wide = list[list[Text]](), width >= WIDE
    for closed in board.shown:
        number, *rest = cells(closed, board.schedule, width)
        note = _notes(board, closed.message.network, closed.number, _why(closed))
        rows.append([number, Text(closed.message.region), *rest, *([note] if is_wide else [])])
    for view, plan in zip(board.networks, board.profile.network, strict=True):
        if view.origin is not None and not board.is_over:
            number, bar, note = _open_row(board, view, now_ms, width)
            blank = [Text()] * (8 if is_wide else 6)
            rows.append([number, Text(plan.region, "bright_black"), *blank, bar, *([note] if is_wide else [])])
    return rows


def _open_row(board: Board, view: NetworkView, now_ms: int, width: int) -> tuple[Text, Text, Text]:
    """The round that is open, or about to begin: its number, its bar, and what happens in it."""
    assert view.origin is not None
    round_ = RoundNumber(max((view.last or 0) + 1, view.origin))
    number = view.number(round_)
    elapsed_ms = now_ms - board.schedule.start(round_)
    if elapsed_ms < 0:
        wait = f"in {-elapsed_ms / 1000:.{0 if width < MEDIUM else 1}f} s"
        return Text(str(number), "bright_black"), Text(wait, "bright_black"), Text()
    note = _notes(board, view.network, number) or Text(_phase(board.schedule, elapsed_ms), "bright_black")
    return Text(str(number)), time_bar(elapsed_ms, board.schedule.period_ms, "yellow", width), note


def _phase(schedule: Schedule, elapsed_ms: int) -> str:
    if elapsed_ms < schedule.window_ms:
        return "the gateways send"
    if elapsed_ms < schedule.window_ms + schedule.grace_ms:
        return "the last frames are awaited"
    return "the sum is corrected"


def _notes(board: Board, network: int, number: int, why: str = "") -> Text:
    return Text("\n").join(
        [*([Text(why, "yellow")] if why else []), *map(Text, board.notes.get((network, number), []))]
    )


def _why(closed: ClosedRound) -> str:
    """Why a round has no sum; empty when it has one."""
    return "" if closed.message.has_sum else closed.message.why or "nothing was heard of it"


def picture(board: Board, now_ms: int, width: int, height: int) -> RenderableType:
    """Everything: title, warning, connection, table, and what the columns mean."""
    head = Text.assemble(("dcnet demo", "bold"), f"  {board.profile.title}\n")
    head.append(f"{board.gateways} gateways, a round every {board.profile.period_s:g} s", style="bright_black")
    if board.watching is not None:
        head.append("".join(f"\n{line}" for line in board.watching.short), style="bright_black")
    parts: list[RenderableType] = [head]
    if board.warning:
        parts.append(Text(f"⚠ {board.warning}", style="bold yellow"))
    if any(view.origin is None for view in board.networks):
        parts.append(Text(_waiting(board)))
    if board.closed or any(view.origin is not None for view in board.networks):
        parts.append(rounds_table(board, now_ms, max(height - 17, 4), width))
    if width < WIDE:
        happened = [f"round {number}: {note}" for (_, number), notes in board.notes.items() for note in notes]
        happened += [f"round {closed.number}: {why}" for closed in board.shown[-4:] if (why := _why(closed))]
        parts.append(Text("\n".join(happened[-4:])))
    if board.is_over and board.played:
        style = "bold green" if all(closed.is_good for closed in board.closed) else "bold red"
        parts.append(Text(f"{board.summary()}\n", style=style))
    true = "true: what the included gateways wrote into their own vaults, which the provider never sees"
    parts.append(Text(f"{true}\nresults: {board.results}", style="bright_black"))
    return Group(*parts)


def _waiting(board: Board) -> str:
    if board.watching is None:
        return "The provider and its Mosquitto are starting."
    if board.up < board.gateways:
        return f"Gateways are starting: {board.up} of {board.gateways}."
    members = sum(view.expected for view in board.networks)
    return f"The gateways agree on seeds with their neighbors: {members} of {board.gateways} take part."
