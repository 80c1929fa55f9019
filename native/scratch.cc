#include "scratch.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(JAXCONV_TEST_SCRATCH)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#endif

namespace jaxconv {
namespace {

struct Memory {
  void* at = nullptr;
  std::size_t bytes = 0;

  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { release(); }

  void release() {
    if (at) ASAN_UNPOISON_MEMORY_REGION(at, bytes);
    std::free(at);
    at = nullptr, bytes = 0;
  }
};

thread_local Memory memory[static_cast<int>(Slot::count)];

constexpr std::size_t kSmallPage = 4096, kLargePage = std::size_t(2) << 20;
constexpr std::size_t kKept = std::size_t(16) << 20;

// In tests, only what was asked for may be used, and is full of NaN: whatever is read too much or too early shows.
void* handed_out(const Memory& block, std::size_t bytes) {
#if defined(JAXCONV_TEST_SCRATCH)
  ASAN_UNPOISON_MEMORY_REGION(block.at, bytes);
  std::memset(block.at, 0xff, bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block.at) + bytes, block.bytes - bytes);
#else
  static_cast<void>(bytes);
#endif
  return block.at;
}

}  // namespace

void too_large() { throw std::bad_alloc(); }

void* scratch(Slot slot, std::size_t bytes) {
  Memory& block = memory[static_cast<int>(slot)];
  if (block.bytes >= bytes && block.at) return handed_out(block, bytes);
  block.release();
  if (bytes > std::size_t(PTRDIFF_MAX) - kLargePage) too_large();
  // Large pages for large blocks, if the system has them: each channel lies in small pages of its own, and looking up
  // where those are can take longer than the arithmetic.
  const std::size_t page = bytes < kLargePage / 8 ? kSmallPage : kLargePage;
  const std::size_t rounded = bytes ? (bytes + page - 1) / page * page : page;
  block.at = std::aligned_alloc(page, rounded);
  if (!block.at) too_large();
  block.bytes = rounded;
#if defined(MADV_HUGEPAGE)
  if (page == kLargePage) madvise(block.at, block.bytes, MADV_HUGEPAGE);
#endif
  return handed_out(block, bytes);
}

void release_large_scratch() {
  for (Memory& block : memory)
    if (block.bytes > kKept) block.release();
}

}  // namespace jaxconv
