#include "arguments.h"

#include "checked.h"

namespace jaxconv {
namespace {

// Sums of two or three positions then fit 64 bits.
constexpr std::int64_t kFarthest = std::int64_t(1) << 60;

std::string text(const Numbers& numbers) {
  std::string s = "(";
  for (std::size_t i = 0; i < numbers.size; ++i) s += (i ? ", " : "") + std::to_string(numbers[i]);
  return s + ")";
}

// The last three of what follows the first `lead` numbers; what is missing in front is `otherwise`.
void last_three(Index (&to)[3], const Numbers& numbers, std::size_t lead, Index otherwise) {
  const std::size_t missing = 3 + lead - numbers.size;
  for (std::size_t d = 0; d < 3; ++d) to[d] = d < missing ? otherwise : Index(numbers[lead + d - missing]);
}

std::string check_ranks(const Numbers& input, const Numbers& weight, const Numbers& output, const Arguments& given) {
  if (input.size < 3 || input.size > 5)
    return "input of shape " + text(input) + " must have rank 3, 4 or 5: batch, channels and 1 to 3 spatial dimensions";
  if (weight.size != input.size || output.size != input.size)
    return "input " + text(input) + ", weight " + text(weight) + " and output " + text(output) +
           " must have the same rank";
  const struct {
    const char* name;
    const Numbers& numbers;
  } attributes[] = {{"stride", given.stride}, {"padding", given.padding}, {"dilation", given.dilation}};
  for (const auto& attribute : attributes)
    if (attribute.numbers.size != input.size - 2)
      return std::string(attribute.name) + "=" + text(attribute.numbers) + " must have one number for each of the " +
             std::to_string(input.size - 2) + " spatial dimensions";
  return "";
}

std::string check_shape(const char* name, const Numbers& shape, std::size_t element_bytes) {
  Checked bytes(static_cast<std::int64_t>(element_bytes));
  for (std::size_t i = 0; i < shape.size; ++i) {
    if (shape[i] < 0) return std::string(name) + " of shape " + text(shape) + " must not have negative sizes";
    bytes = bytes * (shape[i] > 1 ? shape[i] : 1);  // a size of 0 must not hide that the others are too large
  }
  if (!bytes.at_most(kFarthest)) return std::string(name) + " of shape " + text(shape) + " has more bytes than memory";
  return "";
}

std::string check_channels(const Numbers& input, const Numbers& weight, const Numbers& output, std::int64_t groups) {
  if (groups < 1) return "groups=" + std::to_string(groups) + " must be positive";
  const std::string of_groups = " for groups=" + std::to_string(groups);
  if (weight[0] % groups != 0)
    return "weight of shape " + text(weight) + " must have a multiple of groups=" + std::to_string(groups) +
           " output channels";
  if (!(Checked(weight[1]) * groups).at_most(kFarthest) || input[1] != weight[1] * groups)
    return "input of shape " + text(input) + " must have groups times the channels of weight " + text(weight) +
           of_groups;
  if (output[1] != weight[0])
    return "output of shape " + text(output) + " must have the output channels of weight " + text(weight);
  if (output[0] != input[0])
    return "output of shape " + text(output) + " must have the batch size of input " + text(input);
  return "";
}

std::string check_positions(const Convolution& c) {
  for (int d = 0; d < 3; ++d) {
    if (c.kernel[d] < 1) return "weight must have a kernel of at least one element";
    if (c.stride[d] < 1) return "stride=" + std::to_string(c.stride[d]) + " must be positive";
    if (c.dilation[d] < 1) return "dilation=" + std::to_string(c.dilation[d]) + " must be positive";
    if (c.padding[d] > kFarthest || c.padding[d] < -kFarthest)
      return "padding=" + std::to_string(c.padding[d]) + " is farther away than 2^60 elements";
    const Checked reach = Checked(c.kernel[d] - 1) * c.dilation[d] + 1;
    const Checked end = Checked(max(c.output[d] - 1, 0)) * c.stride[d] + reach;
    // `stride` and `dilation` alone: with one position, or one element of the kernel, they are multiplied by zero.
    if (!end.at_most(kFarthest) || c.stride[d] > kFarthest || c.dilation[d] > kFarthest)
      return "the kernel reaches farther than 2^60 elements: kernel " + std::to_string(c.kernel[d]) + ", dilation " +
             std::to_string(c.dilation[d]) + ", stride " + std::to_string(c.stride[d]) + ", output " +
             std::to_string(c.output[d]);
  }
  return "";
}

}  // namespace

std::string check(const Arguments& given, Operation* operation, Convolution* convolution) {
  Numbers input = given.a, weight = given.b, output = given.result;
  if (given.operation == "forward") {
    *operation = Operation::forward;
  } else if (given.operation == "backward_input") {
    *operation = Operation::backward_input;
    weight = given.a, output = given.b, input = given.result;
  } else if (given.operation == "backward_weight") {
    *operation = Operation::backward_weight;
    input = given.a, output = given.b, weight = given.result;
  } else {
    return "operation='" + std::string(given.operation) + "' must be 'forward', 'backward_input' or 'backward_weight'";
  }
  std::string wrong = check_ranks(input, weight, output, given);
  if (wrong.empty()) wrong = check_shape("input", input, given.element_bytes);
  if (wrong.empty()) wrong = check_shape("weight", weight, given.element_bytes);
  if (wrong.empty()) wrong = check_shape("output", output, given.element_bytes);
  if (wrong.empty()) wrong = check_channels(input, weight, output, given.groups);
  if (!wrong.empty()) return wrong;
  Convolution& c = *convolution;
  c.batch = Index(input[0]), c.groups = Index(given.groups);
  c.in_channels = Index(weight[1]), c.out_channels = Index(weight[0] / given.groups);
  last_three(c.input, input, 2, 1);
  last_three(c.output, output, 2, 1);
  last_three(c.kernel, weight, 2, 1);
  last_three(c.stride, given.stride, 0, 1);
  last_three(c.padding, given.padding, 0, 0);
  last_three(c.dilation, given.dilation, 0, 1);
  return check_positions(c);
}

}  // namespace jaxconv
