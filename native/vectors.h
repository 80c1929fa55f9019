// Vectors of the instruction set that this is compiled for (kernels.h).
#ifndef JAXCONV_VECTORS_H_
#define JAXCONV_VECTORS_H_

#include "convolution.h"

namespace jaxconv {
namespace JAXCONV_ISA {

template <class T, int bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(bytes)));
};

template <class T>
using Vector = typename VectorOf<T, JAXCONV_VECTOR_BYTES>::type;

// Vectors that sums are kept in; the other registers hold what is multiplied.
constexpr int kAccumulators = JAXCONV_REGISTERS * 3 / 4;

template <class T>
constexpr int kLanes = JAXCONV_VECTOR_BYTES / int(sizeof(T));

template <class V, class T>
inline __attribute__((always_inline)) V load(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class T>
inline __attribute__((always_inline)) void store(T* p, V v) {
  __builtin_memcpy(p, &v, sizeof v);
}

template <int... i>
struct Sequence {};
template <int n, int... i>
struct Upto : Upto<n - 1, n - 1, i...> {};
template <int... i>
struct Upto<0, i...> {
  using type = Sequence<i...>;
};

// Takes both vectors as groups of `group` elements, and adds the two halves of each group.
template <int group, class V, int... i>
inline __attribute__((always_inline)) V halves(V a, V b, Sequence<i...>) {
  constexpr int half = group / 2;
#if defined(__clang__)
  return __builtin_shufflevector(a, b, (i / half * group + i % half)...) +
         __builtin_shufflevector(a, b, (i / half * group + i % half + half)...);
#else
  typedef decltype(a < b) Lanes;
  return __builtin_shuffle(a, b, Lanes{(i / half * group + i % half)...}) +
         __builtin_shuffle(a, b, Lanes{(i / half * group + i % half + half)...});
#endif
}

// Sums each of as many vectors as a vector has elements; returns the sums as one vector. Overwrites v.
template <class T, int group = kLanes<T>>
inline __attribute__((always_inline)) Vector<T> fold(Vector<T> (&v)[kLanes<T>]) {
  if constexpr (group > 1) {
#pragma GCC unroll 16
    for (int i = 0; i < group / 2; ++i) v[i] = halves<group>(v[2 * i], v[2 * i + 1], typename Upto<kLanes<T>>::type{});
    return fold<T, group / 2>(v);
  } else {
    return v[0];
  }
}

// Exchanges blocks of `size` elements beside the diagonal of each two rows `size` apart.
template <int size, class V, int... i>
inline __attribute__((always_inline)) void exchange(V& a, V& b, Sequence<i...>) {
  constexpr int lanes = sizeof...(i);
  const V x = a, y = b;
#if defined(__clang__)
  a = __builtin_shufflevector(x, y, (i / size % 2 ? lanes + i - size : i)...);
  b = __builtin_shufflevector(x, y, (i / size % 2 ? lanes + i : i + size)...);
#else
  typedef decltype(x < y) Lanes;
  a = __builtin_shuffle(x, y, Lanes{(i / size % 2 ? lanes + i - size : i)...});
  b = __builtin_shuffle(x, y, Lanes{(i / size % 2 ? lanes + i : i + size)...});
#endif
}

// Transposes as many vectors as a vector has elements.
template <class T, int size = kLanes<T> / 2>
inline __attribute__((always_inline)) void transpose(Vector<T> (&v)[kLanes<T>]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i)
    if (i / size % 2 == 0) exchange<size>(v[i], v[i + size], typename Upto<kLanes<T>>::type{});
  if constexpr (size > 1) transpose<T, size / 2>(v);
}

// Copies n elements by two vectors that overlap, if there are enough for one vector and at most as many as two hold.
template <class T, int bytes>
inline __attribute__((always_inline)) bool copy_by_two(const T* from, T* to, Index n) {
  using V = typename VectorOf<T, bytes>::type;
  constexpr Index lanes = bytes / sizeof(T);
  if (n < lanes) return false;
  store(to, load<V>(from));
  store(to + n - lanes, load<V>(from + n - lanes));
  return true;
}

// Copies n elements and writes nothing beyond them. Rows are short: calling memcpy would take longer than copying.
template <class T>
inline __attribute__((always_inline)) void copy(const T* from, T* to, Index n) {
  using V = Vector<T>;
  constexpr Index lanes = kLanes<T>;
  if (n >= lanes) {
    for (Index i = 0; i + lanes <= n; i += lanes) store(to + i, load<V>(from + i));
    store(to + n - lanes, load<V>(from + n - lanes));
    return;
  }
  if constexpr (JAXCONV_VECTOR_BYTES >= 64)
    if (copy_by_two<T, 32>(from, to, n)) return;
  if constexpr (JAXCONV_VECTOR_BYTES >= 32)
    if (copy_by_two<T, 16>(from, to, n)) return;
  for (Index i = 0; i < n; ++i) to[i] = from[i];
}

template <class T>
inline void zero(T* to, Index n) {
  for (Index i = 0; i < n; ++i) to[i] = 0;
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_VECTORS_H_
