// The convolution and its gradient by x: each result is a sum over channels and taps of shifted planes.
//
// The gradient's results are taken apart by their place modulo the stride: within one such part every result is the
// sum over the same taps of dy, and dy's planes are shifted by whole elements.

namespace jaxconv {
namespace JAXCONV_ISA {

// Results that are sums over the same taps.
struct Part {
  Index count[3], origin[3];  // how many, and where the first of them is
  Index first_tap, taps;      // in Gather::tap_a, tap_b
};

template <class T>
struct Gather {
  Planes planes;
  Index samples, groups;
  Index rows, channels;             // of a group: results', and those that are summed over
  Index a_row, a_channel, a_group;  // the weight: the distance between rows, channels and groups
  Index size[3], step[3];           // the results' whole image, and how far apart a part's are
  Index parts;
  const Part* part;
  const Index *tap_a, *tap_b;  // where each tap is in the weight's kernel, and in the planes
  const T *image, *weight;
  T* result;
  const Problem* gradient;  // of which this is the gradient by x, if it is one and there are zeros around dy
};

// Where a tile's rows of results go.
struct Segment {
  Index from, to, count;
};

template <class T>
Index segments(const Gather<T>& g, const Part& part, Index start, Index end, Segment* out) {
  const Index pitch = g.planes.extent[2];
  Index n = 0, row = start / pitch, at = start % pitch;
  Index d = row / g.planes.extent[1], h = row % g.planes.extent[1];
  for (Index q = start; q < end; at = 0) {
    const Index next = least(q + pitch - at, end);
    if (h < part.count[1] && at < part.count[2]) {
      const Index to = ((d * g.step[0] + part.origin[0]) * g.size[1] + h * g.step[1] + part.origin[1]) * g.size[2] +
                       at * g.step[2] + part.origin[2];
      out[n++] = {q - start, to, least(next - q, part.count[2] - at)};
    }
    q = next;
    if (++h == g.planes.extent[1]) h = 0, ++d;
  }
  return n;
}

template <class T>
void put(const T* from, Index from_row, T* to, Index to_row, Index rows, const Segment* segment, Index n, Index step) {
  for (Index m = 0; m < rows; ++m, from += from_row, to += to_row)
    for (Index i = 0; i < n; ++i) {
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

// So many terms at a time: what they read of the planes stays in the first cache while all rows are computed.
constexpr Index kTerms = 512;
// So many elements of planes are gone through for one block of rows before the next: where there are few channels,
// results are written a long piece of a row at a time.
constexpr Index kPlanes = 16 * 1024;

// A block of results, made ready for any sample and group: rows of a part, at vectors of positions.
template <class T>
struct Block {
  const Part* part;
  Index m_start, m_end, v_start, v_end;
  Terms<T> terms;
  Cut cut;
  bool contiguous;         // whether positions lie as the planes' do
  const Segment* segment;  // those of tile v are [first[v], first[v + 1])
  const Index* first;

  Index rows() const { return m_end - m_start; }
  Index vectors() const { return v_end - v_start; }
};

template <class T>
Index vectors_of(const Gather<T>& g, const Part& part) {
  return quotient_up(g.planes.length(part.count), kLanes<T>);
}

// Bytes that `ready` takes of memory for a part.
template <class T>
Index bytes_of(const Gather<T>& g, const Part& part) {
  const Index tiles = vectors_of(g, part), rows = g.planes.extent[0] * g.planes.extent[1];
  return Index(sizeof(Index)) * (2 * g.channels * part.taps + tiles + 1) + Index(sizeof(Segment)) * (tiles + rows);
}

template <class T>
Block<T> ready(const Gather<T>& g, const Part& part, Index m_start, Index m_end, Index v_start, Index v_end,
               char*& memory) {
  constexpr Index lanes = kLanes<T>;
  const Index count = g.channels * part.taps, length = g.planes.length(part.count);
  Index* a_at = reinterpret_cast<Index*>(memory);
  Index* b_at = a_at + count;
  for (Index c = 0, k = 0; c < g.channels; ++c)
    for (Index t = 0; t < part.taps; ++t, ++k) {
      a_at[k] = c * g.a_channel + g.tap_a[part.first_tap + t];
      b_at[k] = c * g.planes.channel_stride + g.tap_b[part.first_tap + t];
    }
  Block<T> r{&part, m_start, m_end, v_start, v_end, {a_at, b_at, count}, {}, false, nullptr, nullptr};
  r.cut = cut(r.rows(), r.vectors());
  r.contiguous = g.step[0] == 1 && g.step[1] == 1 && g.step[2] == 1 && g.planes.extent[2] == part.count[2] &&
                 (part.count[0] == 1 || g.planes.extent[1] == part.count[1]);
  Index* first = b_at + count;
  Segment* segment = reinterpret_cast<Segment*>(first + r.cut.vector_blocks + 1);
  first[0] = 0;
  for (Index vb = 0; vb < r.cut.vector_blocks; ++vb) {
    const Index q = (v_start + cut_at(r.vectors(), r.cut.vector_blocks, vb)) * lanes;
    const Index end = least((v_start + cut_at(r.vectors(), r.cut.vector_blocks, vb + 1)) * lanes, length);
    first[vb + 1] = first[vb] + segments(g, part, q, end, segment + first[vb]);
  }
  r.segment = segment, r.first = first;
  memory = reinterpret_cast<char*>(segment + first[r.cut.vector_blocks]);
  return r;
}

// What there is of the last tile, whose terms are then there: beyond the last channel's end there may be no memory.
template <class T>
const T* copied_tail(const Block<T>& block, const T* planes, Index length, Terms<T>& terms) {
  const Index vectors = block.vectors(), blocks = block.cut.vector_blocks;
  const Index v = cut_at(vectors, blocks, blocks - 1), width = (vectors - v) * kLanes<T>;
  const Index q = (block.v_start + v) * kLanes<T>, n = length - q;
  Index* at = static_cast<Index*>(scratch(Slot::tail, std::size_t(terms.count) * (width * sizeof(T) + sizeof(Index))));
  T* tail = reinterpret_cast<T*>(at + terms.count);
  for (Index k = 0; k < terms.count; ++k) {
    at[k] = k * width;
    copy(planes + terms.b_at[k] + q, tail + k * width, n);
    zero(tail + k * width + n, width - n);
  }
  terms.b_at = at;
  return tail;
}

// The block's results for one sample and group, whose planes, weight and result these are.
template <class T>
void compute(const Gather<T>& g, const Block<T>& block, const T* planes, const T* weight, T* result) {
  constexpr Index lanes = kLanes<T>;
  const Index rows = block.rows(), vectors = block.vectors(), count = block.terms.count;
  const Index length = g.planes.length(block.part->count), plane = volume(g.size);
  const Cut blocks = block.cut;
  const auto position = [&](Index vb) { return (block.v_start + cut_at(vectors, blocks.vector_blocks, vb)) * lanes; };
  // By all rows of the group, so that sums are the same however these are shared among threads.
  const Index passes = g.rows <= kRows ? 1 : most(quotient_up(count, kTerms), 1);
  const Index widest = quotient_up(vectors, blocks.vector_blocks) * lanes;
  const Index together = most(kPlanes / g.channels / widest, 1);  // tiles of positions
  const Index kept_row = together * widest;
  T* kept = scratch_of<T>(Slot::results, (passes > 1 ? rows : kRows) * kept_row);
  const bool tail = g.planes.direct && block.v_end * lanes > length;

  for (Index vb_start = 0, vb_end; vb_start < blocks.vector_blocks; vb_start = vb_end) {
    vb_end = least(vb_start + together, blocks.vector_blocks);
    if (tail && vb_end == blocks.vector_blocks && vb_start + 1 < vb_end) --vb_end;
    for (Index pass = 0; pass < passes; ++pass) {
      const Index k_start = cut_at(count, passes, pass), k_end = cut_at(count, passes, pass + 1);
      Terms<T> terms{block.terms.a_at + k_start, block.terms.b_at + k_start, k_end - k_start};
      const bool copied = tail && vb_end == blocks.vector_blocks;
      const T* from = copied ? copied_tail(block, planes, length, terms) : planes + position(vb_start);
      for (Index rb = 0; rb < blocks.row_blocks; ++rb) {
        const Index m = cut_at(rows, blocks.row_blocks, rb), m_next = cut_at(rows, blocks.row_blocks, rb + 1);
        const T* a = weight + (block.m_start + m) * g.a_row;
        T* to = result + (block.m_start + m) * plane;
        for (Index vb = vb_start; vb < vb_end; ++vb) {
          const Index q = position(vb), width = position(vb + 1) - q, inside = q - position(vb_start);
          const TileFn<T> fn = kTiles<T>[m_next - m - 1][width / lanes - 1];
          if (block.contiguous && q + width <= length) {
            fn(a, g.a_row, from + inside, terms, to + q, plane, pass > 0);
            continue;
          }
          T* mine = kept + (passes > 1 ? m : 0) * kept_row + inside;
          fn(a, g.a_row, from + inside, terms, mine, kept_row, pass > 0);
          if (pass + 1 == passes)
            put(mine, kept_row, to, plane, m_next - m, block.segment + block.first[vb],
                block.first[vb + 1] - block.first[vb], g.step[2]);
        }
      }
    }
  }
}

inline bool next_index(Index (&at)[3], const Index (&end)[3]) {
  for (int d = 2; d >= 0; --d) {
    if (++at[d] < end[d]) return true;
    at[d] = 0;
  }
  return false;
}

// A plane of results by definition, no zeros around dy.
template <class T>
void plane_by_definition(const Problem& p, const T* weight, const T* dy, T* dx) {
  const Index taps = p.taps(), positions = volume(p.positions);
  for (Index i = 0; i < volume(p.size); ++i) dx[i] = 0;
  for (Index o = 0; o < p.out; ++o, weight += p.in * taps, dy += positions) {
    Index tap[3] = {0, 0, 0};
    for (Index t = 0; t < taps; ++t, next_index(tap, p.kernel)) {
      Index q[3] = {0, 0, 0};
      for (Index n = 0; n < positions; ++n, next_index(q, p.positions)) {
        Index at = 0;
        bool inside = true;
        for (int d = 0; d < 3; ++d) {
          const Index h = q[d] * p.stride[d] + tap[d] * p.dilation[d] - p.low[d];
          inside = inside && h >= 0 && h < p.size[d];
          at = at * p.size[d] + h;
        }
        if (inside) dx[at] += weight[t] * dy[n];
      }
    }
  }
}

// Zeros around dy have met every element of the weight. Where one is not finite, no result of its part is, not even the
// first: those that it has no share in are computed again.
template <class T>
void mend(const Gather<T>& g, Index item) {
  const Index plane = volume(g.size);
  for (Index m = 0; m < g.rows; ++m) {
    T* to = g.result + (item * g.rows + m) * plane;
    bool exact = true;
    for (Index n = 0; n < g.parts; ++n) {
      const Index(&o)[3] = g.part[n].origin;
      exact = exact && to[(o[0] * g.size[1] + o[1]) * g.size[2] + o[2]] * T(0) == 0;
    }
    if (!exact)
      plane_by_definition(*g.gradient, g.weight + item % g.groups * g.a_group + m * g.a_row,
                          g.image + item * g.channels * volume(g.planes.source), to);
  }
}

// Multiplications that are worth the waking of another thread.
constexpr double kWorthwhile = 1e5;

template <class T>
void run(const Gather<T>& g, Pool& pool) {
  const Index items = g.samples * g.groups, source = volume(g.planes.source), result = volume(g.size);
  double work = 0;
  for (Index i = 0; i < g.parts; ++i)
    work += double(items) * double(g.rows) * double(g.channels) * double(g.part[i].taps) *
            double(g.planes.length(g.part[i].count));
  const Index threads = work < kWorthwhile ? 1 : pool.threads();
  const Index held = g.channels * g.planes.channel_stride;

  Grid grid;
  bool by_grid = g.rows == 1 && g.channels == 1 && g.parts == 1 && !g.planes.direct && g.planes.extent[0] == 1 &&
                 volume(g.planes.phases) == 1 && g.step[1] == 1 && g.step[2] == 1 && g.part[0].taps <= kChunk &&
                 g.size[2] > kLanes<T>;  // else most of a row's only vector would be computed in vain
  if (by_grid) {
    const Part& part = g.part[0];
    Index* memory = scratch_of<Index>(Slot::grid, 2 * part.taps);
    by_grid = as_grid(part.taps, g.tap_a, g.tap_b, g.planes.extent[2], memory, &grid);
  }

  // Samples and groups are shared among the threads where there are enough, else each one's rows or positions too.
  // Every thread makes the planes that it needs itself: what another one has just written is far away.
  const bool whole = threads == 1 || by_grid || items >= 4 * threads || items % threads == 0;
  const Index shares = whole ? 1 : threads;
  const Index units = whole ? (threads == 1 ? 1 : least(items, 8 * threads)) : items * shares;
  const auto unit = [&](Index u) {
    const Index share = u % shares, lots = units / shares, lot = u / shares;
    Index bytes = g.parts * Index(sizeof(Block<T>));
    for (Index p = 0; p < g.parts; ++p) bytes += bytes_of(g, g.part[p]);
    char* memory = static_cast<char*>(scratch(Slot::terms, std::size_t(bytes)));
    Block<T>* block = reinterpret_cast<Block<T>*>(memory);
    memory += g.parts * sizeof(Block<T>);
    Index row_start = g.planes.rows(), row_end = 0;  // of the planes, those that are read
    for (Index p = 0; p < g.parts; ++p) {
      const Part& part = g.part[p];
      const Index vectors = vectors_of(g, part);
      Index m[2] = {0, g.rows}, v[2] = {0, vectors};
      if (vectors >= 12 * shares || g.rows < 2 * shares)
        v[0] = cut_at(vectors, shares, share), v[1] = cut_at(vectors, shares, share + 1);
      else
        m[0] = cut_at(g.rows, shares, share), m[1] = cut_at(g.rows, shares, share + 1);
      block[p] = ready(g, part, m[0], m[1], v[0], v[1], memory);
      const Index pitch = g.planes.extent[2];
      row_start = least(row_start, v[0] * kLanes<T> / pitch);
      for (Index t = part.first_tap; t < part.first_tap + part.taps; ++t)
        row_end = most(row_end, (v[1] * kLanes<T> + g.tap_b[t] % g.planes.phase_stride) / pitch + 1);
    }
    row_end = least(row_end, g.planes.rows());
    T* own = g.planes.direct ? nullptr : scratch_of<T>(Slot::planes, held + kSlack<T>);
    if (own) zero(own + held, kSlack<T>);
    for (Index i = cut_at(items, lots, lot); i < cut_at(items, lots, lot + 1); ++i) {
      const T* image = g.image + i * g.channels * source;
      const T* weight = g.weight + i % g.groups * g.a_group;
      T* to = g.result + i * g.rows * result;
      if (own)
        for (Index c = 0; c < g.channels; ++c)
          fill(g.planes, image + c * source, own + c * g.planes.channel_stride, row_start, row_end);
      if (by_grid) grid_plane(grid, weight, own, g.planes.extent[2], to, g.part[0].count);
      for (Index p = 0; p < g.parts && !by_grid; ++p)
        if (block[p].rows() && block[p].vectors()) compute(g, block[p], own ? own : image, weight, to);
      if (g.gradient && shares == 1) mend(g, i);
    }
  };
  if (units == 1)
    unit(0);
  else
    parallel(pool, units, unit);
  for (Index i = 0; i < items && g.gradient && shares > 1; ++i) mend(g, i);
}

template <class T>
void product_y(const Problem& p, const T* x, const T* weight, T* y, Pool& pool) {
  const Index taps = p.taps();
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (p.kernel[d] - 1) * p.dilation[d] + 1;
  Gather<T> g;
  g.planes = plan_planes<T>(p.size, p.stride, p.low, reach, p.positions);
  Index* tap = scratch_of<Index>(Slot::taps, 2 * taps);
  Index i[3] = {0, 0, 0};
  for (Index t = 0; t < taps; ++t, next_index(i, p.kernel)) {
    const Index at[3] = {i[0] * p.dilation[0], i[1] * p.dilation[1], i[2] * p.dilation[2]};
    tap[t] = t;
    tap[taps + t] = g.planes.offset(at);
  }
  Part whole{{p.positions[0], p.positions[1], p.positions[2]}, {0, 0, 0}, 0, taps};
  g.samples = p.samples, g.groups = p.groups, g.rows = p.out, g.channels = p.in;
  g.a_row = p.in * taps, g.a_channel = taps, g.a_group = p.out * p.in * taps;
  for (int d = 0; d < 3; ++d) g.size[d] = p.positions[d], g.step[d] = 1;
  g.parts = 1, g.part = &whole, g.tap_a = tap, g.tap_b = tap + taps;
  g.image = x, g.weight = weight, g.result = y, g.gradient = nullptr;
  run(g, pool);
}

template <class T>
void product_x(const Problem& p, const T* weight, const T* dy, T* dx, Pool& pool) {
  // x[h] gets dy[q] weight[i] where h + low = q stride + i dilation.
  const Index taps = p.taps();
  Index phases[3], ones[3] = {1, 1, 1}, before[3], reach[3], count[3];
  for (int d = 0; d < 3; ++d) {
    phases[d] = least(p.stride[d], p.size[d]);
    count[d] = quotient_up(p.size[d], p.stride[d]);
    Index low = 0, high = 0;
    bool any = false;
    for (Index a = 0; a < phases[d]; ++a)
      for (Index i = 0; i < p.kernel[d]; ++i) {
        const Index n = a + p.low[d] - i * p.dilation[d];
        if (n % p.stride[d]) continue;
        const Index q = n / p.stride[d];
        low = any ? least(low, q) : q;
        high = any ? most(high, q) : q;
        any = true;
      }
    before[d] = -low;
    reach[d] = high - low + 1;
  }
  Gather<T> g;
  g.planes = plan_planes<T>(p.positions, ones, before, reach, count);
  const Index parts = volume(phases);
  Part* part = static_cast<Part*>(
      scratch(Slot::taps, std::size_t(parts) * sizeof(Part) + std::size_t(2 * taps) * sizeof(Index)));
  Index* tap_a = reinterpret_cast<Index*>(part + parts);
  Index* tap_b = tap_a + taps;
  Index used = 0, a[3] = {0, 0, 0};
  for (Index n = 0; n < parts; ++n, next_index(a, phases)) {
    part[n].first_tap = used;
    Index i[3] = {0, 0, 0};
    for (Index t = 0; t < taps; ++t, next_index(i, p.kernel)) {
      Index at[3];
      bool met = true;
      for (int d = 0; d < 3; ++d) {
        const Index h = a[d] + p.low[d] - i[d] * p.dilation[d];
        met = met && h % p.stride[d] == 0;
        at[d] = h / p.stride[d] + before[d];
      }
      if (!met) continue;
      tap_a[used] = t;
      tap_b[used++] = g.planes.offset(at);
    }
    part[n].taps = used - part[n].first_tap;
    for (int d = 0; d < 3; ++d) {
      part[n].origin[d] = a[d];
      part[n].count[d] = quotient_up(p.size[d] - a[d], p.stride[d]);
    }
  }
  g.samples = p.samples, g.groups = p.groups, g.rows = p.in, g.channels = p.out;
  g.a_row = taps, g.a_channel = p.in * taps, g.a_group = p.out * p.in * taps;
  for (int d = 0; d < 3; ++d) g.size[d] = p.size[d], g.step[d] = p.stride[d];
  g.parts = parts, g.part = part, g.tap_a = tap_a, g.tap_b = tap_b;
  g.image = dy, g.weight = weight, g.result = dx, g.gradient = g.planes.direct ? nullptr : &p;
  run(g, pool);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv
