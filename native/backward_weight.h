// The gradient with respect to the weight: each element is the sum over all positions of a channel of the output's
// gradient times a shifted feature map of the input.
//
// The output's gradient is packed as the input is, with zeros where the kernel would stand across a row's end, so both
// are read a vector at a time. Sums of blocks of positions are added up, which is more exact than one long sum, too.
#ifndef JAXCONV_BACKWARD_WEIGHT_H_
#define JAXCONV_BACKWARD_WEIGHT_H_

#include "packing.h"
#include "scratch.h"
#include "threads.h"
#include "tile.h"
#include "vectors.h"
#include "weight_products.h"

namespace jaxconv {
namespace JAXCONV_ISA {

//   c[m * c_row + n] (+)= sum over k < vectors * lanes of a[m * row + k] * b[b_at[n] + k],    m < rows, n < columns
template <class T>
using DotsFn = void (*)(const T* a, Index row, const T* b, const Index* b_at, Index vectors, T* c, Index c_row,
                        bool add);

template <class T, int rows, int columns>
void dots(const T* a, Index row, const T* b, const Index* b_at, Index vectors, T* c, Index c_row, bool add) {
  using V = Vector<T>;
  V sums[rows][columns];
#pragma GCC unroll 16
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 16
    for (int n = 0; n < columns; ++n) sums[m][n] = V{};
  const T* map[columns];
#pragma GCC unroll 16
  for (int n = 0; n < columns; ++n) map[n] = b + b_at[n];
  for (Index k = 0; k < vectors * kLanes<T>; k += kLanes<T>) {
    V as[rows];
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m) as[m] = load<V>(a + m * row + k);
#pragma GCC unroll 16
    for (int n = 0; n < columns; ++n) {
      const V bn = load<V>(map[n] + k);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m) sums[m][n] += as[m] * bn;
    }
  }
  // Never by the address of a sum: it would not be kept in a register then.
  constexpr int lanes = kLanes<T>, all = rows * columns, chunks = (all + lanes - 1) / lanes;
  T found[chunks * lanes];
#pragma GCC unroll 16
  for (int chunk = 0; chunk < chunks; ++chunk) {
    V some[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      const int at = chunk * lanes + i;
      some[i] = at < all ? sums[at / columns][at % columns] : V{};
    }
    store(found + chunk * lanes, fold<T>(some));
  }
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < columns; ++n)
      c[m * c_row + n] = add ? c[m * c_row + n] + found[m * columns + n] : found[m * columns + n];
}

constexpr int kDotRows = 4, kDotColumns = 12;

template <class T, int rows, int columns>
constexpr DotsFn<T> dots_or_none() {
  if constexpr (tile_fits(rows, columns)) return dots<T, rows, columns>;
  return nullptr;
}

#define JAXCONV_ROW(n)                                                                                   \
  {dots_or_none<T, n, 1>(), dots_or_none<T, n, 2>(),  dots_or_none<T, n, 3>(),  dots_or_none<T, n, 4>(), \
   dots_or_none<T, n, 5>(), dots_or_none<T, n, 6>(),  dots_or_none<T, n, 7>(),  dots_or_none<T, n, 8>(), \
   dots_or_none<T, n, 9>(), dots_or_none<T, n, 10>(), dots_or_none<T, n, 11>(), dots_or_none<T, n, 12>()}
template <class T>
constexpr DotsFn<T> kDots[kDotRows][kDotColumns] = {JAXCONV_ROW(1), JAXCONV_ROW(2), JAXCONV_ROW(3), JAXCONV_ROW(4)};
#undef JAXCONV_ROW

inline Blocking dots_blocking(Index rows, Index columns) {
  return best_blocking(rows, columns, kDotRows, kDotColumns, 0.6, 1.5);
}

// Elements of a map at once: those of several rows stay in the first cache.
constexpr Index kPositions = 1024;

template <class T>
struct WeightGradient {
  Packing input, d_output;
  Index rows, columns;  // of a group: output channels, and input channels times taps
  Index taps, channels;
  const Index* tap;            // where each tap is in the packed input
  Index length, d_output_row;  // of the output's gradient, as it lies
};

// A block of one group's weight, prepared for any item.
struct WeightBlock {
  Index m_start, m_end, n_start, n_end;
  const Index* at;  // where in the packed input each column begins
  Blocking blocking;
};

template <class T>
WeightBlock prepare(const WeightGradient<T>& g, Index m_start, Index m_end, Index n_start, Index n_end,
                    Slot slot = Slot::terms) {
  Index* at = scratch_of<Index>(slot, n_end - n_start);
  for (Index n = n_start; n < n_end; ++n) at[n - n_start] = n / g.taps * g.input.channel_stride + g.tap[n % g.taps];
  return {m_start, m_end, n_start, n_end, at, dots_blocking(m_end - m_start, n_end - n_start)};
}

// Adds up an item's share of the block. Nothing that is read may be infinite or NaN but at a position of the kernel.
template <class T>
void weights(const WeightGradient<T>& g, const WeightBlock& block, const T* input, const T* d_output, T* result,
             bool add) {
  const Index m_start = block.m_start, n_start = block.n_start;
  const Index rows = block.m_end - m_start, columns = block.n_end - n_start;
  const Blocking blocks = block.blocking;
  const Index vectors = ceil_div(g.length, kLanes<T>), chunks = ceil_div(vectors, kPositions / kLanes<T>);
  for (Index chunk = 0; chunk < chunks; ++chunk) {
    const Index v = block_start(vectors, chunks, chunk), v_next = block_start(vectors, chunks, chunk + 1);
    const Index k = v * kLanes<T>;
    for (Index nb = 0; nb < blocks.vector_blocks; ++nb) {
      const Index n = block_start(columns, blocks.vector_blocks, nb);
      const Index n_next = block_start(columns, blocks.vector_blocks, nb + 1);
      for (Index mb = 0; mb < blocks.row_blocks; ++mb) {
        const Index m = m_start + block_start(rows, blocks.row_blocks, mb);
        const Index m_next = m_start + block_start(rows, blocks.row_blocks, mb + 1);
        const DotsFn<T> fn = kDots<T>[m_next - m - 1][n_next - n - 1];
        fn(d_output + (m * g.d_output_row + k), g.d_output_row, input + k, block.at + n, v_next - v,
           result + (m * g.columns + n_start + n), g.columns, add || chunk > 0);
      }
    }
  }
}

// The same where the input is not finite: what stands across a row's end must not be multiplied, even by zero.
template <class T>
void weights_by_rows(const WeightGradient<T>& g, const WeightBlock& block, const T* input, const T* d_output, T* result,
                     bool add) {
  const Packing& p = g.d_output;
  for (Index m = block.m_start; m < block.m_end; ++m)
    for (Index n = block.n_start; n < block.n_end; ++n) {
      const T* a = d_output + m * g.d_output_row;
      const T* b = input + block.at[n - block.n_start];
      T total = 0;
      for (Index d = 0; d < p.source[0]; ++d)
        for (Index h = 0; h < p.source[1]; ++h) {
          const Index row = (d * p.extent[1] + h) * p.extent[2];
          for (Index w = 0; w < p.source[2]; ++w) total += a[row + w] * b[row + w];
        }
      T& to = result[m * g.columns + n];
      to = add ? to + total : total;
    }
}

template <class T>
void backward_weight(const Convolution& c, const T* input, const T* d_output, T* d_weight, Threads& threads) {
  if (c.out_channels >= kFewestRows && volume(c.output) <= kMostPositions)
    return weight_by_products(c, input, d_output, d_weight, threads);
  const Index ones[3] = {1, 1, 1}, none[3] = {0, 0, 0};
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (c.kernel[d] - 1) * c.dilation[d] + 1;
  WeightGradient<T> g;
  g.taps = c.taps(), g.channels = c.in_channels, g.rows = c.out_channels, g.columns = c.in_channels * g.taps;
  g.input = plan_packing<T>(c.input, c.stride, c.padding, reach, c.output);
  Index room[3];
  for (int d = 0; d < 3; ++d) room[d] = g.input.extent[d] - c.output[d] + 1;
  g.d_output = plan_packing<T>(c.output, ones, none, room, c.output);
  g.length = g.input.length(c.output);
  // As they are, if nothing is read beyond a map's end. Else with zeros that the last vector may reach.
  const bool input_direct = g.input.direct && g.length % kLanes<T> == 0;
  if (!input_direct) {
    g.input.direct = false;
    g.input.channel_stride = spread<T>(volume(g.input.phases) * g.input.phase_stride + kLanes<T> - 1);
  }
  const bool d_output_direct = g.d_output.direct && g.length % kLanes<T> == 0;
  if (d_output_direct)
    g.d_output_row = volume(c.output);
  else
    g.d_output_row = g.d_output.channel_stride = spread<T>(g.d_output.phase_stride);
  Index* tap = scratch_of<Index>(Slot::taps, g.taps);
  Index i[3] = {0, 0, 0};
  for (Index t = 0; t < g.taps; ++t, next_index(i, c.kernel)) {
    const Index at[3] = {i[0] * c.dilation[0], i[1] * c.dilation[1], i[2] * c.dilation[2]};
    tap[t] = g.input.offset(at);
  }
  g.tap = tap;

  const Index in = volume(c.input), out = volume(c.output);
  const Index held = g.channels * g.input.channel_stride, d_output_held = g.rows * g.d_output_row;
  const double multiplications =
      double(c.batch) * double(c.groups) * double(g.rows) * double(g.columns) * double(g.length);
  const Index count = multiplications < threads.worthwhile() ? 1 : threads.count();
  const auto compute = [&](const WeightBlock& block, Index item, const T* packed, const T* d_packed, bool add) {
    const T* own = input + item * g.channels * in;
    const Index first = block.n_start / g.taps, end = block.n_end / g.taps;  // the channels that the block meets
    T* to = d_weight + item % c.groups * g.rows * g.columns;
    if (d_output_direct || finite(own + first * in, (end - first) * in)) {
      weights(g, block, packed, d_packed, to, add);
      return;
    }
    for (Index channel = first; channel < end; ++channel) {
      const Index n = channel * g.taps;
      const WeightBlock one = prepare(g, block.m_start, block.m_end, n, n + g.taps, Slot::columns);
      (finite(own + channel * in, in) ? weights<T> : weights_by_rows<T>)(g, one, packed, d_packed, to, add);
    }
  };

  // Threads share the groups if there are enough, else each group's input or output channels too: `splits` is into how
  // many parts a group is divided.
  const bool whole = count == 1 || c.groups >= 4 * count || c.groups % count == 0;
  const Index splits = whole ? 1 : count;
  const Index work_items = whole ? (count == 1 ? 1 : min(c.groups, 8 * count)) : c.groups * splits;
  const auto work = [&](Index w) {
    const Index split = w % splits, batches = work_items / splits, batch = w / splits;
    Index m[2] = {0, g.rows}, channel[2] = {0, g.channels};
    if (g.channels >= 8 * splits || g.rows < splits)
      channel[0] = block_start(g.channels, splits, split), channel[1] = block_start(g.channels, splits, split + 1);
    else
      m[0] = block_start(g.rows, splits, split), m[1] = block_start(g.rows, splits, split + 1);
    if (m[0] == m[1] || channel[0] == channel[1]) return;
    const WeightBlock block = prepare(g, m[0], m[1], channel[0] * g.taps, channel[1] * g.taps);
    T* packed = input_direct ? nullptr : scratch_of<T>(Slot::maps, held + kSlack<T>);
    T* d_packed = d_output_direct ? nullptr : scratch_of<T>(Slot::gradients, d_output_held);
    if (packed) zero(packed + held, kSlack<T>);
    for (Index group = block_start(c.groups, batches, batch); group < block_start(c.groups, batches, batch + 1);
         ++group)
      for (Index n = 0; n < c.batch; ++n) {
        const Index item = n * c.groups + group;
        const T *own = input + item * g.channels * in, *d_own = d_output + item * g.rows * out;
        for (Index i = channel[0]; packed && i < channel[1]; ++i)
          pack(g.input, own + i * in, packed + i * g.input.channel_stride, 0, g.input.rows());
        for (Index i = m[0]; d_packed && i < m[1]; ++i)
          pack(g.d_output, d_own + i * out, d_packed + i * g.d_output_row, 0, g.d_output.rows());
        compute(block, item, packed ? packed : own, d_packed ? d_packed : d_own, n > 0);
      }
  };
  if (work_items == 1)
    work(0);
  else
    parallel(threads, work_items, work);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BACKWARD_WEIGHT_H_
