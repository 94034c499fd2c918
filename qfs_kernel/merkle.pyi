from collections.abc import Sequence

from typing_extensions import Buffer, disjoint_base

@disjoint_base
class Rows:
    def __init__(self, fields: Sequence[tuple[str, Buffer, Buffer | None, int]]) -> None: ...

def range_root(rows: Rows, start: int, stop: int, init: int, update: int, final: int) -> bytes: ...
