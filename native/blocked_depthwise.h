// Convolutions of one input and one output channel a group, in blocks of channels.
#ifndef JAXCONV_BLOCKED_DEPTHWISE_H_
#define JAXCONV_BLOCKED_DEPTHWISE_H_

#include "blocked_ending.h"
#include "blocked_maps.h"
#include "tile.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr int kDepthwisePositions = 8;

// Results of a row that follow each other:
//   c[p * lanes + i] = sum over r, k of w[(r * columns + k) * lanes + i] * x[r * row + k * column + p * step + i]
template <class T>
struct DepthwiseRow {
  const T *w, *x;
  Index rows, columns;
  Index row, column, step;
  T* c;
  const Ending<T>* ending;  // nullptr if there is another epilogue
};

template <class T, int positions>
inline __attribute__((always_inline)) void store_depthwise(const DepthwiseRow<T>& g, Vector<T> (&sums)[positions]) {
  if (g.ending) {
    const Vector<T> bias = g.ending->bias ? load<Vector<T>>(g.ending->bias) : Vector<T>{};
#pragma GCC unroll 16
    for (int p = 0; p < positions; ++p)
      sums[p] = activated<T, Activation::clamp>(sums[p] + bias, g.ending->low, g.ending->high);
  }
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) store(g.c + p * kLanes<T>, sums[p]);
}

template <class T, int positions>
void depthwise_row(const DepthwiseRow<T>& g) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  V sums[positions];
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) sums[p] = V{};
  const T* w = g.w;
  for (Index r = 0; r < g.rows; ++r)
    for (Index k = 0; k < g.columns; ++k, w += lanes) {
      const V a = load<V>(w);
      const T* from = g.x + r * g.row + k * g.column;
#pragma GCC unroll 16
      for (int p = 0; p < positions; ++p) sums[p] += a * load<V>(from + p * g.step);
    }
  store_depthwise<T, positions>(g, sums);
}

// The same of neighbours: what is loaded serves all the columns of the kernel that meet it.
template <class T, int positions, int columns>
void depthwise_neighbours(const DepthwiseRow<T>& g) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  V sums[positions];
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) sums[p] = V{};
  const T* w = g.w;
  const T* from = g.x;
  for (Index r = 0; r < g.rows; ++r, w += columns * lanes, from += g.row) {
    V a[columns];
#pragma GCC unroll 16
    for (int k = 0; k < columns; ++k) a[k] = load<V>(w + k * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < positions + columns - 1; ++i) {
      const V x = load<V>(from + i * lanes);
#pragma GCC unroll 16
      for (int k = 0; k < columns; ++k)
        if (i >= k && i - k < positions) sums[i - k] += a[k] * x;
    }
  }
  store_depthwise<T, positions>(g, sums);
}

template <class T>
using DepthwiseRowFn = void (*)(const DepthwiseRow<T>& g);

#define JAXCONV_EACH(fn) {fn(1), fn(2), fn(3), fn(4), fn(5), fn(6), fn(7), fn(8)}
#define JAXCONV_ANY(n) depthwise_row<T, n>
#define JAXCONV_OF_3(n) depthwise_neighbours<T, n, 3>
#define JAXCONV_OF_5(n) depthwise_neighbours<T, n, 5>
#define JAXCONV_OF_7(n) depthwise_neighbours<T, n, 7>
template <class T>
constexpr DepthwiseRowFn<T> kDepthwiseRows[4][kDepthwisePositions] = {
    JAXCONV_EACH(JAXCONV_ANY), JAXCONV_EACH(JAXCONV_OF_3), JAXCONV_EACH(JAXCONV_OF_5), JAXCONV_EACH(JAXCONV_OF_7)};
#undef JAXCONV_ANY
#undef JAXCONV_OF_3
#undef JAXCONV_OF_5
#undef JAXCONV_OF_7
#undef JAXCONV_EACH

template <class T>
class BlockedDepthwise {
 public:
  explicit BlockedDepthwise(const BlockedConvolution<T>& given) : g_(given), maps_(given) {
    const Convolution& c = g_.shape;
    blocks_ = ceil_div(c.out_channels, kLanes<T>);
    ends_ = ends_in_tiles(g_) && !g_.epilogue->residual;
    const Index row = ((c.output[2] - 1) * c.stride[2] + (c.kernel[2] - 1) * c.dilation[2] + 1) * kLanes<T>;
    const Index held = max(kHeld / row - (c.kernel[1] - 1) * c.dilation[1], 1);  // rows of the input
    rows_ = min(ceil_div(held, c.stride[1]), c.output[1]);
  }

  Index items() const { return g_.shape.batch * blocks_; }

  void run(Index item) const {
    const Convolution& c = g_.shape;
    const Index channels = item % blocks_, tiles = ceil_div(c.output[2], Index(kDepthwisePositions));
    const bool neighbours = c.stride[2] == 1 && c.dilation[2] == 1;
    const Index columns = c.kernel[2];
    const auto& tile = kDepthwiseRows<T>[neighbours && columns % 2 && columns > 1 && columns < 8 ? columns / 2 : 0];
    const Ending<T> ending = ending_of(g_, channels, static_cast<const T*>(g_.output));
    DepthwiseRow<T> row{g_.weight + channels * c.kernel[1] * columns * kLanes<T>,
                        nullptr,
                        c.kernel[1],
                        columns,
                        0,
                        c.dilation[2] * kLanes<T>,
                        c.stride[2] * kLanes<T>,
                        g_.output + item * c.output[1] * c.output[2] * kLanes<T>,
                        ends_ ? &ending : nullptr};
    for (Index start = 0; start < c.output[1]; start += rows_) {
      const Index count = min(rows_, c.output[1] - start);
      const PaddedMaps<T> x = maps_.block_rows(item, 1, start, count);
      row.row = c.dilation[1] * x.pitch * kLanes<T>;
      T* const first = row.c;
      for (Index h = 0; h < count; ++h)
        for (Index t = 0; t < tiles; ++t) {
          const Index p = block_start(c.output[2], tiles, t), n = block_start(c.output[2], tiles, t + 1) - p;
          row.x = x.at + (h * c.stride[1] * x.pitch + p * c.stride[2]) * kLanes<T>;
          tile[n - 1](row);
          row.c += n * kLanes<T>;
        }
      if (!ends_) finish_block(g_, channels, first, count * c.output[2]);
    }
  }

 private:
  static constexpr Index kHeld = 24 * 1024 / Index(sizeof(T));

  const BlockedConvolution<T>& g_;
  const BlockedMaps<T> maps_;
  Index blocks_, rows_;
  bool ends_;  // whether tiles do the whole epilogue
};

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_DEPTHWISE_H_
