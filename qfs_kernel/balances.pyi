from array import array

from typing_extensions import Buffer

from qfs_kernel.texts import TextRows

def measure(ids: TextRows, other_ids: TextRows) -> tuple[int, int]: ...
def merge_add(
    ids: TextRows,
    values: Buffer,
    other_ids: TextRows,
    other_values: Buffer,
    maximum: int,
    merged_offsets: array[int],
    merged_data: bytearray,
    merged_values: bytearray,
) -> tuple[int, int, int]: ...
