// The gradient with respect to the input.
//
// Results are taken apart by their position modulo the stride: every result of such a residue is the sum over the same
// taps of the output's gradient, whose maps are shifted by whole elements.
#ifndef JAXCONV_BACKWARD_INPUT_H_
#define JAXCONV_BACKWARD_INPUT_H_

#include "products.h"

namespace jaxconv {
namespace JAXCONV_ISA {

template <class T>
void backward_input(const Convolution& c, const T* weight, const T* d_output, T* d_input, Threads& threads) {
  // Element h of the input meets position q and element i of the kernel where h + padding = q stride + i dilation.
  const Index taps = c.taps();
  Index residues[3], ones[3] = {1, 1, 1}, before[3], reach[3], count[3];
  for (int d = 0; d < 3; ++d) {
    residues[d] = min(c.stride[d], c.input[d]);
    count[d] = ceil_div(c.input[d], c.stride[d]);
    Index low = 0, high = 0;
    bool any = false;
    for (Index a = 0; a < residues[d]; ++a)
      for (Index i = 0; i < c.kernel[d]; ++i) {
        const Index n = a + c.padding[d] - i * c.dilation[d];
        if (n % c.stride[d]) continue;
        const Index q = n / c.stride[d];
        low = any ? min(low, q) : q;
        high = any ? max(high, q) : q;
        any = true;
      }
    before[d] = -low;
    reach[d] = high - low + 1;
  }
  Gather<T> g;
  g.packing = plan_packing<T>(c.output, ones, before, reach, count);
  const Index all = volume(residues);
  char* memory = scratch_of<char>(Slot::taps, all * Index(sizeof(Residue)) + 2 * taps * Index(sizeof(Index)));
  Residue* residue = reinterpret_cast<Residue*>(memory);
  Index* tap_a = reinterpret_cast<Index*>(residue + all);
  Index* tap_b = tap_a + taps;
  Index used = 0, a[3] = {0, 0, 0};
  for (Index n = 0; n < all; ++n, next_index(a, residues)) {
    residue[n].first_tap = used;
    Index i[3] = {0, 0, 0};
    for (Index t = 0; t < taps; ++t, next_index(i, c.kernel)) {
      Index at[3];
      bool met = true;
      for (int d = 0; d < 3; ++d) {
        const Index h = a[d] + c.padding[d] - i[d] * c.dilation[d];
        met = met && h % c.stride[d] == 0;
        at[d] = h / c.stride[d] + before[d];
      }
      if (!met) continue;
      tap_a[used] = t;
      tap_b[used++] = g.packing.offset(at);
    }
    residue[n].taps = used - residue[n].first_tap;
    for (int d = 0; d < 3; ++d) {
      residue[n].origin[d] = a[d];
      residue[n].count[d] = ceil_div(c.input[d] - a[d], c.stride[d]);
    }
  }
  g.items = c.batch * c.groups, g.groups = c.groups, g.rows = c.in_channels, g.channels = c.out_channels;
  g.a_row = taps, g.a_channel = c.in_channels * taps, g.a_group = c.out_channels * c.in_channels * taps;
  for (int d = 0; d < 3; ++d) g.size[d] = c.input[d], g.step[d] = c.stride[d];
  g.residues = all, g.residue = residue, g.tap_a = tap_a, g.tap_b = tap_b;
  g.maps = d_output, g.weight = weight, g.result = d_input, g.gradient = g.packing.direct ? nullptr : &c;
  g.epilogue = nullptr;
  gather(g, threads);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BACKWARD_INPUT_H_
