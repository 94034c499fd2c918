from array import array
from typing import Final

from typing_extensions import Buffer, disjoint_base

DIGITS: Final[int]
LEVELS: Final[int]
CPU_PATHS: Final[tuple[str, ...]]

@disjoint_base
class Level:
    def __init__(
        self,
        shared_pool: int,
        shared_weight: int,
        common_cap: int | None,
        is_capped: bool,
        cpu_path: str,
    ) -> None: ...
    @property
    def half(self) -> int: ...

def water_fill(weights: Buffer, caps: Buffer | None, level: Level) -> tuple[int, int, int]: ...
def water_fill_sorted(
    weights: Buffer, caps: Buffer | None, level: Level, positions: array[int] | memoryview
) -> tuple[int, int]: ...
def floor_shares(
    weights: Buffer,
    caps: Buffer | None,
    level: Level,
    amounts: bytearray | memoryview,
    scratch: bytearray | memoryview,
    counts: array[int] | memoryview,
) -> int: ...
