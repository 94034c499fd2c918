from array import array
from typing import Final

from typing_extensions import Buffer, disjoint_base

DIGITS: Final[int]
LEVELS: Final[int]

@disjoint_base
class Level:
    def __init__(
        self, shared_pool: int, shared_weight: int, common_cap: int | None, is_capped: bool
    ) -> None: ...

def water_fill(weights: Buffer, caps: Buffer | None, level: Level) -> tuple[int, int, int]: ...
def water_fill_sorted(
    weights: Buffer, caps: Buffer | None, level: Level, positions: array[int] | memoryview
) -> tuple[int, int]: ...
def floor_shares(
    weights: Buffer,
    caps: Buffer | None,
    level: Level,
    amounts: bytearray | memoryview,
    histogram: array[int] | memoryview,
) -> int: ...
def choose_digit(histogram: array[int] | memoryview, leftover: int) -> tuple[int, int]: ...
def cut_at_digit(
    weights: Buffer,
    caps: Buffer | None,
    level: Level,
    amounts: bytearray | memoryview,
    digit: int,
    positions: array[int] | memoryview,
    first_row: int,
) -> int: ...
def remainder_bounds(
    weights: Buffer,
    level: Level,
    amounts: bytearray | memoryview,
    positions: array[int] | memoryview,
) -> tuple[int, int]: ...
def cut_listed(
    weights: Buffer,
    level: Level,
    amounts: bytearray | memoryview,
    positions: array[int] | memoryview,
    digit_level: int,
    leftover: int,
) -> tuple[int, int]: ...
def pay_listed(amounts: bytearray | memoryview, positions: array[int] | memoryview) -> None: ...
