#include "handler.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.h"
#include "convolution.h"
#include "convolve.h"
#include "instruction_sets.h"
#include "threads.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace jaxconv {
namespace {

class XlaThreads final : public Threads {
 public:
  explicit XlaThreads(ffi::ThreadPool& pool) : pool_(pool), count_(max(Index(pool.num_threads()), 1)) {}

  Index count() const override { return count_; }

 protected:
  void schedule(std::function<void()> task) override { pool_.Schedule(std::move(task)); }

 private:
  ffi::ThreadPool& pool_;
  const Index count_;
};

using Attribute = ffi::Span<const std::int64_t>;

Numbers numbers(const Attribute& span) { return {span.begin(), span.size()}; }

template <class T>
void run(Operation operation, const Convolution& c, ffi::AnyBuffer& a, ffi::AnyBuffer& b, ffi::AnyBuffer& result,
         Threads& threads) {
  convolve(operation, c, static_cast<const T*>(a.untyped_data()), static_cast<const T*>(b.untyped_data()),
           static_cast<T*>(result.untyped_data()), best_instruction_set(), threads);
}

ffi::Error call(ffi::ThreadPool pool, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::Result<ffi::AnyBuffer> result,
                std::string_view operation, std::int64_t groups, Attribute stride, Attribute padding,
                Attribute dilation) try {
  const ffi::DataType type = a.element_type();
  if (b.element_type() != type || result->element_type() != type)
    return ffi::Error::InvalidArgument("jaxconv: operands and result must have the same dtype");
  if (type != ffi::DataType::F32 && type != ffi::DataType::F64)
    return ffi::Error::InvalidArgument("jaxconv: operands must be float32 or float64");
  const bool single = type == ffi::DataType::F32;
  const Arguments arguments{
      operation,       numbers(a.dimensions()), numbers(b.dimensions()), numbers(result->dimensions()),          groups,
      numbers(stride), numbers(padding),        numbers(dilation),       single ? sizeof(float) : sizeof(double)};
  Operation checked;
  Convolution c;
  const std::string wrong = check(arguments, &checked, &c);
  if (!wrong.empty()) return ffi::Error::InvalidArgument("jaxconv: " + wrong);
  XlaThreads threads(pool);
  (single ? run<float> : run<double>)(checked, c, a, b, *result, threads);
  return ffi::Error::Success();
} catch (const std::bad_alloc&) {
  return ffi::Error(ffi::ErrorCode::kResourceExhausted, "jaxconv: out of memory");
} catch (const std::exception& error) {
  return ffi::Error::Internal(std::string("jaxconv: ") + error.what());
} catch (...) {
  return ffi::Error::Internal("jaxconv: an unknown exception");
}

XLA_FFI_DEFINE_HANDLER(convolution, call,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<std::string_view>("operation")
                           .Attr<std::int64_t>("groups")
                           .Attr<Attribute>("stride")
                           .Attr<Attribute>("padding")
                           .Attr<Attribute>("dilation"));

}  // namespace

void* handler() { return reinterpret_cast<void*>(convolution); }

ApiVersion api_version() { return {XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR}; }

}  // namespace jaxconv
