# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""A column of texts, such as ids, in the form in which the passes over ids read it."""


cdef class TextRows:
    """Texts one after another in `data`, between `offsets` of 32 or 64 bits.

    Immutable; keeps the memory alive.
    """

    def __init__(self, offsets, const unsigned char[::1] data):
        if offsets.itemsize not in (4, 8):
            raise ValueError("offsets have 32 or 64 bits")
        self.offsets = offsets.cast("B")
        self.data = data
        self.texts.offsets = &self.offsets[0]
        self.texts.data = &self.data[0] if self.data.shape[0] else NULL
        self.texts.size = self.data.shape[0]
        self.texts.width = offsets.itemsize
        self.texts.rows = len(offsets) - 1
