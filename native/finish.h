// The epilogue of a row of results that have just been computed, while they are in the first cache.
#ifndef JAXCONV_FINISH_H_
#define JAXCONV_FINISH_H_

#include "epilogue.h"
#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// exp(x) for x <= 0, to about one unit in the last place; 0 where it would be subnormal. NaN stays NaN.
//
// exp(x) = 2^n exp(r) with |r| <= log(2) / 2, exp(r) by S. Moshier's polynomial (Cephes, expf.c).
inline __attribute__((always_inline)) Vector<float> exp_of_negative(Vector<float> x) {
  using V = Vector<float>;
  typedef decltype(x < x) Bits;
  constexpr float lowest = -87.3365f;  // 2^-126 is the smallest normal number
  const V zero = V{};
  const V in = x < lowest ? zero + lowest : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then is in the lowest bits.
  const V shifted = in * 1.44269504088896341f + 12582912.0f;
  const V n = shifted - 12582912.0f;
  V r = in - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Bits bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127 << 23);  // what is above the lowest bits of 1.5 * 2^23 is shifted out
  V power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return x < lowest ? zero : p * power;
}

template <class T, Activation activation>
inline __attribute__((always_inline)) Vector<T> activated(Vector<T> x, T low, T high) {
  using V = Vector<T>;
  const V zero = V{};
  if constexpr (activation == Activation::clamp) {  // NaN and -0 stay
    const V a = x < low ? zero + low : x;
    return a > high ? zero + high : a;
  } else if constexpr (activation == Activation::leaky) {
    return x < zero ? x * low : x;
  } else if constexpr (activation == Activation::sigmoid || activation == Activation::silu) {
    // exp of a number that is at most 0: no overflow, and no digits lost where the result is small.
    const V e = exp_of_negative(x > zero ? -x : x);
    const V y = (x > zero ? zero + T(1) : e) / (e + T(1));
    return activation == Activation::silu ? x * y : y;
  } else if constexpr (activation == Activation::hardsigmoid || activation == Activation::hardswish) {
    const V above = x + T(3);
    const V low_cut = above < zero ? zero : above;
    const V y = (low_cut > T(6) ? zero + T(6) : low_cut) / T(6);  // 6 / 6 is 1, but not 6 times the rounded 1 / 6
    return activation == Activation::hardswish ? x * y : y;
  }
  return x;
}

template <class T, Activation activation>
void finish_row(const Epilogue<T>& e, Vector<T> bias, const T* residual, T* y, Index n) {
  using V = Vector<T>;
  constexpr Index lanes = kLanes<T>;
  const auto finished = [&](V x, V more) __attribute__((always_inline)) {
    x += bias;
    if (!residual) return activated<T, activation>(x, e.low, e.high);
    if (e.residual_last) return activated<T, activation>(x, e.low, e.high) + more;
    return activated<T, activation>(x + more, e.low, e.high);
  };
  Index i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, finished(load<V>(y + i), residual ? load<V>(residual + i) : V{}));
  if (i == n) return;
  T rest[lanes] = {}, more[lanes] = {};
  copy(y + i, rest, n - i);
  if (residual) copy(residual + i, more, n - i);
  store(rest, finished(load<V>(rest), load<V>(more)));
  copy(rest, y + i, n - i);
}

// Finishes n neighbours: y, and `residual` likewise if there is one.
template <class T>
void finish(const Epilogue<T>& e, Vector<T> bias, const T* residual, T* y, Index n) {
  switch (e.activation) {
    case Activation::none:
      return finish_row<T, Activation::none>(e, bias, residual, y, n);
    case Activation::clamp:
      return finish_row<T, Activation::clamp>(e, bias, residual, y, n);
    case Activation::leaky:
      return finish_row<T, Activation::leaky>(e, bias, residual, y, n);
    case Activation::hardsigmoid:
      return finish_row<T, Activation::hardsigmoid>(e, bias, residual, y, n);
    case Activation::hardswish:
      return finish_row<T, Activation::hardswish>(e, bias, residual, y, n);
    case Activation::sigmoid:
    case Activation::silu:
      if constexpr (sizeof(T) == sizeof(float)) {
        if (e.activation == Activation::sigmoid) return finish_row<T, Activation::sigmoid>(e, bias, residual, y, n);
        return finish_row<T, Activation::silu>(e, bias, residual, y, n);
      }
  }
}

// Finishes n neighbours of a channel's feature map.
template <class T>
void finish(const Epilogue<T>& e, Index channel, const T* residual, T* y, Index n) {
  finish(e, Vector<T>{} + (e.bias ? e.bias[channel] : T(0)), residual, y, n);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_FINISH_H_
