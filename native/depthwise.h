// One input and one output channel a group, stride 1: channels share nothing, so rows of results share what they load.
//
// A row of the feature map is loaded once for all the rows of results in a tile that it is a term of. Loads are what
// limits such a convolution: they lie across cache lines, and each would serve for a single multiplication.
#ifndef JAXCONV_DEPTHWISE_H_
#define JAXCONV_DEPTHWISE_H_

#include "packing.h"
#include "scratch.h"
#include "tile.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// A kernel whose rows are as far apart as those of the packed feature map.
struct Grid {
  Index rows, columns;
  const Index* column_at;  // of each column, from the beginning of a row
  const Index* order;      // where in the weight each element is, row by row
};

constexpr int kGridRows = 4;

template <class T, int rows, int vectors>
void grid_tile(const Grid& grid, const T* weight, const T* from, Index pitch, T* to, Index to_row, Index width) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  V sums[rows][vectors];
#pragma GCC unroll 16
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) sums[m][v] = V{};
  for (Index r = 0; r < grid.rows + rows - 1; ++r, from += pitch)
    for (Index c = 0; c < grid.columns; ++c) {
      V bs[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) bs[v] = load<V>(from + grid.column_at[c] + v * lanes);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m)
        if (r >= m && r - m < grid.rows) {
          const T factor = weight[(r - m) * grid.columns + c];
#pragma GCC unroll 16
          for (int v = 0; v < vectors; ++v) sums[m][v] += bs[v] * factor;
        }
    }
  T last[lanes];
#pragma GCC unroll 16
  for (int m = 0; m < rows; ++m) {
#pragma GCC unroll 16
    for (int v = 0; v + 1 < vectors; ++v) store(to + m * to_row + v * lanes, sums[m][v]);
    store(last, sums[m][vectors - 1]);
    copy(last, to + m * to_row + (vectors - 1) * lanes, width - (vectors - 1) * lanes);
  }
}

template <class T>
using GridFn = void (*)(const Grid& grid, const T* weight, const T* from, Index pitch, T* to, Index to_row,
                        Index width);

constexpr int kGridVectors = kAccumulators >= 24 ? 4 : 2;

#define JAXCONV_ROW(n) \
  {grid_tile<T, n, 1>, grid_tile<T, n, 2>, grid_tile<T, n, min(3, kGridVectors)>, grid_tile<T, n, kGridVectors>}
template <class T>
constexpr GridFn<T> kGridTiles[kGridRows][4] = {JAXCONV_ROW(1), JAXCONV_ROW(2), JAXCONV_ROW(3), JAXCONV_ROW(4)};
#undef JAXCONV_ROW

// Writes the kernel as a grid, if it is one. `memory` holds 2 * taps numbers.
inline bool as_grid(Index taps, const Index* tap_a, const Index* tap_b, Index pitch, Index* memory, Grid* grid) {
  Index* order = memory;
  Index* column_at = memory + taps;
  const bool falling = taps > 1 && tap_b[taps - 1] < tap_b[0];  // the gradient's kernel is turned around
  Index rows = 0, columns = 0;
  for (Index i = 0; i < taps; ++i) {
    const Index t = falling ? taps - 1 - i : i;
    const Index row = tap_b[t] / pitch, column = tap_b[t] % pitch;
    if (row == 0) column_at[columns++] = column;
    if (columns == 0 || row != i / columns || column != column_at[i % columns])
      return false;  // rows are further apart, or not whole
    rows = row + 1;
    order[i] = tap_a[t];
  }
  grid->rows = rows, grid->columns = columns, grid->column_at = column_at, grid->order = order;
  return true;
}

// Calls finished(results, n) of every n neighbours that are computed.
template <class T, class Finished>
void grid_map(const Grid& grid, const T* weight, const T* map, Index pitch, T* to, const Index (&count)[3],
              Finished finished) {
  constexpr Index lanes = kLanes<T>;
  T* own = scratch_of<T>(Slot::results, grid.rows * grid.columns);
  for (Index i = 0; i < grid.rows * grid.columns; ++i) own[i] = weight[grid.order[i]];
  const Index vectors = ceil_div(count[2], lanes), blocks = ceil_div(count[1], kGridRows);
  const Index tiles = ceil_div(vectors, kGridVectors);
  for (Index b = 0; b < blocks; ++b) {
    const Index h = block_start(count[1], blocks, b), rows = block_start(count[1], blocks, b + 1) - h;
    for (Index t = 0; t < tiles; ++t) {
      const Index v = block_start(vectors, tiles, t), n = block_start(vectors, tiles, t + 1) - v;
      kGridTiles<T>[rows - 1][n - 1](grid, own, map + h* pitch + v* lanes, pitch, to + h* count[2] + v* lanes, count[2],
                                     min(count[2] - v* lanes, n* lanes));
    }
    finished(to + h * count[2], rows * count[2]);
  }
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_DEPTHWISE_H_
