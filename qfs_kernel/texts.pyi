from typing_extensions import Buffer, disjoint_base

@disjoint_base
class TextRows:
    def __init__(self, offsets: memoryview, data: Buffer) -> None: ...
