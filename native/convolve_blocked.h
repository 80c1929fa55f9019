// A convolution of feature maps in blocks of channels.
#ifndef JAXCONV_CONVOLVE_BLOCKED_H_
#define JAXCONV_CONVOLVE_BLOCKED_H_

#include <string>

#include "blocked_convolution.h"
#include "instruction_sets.h"
#include "threads.h"

namespace jaxconv {

// Elements of each array. `channels` are the bias'.
struct BlockedSizes {
  std::string wrong;  // "" if the convolution can be computed
  Index input, weight, output, channels;
};

// Whether it can be computed in blocks. Sets `depthwise`, and in `shape` what depthwise means (blocked_convolution.h).
// Given are `shape`, which has passed arguments.h's `check`, `blocked` and `lanes`.
BlockedSizes check_blocked(BlockedConvolution<float>* given);

// Throws std::bad_alloc.
void convolve_blocked(const BlockedConvolution<float>& given, const InstructionSet& set, Threads& threads);

}  // namespace jaxconv

#endif  // JAXCONV_CONVOLVE_BLOCKED_H_
