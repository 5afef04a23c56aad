"""How many of a gateway's drawn neighbors must take part before its reading is covered well enough.

Of `drawn` neighbors, suite `hardened` tolerates f silent ones, and colluding ones as long as 2 * needed exceeds the
drawn and the colluding together: then those who still mask with a gateway and those who have opened its second mask
overlap in an honest one. Source: docs/protocol.md, "Thresholds".
"""


def half(drawn: int) -> int:
    """Suite `basic`: at least half of the drawn neighbors must be under a frame."""
    return (drawn + 1) // 2


def silent(drawn: int) -> int:
    """Suite `hardened`: how many holders (f) of `drawn` may be silent."""
    return max(drawn - 1, 0) // 3


def needed(drawn: int) -> int:
    """Suite `hardened`: how many holders (k) of `drawn` must be under a frame, and how many shares open a mask."""
    return drawn - silent(drawn)


def smallest_opened(drawn: int, colluding: int) -> int:
    """How many honest members any sum that a lying provider learns holds at least, itself included.

    `colluding` of the drawn holders work with the provider; 0 when nothing is promised against so many.
    """
    overlap = 2 * needed(drawn) - drawn - colluding
    return overlap + 1 if overlap >= 1 else 0
