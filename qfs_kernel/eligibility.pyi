from array import array

from typing_extensions import Buffer, disjoint_base

from qfs_kernel.texts import TextRows

@disjoint_base
class Registered:
    def __init__(
        self, ids: TextRows, roles: TextRows, registered_ticks: Buffer, revoked_ticks: Buffer
    ) -> None: ...

@disjoint_base
class Reported:
    def __init__(
        self,
        ids: TextRows,
        uptime: tuple[Buffer, Buffer],
        storage: tuple[Buffer, Buffer],
        ai: tuple[Buffer, Buffer],
    ) -> None: ...

@disjoint_base
class Rule:
    def __init__(
        self, role: bytes, last_tick: int, min_uptime: int, expected_heartbeats: int
    ) -> None: ...

def assess(
    registered: Registered,
    reported: Reported,
    rule: Rule,
    registered_rows: array[int],
    reported_rows: array[int],
    reasons: array[int],
) -> int: ...
