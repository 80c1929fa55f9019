// Memory that a thread keeps from one call to the next.
#ifndef JAXCONV_SCRATCH_H_
#define JAXCONV_SCRATCH_H_

#include <cstddef>

#include "convolution.h"

namespace jaxconv {

// What the memory holds. A thread that asks for a slot again loses what the slot held.
enum class Slot { maps, gradients, taps, terms, columns, results, tail, grid, weights, lines, count };

// Memory of the calling thread, aligned for any vector. Throws std::bad_alloc.
void* scratch(Slot slot, std::size_t bytes);

[[noreturn]] void too_large();  // throws std::bad_alloc

inline std::size_t bytes_of(Index elements, std::size_t bytes_each) {
  std::size_t bytes;
  if (elements < 0 || __builtin_mul_overflow(std::size_t(elements), bytes_each, &bytes)) too_large();
  return bytes;
}

template <class T>
T* scratch_of(Slot slot, Index elements) {
  return static_cast<T*>(scratch(slot, bytes_of(elements, sizeof(T))));
}

// Gives back what the calling thread should not keep: large blocks, which are quickly made anew next to what a call
// that needs them computes.
void release_large_scratch();

}  // namespace jaxconv

#endif  // JAXCONV_SCRATCH_H_
