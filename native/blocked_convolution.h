// What is given for a convolution of feature maps in blocks of channels. Nothing here depends on an instruction set.
#ifndef JAXCONV_BLOCKED_CONVOLUTION_H_
#define JAXCONV_BLOCKED_CONVOLUTION_H_

#include "convolution.h"
#include "epilogue.h"

namespace jaxconv {

// Of `lanes` channels each, blocks are
//   input     (N, groups * ceil(I / lanes), H, W, lanes), or (N, I, H, W) unless `blocked`
//   output    (N, groups * ceil(O / lanes), H, W, lanes), and so is the epilogue's residual
//   weight    (groups * ceil(O / lanes), ceil(I / lanes), KH, KW, lanes of I, lanes of O), or (..., I, KH, KW, lanes of
//   O)
//             unless `blocked`, or (ceil(C / lanes), KH, KW, lanes) if `depthwise`
//   bias      (groups * ceil(O / lanes) * lanes,), as the epilogue has it
// with I and O channels of a group. With several groups I and O are multiples of `lanes`; depthwise ones, of one
// channel each, count as one group. There is one dimension of depth.
template <class T>
struct BlockedConvolution {
  Convolution shape;
  bool blocked, depthwise;
  Index lanes;
  const T *input, *weight;
  T* output;
  const Epilogue<T>* epilogue;

  // Elements of a position.
  Index width() const { return blocked ? lanes : 1; }
};

}  // namespace jaxconv

#endif  // JAXCONV_BLOCKED_CONVOLUTION_H_
