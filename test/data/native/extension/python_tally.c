/* A compiled extension of Python as teams have them: it keeps state, raises, lets go of the GIL, and holds it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <time.h>

static pthread_barrier_t two;
static long counted;

static PyObject *count(PyObject *self, PyObject *none) {
  return PyLong_FromLong(++counted);
}

static PyObject *refuse(PyObject *self, PyObject *none) {
  PyErr_SetString(PyExc_ValueError, "refused in C");
  return NULL;
}

/* Returns when two threads are here. */
static PyObject *meet(PyObject *self, PyObject *none) {
  Py_BEGIN_ALLOW_THREADS
  pthread_barrier_wait(&two);
  Py_END_ALLOW_THREADS
  Py_RETURN_NONE;
}

/* Sleeps with the GIL, as bad extensions do. */
static PyObject *hold(PyObject *self, PyObject *seconds) {
  double given = PyFloat_AsDouble(seconds);
  if (PyErr_Occurred()) return NULL;
  struct timespec time = {(time_t)given, (long)((given - (time_t)given) * 1e9)};
  nanosleep(&time, NULL);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
  {"count", count, METH_NOARGS, NULL}, {"refuse", refuse, METH_NOARGS, NULL},
  {"meet", meet, METH_NOARGS, NULL},   {"hold", hold, METH_O, NULL},
  {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tally", NULL, -1, methods};

PyMODINIT_FUNC PyInit_tally(void) {
  pthread_barrier_init(&two, NULL, 2);
  return PyModule_Create(&module);
}
