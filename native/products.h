// Everything that is compiled once for an instruction set, and the table by which it is called.
#include "problem.h"
#include "vectors.h"
// in this order
#include "planes.h"
#include "tile.h"
#include "depthwise.h"
#include "gather.h"
#include "weight.h"

#define JAXCONV_PRODUCTS(T) {JAXCONV_ISA::product_y<T>, JAXCONV_ISA::product_x<T>, JAXCONV_ISA::product_weight<T>}
