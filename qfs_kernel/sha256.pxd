"""SHA-256 of a library that the caller has opened.

The three functions of an implementation (init, update, final, as OpenSSL's libcrypto has them)
come as addresses: the kernel links to no library and has no hash of its own.
"""

from libc.stdint cimport uintptr_t

ctypedef int (*Init)(void *) noexcept nogil
ctypedef int (*Update)(void *, const void *, size_t) noexcept nogil
ctypedef int (*Final)(unsigned char *, void *) noexcept nogil

cdef enum:
    CONTEXT_BYTES = 512

cdef struct Sha256:
    # An implementation, and memory for what it works on.
    Init init
    Update update
    Final final
    unsigned char context[CONTEXT_BYTES]


cdef inline Sha256 sha256_of(tuple functions) except *:
    cdef Sha256 sha
    sha.init = <Init><uintptr_t>functions[0]
    sha.update = <Update><uintptr_t>functions[1]
    sha.final = <Final><uintptr_t>functions[2]
    return sha


cdef inline void digest(
    Sha256 *sha, const unsigned char *data, size_t size, unsigned char *into
) noexcept nogil:
    sha.init(sha.context)
    sha.update(sha.context, data, size)
    sha.final(into, sha.context)
