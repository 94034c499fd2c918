from typing_extensions import Buffer

def issue(
    fees: Buffer,
    rate: int,
    residue: int,
    room: int,
    issued: bytearray | memoryview,
) -> tuple[int, int, int]: ...
