from typing_extensions import Buffer, disjoint_base

_Hashing = tuple[tuple[int, int, int], bytes, bytes]

@disjoint_base
class Ballots:
    def __init__(self, voters: Buffer, firsts: Buffer, powers: Buffer, cap: int) -> None: ...

def counted_voters(
    firsts: Buffer, powers: Buffer, cap: int, max_seq: int, max_power: int, voters: Buffer
) -> int: ...
def subtree_nodes(
    ballots: Ballots, start: int, stop: int, size: int, hashing: _Hashing
) -> bytes | None: ...
def level_above(level: Buffer, hashing: _Hashing) -> bytes | None: ...
