"""Exception groups, as task groups raise them, taken apart."""

from collections.abc import Iterator


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group of groups, in their order; an error that is no group is itself."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from leaves(part)
    else:
        yield error
