// A convolution's shapes, and its three operations. Nothing here depends on an instruction set.
#ifndef JAXCONV_CONVOLUTION_H_
#define JAXCONV_CONVOLUTION_H_

#include <cstddef>

namespace jaxconv {

using Index = std::ptrdiff_t;

// Three spatial dimensions: a convolution of fewer has ones in front. Feature maps are NCDHW, weights OIDHW.
struct Convolution {
  Index batch, groups;
  Index in_channels, out_channels;  // of one group
  Index input[3], output[3];        // spatial sizes
  Index kernel[3], stride[3], dilation[3];
  Index padding[3];  // zeros before the input; how many are after it follows from the sizes

  Index taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// The operands and the result of each, in this order:
//   forward          input, weight         -> output
//   backward_input   weight, d_output      -> d_input
//   backward_weight  input, d_output       -> d_weight
enum class Operation { forward, backward_input, backward_weight };

constexpr Index min(Index a, Index b) { return a < b ? a : b; }
constexpr Index max(Index a, Index b) { return a > b ? a : b; }
// Of a >= 0 and b > 0. Positions and strides are at most 2^61 (arguments.cc), so that sums do not overflow.
constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index volume(const Index (&size)[3]) { return size[0] * size[1] * size[2]; }

// The odometer of three indices: false once all have been seen.
inline bool next_index(Index (&at)[3], const Index (&end)[3]) {
  for (int d = 2; d >= 0; --d) {
    if (++at[d] < end[d]) return true;
    at[d] = 0;
  }
  return false;
}

}  // namespace jaxconv

#endif  // JAXCONV_CONVOLUTION_H_
