// Everything that is compiled once for each instruction set. A file that includes it defines
//
//   JAXCONV_ISA           the set's name: a namespace, and the name in instruction_sets.h
//   JAXCONV_VECTOR_BYTES  of a register
//   JAXCONV_REGISTERS     how many registers there are
//   JAXCONV_TARGET        the compiler's names for what is more than the baseline; may be left out
//
// and nothing else. Headers that all sets share come before the set is chosen: the linker keeps one of several equal
// inline functions, and must not keep one that the processor cannot run.
#ifndef JAXCONV_KERNELS_H_
#define JAXCONV_KERNELS_H_

#include "blocked_convolution.h"
#include "convolution.h"
#include "definition.h"
#include "epilogue.h"
#include "instruction_sets.h"
#include "scratch.h"
#include "threads.h"

#define JAXCONV_PRAGMA_(text) _Pragma(#text)
#define JAXCONV_PRAGMA(text) JAXCONV_PRAGMA_(text)

#if defined(JAXCONV_TARGET) && !defined(JAXCONV_PORTABLE)
#if defined(__clang__)
JAXCONV_PRAGMA(clang attribute push(__attribute__((target(JAXCONV_TARGET))), apply_to = function))
#else
JAXCONV_PRAGMA(GCC target(JAXCONV_TARGET))
#endif
#endif

#include "backward_input.h"
#include "backward_weight.h"
#include "blocked.h"
#include "forward.h"

#define JAXCONV_JOIN_(a, b) a##b
#define JAXCONV_JOIN(a, b) JAXCONV_JOIN_(a, b)
#define JAXCONV_KERNELS(T) \
  JAXCONV_ISA::forward<T>, JAXCONV_ISA::backward_input<T>, JAXCONV_ISA::backward_weight<T>, JAXCONV_ISA::finish<T>

namespace jaxconv {
extern const Kernels<float> JAXCONV_JOIN(JAXCONV_ISA, _of_float) = {JAXCONV_KERNELS(float), JAXCONV_ISA::blocked<float>,
                                                                    JAXCONV_ISA::kLanes<float>};
extern const Kernels<double> JAXCONV_JOIN(JAXCONV_ISA, _of_double) = {JAXCONV_KERNELS(double), nullptr,
                                                                      JAXCONV_ISA::kLanes<double>};
}  // namespace jaxconv

#if defined(JAXCONV_TARGET) && !defined(JAXCONV_PORTABLE) && defined(__clang__)
JAXCONV_PRAGMA(clang attribute pop)
#endif

#endif  // JAXCONV_KERNELS_H_
