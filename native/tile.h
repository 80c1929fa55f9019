// A tile of results, kept in registers: a row of a matrix for each channel, times shifted feature maps.
//
//   c[m][n] (+)= sum over k of a[m * row + a_at[k]] * b[b_at[k] + n],    m < rows, n < vectors * lanes
//
// Neither operand is copied for the tile: a_at and b_at say where the k-th terms lie.
#ifndef JAXCONV_TILE_H_
#define JAXCONV_TILE_H_

#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

template <class T>
struct Terms {
  const Index *a_at, *b_at;
  Index count;
};

template <class T>
using TileFn = void (*)(const T* a, Index row, const T* b, Terms<T> terms, T* c, Index c_row, bool add);

// Terms that are added up in a register. Such sums are added up in memory: one long sum would be less exact.
constexpr Index kChunk = 96;

template <class T, int rows, int vectors>
void tile(const T* a, Index row, const T* b, Terms<T> terms, T* c, Index c_row, bool add) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  const Index chunks = max(ceil_div(terms.count, kChunk), 1);
  for (Index chunk = 0; chunk < chunks; ++chunk, add = true) {
    V sums[rows][vectors];
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sums[m][v] = V{};
    const Index end = terms.count * (chunk + 1) / chunks;
    for (Index k = terms.count * chunk / chunks; k < end; ++k) {
      const T* bk = b + terms.b_at[k];
      const T* ak = a + terms.a_at[k];
      V bs[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) bs[v] = load<V>(bk + v * lanes);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m) {
        const T am = ak[m * row];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sums[m][v] += bs[v] * am;
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) {
        T* to = c + m * c_row + v * lanes;
        store(to, add ? load<V>(to) + sums[m][v] : sums[m][v]);
      }
  }
}

constexpr int kRows = 8, kVectors = 8;

constexpr bool tile_fits(int rows, int vectors) { return rows * vectors <= kAccumulators; }

template <class T, int rows, int vectors>
constexpr TileFn<T> tile_or_none() {
  if constexpr (tile_fits(rows, vectors)) return tile<T, rows, vectors>;
  return nullptr;
}

#define JAXCONV_ROW(n)                                                                                 \
  {tile_or_none<T, n, 1>(), tile_or_none<T, n, 2>(), tile_or_none<T, n, 3>(), tile_or_none<T, n, 4>(), \
   tile_or_none<T, n, 5>(), tile_or_none<T, n, 6>(), tile_or_none<T, n, 7>(), tile_or_none<T, n, 8>()}
template <class T>
constexpr TileFn<T> kTiles[kRows][kVectors] = {JAXCONV_ROW(1), JAXCONV_ROW(2), JAXCONV_ROW(3), JAXCONV_ROW(4),
                                               JAXCONV_ROW(5), JAXCONV_ROW(6), JAXCONV_ROW(7), JAXCONV_ROW(8)};
#undef JAXCONV_ROW

// How a matrix of results is divided into tiles: evenly, so that no tile is left with a single row or vector.
struct Blocking {
  Index row_blocks, vector_blocks;
};

// Where the i-th of `blocks` even blocks of n begins.
inline Index block_start(Index n, Index blocks, Index i) { return n * i / blocks; }

// The blocking of least cost among tiles of at most max_rows by max_columns that fit the registers. Multiplications are
// the same for all. A tile loads its rows' and columns' operands, whose costs relative to a multiplication these are,
// and waits for its last sum if it has too few sums to hide how long one takes.
inline Blocking best_blocking(Index rows, Index columns, int max_rows, int max_columns, double row_cost,
                              double column_cost) {
  Blocking best{rows, columns};
  double best_cost = 0;
  for (int r = 1; r <= max_rows && r <= rows; ++r)
    for (int c = 1; c <= max_columns && c <= columns; ++c) {
      if (!tile_fits(r, c)) continue;
      const Index row_blocks = ceil_div(rows, r), column_blocks = ceil_div(columns, c);
      const Index fewest_sums = (rows / row_blocks) * (columns / column_blocks);
      const double wait = fewest_sums < 8 ? 8.0 / double(fewest_sums) : 1.0;
      const double cost =
          double(rows) * double(columns) * wait +
          row_cost * (double(rows) * double(column_blocks) + column_cost * double(columns) * double(row_blocks));
      if (best_cost == 0 || cost < best_cost) {
        best_cost = cost;
        best = {row_blocks, column_blocks};
      }
    }
  return best;
}

// Vectors of feature maps lie across cache lines.
inline Blocking tile_blocking(Index rows, Index vectors) {
  return best_blocking(rows, vectors, kRows, kVectors, 0.4, 2.0);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_TILE_H_
