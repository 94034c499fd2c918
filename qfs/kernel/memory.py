"""Memory for results, which the kernel writes from end to end."""

from __future__ import annotations

import mmap
from typing import Final

from qfs_kernel import columns

LARGE_BYTES: Final = 1 << 25
"""From here on the C library gives memory back to the system at once, so that each page of a
result is supplied anew; below, it is mostly memory that was used before."""

PAGE_BYTES: Final = 1 << 21
"""Of a huge page. Supplied in such pieces, memory costs about a quarter as much."""


def blank(size: int) -> memoryview:
    """So many writable bytes with any contents: large ones in huge pages where there are some."""
    if size < LARGE_BYTES:
        return memoryview(columns.blank(size))
    # A whole number of huge pages is also placed at the beginning of one.
    region = mmap.mmap(-1, -size % PAGE_BYTES + size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        region.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(region)[:size]
