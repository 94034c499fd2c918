from typing import Final

from typing_extensions import Buffer

SPEC_VERSION: Final[int]
LIMITS: Final[dict[str, int]]
BUILD: Final[dict[str, str]]

def mul_div_many(
    a: Buffer,
    b: Buffer,
    c: Buffer,
    rounding: int,
    maximum: int,
    results: bytearray | memoryview,
) -> tuple[int, int]: ...
