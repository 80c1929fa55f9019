// The Python module jaxconv._native. It uses Python's stable interface alone.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "handler.h"
#include "instruction_sets.h"

namespace {

PyObject* handler(PyObject*, PyObject*) { return PyCapsule_New(jaxconv::handler(), nullptr, nullptr); }

PyObject* fused_handler(PyObject*, PyObject*) { return PyCapsule_New(jaxconv::fused_handler(), nullptr, nullptr); }

PyObject* blocked_handler(PyObject*, PyObject*) { return PyCapsule_New(jaxconv::blocked_handler(), nullptr, nullptr); }

PyObject* lanes(PyObject*, PyObject*) { return PyLong_FromSsize_t(jaxconv::best_instruction_set().of_float.lanes); }

PyObject* isa(PyObject*, PyObject*) { return PyUnicode_FromString(jaxconv::best_instruction_set().name); }

PyObject* api_version(PyObject*, PyObject*) {
  const jaxconv::ApiVersion version = jaxconv::api_version();
  return Py_BuildValue("(ii)", version.major, version.minor);
}

PyMethodDef methods[] = {
    {"handler", handler, METH_NOARGS, "The convolution and its gradients, to be registered with XLA."},
    {"fused_handler", fused_handler, METH_NOARGS, "The convolution with an epilogue, to be registered with XLA."},
    {"blocked_handler", blocked_handler, METH_NOARGS,
     "The convolution in blocks of channels, to be registered with XLA."},
    {"lanes", lanes, METH_NOARGS, "The channels of a block."},
    {"isa", isa, METH_NOARGS, "The instruction set that is used."},
    {"api_version", api_version, METH_NOARGS, "The version (major, minor) of XLA's interface that this is built for."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_native",
                          "Convolutions on CPUs, called by XLA.",
                          -1,
                          methods,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&definition); }
