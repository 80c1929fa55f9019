#include "definition.h"

namespace jaxconv {
namespace definition {
namespace {

// Of a row of output positions, those [start, end) at which one element of the kernel meets the input, not its padding.
struct Range {
  Index start, end;
};

Index clamp(Index a, Index low, Index high) { return a < low ? low : a > high ? high : a; }

Range inside(const Convolution& c, int d, Index tap) {
  const Index first = c.padding[d] - tap * c.dilation[d];  // of the position that meets element 0, times the stride
  const Index start = first > 0 ? ceil_div(first, c.stride[d]) : 0;
  const Index beyond = first + c.input[d];
  const Index end = beyond > 0 ? ceil_div(beyond, c.stride[d]) : 0;
  const Range r{clamp(start, 0, c.output[d]), clamp(end, 0, c.output[d])};
  return r.start < r.end ? r : Range{0, 0};
}

// Calls row(tap, output row, input row, range): the input row is that which position 0 would meet, and the range is
// empty where the kernel's element stands above, below, before or behind the input.
template <class Row>
void for_rows(const Convolution& c, Row row) {
  Index tap[3] = {0, 0, 0};
  for (Index t = 0; t < c.taps(); ++t, next_index(tap, c.kernel)) {
    const Range depths = inside(c, 0, tap[0]), heights = inside(c, 1, tap[1]), widths = inside(c, 2, tap[2]);
    const Index width_offset = tap[2] * c.dilation[2] - c.padding[2];
    for (Index d = 0; d < c.output[0]; ++d)
      for (Index h = 0; h < c.output[1]; ++h) {
        const bool met = d >= depths.start && d < depths.end && h >= heights.start && h < heights.end;
        const Range range = met ? widths : Range{0, 0};
        Index in = 0;
        if (range.start < range.end) {
          const Index in_d = d * c.stride[0] + tap[0] * c.dilation[0] - c.padding[0];
          const Index in_h = h * c.stride[1] + tap[1] * c.dilation[1] - c.padding[1];
          in = (in_d * c.input[1] + in_h) * c.input[2] + width_offset;
        }
        row(t, (d * c.output[1] + h) * c.output[2], in, range);
      }
  }
}

}  // namespace

template <class T>
void forward(const Convolution& c, const T* input, const T* weight, T* output) {
  const Index stride = c.stride[2], width = c.output[2];
  for (Index i = 0; i < volume(c.output); ++i) output[i] = 0;
  for (Index channel = 0; channel < c.in_channels; ++channel) {
    const T* x = input + channel * volume(c.input);
    const T* w = weight + channel * c.taps();
    for_rows(c, [&](Index tap, Index out, Index in, Range r) {
      T* y = output + out;
      const T factor = w[tap], padding = factor * T(0);
      for (Index i = 0; i < r.start; ++i) y[i] += padding;
      for (Index i = r.start; i < r.end; ++i) y[i] += factor * x[in + i * stride];
      for (Index i = r.end; i < width; ++i) y[i] += padding;
    });
  }
}

template <class T>
void backward_input(const Convolution& c, const T* weight, const T* d_output, T* d_input) {
  const Index stride = c.stride[2];
  for (Index i = 0; i < volume(c.input); ++i) d_input[i] = 0;
  for (Index channel = 0; channel < c.out_channels; ++channel) {
    const T* dy = d_output + channel * volume(c.output);
    const T* w = weight + channel * c.in_channels * c.taps();
    for_rows(c, [&](Index tap, Index out, Index in, Range r) {
      const T factor = w[tap];
      for (Index i = r.start; i < r.end; ++i) d_input[in + i * stride] += factor * dy[out + i];
    });
  }
}

template <class T>
void backward_weight(const Convolution& c, const T* input, const T* d_output, T* d_weight) {
  const Index stride = c.stride[2], width = c.output[2];
  for (Index t = 0; t < c.taps(); ++t) d_weight[t] = 0;
  for (Index n = 0; n < c.batch; ++n) {
    const T* x = input + n * c.groups * c.in_channels * volume(c.input);
    const T* g = d_output + n * c.groups * c.out_channels * volume(c.output);
    for_rows(c, [&](Index tap, Index out, Index in, Range r) {
      const T* dy = g + out;
      T sum = 0;
      for (Index i = 0; i < r.start; ++i) sum += dy[i] * T(0);
      for (Index i = r.start; i < r.end; ++i) sum += dy[i] * x[in + i * stride];
      for (Index i = r.end; i < width; ++i) sum += dy[i] * T(0);
      d_weight[tap] += sum;
    });
  }
}

#define JAXCONV_INSTANTIATE(T)                                              \
  template void forward(const Convolution&, const T*, const T*, T*);        \
  template void backward_input(const Convolution&, const T*, const T*, T*); \
  template void backward_weight(const Convolution&, const T*, const T*, T*);
JAXCONV_INSTANTIATE(float)
JAXCONV_INSTANTIATE(double)
#undef JAXCONV_INSTANTIATE

}  // namespace definition
}  // namespace jaxconv
