/* A Python int to and from a 16-byte little-endian cell; CPython renamed the way in 3.13. */
#ifndef QFS_PYLONG_H
#define QFS_PYLONG_H

#include <Python.h>

/* 1 where the value fits in 0 .. 2^128 - 1, else 0. No exception is left behind. */
static inline int qfs_cell_from_long(PyObject *value, unsigned char *cell)
{
#if PY_VERSION_HEX >= 0x030D0000
    Py_ssize_t needed = PyLong_AsNativeBytes(
        value, cell, 16,
        Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER
            | Py_ASNATIVEBYTES_REJECT_NEGATIVE);
    if (needed < 0) PyErr_Clear();
    return needed >= 0 && needed <= 16;
#else
    if (_PyLong_AsByteArray((PyLongObject *)value, cell, 16, 1, 0) == 0) return 1;
    PyErr_Clear();
    return 0;
#endif
}

static inline PyObject *qfs_long_from_cell(const unsigned char *cell)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromUnsignedNativeBytes(cell, 16, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    return _PyLong_FromByteArray(cell, 16, 1, 0);
#endif
}

#endif
