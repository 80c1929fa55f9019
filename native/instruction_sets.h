// The instruction sets that kernels are compiled for: a line here and a file of the same name for each.
#ifndef JAXCONV_INSTRUCTION_SETS_H_
#define JAXCONV_INSTRUCTION_SETS_H_

#include "blocked_convolution.h"
#include "convolution.h"
#include "epilogue.h"
#include "threads.h"

namespace jaxconv {

// The kernels of one element type. Sizes are positive, and convolve.h's `copies_too_much` is false.
template <class T>
struct Kernels {
  void (*forward)(const Convolution&, const T* input, const T* weight, T* output, const Epilogue<T>*, Threads&);
  void (*backward_input)(const Convolution&, const T* weight, const T* d_output, T* d_input, Threads&);
  void (*backward_weight)(const Convolution&, const T* input, const T* d_output, T* d_weight, Threads&);
  // The epilogue of n neighbours of a channel's feature map, and of the residual's there.
  void (*finish)(const Epilogue<T>&, Index channel, const T* residual, T* y, Index n);
  // Of feature maps in blocks of so many channels; for float alone, else nullptr.
  void (*blocked)(const BlockedConvolution<T>&, Threads&);
  Index lanes;
};

struct InstructionSet {
  const char* name;
  bool (*available)();  // on this processor
  const Kernels<float>& of_float;
  const Kernels<double>& of_double;

  template <class T>
  const Kernels<T>& kernels() const {
    if constexpr (sizeof(T) == sizeof(float))
      return of_float;
    else
      return of_double;
  }
};

// Names, and what a processor must have. A set comes after those that it is better than.
#if defined(JAXCONV_PORTABLE)  // to test arithmetic that this processor has no registers for, in what every one has
#define JAXCONV_INSTRUCTION_SETS(SET) \
  SET(neon, true)                     \
  SET(avx512, true)
#elif defined(__x86_64__)
#define JAXCONV_INSTRUCTION_SETS(SET)                                                                                 \
  SET(any, true)                                                                                                      \
  SET(avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                          \
  SET(avx512, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") && \
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&                         \
                  __builtin_cpu_supports("avx512bw"))
#elif defined(__aarch64__)
#define JAXCONV_INSTRUCTION_SETS(SET) \
  SET(any, true)                      \
  SET(neon, true)
#else
#define JAXCONV_INSTRUCTION_SETS(SET) SET(any, true)
#endif

struct InstructionSets {
  const InstructionSet* first;
  Index count;
};
InstructionSets instruction_sets();

// The best that this processor has and the environment variable JAXCONV_ISA, which names one, allows. A name that is
// not in the table allows the first alone.
const InstructionSet& best_instruction_set();

}  // namespace jaxconv

#endif  // JAXCONV_INSTRUCTION_SETS_H_
