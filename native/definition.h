// The three operations as they are defined, for what is rare: no copy is made, and little is fast.
//
// The input has zeros around it, which are multiplied as torch multiplies them: infinity times such a zero is NaN. The
// gradient with respect to the input has none.
#ifndef JAXCONV_DEFINITION_H_
#define JAXCONV_DEFINITION_H_

#include "convolution.h"

namespace jaxconv {
namespace definition {

// One channel of one item (a sample's group) of the result: `output` is that channel's, `weight` its row.
template <class T>
void forward(const Convolution& c, const T* input, const T* weight, T* output);

// `weight` is the group's from this input channel on, `d_output` the item's, `d_input` the channel's.
template <class T>
void backward_input(const Convolution& c, const T* weight, const T* d_output, T* d_input);

// One output and one input channel of a group: `input` and `d_output` are the first sample's.
template <class T>
void backward_weight(const Convolution& c, const T* input, const T* d_output, T* d_weight);

}  // namespace definition
}  // namespace jaxconv

#endif  // JAXCONV_DEFINITION_H_
