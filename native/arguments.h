// What a caller says about a convolution, checked before anything is computed from it.
#ifndef JAXCONV_ARGUMENTS_H_
#define JAXCONV_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "convolution.h"

namespace jaxconv {

struct Numbers {
  const std::int64_t* at;
  std::size_t size;

  std::int64_t operator[](std::size_t i) const { return at[i]; }
};

struct Arguments {
  std::string_view operation;  // "forward", "backward_input" or "backward_weight"
  Numbers a, b, result;        // shapes of the operands and of the result
  std::int64_t groups;
  Numbers stride, padding, dilation;
  std::size_t element_bytes;
};

// Returns what is wrong, "" if nothing is. Then *operation and *convolution are set, and no index that a kernel
// computes overflows: neither an element's number nor its byte, nor a position in the padded input.
std::string check(const Arguments& arguments, Operation* operation, Convolution* convolution);

}  // namespace jaxconv

#endif  // JAXCONV_ARGUMENTS_H_
