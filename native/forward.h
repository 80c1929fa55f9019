// The convolution.
#ifndef JAXCONV_FORWARD_H_
#define JAXCONV_FORWARD_H_

#include "products.h"

namespace jaxconv {
namespace JAXCONV_ISA {

template <class T>
void forward(const Convolution& c, const T* input, const T* weight, T* output, const Epilogue<T>* epilogue,
             Threads& threads) {
  const Index taps = c.taps();
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (c.kernel[d] - 1) * c.dilation[d] + 1;
  Gather<T> g;
  g.packing = plan_packing<T>(c.input, c.stride, c.padding, reach, c.output);
  Index* tap = scratch_of<Index>(Slot::taps, 2 * taps);
  Index i[3] = {0, 0, 0};
  for (Index t = 0; t < taps; ++t, next_index(i, c.kernel)) {
    const Index at[3] = {i[0] * c.dilation[0], i[1] * c.dilation[1], i[2] * c.dilation[2]};
    tap[t] = t;
    tap[taps + t] = g.packing.offset(at);
  }
  const Residue all{{c.output[0], c.output[1], c.output[2]}, {0, 0, 0}, 0, taps};
  g.items = c.batch * c.groups, g.groups = c.groups, g.rows = c.out_channels, g.channels = c.in_channels;
  g.a_row = c.in_channels * taps, g.a_channel = taps, g.a_group = c.out_channels * c.in_channels * taps;
  for (int d = 0; d < 3; ++d) g.size[d] = c.output[d], g.step[d] = 1;
  g.residues = 1, g.residue = &all, g.tap_a = tap, g.tap_b = tap + taps;
  g.maps = input, g.weight = weight, g.result = output, g.gradient = nullptr, g.epilogue = epilogue;
  gather(g, threads);
}

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_FORWARD_H_
