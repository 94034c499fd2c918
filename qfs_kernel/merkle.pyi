from collections.abc import Sequence

from typing_extensions import Buffer, disjoint_base

@disjoint_base
class Rows:
    def __init__(self, fields: Sequence[tuple[str, Buffer, Buffer | None, int]]) -> None: ...

def subtree_roots(
    rows: Rows, start: int, stop: int, size: int, functions: tuple[int, int, int]
) -> bytes: ...
def root_over(roots: Buffer, functions: tuple[int, int, int]) -> bytes: ...
