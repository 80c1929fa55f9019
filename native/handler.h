// What XLA calls.
#ifndef JAXCONV_HANDLER_H_
#define JAXCONV_HANDLER_H_

namespace jaxconv {

// The address of the handler, an XLA_FFI_Handler. Operands, result and attributes are arguments.h's.
void* handler();

// The address of the handler of a convolution with an epilogue (epilogue.h), of float32. Operands: input, weight, and
// as the attributes tell a bias and a residual.
void* fused_handler();

// The address of the handler of one whose feature maps are in blocks of channels (blocked_convolution.h).
void* blocked_handler();

// The version of XLA's interface that the handler is compiled for.
struct ApiVersion {
  int major, minor;
};
ApiVersion api_version();

}  // namespace jaxconv

#endif  // JAXCONV_HANDLER_H_
