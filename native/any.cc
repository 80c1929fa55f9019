// Every processor: the compiler writes vectors of 16 bytes in whatever the baseline has.
#define JAXCONV_ISA any
#define JAXCONV_VECTOR_BYTES 16
#define JAXCONV_REGISTERS 16
#include "kernels.h"
