#include "scratch.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace jaxconv {
namespace {

struct Memory {
  void* at = nullptr;
  std::size_t bytes = 0;

  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(at); }

  void release() {
    std::free(at);
    at = nullptr, bytes = 0;
  }
};

thread_local Memory memory[static_cast<int>(Slot::count)];

constexpr std::size_t kSmallPage = 4096, kLargePage = std::size_t(2) << 20;
constexpr std::size_t kKept = std::size_t(16) << 20;

}  // namespace

std::size_t bytes_of(Index elements, std::size_t bytes_each) {
  if (elements < 0 || std::size_t(elements) > std::size_t(PTRDIFF_MAX) / bytes_each) throw std::bad_alloc();
  return std::size_t(elements) * bytes_each;
}

void* scratch(Slot slot, std::size_t bytes) {
  Memory& block = memory[static_cast<int>(slot)];
#if defined(JAXCONV_TEST_SCRATCH)  // exactly what was asked for, full of NaN: whatever is read too much shows
  block.release();
  block.at = std::malloc(bytes);
  if (!block.at) throw std::bad_alloc();
  std::memset(block.at, 0xff, bytes);
  block.bytes = bytes;
  return block.at;
#endif
  if (block.bytes >= bytes && block.at) return block.at;
  block.release();
  if (bytes > std::size_t(PTRDIFF_MAX) - kLargePage) throw std::bad_alloc();
  // Large pages for large blocks, if the system has them: each channel lies in small pages of its own, and looking up
  // where those are can take longer than the arithmetic.
  const std::size_t page = bytes < kLargePage / 8 ? kSmallPage : kLargePage;
  const std::size_t rounded = bytes ? (bytes + page - 1) / page * page : page;
  block.at = std::aligned_alloc(page, rounded);
  if (!block.at) throw std::bad_alloc();
  block.bytes = rounded;
#if defined(MADV_HUGEPAGE)
  if (page == kLargePage) madvise(block.at, block.bytes, MADV_HUGEPAGE);
#endif
  return block.at;
}

void release_large_scratch() {
  for (Memory& block : memory)
    if (block.bytes > kKept) block.release();
}

}  // namespace jaxconv
