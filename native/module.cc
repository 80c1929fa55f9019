// What XLA calls, and the Python module that hands it over: jaxconv._native.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>

#include "problem.h"
#include "xla/ffi/api/ffi.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ffi = xla::ffi;

namespace jaxconv {
namespace {

struct Block {
  void* at = nullptr;
  std::size_t bytes = 0;
  ~Block() { std::free(at); }
};

thread_local Block blocks[static_cast<int>(Slot::count)];

constexpr std::size_t kLargePage = std::size_t(2) << 20;
// Beyond so many bytes a block is given back after every call: making it anew is little beside what such a call does.
constexpr std::size_t kKept = std::size_t(16) << 20;

void give_back_large() {
  for (Block& block : blocks) {
    if (block.bytes <= kKept) continue;
    std::free(block.at);
    block.at = nullptr, block.bytes = 0;
  }
}

// XLA's own threads. Whoever calls takes part, and waits for no one who has not begun: with every thread of the pool
// in a call of its own, nobody waits for ever.
class XlaPool final : public Pool {
 public:
  explicit XlaPool(ffi::ThreadPool pool) : pool_(pool), threads_(pool.num_threads()) {}

  Index threads() const override { return threads_ > 1 ? threads_ : 1; }

  void run(Index items, void (*body)(void*, Index), void* data) override {
    struct Shared {
      std::atomic<Index> next{0}, done{0};
      std::atomic<bool> failed{false};
      Index items;
      void (*body)(void*, Index);
      void* data;

      void work() {
        Index mine = 0;
        for (Index i; (i = next.fetch_add(1, std::memory_order_relaxed)) < items; ++mine) {
          try {
            body(data, i);
          } catch (const std::bad_alloc&) {  // not through XLA's threads, nor while others use `data`
            failed.store(true, std::memory_order_relaxed);
          }
        }
        done.fetch_add(mine, std::memory_order_release);
      }
    };
    auto shared = std::make_shared<Shared>();
    shared->items = items, shared->body = body, shared->data = data;
    for (Index i = 1; i < least(threads(), items); ++i)
      pool_.Schedule([shared] {
        shared->work();
        give_back_large();
      });
    shared->work();
    for (int spins = 0; shared->done.load(std::memory_order_acquire) < items; ++spins)
      if (spins > 1000) std::this_thread::yield();
    if (shared->failed.load(std::memory_order_relaxed)) throw std::bad_alloc();
  }

 private:
  ffi::ThreadPool pool_;
  Index threads_;
};

const char* isa() {
  static const char* const found = [] {
#if defined(__x86_64__)
    const char* wanted = std::getenv("JAXCONV_ISA");
    const std::string most_allowed = wanted ? wanted : "avx512";
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    if (avx512 && most_allowed == "avx512") return "avx512";
    if (avx2 && most_allowed != "any") return "avx2";
#endif
    return "any";
  }();
  return found;
}

const Compiled& compiled() {
#if defined(__x86_64__)
  if (isa()[0] != 'a' || isa()[1] != 'v') return compiled_for_any;
  return isa()[3] == '5' ? compiled_for_avx512 : compiled_for_avx2;
#else
  return compiled_for_any;
#endif
}

template <class T>
const Products<T>& products();
template <>
const Products<float>& products<float>() {
  return compiled().in_float;
}
template <>
const Products<double>& products<double>() {
  return compiled().in_double;
}

using Numbers = ffi::Span<const int64_t>;

// The last three of what follows the first `lead` numbers; what is missing in front is `otherwise`.
void last_three(Index (&to)[3], const Numbers& numbers, size_t lead, Index otherwise) {
  const size_t missing = 3 + lead - numbers.size();
  for (size_t d = 0; d < 3; ++d) to[d] = d < missing ? otherwise : numbers[lead + d - missing];
}

Problem problem(Numbers x, Numbers weight, Numbers y, int64_t groups, Numbers stride, Numbers low, Numbers dilation) {
  Problem p;
  p.samples = x[0], p.groups = groups, p.in = weight[1], p.out = weight[0] / groups;
  last_three(p.size, x, 2, 1);
  last_three(p.positions, y, 2, 1);
  last_three(p.kernel, weight, 2, 1);
  last_three(p.stride, stride, 0, 1);
  last_three(p.low, low, 0, 0);
  last_three(p.dilation, dilation, 0, 1);
  return p;
}

template <class T>
void compute(char wanted, const Problem& p, const void* a, const void* b, void* c, Pool& pool) {
  const T *in_a = static_cast<const T*>(a), *in_b = static_cast<const T*>(b);
  T* out = static_cast<T*>(c);
  const Products<T>& with = products<T>();
  (wanted == 'y' ? with.y : wanted == 'x' ? with.x : with.weight)(p, in_a, in_b, out, pool);
}

ffi::Error call(ffi::ThreadPool threads, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::Result<ffi::AnyBuffer> c,
                std::string_view wanted, int64_t groups, Numbers stride, Numbers low, Numbers dilation) try {
  const ffi::DataType type = a.element_type();
  if (b.element_type() != type || c->element_type() != type)
    return ffi::Error::InvalidArgument("jaxconv: operands and result must be of one type");
  const Numbers da = a.dimensions(), db = b.dimensions(), dc = c->dimensions();
  const char w = wanted[0];
  const Problem p = w == 'y'   ? problem(da, db, dc, groups, stride, low, dilation)
                    : w == 'x' ? problem(dc, da, db, groups, stride, low, dilation)
                               : problem(da, dc, db, groups, stride, low, dilation);
  XlaPool pool(threads);
  if (type == ffi::DataType::F32)
    compute<float>(w, p, a.untyped_data(), b.untyped_data(), c->untyped_data(), pool);
  else if (type == ffi::DataType::F64)
    compute<double>(w, p, a.untyped_data(), b.untyped_data(), c->untyped_data(), pool);
  else
    return ffi::Error::InvalidArgument("jaxconv: operands must be float32 or float64");
  give_back_large();
  return ffi::Error::Success();
} catch (const std::bad_alloc&) {
  return ffi::Error(ffi::ErrorCode::kResourceExhausted, "jaxconv: out of memory");
}

XLA_FFI_DEFINE_HANDLER(handler, call,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<std::string_view>("wanted")
                           .Attr<int64_t>("groups")
                           .Attr<Numbers>("stride")
                           .Attr<Numbers>("low")
                           .Attr<Numbers>("dilation"));

}  // namespace

void* scratch(Slot slot, std::size_t bytes) {
  Block& block = blocks[static_cast<int>(slot)];
  if (block.bytes < bytes) {
    std::free(block.at);
    // Large ones in large pages, if the system has them: channels lie in as many small ones as there are, and looking
    // up where each is can take longer than the sums.
    const std::size_t page = bytes < kLargePage / 8 ? 4096 : kLargePage;
    block.bytes = (bytes + page - 1) / page * page;
    block.at = std::aligned_alloc(page, block.bytes);
#if defined(MADV_HUGEPAGE)
    if (block.at && page == kLargePage) madvise(block.at, block.bytes, MADV_HUGEPAGE);
#endif
    if (!block.at) {
      block.bytes = 0;
      throw std::bad_alloc();
    }
  }
  return block.at;
}

}  // namespace jaxconv

namespace {

PyObject* py_handler(PyObject*, PyObject*) {
  return PyCapsule_New(reinterpret_cast<void*>(jaxconv::handler), nullptr, nullptr);
}

// The version of the headers that the handler was compiled with: XLA accepts a handler that is no newer than itself.
PyObject* py_api_version(PyObject*, PyObject*) { return Py_BuildValue("ii", XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR); }

PyObject* py_isa(PyObject*, PyObject*) { return PyUnicode_FromString(jaxconv::isa()); }

PyMethodDef methods[] = {
    {"handler", py_handler, METH_NOARGS, "The convolutions' products, to be registered with XLA."},
    {"api_version", py_api_version, METH_NOARGS, "The FFI version that the handler was compiled with: (major, minor)."},
    {"isa", py_isa, METH_NOARGS, "The instruction set that is used: 'any', 'avx2' or 'avx512'."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_native",
                          "Convolutions on CPUs, called by XLA.",
                          -1,
                          methods,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&definition); }
