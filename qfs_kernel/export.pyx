# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""A column handed over through the Arrow C data interface, and let go without Python code.

A consumer lets go whenever it likes, also while an exception passes. A callback written in Python
would then run with that exception pending, lose it, and take the process with it.

Source: https://arrow.apache.org/docs/format/CDataInterface.html
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

cdef extern from "Python.h":
    ctypedef struct Py_buffer:
        void *buf
        Py_ssize_t len
    int Py_IsInitialized() nogil
    void PyErr_Fetch(PyObject **kind, PyObject **value, PyObject **trace)
    void PyErr_Restore(PyObject *kind, PyObject *value, PyObject *trace)

cdef struct ArrowSchema:
    const char *format
    const char *name
    const char *metadata
    int64_t flags
    int64_t n_children
    void *children
    void *dictionary
    void (*release)(ArrowSchema *) noexcept nogil
    void *private_data

cdef struct ArrowArray:
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    const void **buffers
    void *children
    void *dictionary
    void (*release)(ArrowArray *) noexcept nogil
    void *private_data

cdef struct Held:
    # What an exported array points to: no validity bitmap, and the cells.
    const void *buffers[2]
    Py_buffer view


def schema():
    """A schema capsule of decimal128(38, 18) without nulls."""
    cdef ArrowSchema *made = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
    if made is NULL:
        raise MemoryError
    # Constants of this module, so that there is nothing to give back.
    made.format = "d:38,18"
    made.name = ""
    made.release = release_schema
    return PyCapsule_New(made, "arrow_schema", destroy_schema)


def array(cells):
    """An array capsule over these cells, which stay alive as long as a consumer has it."""
    cdef Held *held = <Held *>calloc(1, sizeof(Held))
    cdef ArrowArray *made = <ArrowArray *>calloc(1, sizeof(ArrowArray))
    try:
        if held is NULL or made is NULL:
            raise MemoryError
        PyObject_GetBuffer(cells, &held.view, PyBUF_SIMPLE)
    except BaseException:
        free(held)
        free(made)
        raise
    held.buffers[1] = held.view.buf
    made.length = held.view.len // 16
    made.n_buffers = 2
    made.buffers = held.buffers
    made.release = release_array
    made.private_data = held
    return PyCapsule_New(made, "arrow_array", destroy_array)


cdef void release_schema(ArrowSchema *schema) noexcept nogil:
    schema.release = NULL


cdef void release_array(ArrowArray *array) noexcept nogil:
    cdef Held *held = <Held *>array.private_data
    array.release = NULL
    # After the interpreter is gone its memory is left to the system.
    if Py_IsInitialized():
        give_back(held)
        free(held)


cdef void give_back(Held *held) noexcept with gil:
    cdef PyObject *kind
    cdef PyObject *value
    cdef PyObject *trace
    PyErr_Fetch(&kind, &value, &trace)
    PyBuffer_Release(&held.view)
    PyErr_Restore(kind, value, trace)


# A capsule still owns its structure where no consumer has taken it, which sets release to NULL.


cdef void destroy_schema(object capsule) noexcept:
    free(PyCapsule_GetPointer(capsule, "arrow_schema"))


cdef void destroy_array(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release is not NULL:
        array.release(array)
    free(array)
