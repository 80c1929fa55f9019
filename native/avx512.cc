#include <cstddef>
#include "problem.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif
#define JAXCONV_ISA avx512
#define JAXCONV_BYTES 64
#define JAXCONV_ACCUMULATORS 24
#include "products.h"

namespace jaxconv {
extern const Compiled compiled_for_avx512 = {JAXCONV_PRODUCTS(float), JAXCONV_PRODUCTS(double)};
}
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
