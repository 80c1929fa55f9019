#include "instruction_sets.h"

#include <cstdlib>
#include <cstring>

namespace jaxconv {

#define JAXCONV_DECLARE(name, has)             \
  extern const Kernels<float> name##_of_float; \
  extern const Kernels<double> name##_of_double;
JAXCONV_INSTRUCTION_SETS(JAXCONV_DECLARE)
#undef JAXCONV_DECLARE

namespace {

#define JAXCONV_LINE(name, has) {#name, [] { return bool(has); }, name##_of_float, name##_of_double},
constexpr InstructionSet kSets[] = {JAXCONV_INSTRUCTION_SETS(JAXCONV_LINE)};
#undef JAXCONV_LINE
constexpr Index kCount = Index(sizeof(kSets) / sizeof(kSets[0]));

Index allowed() {
  const char* best = std::getenv("JAXCONV_ISA");
  if (!best || !*best) return kCount;
  for (Index i = 0; i < kCount; ++i)
    if (std::strcmp(kSets[i].name, best) == 0) return i + 1;
  return 1;
}

}  // namespace

InstructionSets instruction_sets() { return {kSets, kCount}; }

const InstructionSet& best_instruction_set() {
  static const InstructionSet& best = []() -> const InstructionSet& {
    Index i = allowed();
    while (i > 1 && !kSets[i - 1].available()) --i;
    return kSets[i - 1];
  }();
  return best;
}

}  // namespace jaxconv
