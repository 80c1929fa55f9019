// Convolutions of one input and one output channel a group, in blocks of channels.
#ifndef JAXCONV_BLOCKED_DEPTHWISE_H_
#define JAXCONV_BLOCKED_DEPTHWISE_H_

#include "blocked_maps.h"
#include "finish.h"
#include "tile.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr int kDepthwisePositions = 8;

// Neighbouring results of a row: c[p * lanes + i] = sum over taps of w[tap * lanes + i] * x[at[tap] + p * step + i].
template <class T, int positions>
void blocked_depthwise_tile(const T* w, const Index* at, Index taps, const T* x, Index step, T* c) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  V sums[positions];
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) sums[p] = V{};
  for (Index t = 0; t < taps; ++t) {
    const V a = load<V>(w + t * lanes);
    const T* from = x + at[t];
#pragma GCC unroll 16
    for (int p = 0; p < positions; ++p) sums[p] += a * load<V>(from + p * step);
  }
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) store(c + p * lanes, sums[p]);
}

template <class T>
using BlockedDepthwiseFn = void (*)(const T* w, const Index* at, Index taps, const T* x, Index step, T* c);

template <class T>
constexpr BlockedDepthwiseFn<T> kBlockedDepthwise[kDepthwisePositions] = {
    blocked_depthwise_tile<T, 1>, blocked_depthwise_tile<T, 2>, blocked_depthwise_tile<T, 3>,
    blocked_depthwise_tile<T, 4>, blocked_depthwise_tile<T, 5>, blocked_depthwise_tile<T, 6>,
    blocked_depthwise_tile<T, 7>, blocked_depthwise_tile<T, 8>};

// The epilogue of n neighbouring vectors of a block of channels.
template <class T>
void finish_block(const BlockedConvolution<T>& g, Index block, T* y, Index n) {
  const Epilogue<T>* e = g.epilogue;
  if (!e) return;
  const Vector<T> bias = e->bias ? load<Vector<T>>(e->bias + block * kLanes<T>) : Vector<T>{};
  finish(*e, bias, e->residual ? e->residual + (y - g.output) : nullptr, y, n * kLanes<T>);
}

template <class T>
class BlockedDepthwise {
 public:
  explicit BlockedDepthwise(const BlockedConvolution<T>& given) : g_(given), maps_(given) {
    const Convolution& c = g_.shape;
    blocks_ = ceil_div(c.out_channels, kLanes<T>);
    const Index row = ((c.output[2] - 1) * c.stride[2] + (c.kernel[2] - 1) * c.dilation[2] + 1) * kLanes<T>;
    const Index held = max(kHeld / row - (c.kernel[1] - 1) * c.dilation[1], 1);  // rows of the input
    rows_ = min(ceil_div(held, c.stride[1]), c.output[1]);
  }

  Index items() const { return g_.shape.batch * blocks_; }

  void run(Index item) const {
    const Convolution& c = g_.shape;
    const Index taps = c.kernel[1] * c.kernel[2], tiles = ceil_div(c.output[2], Index(kDepthwisePositions));
    Index* at = scratch_of<Index>(Slot::terms, taps);
    const T* weight = g_.weight + item % blocks_ * taps * kLanes<T>;
    T* to = g_.output + item * c.output[1] * c.output[2] * kLanes<T>;
    for (Index start = 0; start < c.output[1]; start += rows_) {
      const Index count = min(rows_, c.output[1] - start);
      const PaddedMaps<T> x = maps_.block_rows(item, 1, start, count);
      for (Index t = 0; t < taps; ++t)
        at[t] = (t / c.kernel[2] * c.dilation[1] * x.pitch + t % c.kernel[2] * c.dilation[2]) * kLanes<T>;
      T* const first = to;
      for (Index h = 0; h < count; ++h, to += c.output[2] * kLanes<T>)
        for (Index tile = 0; tile < tiles; ++tile) {
          const Index p = block_start(c.output[2], tiles, tile), n = block_start(c.output[2], tiles, tile + 1) - p;
          kBlockedDepthwise<T>[n - 1](weight, at, taps, x.at + (h* c.stride[1]* x.pitch + p* c.stride[2])* kLanes<T>,
                                      c.stride[2]* kLanes<T>, to + p* kLanes<T>);
        }
      finish_block(g_, item % blocks_, first, count * c.output[2]);
    }
  }

 private:
  static constexpr Index kHeld = 24 * 1024 / Index(sizeof(T));

  const BlockedConvolution<T>& g_;
  const BlockedMaps<T> maps_;
  Index blocks_, rows_;
};

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_DEPTHWISE_H_
