#include "convolve_blocked.h"

#include "checked.h"
#include "scratch.h"

namespace jaxconv {
namespace {

// Zeros around the input are copied: to so many times what input and output hold, or so many elements.
constexpr Index kCopies = 64, kFew = 1 << 16;

// Elements of the rows and columns that the kernel meets.
Checked met(const Convolution& c) {
  Checked all = 1;
  for (int d = 1; d < 3; ++d)
    all = all * (Checked(c.output[d] - 1) * c.stride[d] + Checked(c.kernel[d] - 1) * c.dilation[d] + 1);
  return all;
}

}  // namespace

BlockedSizes check_blocked(BlockedConvolution<float>* given) {
  Convolution& c = given->shape;
  const Index lanes = given->lanes;
  given->depthwise = c.groups > 1 && c.in_channels == 1 && c.out_channels == 1;
  if (given->depthwise) c.in_channels = c.out_channels = c.groups, c.groups = 1;
  BlockedSizes sizes{"", 0, 0, 0, 0};
  if (c.batch == 0 || c.groups == 0 || c.in_channels == 0 || c.out_channels == 0 || volume(c.input) == 0 ||
      volume(c.output) == 0 || c.taps() == 0)
    sizes.wrong = "there is nothing to compute in blocks of channels";
  else if (c.input[0] != 1 || c.output[0] != 1 || c.kernel[0] != 1 || c.padding[0] != 0)
    sizes.wrong = "only one or two spatial dimensions can be in blocks of channels";
  else if (c.groups > 1 && (c.in_channels % lanes || c.out_channels % lanes))
    sizes.wrong = "groups must have a multiple of " + std::to_string(lanes) + " channels";
  else if (!given->blocked && (c.groups > 1 || given->depthwise || c.dilation[2] != 1))
    sizes.wrong = "an input that is not in blocks must have one group and no dilation along rows";
  if (!sizes.wrong.empty()) return sizes;
  const Index in_blocks = ceil_div(c.in_channels, lanes), out_blocks = ceil_div(c.out_channels, lanes);
  const Checked held = Checked(in_blocks) * volume(c.input) + Checked(out_blocks) * volume(c.output);
  if (!(Checked(in_blocks) * met(c)).at_most(held * kCopies + kFew)) {
    sizes.wrong = "the kernel reaches too far to be copied";
    return sizes;
  }
  const Index width = given->blocked ? in_blocks * lanes : c.in_channels;
  sizes.input = c.batch * c.groups * width * volume(c.input);
  sizes.output = c.batch * c.groups * out_blocks * lanes * volume(c.output);
  sizes.weight = c.groups * out_blocks * lanes * (given->depthwise ? 1 : width) * c.taps();
  sizes.channels = c.groups * out_blocks * lanes;
  return sizes;
}

void convolve_blocked(const BlockedConvolution<float>& given, const InstructionSet& set, Threads& threads) {
  struct Release {
    ~Release() { release_large_scratch(); }
  } release;
  set.of_float.blocked(given, threads);
}

}  // namespace jaxconv
