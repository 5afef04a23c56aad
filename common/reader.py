"""Takes fields off the front of a data field, one after the other."""

from struct import Struct
from typing import final

from common.identifiers import is_name
from common.refusal import Refusal, RefusedError


@final
class Reader:
    """What does not fit is refused with BAD_DATA, and so is what is left over at the `end`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise RefusedError(Refusal.BAD_DATA)
        self._at += count
        return taken

    def unpack(self, layout: Struct) -> tuple[int, ...]:
        """The next fields, as a layout has them."""
        return layout.unpack(self.take(layout.size))

    def number(self, count: int) -> int:
        """A number of `count` bytes."""
        return int.from_bytes(self.take(count))

    def name(self) -> str:
        """`length 1 | name`."""
        text = self.take(self.number(1)).decode("ascii", "replace")
        if not is_name(text):
            raise RefusedError(Refusal.BAD_DATA)
        return text

    def numbers(self, width: int) -> tuple[int, ...]:
        """`count 2 | number, count times`, each of `width` bytes."""
        count = self.number(2)
        octets = self.take(count * width)
        return tuple(int.from_bytes(octets[i : i + width]) for i in range(0, len(octets), width))

    def chunks(self, width: int) -> tuple[bytes, ...]:
        """`count 1 | bytes, count times`, `width` of them each."""
        return tuple(self.take(width) for _ in range(self.number(1)))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise RefusedError(Refusal.BAD_DATA)
