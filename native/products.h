// The same sums as a product of matrices (panels.h), for layers with enough rows for a copy to pay: a row of the weight
// for each channel of the result, times a column of what the taps meet for each position and nothing else, of several
// samples if one has few.
#ifndef JAXCONV_PRODUCTS_H_
#define JAXCONV_PRODUCTS_H_

#include "gather.h"
#include "panels.h"

namespace jaxconv {
namespace JAXCONV_ISA {

constexpr Index kPanelBytes = 24 * 1024;
constexpr Index kOwnRows = 64;   // with so many rows for each thread, they share rows and not columns
constexpr Index kFewPanels = 8;  // up to so many, the weight is read where it lies if it can be
constexpr Index kColumns = 256;  // samples are computed together until there are so many

// Columns that are computed together.
struct Panel {
  Index start, width;  // of the samples' positions, the first and how many with those that fill the last vector
  Index kept;          // where the sums are kept until all are added up; -1: in the result
  const Segment* segment;
  Index segments;
};

// Results of a residue, of several samples: rows [m_start, m_end) of vectors [v_start, v_end) of positions.
template <class T>
struct Product {
  const Residue* residue;
  Index m_start, m_end, v_start, v_end;
  Terms<T> terms;
  bool in_place;  // whether the terms of a row of the weight are neighbours
  const Panel* panel;
  Index panels, kept;

  Index rows() const { return m_end - m_start; }
};

// Finds what positions [start, end) of several samples are: rows of them.
template <class T>
Index find_rows(const Gather<T>& g, const Residue& residue, Index start, Index end, Segment* out) {
  const Packing& p = g.packing;
  const Index positions = volume(residue.count), map = volume(g.size), width = residue.count[2];
  Index found = 0;
  for (Index n = start, next; n < end; n = next) {
    const Index sample = n / positions, within = n % positions, at = within % width;
    const Index d = within / width / residue.count[1], h = within / width % residue.count[1];
    Segment s;
    s.from = n - start;
    s.to = sample * g.groups * g.rows * map + at * g.step[2] + residue.origin[2] +
           ((d * g.step[0] + residue.origin[0]) * g.size[1] + h * g.step[1] + residue.origin[1]) * g.size[2];
    const Index maps = p.direct ? g.groups * g.channels * volume(p.source) : g.channels * p.channel_stride;
    s.source = sample * maps + (d * p.extent[1] + h) * p.extent[2] + at;
    const bool joined = p.extent[2] == width && g.step[2] == 1 && g.step[1] == 1;  // rows follow each other
    const Index rest = joined ? (residue.count[1] - h) * width - at : width - at;
    next = min(n + rest, end);
    s.count = next - n;
    out[found++] = s;
  }
  return found;
}

template <class T>
Index product_bytes(const Gather<T>& g, const Residue& residue, Index samples) {
  const Index positions = samples * volume(residue.count), panels = panels_of(ceil_div(positions, kLanes<T>));
  return Index(sizeof(Index)) * 2 * g.channels * residue.taps + Index(sizeof(Panel)) * panels +
         Index(sizeof(Segment)) * (panels + samples * residue.count[0] * residue.count[1]);
}

template <class T>
Product<T> prepare(const Gather<T>& g, const Residue& residue, Index samples, const Index (&m)[2], const Index (&v)[2],
                   char*& memory) {
  constexpr Index lanes = kLanes<T>;
  const Index count = g.channels * residue.taps, positions = volume(residue.count), all = samples * positions;
  Index* a_at = reinterpret_cast<Index*>(memory);
  Index* b_at = a_at + count;
  bool in_place = true;
  for (Index c = 0, k = 0; c < g.channels; ++c)
    for (Index t = residue.first_tap; t < residue.first_tap + residue.taps; ++t, ++k) {
      a_at[k] = c * g.a_channel + g.tap_a[t];
      b_at[k] = c * g.packing.channel_stride + g.tap_b[t];
      in_place = in_place && a_at[k] == k;
    }
  const Index vectors = v[1] - v[0], panels = panels_of(vectors);
  Panel* panel = reinterpret_cast<Panel*>(b_at + count);
  Segment* segment = reinterpret_cast<Segment*>(panel + panels);
  Index kept = 0;
  for (Index i = 0; i < panels; ++i) {
    const Index start = (v[0] + block_start(vectors, panels, i)) * lanes;
    const Index end = (v[0] + block_start(vectors, panels, i + 1)) * lanes;
    const Index segments = find_rows(g, residue, start, min(end, all), segment);
    const bool whole =
        g.step[0] == 1 && g.step[1] == 1 && g.step[2] == 1 && end <= all && start / positions == (end - 1) / positions;
    panel[i] = {start, end - start, whole ? -1 : kept, segment, segments};
    if (!whole) kept += (m[1] - m[0]) * (end - start);
    segment += segments;
  }
  memory = reinterpret_cast<char*>(segment);
  return {&residue, m[0], m[1], v[0], v[1], {a_at, b_at, count}, in_place, panel, panels, kept};
}

// Copies some terms of all rows, such that a row's are neighbours. Where they are not, rows are: reads a line of those
// at a time.
template <class T>
void copy_weight(const Gather<T>& g, const Product<T>& p, const T* weight, Index k, Index terms, T* to) {
  constexpr Index line = 64 / sizeof(T);
  const T* from = weight + p.m_start * g.a_row;
  for (Index m = 0; m < p.rows(); m += line) {
    const Index end = min(m + line, p.rows());
    if (p.in_place) {
      for (Index i = m; i < end; ++i) copy(from + i * g.a_row + k, to + i * terms, terms);
      continue;
    }
    for (Index t = 0; t < terms; ++t)
      for (Index i = m; i < end; ++i) to[i * terms + t] = from[i * g.a_row + p.terms.a_at[k + t]];
  }
}

// The epilogue of rows of a panel's results. Positions that follow each other are finished together.
template <class T>
void finish_panel(const Gather<T>& g, Index item, Index m_start, Index rows, const Panel& panel, T* to) {
  if (!g.epilogue) return;
  for (Index s = 0, next; s < panel.segments; s = next) {
    const Index start = panel.segment[s].to;
    Index end = start + panel.segment[s].count;
    for (next = s + 1; next < panel.segments && panel.segment[next].to == end; ++next) end += panel.segment[next].count;
    finish_rows(g, item, m_start, rows, to + start, end - start);
  }
}

// Computes them, of which the first sample's item, packed maps, weight and result these are.
template <class T>
void compute(const Gather<T>& g, const Product<T>& p, Index item, const T* maps, const T* weight, T* result) {
  constexpr Index widest = kPanelVectors * kLanes<T>;
  constexpr Index together = max(kPanelBytes / (kChunk * widest * Index(sizeof(T))), 1);
  const Index rows = p.rows(), map = volume(g.size), chunks = max(ceil_div(p.terms.count, kChunk), 1);
  T* kept = scratch_of<T>(Slot::results, p.kept);
  T* columns = scratch_of<T>(Slot::columns, together * kChunk * widest);
  Pass<T> pass{0, 0, chunks, p.terms.count, nullptr, 0};
  for (; pass.first < chunks; pass.first = pass.end) {
    pass.end = min(pass.first + together, chunks);
    const Index k = pass.of_all(pass.first), terms = pass.term(pass.end);
    pass.a = weight + p.m_start * g.a_row + k, pass.a_row = g.a_row;
    if (!p.in_place || p.panels > kFewPanels) {
      T* own = scratch_of<T>(Slot::weights, rows * terms);
      copy_weight(g, p, weight, k, terms, own);
      pass.a = own, pass.a_row = terms;
    }
    for (const Panel* panel = p.panel; panel < p.panel + p.panels; ++panel) {
      for (const Segment* s = panel->segment; s < panel->segment + panel->segments; ++s)
        copy_columns(maps + s->source, p.terms.b_at + k, terms, columns + s->from, panel->width, s->count);
      for_row_blocks(rows, panel->width / kLanes<T>, [&](Index m, Index end) {
        T* to = result + (p.m_start + m) * map;
        const bool whole = panel->kept < 0;
        T* sums = whole ? to + panel->segment->to : kept + panel->kept + m * panel->width;
        add_up(pass, m, end, columns, panel->width, sums, whole ? map : panel->width, false);
        if (pass.end < chunks) return;
        if (!whole) unpack(sums, panel->width, to, map, end - m, panel->segment, panel->segments, g.step[2]);
        finish_panel(g, item, p.m_start + m, end - m, *panel, to);
      });
    }
  }
}

template <class T>
void run_products(const Gather<T>& g, Threads& threads) {
  const Index source = volume(g.packing.source), result = volume(g.size), samples = g.items / g.groups;
  const Index held = g.channels * g.packing.channel_stride;
  double multiplications = 0;
  Index fewest = volume(g.residue[0].count);
  for (Index i = 0; i < g.residues; ++i) {
    const Index positions = volume(g.residue[i].count);
    multiplications +=
        double(g.items) * double(g.rows) * double(g.channels) * double(g.residue[i].taps) * double(positions);
    fewest = min(fewest, positions);
  }
  const Index count = multiplications < threads.worthwhile() ? 1 : threads.count();
  const Index together = min(ceil_div(kColumns, max(fewest, 1)), samples), batches = samples / together;
  const Index units = g.groups * batches;
  const bool whole = count == 1 || units >= 4 * count || units % count == 0;
  const Index splits = whole ? 1 : count;
  const auto work = [&](Index w) {
    const Index split = w % splits, unit = w / splits, group = unit / batches, batch = unit % batches;
    const Index first = block_start(samples, batches, batch), n = block_start(samples, batches, batch + 1) - first;
    Index bytes = g.residues * Index(sizeof(Product<T>));
    for (Index p = 0; p < g.residues; ++p) bytes += product_bytes(g, g.residue[p], n);
    char* memory = scratch_of<char>(Slot::terms, bytes);
    Product<T>* part = reinterpret_cast<Product<T>*>(memory);
    memory += g.residues * Index(sizeof(Product<T>));
    Index row_start = g.packing.rows(), row_end = 0;  // of the packed maps, those that are read
    for (Index p = 0; p < g.residues; ++p) {
      const Residue& residue = g.residue[p];
      const Index positions = volume(residue.count), vectors = ceil_div(n * positions, kLanes<T>);
      Index m[2] = {0, g.rows}, v[2] = {0, vectors};
      if ((vectors >= 12 * splits && g.rows < kOwnRows * splits) || g.rows < 2 * splits)
        v[0] = block_start(vectors, splits, split), v[1] = block_start(vectors, splits, split + 1);
      else
        m[0] = block_start(g.rows, splits, split), m[1] = block_start(g.rows, splits, split + 1);
      part[p] = prepare(g, residue, n, m, v, memory);
      const auto row_of = [&](Index position) {
        const Index row = position / residue.count[2];
        return row / residue.count[1] * g.packing.extent[1] + row % residue.count[1];
      };
      const Index start = v[0] * kLanes<T>, end = min(v[1] * kLanes<T>, n * positions);
      if (start >= end) continue;
      row_start = min(row_start, n == 1 ? row_of(start) : 0);
      const Index last = row_of(n == 1 ? end - 1 : positions - 1);
      for (Index t = residue.first_tap; t < residue.first_tap + residue.taps; ++t)
        row_end = max(row_end, last + g.tap_b[t] % g.packing.phase_stride / g.packing.extent[2] + 1);
    }
    const Index item = first * g.groups + group;
    const T* maps = g.maps + item * g.channels * source;
    if (!g.packing.direct) {
      T* own = scratch_of<T>(Slot::maps, n * held);
      for (Index s = 0; s < n && row_start < row_end; ++s)
        for (Index c = 0; c < g.channels; ++c)
          pack(g.packing, maps + (s * g.groups * g.channels + c) * source,
               own + s * held + c * g.packing.channel_stride, row_start, row_end);
      maps = own;
    }
    for (Index p = 0; p < g.residues; ++p)
      if (part[p].rows() && part[p].v_start < part[p].v_end)
        compute(g, part[p], item, maps, g.weight + group * g.a_group, g.result + item * g.rows * result);
    for (Index s = 0; s < n && g.gradient && splits == 1; ++s) mend(g, item + s * g.groups);
  };
  if (units * splits == 1)
    work(0);
  else
    parallel(threads, units * splits, work);
  for (Index i = 0; i < g.items && g.gradient && splits > 1; ++i) mend(g, i);
}

// Whether copying columns pays (measured on an AMD EPYC with AVX2): they are copied once for each element of the
// kernel, in pieces no longer than a row of the feature map, and used once for each row.
template <class T>
bool products_pay(const Gather<T>& g) {
  const Index(&count)[3] = g.residue[0].count;
  const bool copied = g.a_row < g.a_channel;                                // the weight, too
  if (min(g.a_row, g.a_channel) == 1) return g.rows >= (copied ? 16 : 24);  // a kernel of one element

  if (copied && g.items / g.groups * volume(count) < 128) return false;
  return g.rows >= 128 || (g.rows >= 64 && count[2] >= 24);
}

template <class T>
void gather(const Gather<T>& g, Threads& threads) {
  (products_pay(g) ? run_products<T> : run<T>)(g, threads);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_PRODUCTS_H_
