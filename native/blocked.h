// Convolutions of feature maps that lie in blocks of channels: (N, ceil(C / lanes), H, W, lanes), as many lanes as a
// vector has elements. Channels beyond C, which fill the last block, are never read.
//
// A vector holds one position of a block of output channels. So there are no positions that fill vectors in vain,
// and no planes that are split for a stride: a neighbour is a whole vector away.
#ifndef JAXCONV_BLOCKED_H_
#define JAXCONV_BLOCKED_H_

#include "blocked_depthwise.h"
#include "blocked_maps.h"
#include "scratch.h"
#include "tile.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr int kBlockFilters = 4;  // blocks of output channels in a tile
constexpr int kBlockPositions = 8;

constexpr int positions_of(int filters) { return min(kAccumulators / filters, kBlockPositions); }

// Terms of one result: segments of neighbours in the input.
template <class T>
struct Segments {
  const Index *at, *each;  // where a segment begins, from where the kernel stands, and how many neighbours it has
  Index count;
  Index weight_step;  // from a segment's weights to the next one's
};

// Tiles of results that follow each other:
//   c[f * c_block + p * lanes + i] (+)= sum over s, l of w[f * w_block + s * weight_step + l * lanes + i]
//                                                        * x[from[p] + at[s] + l]
template <class T>
struct BlockedTiles {
  Segments<T> terms;
  const T* x;
  const Index* from;
  const T* w;
  Index w_block;
  T* c;
  Index c_block;
  bool add;
  const Ending<T>* ending;  // nullptr if there are more terms to come, or another epilogue
};

template <class T, int filters, int positions>
void blocked_tiles(const BlockedTiles<T>& given, Index tiles) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  const BlockedTiles<T> g = given;
  const Index* from = g.from;
  T* c = g.c;
  for (Index tile = 0; tile < tiles; ++tile, from += positions, c += positions * lanes) {
    V sums[filters][positions];
#pragma GCC unroll 16
    for (int f = 0; f < filters; ++f)
#pragma GCC unroll 16
      for (int p = 0; p < positions; ++p) sums[f][p] = V{};
    const T* xs[positions];
    // The smaller of both sides stays in registers.
    const auto multiply = [&](const T* weight, Index l) __attribute__((always_inline)) {
      if constexpr (positions < filters) {
        T b[positions];
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p) b[p] = xs[p][l];
#pragma GCC unroll 16
        for (int f = 0; f < filters; ++f) {
          const V a = load<V>(weight + f * g.w_block + l * lanes);
#pragma GCC unroll 16
          for (int p = 0; p < positions; ++p) sums[f][p] += a * b[p];
        }
      } else {
        V a[filters];
#pragma GCC unroll 16
        for (int f = 0; f < filters; ++f) a[f] = load<V>(weight + f * g.w_block + l * lanes);
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p) {
          const T b = xs[p][l];
#pragma GCC unroll 16
          for (int f = 0; f < filters; ++f) sums[f][p] += a[f] * b;
        }
      }
    };
    const T* w = g.w;
    for (Index s = 0; s < g.terms.count; ++s, w += g.terms.weight_step) {
#pragma GCC unroll 16
      for (int p = 0; p < positions; ++p) xs[p] = g.x + from[p] + g.terms.at[s];
      if (g.terms.each[s] == lanes) {
#pragma GCC unroll 16
        for (int l = 0; l < lanes; ++l) multiply(w, l);
      } else {
        for (Index l = 0; l < g.terms.each[s]; ++l) multiply(w, l);
      }
    }
    if (g.add)
#pragma GCC unroll 16
      for (int f = 0; f < filters; ++f)
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p) sums[f][p] = load<V>(c + f * g.c_block + p * lanes) + sums[f][p];
    if (g.ending) {
      const T* residual = g.ending->residual ? g.ending->residual + (c - g.c) : nullptr;
#pragma GCC unroll 16
      for (int f = 0; f < filters; ++f) {
        const V bias = g.ending->bias ? load<V>(g.ending->bias + f * lanes) : V{};
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p) {
          sums[f][p] += bias;
          if (residual) sums[f][p] += load<V>(residual + f * g.c_block + p * lanes);
          sums[f][p] = activated<T, Activation::clamp>(sums[f][p], g.ending->low, g.ending->high);
        }
      }
    }
#pragma GCC unroll 16
    for (int f = 0; f < filters; ++f)
#pragma GCC unroll 16
      for (int p = 0; p < positions; ++p) store(c + f * g.c_block + p * lanes, sums[f][p]);
  }
}

template <class T>
using BlockedTilesFn = void (*)(const BlockedTiles<T>& given, Index tiles);

template <class T, int filters, int positions>
constexpr BlockedTilesFn<T> blocked_tiles_or_none() {
  if constexpr (positions <= positions_of(filters)) return blocked_tiles<T, filters, positions>;
  return nullptr;
}

#define JAXCONV_ROW(n)                                                                                   \
  {blocked_tiles_or_none<T, n, 1>(), blocked_tiles_or_none<T, n, 2>(), blocked_tiles_or_none<T, n, 3>(), \
   blocked_tiles_or_none<T, n, 4>(), blocked_tiles_or_none<T, n, 5>(), blocked_tiles_or_none<T, n, 6>(), \
   blocked_tiles_or_none<T, n, 7>(), blocked_tiles_or_none<T, n, 8>()}
template <class T>
constexpr BlockedTilesFn<T> kBlockedTiles[kBlockFilters][kBlockPositions] = {JAXCONV_ROW(1), JAXCONV_ROW(2),
                                                                             JAXCONV_ROW(3), JAXCONV_ROW(4)};
#undef JAXCONV_ROW

// Convolutions in which every output channel meets all input channels of its group.
template <class T>
class BlockedDense {
 public:
  BlockedDense(const BlockedConvolution<T>& given, Index threads) : g_(given), maps_(given) {
    const Convolution& c = g_.shape;
    ends_ = ends_in_tiles(g_);
    blocks_ = ceil_div(c.out_channels, kLanes<T>);
    sets_ = ceil_div(blocks_, Index(kBlockFilters));
    rows_ = max(kSums / (kBlockFilters * kLanes<T> * c.output[2]), 1);
    row_blocks_ = ceil_div(c.output[1], rows_);
    rows_ = ceil_div(c.output[1], row_blocks_);
    const Index units = c.batch * c.groups * row_blocks_;
    // Each part of a unit copies the unit's input, so there are as many as threads if they are equal.
    const Index parts = sets_ % threads == 0 ? threads : ceil_div(4 * threads, units);
    splits_ = threads == 1 || units % threads == 0 || units >= 4 * threads ? 1 : min(sets_, parts);
  }

  Index items() const { return g_.shape.batch * g_.shape.groups * row_blocks_ * splits_; }

  void run(Index item) const {
    const Convolution& c = g_.shape;
    const Index split = item % splits_, unit = item / splits_, rows = unit % row_blocks_, group = unit / row_blocks_;
    const Index start = block_start(c.output[1], row_blocks_, rows);
    const Index count = block_start(c.output[1], row_blocks_, rows + 1) - start;
    const PaddedMaps<T> x = maps_.rows(group / c.groups, group % c.groups, start, count);
    Terms terms = terms_of(x);
    for (Index h = 0, i = 0; h < count; ++h)
      for (Index w = 0; w < c.output[2]; ++w, ++i)
        terms.from[i] = (h * c.stride[1] * x.pitch + w * c.stride[2]) * g_.width();
    const Index first = group % c.groups * blocks_, plane = c.output[1] * c.output[2] * kLanes<T>;
    for (Index s = block_start(sets_, splits_, split); s < block_start(sets_, splits_, split + 1); ++s) {
      const Index block = block_start(blocks_, sets_, s), end = block_start(blocks_, sets_, s + 1);
      T* to = g_.output + (group * blocks_ + block) * plane + start * c.output[2] * kLanes<T>;
      compute(x.at, terms, first + block, end - block, to, count * c.output[2]);
      for (Index b = block; b < end && !ends_; ++b, to += plane) finish_block(g_, first + b, to, count * c.output[2]);
    }
  }

 private:
  static constexpr Index kSums = 32 * 1024 / Index(sizeof(T));  // of a tile's channels, what stays in the first cache

  struct Terms {
    Index *at, *each, *from;
    Index count;
  };

  // A segment has the channels of a block, or a row of the kernel if the input is not in blocks.
  Terms terms_of(const PaddedMaps<T>& x) const {
    const Convolution& c = g_.shape;
    const Index inner = g_.blocked ? kLanes<T> : 1, columns = g_.blocked ? c.kernel[2] : 1;
    const Index count = ceil_div(c.in_channels, inner) * c.kernel[1] * columns;
    Index* memory = scratch_of<Index>(Slot::terms, 2 * count + rows_ * c.output[2]);
    Terms terms{memory, memory + count, memory + 2 * count, 0};
    for (Index block = 0; block * inner < c.in_channels; ++block)
      for (Index h = 0; h < c.kernel[1]; ++h)
        for (Index w = 0; w < columns; ++w, ++terms.count) {
          terms.at[terms.count] = block * x.plane + (h * c.dilation[1] * x.pitch + w * c.dilation[2]) * inner;
          terms.each[terms.count] = g_.blocked ? min(c.in_channels - block * inner, inner) : c.kernel[2];
        }
    return terms;
  }

  // `filters` blocks of channels from `block` on, for the block's positions.
  void compute(const T* x, const Terms& terms, Index block, Index filters, T* to, Index positions) const {
    const Convolution& c = g_.shape;
    const Index each = g_.blocked ? kLanes<T> : c.kernel[2];
    const Index step = each * kLanes<T>, w_block = terms.count * step, plane = c.output[1] * c.output[2] * kLanes<T>;
    const Index chunks = ceil_div(terms.count, max(kChunk / each, 1));
    const Index tiles = ceil_div(positions, Index(positions_of(int(filters))));
    const T* weight = g_.weight + block * w_block;
    Ending<T> ending = ending_of(g_, block, static_cast<const T*>(to));
    for (Index chunk = 0; chunk < chunks; ++chunk) {
      const Index first = block_start(terms.count, chunks, chunk),
                  n = block_start(terms.count, chunks, chunk + 1) - first;
      BlockedTiles<T> part{{terms.at + first, terms.each + first, n, step},
                           x,
                           terms.from,
                           weight + first * step,
                           w_block,
                           to,
                           plane,
                           chunk > 0,
                           ends_ && chunk + 1 == chunks ? &ending : nullptr};
      // Evenly, so that no tile has few positions: `larger` tiles of one more than the others.
      const Index fewest = positions / tiles, larger = positions % tiles;
      if (larger) kBlockedTiles<T>[filters - 1][fewest](part, larger);
      const Index done = larger * (fewest + 1);
      part.from += done, part.c += done * kLanes<T>;
      if (ending.residual) ending.residual += done * kLanes<T>;
      kBlockedTiles<T>[filters - 1][fewest - 1](part, tiles - larger);
      if (ending.residual) ending.residual -= done * kLanes<T>;
    }
  }

  const BlockedConvolution<T>& g_;
  const BlockedMaps<T> maps_;
  Index blocks_, sets_, rows_, row_blocks_, splits_;
  bool ends_;  // whether tiles do the whole epilogue
};

template <class T>
void blocked(const BlockedConvolution<T>& g, Threads& threads) {
  const Convolution& c = g.shape;
  const double multiplications = double(c.batch) * double(c.groups) * double(c.out_channels) * double(c.in_channels) *
                                 double(c.taps()) * double(volume(c.output));
  const Index count = multiplications < threads.worthwhile() ? 1 : threads.count();
  const auto run = [&](const auto& work) {
    if (count > 1) return parallel(threads, work.items(), [&](Index i) { work.run(i); });
    for (Index i = 0; i < work.items(); ++i) work.run(i);
  };
  if (g.depthwise)
    run(BlockedDepthwise<T>(g));
  else
    run(BlockedDense<T>(g, count));
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_H_
