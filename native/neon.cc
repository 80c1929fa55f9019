// Arm's NEON, which is the baseline of AArch64.
#if defined(__aarch64__) || defined(JAXCONV_PORTABLE)
#define JAXCONV_ISA neon
#define JAXCONV_VECTOR_BYTES 16
#define JAXCONV_REGISTERS 32
#include "kernels.h"
#endif
