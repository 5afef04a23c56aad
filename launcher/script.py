"""The script of a demonstration: who fails, returns, leaves, joins and is revoked, and when."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Action(StrEnum):
    """What happens to a gateway."""

    FAIL = "fail"
    RETURN = "return"
    LEAVE = "leave"
    JOIN = "join"
    REVOKE = "revoke"


_MEANINGS = {
    Action.FAIL: "is killed",
    Action.RETURN: "returns",
    Action.LEAVE: "leaves",
    Action.JOIN: "joins",
    Action.REVOKE: "is revoked by the administrator",
}


class Step(BaseModel):
    """One line of the script, done `delay_s` after the beginning of a round.

    Rounds count from the first one in which all gateways of the network take part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    round: int = Field(ge=1, le=1_000_000, description="The round in which it happens, counted from 1")
    action: Action = Field(description="What happens: fail, return, leave, join or revoke")
    gateway: int | None = Field(None, ge=1, description="The gateway's number; who joins has none, it gets the next")
    region: str | None = Field(None, description="The network's region; needed when there are several networks")
    delay_s: float = Field(0, ge=0, le=86_400, description="How long after the beginning of the round")


def sentence(action: Action, name: str) -> str:
    """What happens, for a person: `gateway-3 is killed`."""
    return f"{name} {_MEANINGS[action]}"


def faults(steps: Iterable[Step], gateways: int) -> list[str]:
    """What cannot be played in one network's steps: each as a sentence, none when all is well.

    Args:
        steps: The steps of one network.
        gateways: How many gateways it begins with; they have the numbers from 1 on.
    """
    found = []
    running, failed, last = set(range(1, gateways + 1)), set[int](), gateways
    for step in sorted(steps, key=lambda step: (step.round, step.delay_s)):
        where = f"[[step]] of round {step.round}"
        if step.action is Action.JOIN:
            last += 1
            running.add(last)
            if step.gateway is not None:
                found.append(f"{where}: gateway = {step.gateway} must not be given, who joins gets number {last}")
        elif step.gateway is None:
            found.append(f"{where}: gateway is missing, say which one is to {step.action}")
        elif step.gateway not in (failed if step.action is Action.RETURN else running):
            needed = "has failed before" if step.action is Action.RETURN else "is running then"
            found.append(f"{where}: gateway {step.gateway} cannot {step.action}; name one that {needed}")
        else:
            running.discard(step.gateway)
            failed.discard(step.gateway)
            {Action.FAIL: failed, Action.RETURN: running}.get(step.action, set[int]()).add(step.gateway)
    return found


def fitting(steps: Iterable[Step], planned: int, gateways: int, members_min: int) -> list[Step]:
    """The steps that can be played with another number of gateways than they were written for.

    Args:
        steps: The steps of one network, in the order in which they are played.
        planned: The number of gateways they were written for.
        gateways: How many there shall be.
        members_min: A step that would leave fewer running is left out.

    Returns:
        Those that fit, with the numbers of who joins moved behind the new last one.
    """
    fits, running, left_out = list[Step](), gateways, set[int]()
    for step in steps:
        number = step.gateway
        if number is not None and number > planned:
            number += gateways - planned
        elif number is not None and number > gateways:
            continue
        is_loss = step.action in (Action.FAIL, Action.LEAVE, Action.REVOKE)
        if number is not None and (number in left_out or (is_loss and running <= members_min)):
            left_out.add(number)
            continue
        running += -1 if is_loss else 1
        fits.append(step.model_copy(update={"gateway": number}))
    return fits
