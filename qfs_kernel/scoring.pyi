from array import array

def reaches(counts: array[int] | memoryview, least: int) -> bool: ...
def score(
    uptime: tuple[memoryview, memoryview],
    storage: tuple[memoryview, memoryview],
    ai: tuple[memoryview, memoryview],
    weights: tuple[int, int, int] | None,
    min_samples: int,
    neutral: tuple[bool, bool, bool],
    scores: bytearray | memoryview,
) -> tuple[int, int, int]: ...
