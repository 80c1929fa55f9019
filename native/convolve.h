// The convolution and its gradients, for any shapes.
#ifndef JAXCONV_CONVOLVE_H_
#define JAXCONV_CONVOLVE_H_

#include "convolution.h"
#include "epilogue.h"
#include "instruction_sets.h"
#include "threads.h"

namespace jaxconv {

// Whether the kernels, which compute from copies that have zeros around them, would copy far more than the operands
// and the result hold. The definition (definition.h) needs no copies and is faster there.
bool copies_too_much(Operation operation, const Convolution& c);

// Computes the result from the operands, which are in convolution.h. `c` has passed arguments.h's `check`. The epilogue
// is of `forward` alone, and may be nullptr. Throws std::bad_alloc.
template <class T>
void convolve(Operation operation, const Convolution& c, const T* a, const T* b, T* result, const Epilogue<T>* epilogue,
              const InstructionSet& set, Threads& threads);

}  // namespace jaxconv

#endif  // JAXCONV_CONVOLVE_H_
