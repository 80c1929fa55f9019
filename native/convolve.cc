#include "convolve.h"

#include "checked.h"
#include "definition.h"
#include "scratch.h"

namespace jaxconv {
namespace {

// Elements of a copy for each of the operand and the result. Ordinary layers stay below 4. This limit and the next are
// those of jaxconv/_lower/choice.py (FAR, SMALL).
constexpr Index kCopies = 64;
// A copy of so few elements is never too much: small feature maps with wide kernels.
constexpr Index kFew = 1 << 16;
// What the list of results that meet the same elements of the kernel takes for each such set, in elements.
constexpr Index kResidueElements = 64;

// Along each dimension, `count` positions of a kernel that reaches `reach` elements, `stride` apart: the elements of
// one phase (packing.h), and of all.
Checked of_phase(const Index (&count)[3], const Index (&stride)[3], const Index (&reach)[3]) {
  Checked all = 1;
  for (int d = 0; d < 3; ++d) all = all * (Checked(count[d]) + (reach[d] - 1) / stride[d]);
  return all;
}

Checked of_phases(const Index (&count)[3], const Index (&stride)[3], const Index (&reach)[3]) {
  Checked all = of_phase(count, stride, reach);
  for (int d = 0; d < 3; ++d) all = all * min(stride[d], reach[d]);
  return all;
}

template <class T>
void by_definition(Operation operation, const Convolution& c, const T* a, const T* b, T* result, Threads& threads) {
  const Index in = volume(c.input), out = volume(c.output), taps = c.taps();
  const Index of_input = c.in_channels * in, of_output = c.out_channels * out, of_weight = c.in_channels * taps;
  const auto forward = [&](Index i) {
    const Index item = i / c.out_channels, row = i % (c.groups * c.out_channels);
    definition::forward(c, a + item * of_input, b + row * of_weight, result + i * out);
  };
  const auto backward_input = [&](Index i) {
    const Index item = i / c.in_channels, group = item % c.groups, channel = i % c.in_channels;
    const T* weight = a + group * c.out_channels * of_weight + channel * taps;
    definition::backward_input(c, weight, b + item * of_output, result + i * in);
  };
  const auto backward_weight = [&](Index i) {
    const Index row = i / c.in_channels, group = row / c.out_channels, channel = i % c.in_channels;
    definition::backward_weight(c, a + (group * c.in_channels + channel) * in, b + row * out, result + i * taps);
  };
  const double multiplications =
      double(c.batch) * double(c.groups) * double(c.out_channels) * double(of_weight) * double(out);
  const auto run = [&](Index items, auto work) {
    if (multiplications >= threads.worthwhile()) return parallel(threads, items, work);
    for (Index i = 0; i < items; ++i) work(i);
  };
  switch (operation) {
    case Operation::forward:
      return run(c.batch * c.groups * c.out_channels, forward);
    case Operation::backward_input:
      return run(c.batch * c.groups * c.in_channels, backward_input);
    case Operation::backward_weight:
      return run(c.groups * c.out_channels * c.in_channels, backward_weight);
  }
}

}  // namespace

bool copies_too_much(Operation operation, const Convolution& c) {
  const Index ones[3] = {1, 1, 1};
  Index reach[3];
  for (int d = 0; d < 3; ++d) reach[d] = (c.kernel[d] - 1) * c.dilation[d] + 1;
  const Checked held = Checked(c.in_channels) * volume(c.input) + Checked(c.out_channels) * volume(c.output);
  const Checked limit = held * kCopies + kFew;
  if (operation != Operation::backward_input) {
    Checked copied = Checked(c.in_channels) * of_phases(c.output, c.stride, reach);
    if (operation == Operation::backward_weight)  // the output's gradient, too, in the input's rows
      copied = copied + Checked(c.out_channels) * of_phase(c.output, c.stride, reach);
    return !copied.at_most(limit);
  }
  // Results that are a stride apart meet the same elements of the kernel: what is copied is the output's gradient.
  Index count[3], residues[3], far[3];
  for (int d = 0; d < 3; ++d) {
    residues[d] = min(c.stride[d], c.input[d]);
    count[d] = ceil_div(c.input[d], c.stride[d]);
    far[d] = (residues[d] - 1 + reach[d] - 1) / c.stride[d] + 2;
  }
  return !(Checked(c.out_channels) * of_phase(count, ones, far)).at_most(limit) ||
         !(Checked(volume(residues)) * kResidueElements).at_most(limit);
}

template <class T>
void convolve(Operation operation, const Convolution& c, const T* a, const T* b, T* result, const Epilogue<T>* epilogue,
              const InstructionSet& set, Threads& threads) {
  struct Release {
    ~Release() { release_large_scratch(); }
  } release;
  const Index per_input = c.groups * c.in_channels, per_output = c.groups * c.out_channels;
  const Index inputs = c.batch * per_input * volume(c.input), outputs = c.batch * per_output * volume(c.output);
  const Index weights = per_output * c.in_channels * c.taps();
  const Index results = operation == Operation::forward          ? outputs
                        : operation == Operation::backward_input ? inputs
                                                                 : weights;
  if (results == 0) return;
  const Kernels<T>& kernels = set.kernels<T>();
  const auto finish = [&] {
    const Index map = volume(c.output);
    for (Index i = 0; i < c.batch * per_output && epilogue; ++i)
      kernels.finish(*epilogue, i % per_output, epilogue->residual ? epilogue->residual + i * map : nullptr,
                     result + i * map, map);
  };
  if (inputs == 0 || outputs == 0 || weights == 0) {  // every result is a sum of no terms, or of padding alone
    for (Index i = 0; i < results; ++i) result[i] = 0;
    return finish();
  }
  if (copies_too_much(operation, c)) {
    by_definition(operation, c, a, b, result, threads);
    return finish();
  }
  switch (operation) {
    case Operation::forward:
      return kernels.forward(c, a, b, result, epilogue, threads);
    case Operation::backward_input:
      return kernels.backward_input(c, a, b, result, threads);
    case Operation::backward_weight:
      return kernels.backward_weight(c, a, b, result, threads);
  }
}

template void convolve(Operation, const Convolution&, const float*, const float*, float*, const Epilogue<float>*,
                       const InstructionSet&, Threads&);
template void convolve(Operation, const Convolution&, const double*, const double*, double*, const Epilogue<double>*,
                       const InstructionSet&, Threads&);

}  // namespace jaxconv
