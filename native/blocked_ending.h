// What follows a convolution in blocks of channels: with its tiles while they are in registers, or afterwards.
#ifndef JAXCONV_BLOCKED_ENDING_H_
#define JAXCONV_BLOCKED_ENDING_H_

#include <limits>

#include "blocked_convolution.h"
#include "finish.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// What is done to a tile's sums once all of them are added up: bias, residual and limits, of what the epilogue has.
template <class T>
struct Ending {
  const T *bias, *residual;  // nullptr for none; the residual of the tile's first result
  T low, high;
};

// Whether there is an epilogue, and an Ending is all of it.
template <class T>
bool ends_in_tiles(const BlockedConvolution<T>& g) {
  const Epilogue<T>* e = g.epilogue;
  if (!e) return false;
  return e->activation == Activation::none ||
         (e->activation == Activation::clamp && !(e->residual && e->residual_last));
}

// The Ending of results of some blocks of channels from `block` on.
template <class T>
Ending<T> ending_of(const BlockedConvolution<T>& g, Index block, const T* results) {
  constexpr T most = std::numeric_limits<T>::infinity();
  const Epilogue<T>* e = g.epilogue;
  if (!e) return {nullptr, nullptr, -most, most};
  const bool clamps = e->activation == Activation::clamp;
  return {e->bias ? e->bias + block * kLanes<T> : nullptr, e->residual ? e->residual + (results - g.output) : nullptr,
          clamps ? e->low : -most, clamps ? e->high : most};
}

// The epilogue of n neighbouring vectors of a block of channels.
template <class T>
void finish_block(const BlockedConvolution<T>& g, Index block, T* y, Index n) {
  const Epilogue<T>* e = g.epilogue;
  if (!e) return;
  const Vector<T> bias = e->bias ? load<Vector<T>>(e->bias + block * kLanes<T>) : Vector<T>{};
  finish(*e, bias, e->residual ? e->residual + (y - g.output) : nullptr, y, n * kLanes<T>);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_ENDING_H_
