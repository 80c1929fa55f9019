// The gradient with respect to the weight as a product of matrices (panels.h), for layers with enough rows: a row of
// the output's gradient for each output channel, times a column of what it meets for each element of a row of the
// weight.
//
// Only what the kernel meets is multiplied, nothing across a row's end.
#ifndef JAXCONV_WEIGHT_PRODUCTS_H_
#define JAXCONV_WEIGHT_PRODUCTS_H_

#include "panels.h"
#include "products.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr Index kWeightChunks = 3;  // of a pass
constexpr Index kFewestRows = 16;
// Up to so many positions. Beyond, dots (backward_weight.h) are long, and quicker than making panels of columns.
constexpr Index kMostPositions = 512;

// The problem, as far as it is the same for all groups and samples.
template <class T>
struct WeightProducts {
  Gather<T> maps;  // how they are packed, and where positions are
  Residue all;     // positions
  Index taps;
  const Index* tap;
};

// Copies what columns [start, end) meet in the segments, line by line, and turns it into a panel of that width.
template <class T>
void build_panel(const WeightProducts<T>& g, const T* maps, const Segment* segment, Index segments, Index start,
                 Index end, Index width, Index terms, T* lines, T* columns) {
  constexpr Index lanes = kLanes<T>;
  const Index line = ceil_div(terms, lanes) * lanes;
  for (Index n = start; n < end; ++n) {
    const T* from = maps + n / g.taps * g.maps.packing.channel_stride + g.tap[n % g.taps];
    for (const Segment* s = segment; s < segment + segments; ++s)
      copy(from + s->source, lines + (n - start) * line + s->from, s->count);
  }
  for (Index k = 0; k < terms; k += lanes)
    for (Index n = 0; n < width; n += lanes) {
      Vector<T> v[lanes];
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; ++i) v[i] = load<Vector<T>>(lines + (n + i) * line + k);
      transpose<T>(v);
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; ++i) store(columns + (k + i) * width + n, v[i]);
    }
}

// Adds the share of some samples to rows [m[0], m[1]) and columns [n[0], n[1]) of a group's weight: d_output is the
// first sample's, maps the packed ones. The last panel's sums are in `kept`, as wide as the panel.
template <class T>
void add_weights(const WeightProducts<T>& g, Index samples, const Index (&m)[2], const Index (&n)[2], const T* maps,
                 const T* d_output, T* d_weight, T* kept, bool add) {
  constexpr Index lanes = kLanes<T>, widest = kPanelVectors * lanes, most = kWeightChunks * kChunk + lanes;
  const Index rows = m[1] - m[0], out = volume(g.all.count), row = g.maps.channels * g.taps;
  const Index vectors = ceil_div(n[1] - n[0], lanes), panels = panels_of(vectors);
  T* columns = scratch_of<T>(Slot::columns, most * widest);
  T* lines = scratch_of<T>(Slot::lines, most * widest);
  T* own = scratch_of<T>(Slot::weights, rows * most);
  Segment* segment = scratch_of<Segment>(Slot::grid, most);
  Pass<T> pass{0, 0, ceil_div(samples * out, kChunk), samples * out, own, 0};
  for (; pass.first < pass.chunks; pass.first = pass.end) {
    pass.end = min(pass.first + kWeightChunks, pass.chunks);
    const Index k = pass.of_all(pass.first), terms = pass.term(pass.end);
    pass.a_row = terms;
    for (Index i = 0; i < rows; ++i)
      for (Index t = k, next; t < k + terms; t = next) {
        next = min(t - t % out + out, k + terms);
        copy(d_output + (t / out * g.maps.groups * g.maps.rows + m[0] + i) * out + t % out, own + i * terms + (t - k),
             next - t);
      }
    const Index segments = find_rows(g.maps, g.all, k, k + terms, segment);
    for (Index p = 0; p < panels; ++p) {
      const Index start = n[0] + block_start(vectors, panels, p) * lanes;
      const Index end = n[0] + block_start(vectors, panels, p + 1) * lanes, width = end - start;
      build_panel(g, maps, segment, segments, start, min(end, n[1]), width, terms, lines, columns);
      const bool whole = end <= n[1];
      for_row_blocks(rows, width / lanes, [&](Index i, Index i_end) {
        T* sums = whole ? d_weight + (m[0] + i) * row + start : kept + i * width;
        add_up(pass, i, i_end, columns, width, sums, whole ? row : width, add);
      });
    }
  }
}

template <class T>
void weight_by_products(const Convolution& c, const T* input, const T* d_output, T* d_weight, Threads& threads) {
  constexpr Index lanes = kLanes<T>;
  const Index in = volume(c.input), out = volume(c.output), rows = c.out_channels, channels = c.in_channels;
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (c.kernel[d] - 1) * c.dilation[d] + 1;
  WeightProducts<T> g{};
  g.maps.packing = plan_packing<T>(c.input, c.stride, c.padding, reach, c.output);
  g.maps.groups = c.groups, g.maps.rows = rows, g.maps.channels = channels;
  for (int d = 0; d < 3; ++d) g.maps.size[d] = c.output[d], g.maps.step[d] = 1;
  g.taps = c.taps();
  g.all = {{c.output[0], c.output[1], c.output[2]}, {0, 0, 0}, 0, g.taps};
  Index* tap = scratch_of<Index>(Slot::taps, g.taps);
  Index at_tap[3] = {0, 0, 0};
  for (Index t = 0; t < g.taps; ++t, next_index(at_tap, c.kernel)) {
    const Index at[3] = {at_tap[0] * c.dilation[0], at_tap[1] * c.dilation[1], at_tap[2] * c.dilation[2]};
    tap[t] = g.maps.packing.offset(at);
  }
  g.tap = tap;
  const Packing& packing = g.maps.packing;
  const Index held = channels * packing.channel_stride, weights = rows * channels * g.taps;
  const double multiplications = double(c.batch) * double(c.groups) * double(weights) * double(out);
  const Index count = multiplications < threads.worthwhile() ? 1 : threads.count();
  const Index together = min(ceil_div(kColumns, out), c.batch), batches = c.batch / together;

  // Threads share the groups if there are enough, else each group's input or output channels too.
  const bool whole = count == 1 || c.groups >= 4 * count || c.groups % count == 0;
  const Index splits = whole ? 1 : count;
  const auto work = [&](Index w) {
    const Index split = w % splits, group = w / splits;
    Index m[2] = {0, rows}, channel[2] = {0, channels};
    if (channels >= 8 * splits || rows < splits)
      channel[0] = block_start(channels, splits, split), channel[1] = block_start(channels, splits, split + 1);
    else
      m[0] = block_start(rows, splits, split), m[1] = block_start(rows, splits, split + 1);
    const Index n[2] = {channel[0] * g.taps, channel[1] * g.taps};
    if (m[0] == m[1] || n[0] == n[1]) return;
    T* to = d_weight + group * weights;
    T* kept = scratch_of<T>(Slot::results, (m[1] - m[0]) * kPanelVectors * lanes);
    for (Index batch = 0; batch < batches; ++batch) {
      const Index first = block_start(c.batch, batches, batch);
      const Index samples = block_start(c.batch, batches, batch + 1) - first;
      const T* maps = input + (first * c.groups + group) * channels * in;
      if (!packing.direct) {
        T* own = scratch_of<T>(Slot::maps, samples * held);
        for (Index s = 0; s < samples; ++s)
          for (Index i = channel[0]; i < channel[1]; ++i)
            pack(packing, maps + (s * c.groups * channels + i) * in, own + s * held + i * packing.channel_stride, 0,
                 packing.rows());
        maps = own;
      }
      add_weights(g, samples, m, n, maps, d_output + (first * c.groups + group) * rows * out, to, kept, batch > 0);
    }
    const Index vectors = ceil_div(n[1] - n[0], lanes), rest = (n[1] - n[0]) % lanes, panels = panels_of(vectors);
    if (rest == 0) return;
    const Index width = (vectors - block_start(vectors, panels, panels - 1)) * lanes, found = width - lanes + rest;
    for (Index i = m[0]; i < m[1]; ++i)
      copy(kept + (i - m[0]) * width, to + i * channels * g.taps + n[1] - found, found);
  };
  if (c.groups * splits == 1)
    work(0);
  else
    parallel(threads, c.groups * splits, work);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_WEIGHT_PRODUCTS_H_
