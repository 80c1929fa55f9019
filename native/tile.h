// A tile of results, kept in registers: rows of a matrix times shifted planes.
//
//   c[m][q] (+)= sum over k of a[m * row + a_at[k]] * b[b_at[k] + q],    m < rows, q < vectors * lanes
//
// Neither operand is copied for it: a_at and b_at say where the k-th terms lie.

namespace jaxconv {
namespace JAXCONV_ISA {

template <class T>
struct Terms {
  const Index *a_at, *b_at;
  Index count;
};

template <class T>
using TileFn = void (*)(const T* a, Index row, const T* b, Terms<T> terms, T* c, Index c_row, bool add);

// So many terms are added up in a register; such sums are added up in memory. One long sum would be less exact.
constexpr Index kChunk = 96;

template <class T, int rows, int vectors>
void tile(const T* a, Index row, const T* b, Terms<T> terms, T* c, Index c_row, bool add) {
  using V = Vector<T>;
  constexpr int lanes = kLanes<T>;
  const Index chunks = most(quotient_up(terms.count, kChunk), 1);
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
      V seen[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) seen[v] = load<V>(bk + v * lanes);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m) {
        const T factor = ak[m * row];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sums[m][v] += seen[v] * factor;
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

constexpr bool tile_fits(int rows, int vectors) { return rows * vectors <= JAXCONV_ACCUMULATORS; }

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

// How a matrix of results is cut into tiles: evenly, so that no tile is left with a single row or vector.
struct Cut {
  Index row_blocks, vector_blocks;
};

inline Index cut_at(Index n, Index blocks, Index i) { return n * i / blocks; }

inline Cut cut(Index rows, Index vectors) {
  Cut best{rows, vectors};
  double least_cost = 0;
  for (int r = 1; r <= kRows && r <= rows; ++r)
    for (int v = 1; v <= kVectors && v <= vectors; ++v) {
      if (!tile_fits(r, v)) continue;
      const Index row_blocks = quotient_up(rows, r), vector_blocks = quotient_up(vectors, v);
      // Multiplications are the same for all. A tile loads its rows' factors and its planes' vectors, which lie across
      // cache lines, and waits for its last sum where it has too few to hide how long one takes.
      const Index least_sums = (rows / row_blocks) * (vectors / vector_blocks);
      const double wait = least_sums < 8 ? 8.0 / double(least_sums) : 1.0;
      const double cost = double(rows) * double(vectors) * wait +
                          0.4 * (double(rows) * double(vector_blocks) + 2.0 * double(vectors) * double(row_blocks));
      if (least_cost == 0 || cost < least_cost) {
        least_cost = cost;
        best = {row_blocks, vector_blocks};
      }
    }
  return best;
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv
