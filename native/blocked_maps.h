// Rows of feature maps in blocks of channels, with zeros around them where the kernel reaches beyond the map.
#ifndef JAXCONV_BLOCKED_MAPS_H_
#define JAXCONV_BLOCKED_MAPS_H_

#include "blocked_convolution.h"
#include "scratch.h"
#include "vectors.h"

namespace jaxconv {
namespace JAXCONV_ISA {

// Where the kernel stands for the first position of some rows, and how far the next row and the next block of channels
// are, in elements of a row and in elements of T.
template <class T>
struct PaddedMaps {
  const T* at;
  Index pitch, plane;
};

template <class T>
class BlockedMaps {
 public:
  explicit BlockedMaps(const BlockedConvolution<T>& given) : g_(given) {
    const Convolution& c = g_.shape;
    bool inside = true;
    for (int d = 1; d < 3; ++d)
      inside = inside && c.padding[d] <= 0 && reach(d, c.output[d]) - c.padding[d] <= c.input[d];
    inside_ = inside;
    pitch_ = reach(2, c.output[2]);
  }

  // What output rows [start, start + count) of a sample's group meet: the input itself if the kernel stays inside it.
  PaddedMaps<T> rows(Index sample, Index group, Index start, Index count) const {
    const Convolution& c = g_.shape;
    const Index blocks = ceil_div(c.in_channels, g_.width());
    return block_rows((sample * c.groups + group) * blocks, blocks, start, count);
  }

  // The same of `blocks` blocks of channels from `first` on, of all samples'.
  PaddedMaps<T> block_rows(Index first, Index blocks, Index start, Index count) const {
    const Convolution& c = g_.shape;
    const Index width = g_.width(), source = c.input[1] * c.input[2] * width;
    const T* from = g_.input + first * source;
    const Index top = start * c.stride[1] - c.padding[1];
    if (inside_) return {from + (top * c.input[2] - c.padding[2]) * width, c.input[2], source};
    const Index rows = reach(1, count), plane = rows * pitch_ * width;
    T* own = scratch_of<T>(Slot::maps, blocks * plane);
    const Index left = min(max(c.padding[2], 0), pitch_), first_column = max(-c.padding[2], 0);
    const Index copied = max(min(c.input[2] - first_column, pitch_ - left), 0);
    for (Index b = 0; b < blocks; ++b, from += source)
      for (Index r = 0; r < rows; ++r) {
        T* to = own + b * plane + r * pitch_ * width;
        const Index h = top + r;
        const Index n = h < 0 || h >= c.input[1] ? 0 : copied;
        const Index zeros = n ? left : pitch_;
        zero(to, zeros * width);
        if (!n) continue;
        copy(from + (h * c.input[2] + first_column) * width, to + left * width, n * width);
        zero(to + (left + n) * width, (pitch_ - left - n) * width);
      }
    return {own, pitch_, plane};
  }

 private:
  // Elements from the first that a kernel at the first of so many positions meets, to the last that it meets at all.
  Index reach(int d, Index positions) const {
    const Convolution& c = g_.shape;
    return (positions - 1) * c.stride[d] + (c.kernel[d] - 1) * c.dilation[d] + 1;
  }

  const BlockedConvolution<T>& g_;
  bool inside_;
  Index pitch_;
};

}  // namespace JAXCONV_ISA
}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_MAPS_H_
