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
  Index rows, channels;           // of a group: results', and those that are summed over
  Index a_row, a_channel, a_group;  // the weight: the distance between rows, channels and groups
  Index size[3], step[3];         // the results' whole image, and how far apart a part's are
  Index parts, max_terms;
  const Part* part;
  const Index *tap_a, *tap_b;     // where each tap is in the weight's kernel, and in the planes
  const T *image, *weight;
  T* result;
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
// And so many elements of the weight in the second, while all positions are.
constexpr Index kWeights = 64 * 1024;
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
  // By all rows of the group, so that sums are the same however these are shared among threads.
  const Index passes = g.rows <= kRows ? 1 : most(quotient_up(count, kTerms), 1);
  const Index kept_row = vectors * lanes;
  T* kept = scratch_of<T>(Slot::results, (passes > 1 && !block.contiguous ? rows : kRows) * kept_row);
  const Index together =
      most(kPlanes / g.channels / (quotient_up(vectors, blocks.vector_blocks) * lanes), 1);  // tiles of positions
  const bool tail = g.planes.direct && block.v_end * lanes > length;

  for (Index pass = 0; pass < passes; ++pass) {
    const Index k_start = cut_at(count, passes, pass), k_end = cut_at(count, passes, pass + 1);
    const Index row_lots = most(rows * (k_end - k_start) / kWeights, 1);
    for (Index lot = 0; lot < row_lots; ++lot) {
      const Index r_start = cut_at(blocks.row_blocks, row_lots, lot);
      const Index r_end = cut_at(blocks.row_blocks, row_lots, lot + 1);
      for (Index vb_start = 0, vb_end; vb_start < blocks.vector_blocks; vb_start = vb_end) {
        vb_end = least(vb_start + together, blocks.vector_blocks);
        if (tail && vb_end == blocks.vector_blocks && vb_start + 1 < vb_end) --vb_end;
        Terms<T> terms{block.terms.a_at + k_start, block.terms.b_at + k_start, k_end - k_start};
        const T* from = planes;
        if (tail && vb_end == blocks.vector_blocks) from = copied_tail(block, planes, length, terms);
        for (Index rb = r_start; rb < r_end; ++rb) {
          const Index m = cut_at(rows, blocks.row_blocks, rb), m_next = cut_at(rows, blocks.row_blocks, rb + 1);
          const T* a = weight + (block.m_start + m) * g.a_row;
          T* to = result + (block.m_start + m) * plane;
          for (Index vb = vb_start; vb < vb_end; ++vb) {
            const Index v = cut_at(vectors, blocks.vector_blocks, vb);
            const Index v_next = cut_at(vectors, blocks.vector_blocks, vb + 1);
            const Index q = (block.v_start + v) * lanes, q_next = least((block.v_start + v_next) * lanes, length);
            const Index width = (v_next - v) * lanes;
            const TileFn<T> fn = kTiles<T>[m_next - m - 1][v_next - v - 1];
            const T* b = from + (from == planes ? q : 0);
            const Segment* segment = block.segment + block.first[vb];
            const Index n = block.first[vb + 1] - block.first[vb];
            if (block.contiguous && q_next - q == width) {
              fn(a, g.a_row, b, terms, to + q, plane, pass > 0);
            } else if (passes == 1) {
              fn(a, g.a_row, b, terms, kept, width, false);
              put(kept, width, to, plane, m_next - m, segment, n, g.step[2]);
            } else if (block.contiguous) {  // results so far are where they belong
              if (pass > 0)
                for (Index i = 0; i < m_next - m; ++i) copy(to + i * plane + q, kept + i * width, q_next - q);
              fn(a, g.a_row, b, terms, kept, width, pass > 0);
              put(kept, width, to, plane, m_next - m, segment, n, Index(1));
            } else {
              T* mine = kept + m * kept_row + v * lanes;
              fn(a, g.a_row, b, terms, mine, kept_row, pass > 0);
              if (pass + 1 == passes) put(mine, kept_row, to, plane, m_next - m, segment, n, g.step[2]);
            }
          }
        }
      }
    }
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
  const auto image = [&](Index item) { return g.image + item * g.channels * source; };
  const auto weight = [&](Index item) { return g.weight + item % g.groups * g.a_group; };
  const auto results = [&](Index item) { return g.result + item * g.rows * result; };

  Grid grid;
  bool by_grid = g.rows == 1 && g.channels == 1 && g.parts == 1 && !g.planes.direct && g.planes.extent[0] == 1 &&
                 volume(g.planes.phases) == 1 && g.step[1] == 1 && g.step[2] == 1 &&
                 g.part[0].taps <= kChunk && g.size[2] > kLanes<T>;  // else most of a row's only vector would be computed in vain
  if (by_grid) {
    const Part& part = g.part[0];
    Index* memory = scratch_of<Index>(Slot::grid, 2 * part.taps);
    by_grid = as_grid(part.taps, g.tap_a, g.tap_b, g.planes.extent[2], memory, &grid);
  }

  if (threads == 1 || by_grid || items >= 4 * threads || items % threads == 0) {
    // Each sample and group is one thread's, from the planes to the results.
    const Index units = threads == 1 ? 1 : least(items, 8 * threads);
    const auto unit = [&](Index u) {
      T* own = g.planes.direct ? nullptr : scratch_of<T>(Slot::own_planes, held + kSlack<T>);
      if (own) zero(own + held, kSlack<T>);
      Index bytes = g.parts * Index(sizeof(Block<T>));
      for (Index p = 0; p < g.parts; ++p) bytes += bytes_of(g, g.part[p]);
      char* memory = static_cast<char*>(scratch(Slot::terms, std::size_t(bytes)));
      Block<T>* block = reinterpret_cast<Block<T>*>(memory);
      memory += g.parts * sizeof(Block<T>);
      for (Index p = 0; p < g.parts; ++p)
        block[p] = ready(g, g.part[p], 0, g.rows, 0, vectors_of(g, g.part[p]), memory);
      for (Index i = cut_at(items, units, u); i < cut_at(items, units, u + 1); ++i) {
        if (own)
          for (Index c = 0; c < g.channels; ++c) fill(g.planes, image(i) + c * source, own + c * g.planes.channel_stride);
        if (by_grid) {
          grid_plane(grid, weight(i), own, g.planes.extent[2], results(i), g.part[0].count);
          continue;
        }
        for (Index p = 0; p < g.parts; ++p) compute(g, block[p], own ? own : image(i), weight(i), results(i));
      }
    };
    if (units == 1) unit(0);
    else parallel(pool, units, unit);
    return;
  }
  // The planes are everyone's, and then a share of rows or of positions is one thread's.
  for (Index i = 0; i < items; i += g.groups) {
    T* planes = nullptr;
    if (!g.planes.direct) {
      planes = scratch_of<T>(Slot::planes, g.groups * held + kSlack<T>);
      zero(planes + g.groups * held, kSlack<T>);
      const Index channels = g.groups * g.channels, units = least(channels, 4 * threads);
      parallel(pool, units, [&](Index u) {
        for (Index c = cut_at(channels, units, u); c < cut_at(channels, units, u + 1); ++c)
          fill(g.planes, image(i) + c * source, planes + c * g.planes.channel_stride);
      });
    }
    const Index shares = g.groups == 1 ? 2 * threads : threads;
    parallel(pool, g.groups * g.parts * shares, [&](Index u) {
      const Index group = u / (g.parts * shares), share = u % shares;
      const Part& part = g.part[u / shares % g.parts];
      const T* own = planes ? planes + group * held : image(i + group);
      const Index vectors = vectors_of(g, part);
      Index m[2] = {0, g.rows}, v[2] = {0, vectors};
      if (vectors >= 12 * shares || g.rows < 2 * shares) {
        v[0] = cut_at(vectors, shares, share), v[1] = cut_at(vectors, shares, share + 1);
      } else {
        m[0] = cut_at(g.rows, shares, share), m[1] = cut_at(g.rows, shares, share + 1);
      }
      if (m[0] == m[1] || v[0] == v[1]) return;
      char* memory = static_cast<char*>(scratch(Slot::terms, std::size_t(bytes_of(g, part))));
      compute(g, ready(g, part, m[0], m[1], v[0], v[1], memory), own, weight(i + group), results(i + group));
    });
  }
}

inline bool next_index(Index (&at)[3], const Index (&end)[3]) {
  for (int d = 2; d >= 0; --d) {
    if (++at[d] < end[d]) return true;
    at[d] = 0;
  }
  return false;
}

template <class T>
void product_y(const Problem& p, const T* x, const T* weight, T* y, Pool& pool) {
  const Index taps = p.taps();
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (p.kernel[d] - 1) * p.dilation[d] + 1;
  Gather<T> g;
  g.planes = plan_planes<T>(p.size, p.stride, p.low, reach, p.positions);
  Index* tap = scratch_of<Index>(Slot::gradients, 2 * taps);
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
  g.image = x, g.weight = weight, g.result = y;
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
  Part* part = static_cast<Part*>(scratch(Slot::gradients, std::size_t(parts) * sizeof(Part) + std::size_t(2 * taps) * sizeof(Index)));
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
  g.image = dy, g.weight = weight, g.result = dx;
  run(g, pool);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv
