"""The level that an allocation has reached, for the modules that compute at it."""

from libc.stdint cimport uint32_t

from qfs_kernel.u128 cimport qfs_ratio, u128


cdef extern from "level.h" nogil:
    ctypedef struct qfs_level:
        u128 pool
        u128 weight
        qfs_ratio ratio
        uint32_t half
    qfs_level qfs_level_make(u128 pool, u128 weight, u128 common_cap, int is_capped)
    u128 qfs_level_cap(const qfs_level *level, const unsigned char *own)
    int qfs_level_exceeds(const qfs_level *level, u128 w, const unsigned char *own)
    u128 qfs_level_remainder(
        const qfs_level *level, u128 w, const unsigned char *own, u128 amount
    )


cdef extern from "share_ifma.h" nogil:
    ctypedef struct qfs_ratio52:
        pass


cdef class Level:
    cdef qfs_level at
    cdef qfs_ratio52 lanes
    cdef bint shares, has_lanes
