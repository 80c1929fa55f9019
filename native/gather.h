// What the convolution and its gradient with respect to the input share: each result is a sum over channels and taps of
// shifted feature maps.
#ifndef JAXCONV_GATHER_H_
#define JAXCONV_GATHER_H_

#include "definition.h"
#include "depthwise.h"
#include "finish.h"
#include "packing.h"
#include "scratch.h"
#include "threads.h"
#include "tile.h"
#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// Results that are sums over the same taps.
struct Residue {
  Index count[3], origin[3];  // how many, and where the first of them is
  Index first_tap, taps;      // in Gather::tap_a, tap_b
};

template <class T>
struct Gather {
  Packing packing;
  Index items, groups;              // an item is a sample's group
  Index rows, channels;             // of an item: the results' channels, and those that are summed over
  Index a_row, a_channel, a_group;  // the weight: the distance between rows, channels and groups
  Index size[3], step[3];           // the results' whole feature map, and how far apart a residue's are
  Index residues;
  const Residue* residue;
  const Index *tap_a, *tap_b;  // where each tap is in the weight's kernel, and in the packed map
  const T *maps, *weight;
  T* result;
  const Convolution* gradient;  // of which this is the gradient, if it is one and there are zeros around the maps
  const Epilogue<T>* epilogue;  // of the convolution's results, or nullptr
};

// Finishes rows of an item's results from m_start on: n neighbours of each, which begin at `to`.
template <class T>
void finish_rows(const Gather<T>& g, Index item, Index m_start, Index rows, T* to, Index n) {
  if (!g.epilogue || n == 0) return;
  const T* residual = g.epilogue->residual ? g.epilogue->residual + (to - g.result) : nullptr;
  const Index map = volume(g.size), channel = item % g.groups * g.rows + m_start;
  for (Index m = 0; m < rows; ++m)
    finish(*g.epilogue, channel + m, residual ? residual + m * map : nullptr, to + m * map, n);
}

// A row of results of a tile: from where in the tile to where in the feature map.
struct Segment {
  Index from, to, count;
  Index source;  // where in the packed maps, of a product (products.h)
};

template <class T>
Index find_segments(const Gather<T>& g, const Residue& residue, Index start, Index end, Segment* out) {
  const Index pitch = g.packing.extent[2];
  Index found = 0, row = start / pitch, at = start % pitch;
  Index d = row / g.packing.extent[1], h = row % g.packing.extent[1];
  for (Index n = start; n < end; at = 0) {
    const Index next = min(n + pitch - at, end);
    if (h < residue.count[1] && at < residue.count[2]) {
      const Index to =
          ((d * g.step[0] + residue.origin[0]) * g.size[1] + h * g.step[1] + residue.origin[1]) * g.size[2] +
          at * g.step[2] + residue.origin[2];
      out[found++] = {n - start, to, min(next - n, residue.count[2] - at), 0};
    }
    n = next;
    if (++h == g.packing.extent[1]) h = 0, ++d;
  }
  return found;
}

template <class T>
void unpack(const T* from, Index from_row, T* to, Index to_row, Index rows, const Segment* segment, Index segments,
            Index step) {
  for (Index m = 0; m < rows; ++m, from += from_row, to += to_row)
    for (Index i = 0; i < segments; ++i) {
      const Segment s = segment[i];
      if (step == 1) {
        copy(from + s.from, to + s.to, s.count);
      } else if (step == 2) {
        for (Index j = 0; j < s.count; ++j) to[s.to + 2 * j] = from[s.from + j];
      } else {
        for (Index j = 0; j < s.count; ++j) to[s.to + step * j] = from[s.from + j];
      }
    }
}

// Terms at a time: what they read of the maps stays in the first cache while all rows are computed.
constexpr Index kTerms = 512;
// Elements of maps that are gone through for one block of rows before the next: with few channels, results are written
// a long piece of a row at a time.
constexpr Index kMapElements = 16 * 1024;

// A block of results, prepared for any item: rows of a residue, at vectors of positions.
template <class T>
struct Block {
  const Residue* residue;
  Index m_start, m_end, v_start, v_end;
  Terms<T> terms;
  Blocking blocking;
  bool contiguous;         // whether results lie as the packed maps do
  const Segment* segment;  // those of tile v are [first[v], first[v + 1])
  const Index* first;

  Index rows() const { return m_end - m_start; }
  Index vectors() const { return v_end - v_start; }
};

template <class T>
Index vectors_of(const Gather<T>& g, const Residue& residue) {
  return ceil_div(g.packing.length(residue.count), kLanes<T>);
}

// Bytes of memory that `prepare` takes for a residue.
template <class T>
Index prepared_bytes(const Gather<T>& g, const Residue& residue) {
  const Index tiles = vectors_of(g, residue), rows = g.packing.rows();
  return Index(sizeof(Index)) * (2 * g.channels * residue.taps + tiles + 1) + Index(sizeof(Segment)) * (tiles + rows);
}

template <class T>
Block<T> prepare(const Gather<T>& g, const Residue& residue, Index m_start, Index m_end, Index v_start, Index v_end,
                 char*& memory) {
  constexpr Index lanes = kLanes<T>;
  const Index count = g.channels * residue.taps, length = g.packing.length(residue.count);
  Index* a_at = reinterpret_cast<Index*>(memory);
  Index* b_at = a_at + count;
  for (Index c = 0, k = 0; c < g.channels; ++c)
    for (Index t = 0; t < residue.taps; ++t, ++k) {
      a_at[k] = c * g.a_channel + g.tap_a[residue.first_tap + t];
      b_at[k] = c * g.packing.channel_stride + g.tap_b[residue.first_tap + t];
    }
  Block<T> r{&residue, m_start, m_end, v_start, v_end, {a_at, b_at, count}, {}, false, nullptr, nullptr};
  r.blocking = tile_blocking(r.rows(), r.vectors());
  r.contiguous = g.step[0] == 1 && g.step[1] == 1 && g.step[2] == 1 && g.packing.extent[2] == residue.count[2] &&
                 (residue.count[0] == 1 || g.packing.extent[1] == residue.count[1]);
  Index* first = b_at + count;
  Segment* segment = reinterpret_cast<Segment*>(first + r.blocking.vector_blocks + 1);
  first[0] = 0;
  for (Index vb = 0; vb < r.blocking.vector_blocks; ++vb) {
    const Index n = (v_start + block_start(r.vectors(), r.blocking.vector_blocks, vb)) * lanes;
    const Index end = min((v_start + block_start(r.vectors(), r.blocking.vector_blocks, vb + 1)) * lanes, length);
    first[vb + 1] = first[vb] + find_segments(g, residue, n, end, segment + first[vb]);
  }
  r.segment = segment, r.first = first;
  memory = reinterpret_cast<char*>(segment + first[r.blocking.vector_blocks]);
  return r;
}

// Copies what there is of the last tile's operand, and has the terms point there: beyond the last channel's end there
// may be no memory.
template <class T>
const T* copy_tail(const Block<T>& block, const T* maps, Index length, Terms<T>& terms) {
  const Index vectors = block.vectors(), blocks = block.blocking.vector_blocks;
  const Index v = block_start(vectors, blocks, blocks - 1), width = (vectors - v) * kLanes<T>;
  const Index start = (block.v_start + v) * kLanes<T>, rest = length - start;
  Index* at =
      static_cast<Index*>(scratch(Slot::tail, bytes_of(terms.count, std::size_t(width) * sizeof(T) + sizeof(Index))));
  T* tail = reinterpret_cast<T*>(at + terms.count);
  for (Index k = 0; k < terms.count; ++k) {
    at[k] = k * width;
    copy(maps + terms.b_at[k] + start, tail + k * width, rest);
    zero(tail + k * width + rest, width - rest);
  }
  terms.b_at = at;
  return tail;
}

// Computes the block's results of one item, whose packed maps, weight and result these are.
template <class T>
void compute(const Gather<T>& g, const Block<T>& block, Index item, const T* maps, const T* weight, T* result) {
  constexpr Index lanes = kLanes<T>;
  const Index rows = block.rows(), vectors = block.vectors(), count = block.terms.count;
  const Index length = g.packing.length(block.residue->count), map = volume(g.size);
  const Blocking blocks = block.blocking;
  const auto position = [&](Index vb) {
    return (block.v_start + block_start(vectors, blocks.vector_blocks, vb)) * lanes;
  };
  // By all rows of the group, so that sums do not depend on how rows are divided among threads.
  const Index passes = g.rows <= kRows ? 1 : max(ceil_div(count, kTerms), 1);
  const Index widest = ceil_div(vectors, blocks.vector_blocks) * lanes;
  const Index together = max(kMapElements / g.channels / widest, 1);  // tiles of positions
  const Index kept_row = together * widest;
  T* kept = scratch_of<T>(Slot::results, (passes > 1 ? rows : kRows) * kept_row);
  const bool tail = g.packing.direct && block.v_end * lanes > length;

  for (Index vb_start = 0, vb_end; vb_start < blocks.vector_blocks; vb_start = vb_end) {
    vb_end = min(vb_start + together, blocks.vector_blocks);
    if (tail && vb_end == blocks.vector_blocks && vb_start + 1 < vb_end) --vb_end;
    for (Index pass = 0; pass < passes; ++pass) {
      const Index k_start = block_start(count, passes, pass), k_end = block_start(count, passes, pass + 1);
      Terms<T> terms{block.terms.a_at + k_start, block.terms.b_at + k_start, k_end - k_start};
      const bool copied = tail && vb_end == blocks.vector_blocks;
      const T* from = copied ? copy_tail(block, maps, length, terms) : maps + position(vb_start);
      for (Index rb = 0; rb < blocks.row_blocks; ++rb) {
        const Index m = block_start(rows, blocks.row_blocks, rb), m_next = block_start(rows, blocks.row_blocks, rb + 1);
        const T* a = weight + (block.m_start + m) * g.a_row;
        T* to = result + (block.m_start + m) * map;
        for (Index vb = vb_start; vb < vb_end; ++vb) {
          const Index n = position(vb), width = position(vb + 1) - n, within = n - position(vb_start);
          const TileFn<T> fn = kTiles<T>[m_next - m - 1][width / lanes - 1];
          if (block.contiguous && n + width <= length) {
            fn(a, g.a_row, from + within, terms, to + n, map, pass > 0);
            continue;
          }
          T* mine = kept + (passes > 1 ? m : 0) * kept_row + within;
          fn(a, g.a_row, from + within, terms, mine, kept_row, pass > 0);
          if (pass + 1 == passes)
            unpack(mine, kept_row, to, map, m_next - m, block.segment + block.first[vb],
                   block.first[vb + 1] - block.first[vb], g.step[2]);
        }
        if (pass + 1 < passes || !g.epilogue || block.first[vb_start] == block.first[vb_end]) continue;
        // Of a convolution, what lies between the tiles' first result and their last is theirs.
        const Segment first = block.segment[block.first[vb_start]], last = block.segment[block.first[vb_end] - 1];
        finish_rows(g, item, block.m_start + m, m_next - m, to + first.to, last.to + last.count - first.to);
      }
    }
  }
}

// The gradient has no zeros around the output's gradient, but the kernels have multiplied every element of the weight
// by such zeros. Where one is not finite, no result of its residue is, not even the first: computes those again.
template <class T>
void mend(const Gather<T>& g, Index item) {
  const Index map = volume(g.size);
  for (Index m = 0; m < g.rows; ++m) {
    T* to = g.result + (item * g.rows + m) * map;
    bool exact = true;
    for (Index n = 0; n < g.residues; ++n) {
      const Index(&o)[3] = g.residue[n].origin;
      exact = exact && to[(o[0] * g.size[1] + o[1]) * g.size[2] + o[2]] * T(0) == 0;
    }
    if (!exact)
      definition::backward_input(*g.gradient, g.weight + item % g.groups * g.a_group + m * g.a_row,
                                 g.maps + item * g.channels * volume(g.packing.source), to);
  }
}

template <class T>
void run(const Gather<T>& g, Threads& threads) {
  const Index source = volume(g.packing.source), result = volume(g.size);
  double multiplications = 0;
  for (Index i = 0; i < g.residues; ++i)
    multiplications += double(g.items) * double(g.rows) * double(g.channels) * double(g.residue[i].taps) *
                       double(g.packing.length(g.residue[i].count));
  const Index count = multiplications < threads.worthwhile() ? 1 : threads.count();
  const Index held = g.channels * g.packing.channel_stride;

  Grid grid;
  bool by_grid = g.rows == 1 && g.channels == 1 && g.residues == 1 && !g.packing.direct && g.packing.extent[0] == 1 &&
                 volume(g.packing.phases) == 1 && g.step[1] == 1 && g.step[2] == 1 && g.residue[0].taps <= kChunk &&
                 g.size[2] > kLanes<T>;  // else most of a row's only vector would be computed in vain
  if (by_grid) {
    const Residue& residue = g.residue[0];
    Index* memory = scratch_of<Index>(Slot::grid, 2 * residue.taps);
    by_grid = as_grid(residue.taps, g.tap_a, g.tap_b, g.packing.extent[2], memory, &grid);
  }

  // Threads share the items if there are enough, else each item's rows or positions too: `splits` is into how many
  // parts an item is divided. Every thread packs the maps that it needs: what another has just written is far away.
  const bool whole = count == 1 || by_grid || g.items >= 4 * count || g.items % count == 0;
  const Index splits = whole ? 1 : count;
  const Index work_items = whole ? (count == 1 ? 1 : min(g.items, 8 * count)) : g.items * splits;
  const auto work = [&](Index w) {
    const Index split = w % splits, batches = work_items / splits, batch = w / splits;
    Index bytes = g.residues * Index(sizeof(Block<T>));
    for (Index p = 0; p < g.residues; ++p) bytes += prepared_bytes(g, g.residue[p]);
    char* memory = scratch_of<char>(Slot::terms, bytes);
    Block<T>* block = reinterpret_cast<Block<T>*>(memory);
    memory += g.residues * Index(sizeof(Block<T>));
    Index row_start = g.packing.rows(), row_end = 0;  // of the packed maps, those that are read
    for (Index p = 0; p < g.residues; ++p) {
      const Residue& residue = g.residue[p];
      const Index vectors = vectors_of(g, residue);
      Index m[2] = {0, g.rows}, v[2] = {0, vectors};
      if (vectors >= 12 * splits || g.rows < 2 * splits)
        v[0] = block_start(vectors, splits, split), v[1] = block_start(vectors, splits, split + 1);
      else
        m[0] = block_start(g.rows, splits, split), m[1] = block_start(g.rows, splits, split + 1);
      block[p] = prepare(g, residue, m[0], m[1], v[0], v[1], memory);
      const Index pitch = g.packing.extent[2];
      row_start = min(row_start, v[0] * kLanes<T> / pitch);
      for (Index t = residue.first_tap; t < residue.first_tap + residue.taps; ++t)
        row_end = max(row_end, (v[1] * kLanes<T> + g.tap_b[t] % g.packing.phase_stride) / pitch + 1);
    }
    row_end = min(row_end, g.packing.rows());
    T* own = g.packing.direct ? nullptr : scratch_of<T>(Slot::maps, held + kSlack<T>);
    if (own) zero(own + held, kSlack<T>);
    for (Index i = block_start(g.items, batches, batch); i < block_start(g.items, batches, batch + 1); ++i) {
      const T* maps = g.maps + i * g.channels * source;
      const T* weight = g.weight + i % g.groups * g.a_group;
      T* to = g.result + i * g.rows * result;
      if (own)
        for (Index c = 0; c < g.channels; ++c)
          pack(g.packing, maps + c * source, own + c * g.packing.channel_stride, row_start, row_end);
      if (by_grid)
        grid_map(grid, weight, own, g.packing.extent[2], to, g.residue[0].count,
                 [&](T* rows, Index n) { finish_rows(g, i, 0, 1, rows, n); });
      for (Index p = 0; p < g.residues && !by_grid; ++p)
        if (block[p].rows() && block[p].vectors()) compute(g, block[p], i, own ? own : maps, weight, to);
      if (g.gradient && splits == 1) mend(g, i);
    }
  };
  if (work_items == 1)
    work(0);
  else
    parallel(threads, work_items, work);
  for (Index i = 0; i < g.items && g.gradient && splits > 1; ++i) mend(g, i);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_GATHER_H_
