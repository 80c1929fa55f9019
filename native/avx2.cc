// x86-64's AVX2 and FMA.
#if defined(__x86_64__) || defined(JAXCONV_PORTABLE)
#define JAXCONV_ISA avx2
#define JAXCONV_VECTOR_BYTES 32
#define JAXCONV_REGISTERS 16
#define JAXCONV_TARGET "avx2,fma"
#include "kernels.h"
#endif
