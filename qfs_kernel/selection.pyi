from array import array

from typing_extensions import Buffer

from qfs_kernel.allocation import Level

def choose_digit(counts: array[int] | memoryview, leftover: int) -> tuple[int, int]: ...
def settle(
    amounts: bytearray | memoryview, scratch: bytearray | memoryview, level: Level, digit: int
) -> int: ...
def survey(
    weights: Buffer,
    caps: Buffer | None,
    level: Level,
    amounts: Buffer,
    positions: array[int] | memoryview,
    digit_level: int,
    counts: array[int] | memoryview,
) -> tuple[int, int]: ...
def cut_listed(
    weights: Buffer,
    caps: Buffer | None,
    level: Level,
    amounts: bytearray | memoryview,
    positions: array[int] | memoryview,
    digit_level: int,
    digit: int,
) -> int: ...
def pay_listed(amounts: bytearray | memoryview, positions: array[int] | memoryview) -> None: ...
