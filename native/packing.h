// Feature maps laid out such that what a tap of the kernel meets is contiguous.
//
// A map is copied with zeros around it, and split where the kernel is to move by more than one: elements a stride apart
// become neighbours ("phases"). Rows follow each other without a gap. Then what one tap meets at all positions is the
// map from some offset on, and a sum over taps is a sum of shifted maps, a whole vector at a time, whatever the row's
// length. Where the kernel would stand across a row's end the sums mean nothing and are left out at the end.
#ifndef JAXCONV_PACKING_H_
#define JAXCONV_PACKING_H_

#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// How the maps of one item (the channels of a sample's group) are packed.
struct Packing {
  Index source[3];  // the size of what is copied
  Index step[3];    // its elements so far apart become neighbours
  Index phases[3];  // how many phases are needed, by dimension
  Index before[3];  // element 0 of phase f is the source's element f - before
  Index extent[3];  // of one phase
  Index phase_stride, channel_stride;
  bool direct;  // the source lies like that already

  // From where on a tap meets the map, that stands `at` elements of the padded source from the first.
  Index offset(const Index (&at)[3]) const {
    Index phase = 0, within = 0;
    for (int d = 0; d < 3; ++d) {
      phase = phase * phases[d] + at[d] % step[d];
      within = within * extent[d] + at[d] / step[d];
    }
    return phase * phase_stride + within;
  }

  Index rows() const { return extent[0] * extent[1]; }

  // Of `count` positions, up to the end of the last.
  Index length(const Index (&count)[3]) const {
    return ((count[0] - 1) * extent[1] + count[1] - 1) * extent[2] + count[2];
  }
};

// Elements that may be read beyond the last map: the widest tile.
template <class T>
constexpr Index kSlack = 8 * kLanes<T>;

// An odd number of cache lines for each channel: channels a power of two apart would share a few sets of the cache.
template <class T>
inline Index spread(Index elements) {
  constexpr Index line = 64 / sizeof(T);
  return (ceil_div(elements, line) | 1) * line;
}

// Positions 0 <= i < count of a kernel that reaches `reach` elements of the padded source, by dimension.
template <class T>
Packing plan_packing(const Index (&source)[3], const Index (&step)[3], const Index (&before)[3],
                     const Index (&reach)[3], const Index (&count)[3]) {
  Packing p;
  p.direct = true;
  for (int d = 0; d < 3; ++d) {
    p.source[d] = source[d];
    p.step[d] = step[d];
    p.before[d] = before[d];
    p.phases[d] = min(step[d], reach[d]);
    p.extent[d] = count[d] + (reach[d] - 1) / step[d];
    p.direct = p.direct && step[d] == 1 && before[d] == 0 && p.extent[d] == source[d];
  }
  p.phase_stride = volume(p.extent);
  p.channel_stride = volume(p.phases) * p.phase_stride;
  if (!p.direct) p.channel_stride = spread<T>(p.channel_stride);
  return p;
}

// Packs one channel's rows [row_start, row_end) of every phase, and zeros between this channel and the next: what is
// read beyond a map is multiplied, if only by zero.
template <class T>
void pack(const Packing& p, const T* from, T* to, Index row_start, Index row_end) {
  const Index width = p.extent[2], whole = volume(p.phases) * p.phase_stride;
  zero(to + whole, p.channel_stride - whole);
  for (Index fd = 0; fd < p.phases[0]; ++fd)
    for (Index fh = 0; fh < p.phases[1]; ++fh)
      for (Index fw = 0; fw < p.phases[2]; ++fw, to += p.phase_stride) {
        const Index first = fw - p.before[2];
        // Elements [start, end) of a row are the source's, which begin at first + start * step.
        Index start = first >= 0 ? 0 : ceil_div(-first, p.step[2]);
        Index end = first >= p.source[2] ? 0 : ceil_div(p.source[2] - first, p.step[2]);
        end = min(end, width);
        start = min(start, width);
        if (end < start) end = start;
        Index d = row_start / p.extent[1], h = row_start % p.extent[1];
        for (Index r = row_start; r < row_end; ++r) {
          T* row = to + r * width;
          const Index at_d = d * p.step[0] + fd - p.before[0], at_h = h * p.step[1] + fh - p.before[1];
          if (++h == p.extent[1]) h = 0, ++d;
          if (at_d < 0 || at_d >= p.source[0] || at_h < 0 || at_h >= p.source[1] || start == end) {
            zero(row, width);
            continue;
          }
          const T* source = from + ((at_d * p.source[1] + at_h) * p.source[2] + first);
          zero(row, start);
          if (p.step[2] == 1) {
            copy(source + start, row + start, end - start);
          } else if (p.step[2] == 2) {
            for (Index i = start; i < end; ++i) row[i] = source[2 * i];
          } else {
            for (Index i = start; i < end; ++i) row[i] = source[p.step[2] * i];
          }
          zero(row + end, width - end);
        }
      }
}

// Whether zero times each of them is zero.
template <class T>
bool finite(const T* x, Index n) {
  using V = Vector<T>;
  V bad[4] = {V{}, V{}, V{}, V{}};
  Index i = 0;
  for (; i + 4 * kLanes<T> <= n; i += 4 * kLanes<T>)
    for (int u = 0; u < 4; ++u) bad[u] += load<V>(x + i + u * kLanes<T>) * T(0);
  T lanes[kLanes<T>], rest = 0;
  store(lanes, (bad[0] + bad[1]) + (bad[2] + bad[3]));
  for (T lane : lanes) rest += lane;
  for (; i < n; ++i) rest += x[i] * T(0);
  return rest == 0;
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_PACKING_H_
