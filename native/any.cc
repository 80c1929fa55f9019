// For every processor: vectors of 16 bytes, which x86-64 and Arm have without asking.
#define JAXCONV_ISA any
#define JAXCONV_BYTES 16
#define JAXCONV_ACCUMULATORS 12
#include "products.h"

namespace jaxconv {
extern const Compiled compiled_for_any = {JAXCONV_PRODUCTS(float), JAXCONV_PRODUCTS(double)};
}
