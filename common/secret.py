"""Secret bytes as a type that shows nothing of them."""

import hmac
from typing import Final, final


@final
class Secret:
    """Bytes that never appear in a repr, a log or an exception, and compare in constant time.

    `reveal` is the one way to the bytes; a reader finds every use by its name.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value: Final = bytes(value)

    def reveal(self) -> bytes:
        """The bytes, for a primitive that needs them."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({len(self._value)} bytes)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        raise TypeError("a secret is no key of a dictionary")

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
