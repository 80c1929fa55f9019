// x86-64's AVX-512, as far as every processor since Skylake's servers has it.
#if defined(__x86_64__) || defined(JAXCONV_PORTABLE)
#define JAXCONV_ISA avx512
#define JAXCONV_VECTOR_BYTES 64
#define JAXCONV_REGISTERS 32
#define JAXCONV_TARGET "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"
#include "kernels.h"
#endif
