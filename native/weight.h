// The gradient by the weight: each element is the sum over all positions of a row of dy times a shifted plane of x.
//
// dy is laid out as the planes are, with zeros where the kernel would stand across a row's end, so both are read a
// vector at a time. Sums of blocks of positions are added up, which is more exact than one long sum, too.

namespace jaxconv {
namespace JAXCONV_ISA {

//   c[m * c_row + k] (+)= sum over q < vectors * lanes of a[m * row + q] * b[b_at[k] + q],    m < rows, k < columns
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
    for (int k = 0; k < columns; ++k) sums[m][k] = V{};
  const T* plane[columns];
#pragma GCC unroll 16
  for (int k = 0; k < columns; ++k) plane[k] = b + b_at[k];
  for (Index q = 0; q < vectors * kLanes<T>; q += kLanes<T>) {
    V mine[rows];
#pragma GCC unroll 16
    for (int m = 0; m < rows; ++m) mine[m] = load<V>(a + m * row + q);
#pragma GCC unroll 16
    for (int k = 0; k < columns; ++k) {
      const V seen = load<V>(plane[k] + q);
#pragma GCC unroll 16
      for (int m = 0; m < rows; ++m) sums[m][k] += mine[m] * seen;
    }
  }
  // Never by the address of a sum: it would not be kept in a register then.
  constexpr int lanes = kLanes<T>, all = rows * columns, lots = (all + lanes - 1) / lanes;
  T found[lots * lanes];
#pragma GCC unroll 16
  for (int lot = 0; lot < lots; ++lot) {
    V some[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      const int n = lot * lanes + i;
      some[i] = n < all ? sums[n / columns][n % columns] : V{};
    }
    store(found + lot * lanes, fold<T>(some));
  }
  for (int m = 0; m < rows; ++m)
    for (int k = 0; k < columns; ++k)
      c[m * c_row + k] = add ? c[m * c_row + k] + found[m * columns + k] : found[m * columns + k];
}

constexpr int kDotRows = 4, kDotColumns = 12;

constexpr bool dots_fit(int rows, int columns) { return rows * columns <= JAXCONV_ACCUMULATORS; }

template <class T, int rows, int columns>
constexpr DotsFn<T> dots_or_none() {
  if constexpr (dots_fit(rows, columns)) return dots<T, rows, columns>;
  return nullptr;
}

#define JAXCONV_ROW(n)                                                                                   \
  {dots_or_none<T, n, 1>(), dots_or_none<T, n, 2>(),  dots_or_none<T, n, 3>(),  dots_or_none<T, n, 4>(), \
   dots_or_none<T, n, 5>(), dots_or_none<T, n, 6>(),  dots_or_none<T, n, 7>(),  dots_or_none<T, n, 8>(), \
   dots_or_none<T, n, 9>(), dots_or_none<T, n, 10>(), dots_or_none<T, n, 11>(), dots_or_none<T, n, 12>()}
template <class T>
constexpr DotsFn<T> kDots[kDotRows][kDotColumns] = {JAXCONV_ROW(1), JAXCONV_ROW(2), JAXCONV_ROW(3), JAXCONV_ROW(4)};
#undef JAXCONV_ROW

inline Cut cut_dots(Index rows, Index columns) {
  Cut best{rows, columns};
  double least_cost = 0;
  for (int r = 1; r <= kDotRows && r <= rows; ++r)
    for (int k = 1; k <= kDotColumns && k <= columns; ++k) {
      if (!dots_fit(r, k)) continue;
      const Index row_blocks = quotient_up(rows, r), column_blocks = quotient_up(columns, k);
      const Index least_sums = (rows / row_blocks) * (columns / column_blocks);
      const double wait = least_sums < 8 ? 8.0 / double(least_sums) : 1.0;
      const double cost = double(rows) * double(columns) * wait +
                          0.6 * (double(rows) * double(column_blocks) + 1.5 * double(columns) * double(row_blocks));
      if (least_cost == 0 || cost < least_cost) {
        least_cost = cost;
        best = {row_blocks, column_blocks};
      }
    }
  return best;
}

// So many elements of a plane at once, which several rows' stay in the first cache of.
constexpr Index kPositions = 1024;

template <class T>
struct Weights {
  Planes planes, gradients;  // of x, and of dy
  Index rows, columns;       // of a group: output channels, and input channels times taps
  Index taps, channels;
  const Index* tap;      // where each tap is in the planes
  Index length, dy_row;  // of dy's plane, as it lies
};

// A block of one group's weight, made ready for any sample and group.
struct WeightBlock {
  Index m_start, m_end, k_start, k_end;
  const Index* at;  // where in the planes each column begins
  Cut cut;
};

template <class T>
WeightBlock ready(const Weights<T>& g, Index m_start, Index m_end, Index k_start, Index k_end,
                  Slot slot = Slot::terms) {
  Index* at = scratch_of<Index>(slot, k_end - k_start);
  for (Index k = k_start; k < k_end; ++k) at[k - k_start] = k / g.taps * g.planes.channel_stride + g.tap[k % g.taps];
  return {m_start, m_end, k_start, k_end, at, cut_dots(m_end - m_start, k_end - k_start)};
}

template <class T>
void weights(const Weights<T>& g, const WeightBlock& block, const T* planes, const T* dy, T* result, bool add) {
  const Index m_start = block.m_start, k_start = block.k_start;
  const Index rows = block.m_end - m_start, columns = block.k_end - k_start;
  const Cut blocks = block.cut;
  const Index* at = block.at;
  const Index vectors = quotient_up(g.length, kLanes<T>), lots = quotient_up(vectors, kPositions / kLanes<T>);
  for (Index lot = 0; lot < lots; ++lot) {
    const Index v = cut_at(vectors, lots, lot), v_next = cut_at(vectors, lots, lot + 1), q = v * kLanes<T>;
    for (Index kb = 0; kb < blocks.vector_blocks; ++kb) {
      const Index k = cut_at(columns, blocks.vector_blocks, kb), k_next = cut_at(columns, blocks.vector_blocks, kb + 1);
      for (Index rb = 0; rb < blocks.row_blocks; ++rb) {
        const Index m = m_start + cut_at(rows, blocks.row_blocks, rb),
                    m_next = m_start + cut_at(rows, blocks.row_blocks, rb + 1);
        kDots<T>[m_next - m - 1][k_next - k - 1](dy + m* g.dy_row + q, g.dy_row, planes + q, at + k, v_next - v,
                                                 result + m* g.columns + k_start + k, g.columns, add || lot > 0);
      }
    }
  }
}

// The same where x is not finite: what stands across a row's end must not be multiplied, even by zero.
template <class T>
void weights_by_rows(const Weights<T>& g, const WeightBlock& block, const T* planes, const T* dy, T* result, bool add) {
  const Planes& p = g.gradients;
  for (Index m = block.m_start; m < block.m_end; ++m)
    for (Index k = block.k_start; k < block.k_end; ++k) {
      const T* b = planes + block.at[k - block.k_start];
      T total = 0;
      for (Index d = 0; d < p.source[0]; ++d)
        for (Index h = 0; h < p.source[1]; ++h) {
          const Index row = (d * p.extent[1] + h) * p.extent[2];
          for (Index w = 0; w < p.source[2]; ++w) total += dy[m * g.dy_row + row + w] * b[row + w];
        }
      T& to = result[m * g.columns + k];
      to = add ? to + total : total;
    }
}

template <class T>
void product_weight(const Problem& p, const T* x, const T* dy, T* dweight, Pool& pool) {
  const Index ones[3] = {1, 1, 1}, none[3] = {0, 0, 0};
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (p.kernel[d] - 1) * p.dilation[d] + 1;
  Weights<T> g;
  g.taps = p.taps(), g.channels = p.in, g.rows = p.out, g.columns = p.in * g.taps;
  g.planes = plan_planes<T>(p.size, p.stride, p.low, reach, p.positions);
  Index room[3];
  for (int d = 0; d < 3; ++d) room[d] = g.planes.extent[d] - p.positions[d] + 1;
  g.gradients = plan_planes<T>(p.positions, ones, none, room, p.positions);
  g.length = g.planes.length(p.positions);
  // As they are, if nothing is read beyond a plane's end. Else with zeros that the last vector may reach.
  constexpr Index line = 64 / sizeof(T);
  const bool as_it_is = g.planes.direct && g.length % kLanes<T> == 0;
  if (!as_it_is) {
    const Index whole = volume(g.planes.phases) * g.planes.phase_stride;
    g.planes.direct = false;
    g.planes.channel_stride = (quotient_up(whole + kLanes<T> - 1, line) | 1) * line;
  }
  const bool dy_as_it_is = g.gradients.direct && g.length % kLanes<T> == 0;
  if (dy_as_it_is) {
    g.dy_row = volume(p.positions);
  } else {
    g.dy_row = g.gradients.channel_stride = (quotient_up(g.gradients.phase_stride, line) | 1) * line;
  }
  Index* tap = scratch_of<Index>(Slot::taps, g.taps);
  Index i[3] = {0, 0, 0};
  for (Index t = 0; t < g.taps; ++t, next_index(i, p.kernel)) {
    const Index at[3] = {i[0] * p.dilation[0], i[1] * p.dilation[1], i[2] * p.dilation[2]};
    tap[t] = g.planes.offset(at);
  }
  g.tap = tap;

  const Index source = volume(p.size), positions = volume(p.positions);
  const Index held = g.channels * g.planes.channel_stride, dy_held = g.rows * g.dy_row;
  const double work = double(p.samples) * double(p.groups) * double(g.rows) * double(g.columns) * double(g.length);
  const Index threads = work < kWorthwhile ? 1 : pool.threads();
  const auto compute = [&](const WeightBlock& block, Index item, const T* planes, const T* own_dy, bool add) {
    const T* own_x = x + item * g.channels * source;
    const Index first = block.k_start / g.taps, end = block.k_end / g.taps;  // the channels it meets
    T* to = dweight + item % p.groups * g.rows * g.columns;
    if (dy_as_it_is || finite(own_x + first * source, (end - first) * source)) {
      weights(g, block, planes, own_dy, to, add);
      return;
    }
    for (Index c = first; c < end; ++c) {
      const WeightBlock one = ready(g, block.m_start, block.m_end, c * g.taps, (c + 1) * g.taps, Slot::results);
      (finite(own_x + c * source, source) ? weights<T> : weights_by_rows<T>)(g, one, planes, own_dy, to, add);
    }
  };

  // Groups are shared among the threads where there are enough, else each one's input or output channels too.
  const bool whole = threads == 1 || p.groups >= 4 * threads || p.groups % threads == 0;
  const Index shares = whole ? 1 : threads;
  const Index units = whole ? (threads == 1 ? 1 : least(p.groups, 8 * threads)) : p.groups * shares;
  const auto unit = [&](Index u) {
    const Index share = u % shares, lots = units / shares, lot = u / shares;
    Index m[2] = {0, g.rows}, c[2] = {0, g.channels};
    if (g.channels >= 8 * shares || g.rows < shares)
      c[0] = cut_at(g.channels, shares, share), c[1] = cut_at(g.channels, shares, share + 1);
    else
      m[0] = cut_at(g.rows, shares, share), m[1] = cut_at(g.rows, shares, share + 1);
    if (m[0] == m[1] || c[0] == c[1]) return;
    const WeightBlock block = ready(g, m[0], m[1], c[0] * g.taps, c[1] * g.taps);
    T* planes = as_it_is ? nullptr : scratch_of<T>(Slot::planes, held + kSlack<T>);
    T* own_dy = dy_as_it_is ? nullptr : scratch_of<T>(Slot::gradients, dy_held);
    if (planes) zero(planes + held, kSlack<T>);
    for (Index group = cut_at(p.groups, lots, lot); group < cut_at(p.groups, lots, lot + 1); ++group)
      for (Index n = 0; n < p.samples; ++n) {
        const Index item = n * p.groups + group;
        const T *own_x = x + item * g.channels * source, *its_dy = dy + item * g.rows * positions;
        for (Index i = c[0]; planes && i < c[1]; ++i)
          fill(g.planes, own_x + i * source, planes + i * g.planes.channel_stride, 0, g.planes.rows());
        for (Index i = m[0]; own_dy && i < m[1]; ++i)
          fill(g.gradients, its_dy + i * positions, own_dy + i * g.dy_row, 0, g.gradients.rows());
        compute(block, item, planes ? planes : own_x, own_dy ? own_dy : its_dy, n > 0);
      }
  };
  if (units == 1)
    unit(0);
  else
    parallel(pool, units, unit);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv
