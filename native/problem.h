// What is computed, and what the kernels need from outside. No instruction set is assumed here.
#ifndef JAXCONV_PROBLEM_H_
#define JAXCONV_PROBLEM_H_

#include <cstddef>

namespace jaxconv {

using Index = std::ptrdiff_t;

// A convolution, of three dimensions: what has fewer has ones in front. Images are NCDHW, weights OIDHW.
struct Problem {
  Index samples, groups;
  Index in, out;                // channels of one group
  Index size[3], positions[3];  // of the input, and of the output
  Index kernel[3], stride[3], dilation[3];
  Index low[3];  // padding before; what is after follows from the sizes

  Index taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// Threads that share items of work.
class Pool {
 public:
  virtual Index threads() const = 0;
  // body(data, i) for every i < items, in any order, on any thread; returns when all are done.
  virtual void run(Index items, void (*body)(void*, Index), void* data) = 0;

 protected:
  ~Pool() = default;
};

template <class Body>
void parallel(Pool& pool, Index items, Body body) {
  pool.run(items, [](void* data, Index i) { (*static_cast<Body*>(data))(i); }, &body);
}

// Memory of the calling thread, aligned for any vector, valid until the same thread asks for the same slot again.
enum class Slot { planes, gradients, taps, terms, results, tail, grid, count };
void* scratch(Slot slot, std::size_t bytes);

template <class T>
T* scratch_of(Slot slot, Index elements) {
  return static_cast<T*>(scratch(slot, static_cast<std::size_t>(elements) * sizeof(T)));
}

// The three products of one element type, compiled for one instruction set.
template <class T>
struct Products {
  void (*y)(const Problem&, const T* x, const T* weight, T* y, Pool&);
  void (*x)(const Problem&, const T* weight, const T* dy, T* dx, Pool&);
  void (*weight)(const Problem&, const T* x, const T* dy, T* dweight, Pool&);
};

struct Compiled {
  Products<float> in_float;
  Products<double> in_double;
};

extern const Compiled compiled_for_any, compiled_for_avx2, compiled_for_avx512;

constexpr Index least(Index a, Index b) { return a < b ? a : b; }
constexpr Index most(Index a, Index b) { return a > b ? a : b; }
inline Index quotient_up(Index a, Index b) { return (a + b - 1) / b; }
inline Index volume(const Index (&size)[3]) { return size[0] * size[1] * size[2]; }

}  // namespace jaxconv

#endif
