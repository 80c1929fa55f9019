// What is done to the results of a convolution before they are stored for good.
#ifndef JAXCONV_EPILOGUE_H_
#define JAXCONV_EPILOGUE_H_

#include "convolution.h"

namespace jaxconv {

// clamp is within [low, high]; leaky multiplies what is negative by low. The others have no parameters.
enum class Activation { none, clamp, leaky, sigmoid, silu, hardsigmoid, hardswish };

// y = activation(convolution + bias + residual), or activation(convolution + bias) + residual. Of float32 alone.
template <class T>
struct Epilogue {
  const T* bias;       // of each output channel of all groups, or nullptr
  const T* residual;   // of the output's shape, or nullptr
  bool residual_last;  // added after the activation
  Activation activation;
  T low, high;
};

}  // namespace jaxconv

#endif  // JAXCONV_EPILOGUE_H_
