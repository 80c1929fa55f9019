// A product of matrices of which a few columns at a time are copied to a panel: it stays in the first cache while all
// rows are computed, is read in order and never across cache lines.
#ifndef JAXCONV_PANELS_H_
#define JAXCONV_PANELS_H_

#include "tile.h"
#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr int kPanelVectors = 3;

//   c[m][n] (+)= sum over k < count of a[m * row + k] * panel[k][n],    m < rows, n < vectors * lanes
template <class T>
using ProductFn = void (*)(const T* a, Index row, const T* panel, Index count, T* c, Index c_row, bool add);

template <class T, int rows, int vectors>
void product(const T* a, Index row, const T* panel, Index count, T* c, Index c_row, bool add) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  V sums[rows][vectors];
#pragma GCC unroll 16
  for (int m = 0; m < rows; ++m)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) sums[m][v] = V{};
  constexpr Index line = 64 / sizeof(T);
  for (Index k = 0; k < count;) {
    // The next rows' terms, which come from afar.
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m) __builtin_prefetch(a + (rows + m) * row);
    for (const Index next = min(k + line, count); k < next; ++k, ++a, panel += vectors * lanes) {
      V bs[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) bs[v] = load<V>(panel + v * lanes);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m) {
        const T am = a[m * row];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sums[m][v] += bs[v] * am;
      }
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

template <class T, int rows, int vectors>
constexpr ProductFn<T> product_or_none() {
  if constexpr (tile_fits(rows, vectors)) return product<T, rows, vectors>;
  return nullptr;
}

#define JAXCONV_ROW(n) {product_or_none<T, n, 1>(), product_or_none<T, n, 2>(), product_or_none<T, n, 3>()}
template <class T>
constexpr ProductFn<T> kProducts[kRows][kPanelVectors] = {JAXCONV_ROW(1), JAXCONV_ROW(2), JAXCONV_ROW(3),
                                                          JAXCONV_ROW(4), JAXCONV_ROW(5), JAXCONV_ROW(6),
                                                          JAXCONV_ROW(7), JAXCONV_ROW(8)};
#undef JAXCONV_ROW

// Copies n columns, of which term k's begin at from + at[k].
template <class T, int vectors>
void copy_columns(const T* from, const Index* at, Index count, T* to, Index to_row, Index n) {
  using V = Vector<T>;
  for (Index k = 0; k < count; ++k, to += to_row) {
    const T* source = from + at[k];
#pragma GCC unroll 16
    for (int v = 0; v + 1 < vectors; ++v) store(to + v * kLanes<T>, load<V>(source + v * kLanes<T>));
    store(to + n - kLanes<T>, load<V>(source + n - kLanes<T>));
  }
}

template <class T>
void copy_columns(const T* from, const Index* at, Index count, T* to, Index to_row, Index n) {
  constexpr Index lanes = kLanes<T>;
  if (n > 2 * lanes) return copy_columns<T, 3>(from, at, count, to, to_row, n);
  if (n > lanes) return copy_columns<T, 2>(from, at, count, to, to_row, n);
  if (n == lanes) return copy_columns<T, 1>(from, at, count, to, to_row, n);
  for (Index k = 0; k < count; ++k) copy(from + at[k], to + k * to_row, n);
}

inline Index panels_of(Index vectors) { return ceil_div(vectors, kPanelVectors); }

// A pass: some terms of all rows.
template <class T>
struct Pass {
  Index first, end;  // chunks, of so many as there are in all
  Index chunks, count;
  const T* a;  // the first row's first term
  Index a_row;

  // Where a chunk begins, of the pass' terms.
  Index term(Index chunk) const { return of_all(chunk) - of_all(first); }
  Index of_all(Index chunk) const { return chunk * (count / chunks) + min(chunk, count % chunks); }
};

// Calls block(m, end) of each block of rows that a tile of so many vectors has.
template <class Block>
void for_row_blocks(Index rows, Index vectors, Block block) {
  const Index blocks = ceil_div(rows, min(kRows, kAccumulators / vectors));
  const Index fewest = rows / blocks, larger = rows % blocks * (fewest + 1);
  for (Index m = 0, end; m < rows; m = end) {
    end = m + fewest + (m < larger);
    block(m, end);
  }
}

// Adds up a pass for rows [m, end) of a panel.
template <class T>
void add_up(const Pass<T>& pass, Index m, Index end, const T* columns, Index width, T* sums, Index sums_row, bool add) {
  const ProductFn<T> fn = kProducts<T>[end - m - 1][width / kLanes<T> - 1];
  for (Index c = pass.first; c < pass.end; ++c) {
    const Index k = pass.term(c);
    fn(pass.a + m * pass.a_row + k, pass.a_row, columns + k * width, pass.term(c + 1) - k, sums, sums_row,
       add || c > 0);
  }
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_PANELS_H_
