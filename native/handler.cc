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
#include "epilogue.h"
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

// What makes XLA's answer of an exception: handlers must not throw.
template <class Call>
ffi::Error guarded(Call call) try {
  return call();
} catch (const std::bad_alloc&) {
  return ffi::Error(ffi::ErrorCode::kResourceExhausted, "jaxconv: out of memory");
} catch (const std::exception& error) {
  return ffi::Error::Internal(std::string("jaxconv: ") + error.what());
} catch (...) {
  return ffi::Error::Internal("jaxconv: an unknown exception");
}

ffi::Error refused(const std::string& why) { return ffi::Error::InvalidArgument("jaxconv: " + why); }

template <class T>
void run(Operation operation, const Convolution& c, const ffi::AnyBuffer& a, const ffi::AnyBuffer& b,
         ffi::AnyBuffer& result, const Epilogue<T>* epilogue, Threads& threads) {
  convolve(operation, c, static_cast<const T*>(a.untyped_data()), static_cast<const T*>(b.untyped_data()),
           static_cast<T*>(result.untyped_data()), epilogue, best_instruction_set(), threads);
}

ffi::Error call(ffi::ThreadPool pool, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::Result<ffi::AnyBuffer> result,
                std::string_view operation, std::int64_t groups, Attribute stride, Attribute padding,
                Attribute dilation) {
  return guarded([&] {
    const ffi::DataType type = a.element_type();
    if (b.element_type() != type || result->element_type() != type)
      return refused("operands and result must have the same dtype");
    if (type != ffi::DataType::F32 && type != ffi::DataType::F64) return refused("operands must be float32 or float64");
    const bool single = type == ffi::DataType::F32;
    const Arguments arguments{operation,
                              numbers(a.dimensions()),
                              numbers(b.dimensions()),
                              numbers(result->dimensions()),
                              groups,
                              numbers(stride),
                              numbers(padding),
                              numbers(dilation),
                              single ? sizeof(float) : sizeof(double)};
    Operation checked;
    Convolution c;
    const std::string wrong = check(arguments, &checked, &c);
    if (!wrong.empty()) return refused(wrong);
    XlaThreads threads(pool);
    if (single)
      run<float>(checked, c, a, b, *result, nullptr, threads);
    else
      run<double>(checked, c, a, b, *result, nullptr, threads);
    return ffi::Error::Success();
  });
}

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"none", Activation::none},          {"clamp", Activation::clamp}, {"leaky", Activation::leaky},
    {"sigmoid", Activation::sigmoid},    {"silu", Activation::silu},   {"hardsigmoid", Activation::hardsigmoid},
    {"hardswish", Activation::hardswish}};

// The elements of an operand, if it is of float32 and has this shape.
const float* checked_operand(const ffi::AnyBuffer& operand, const Numbers& shape) {
  const Numbers found = numbers(operand.dimensions());
  bool same = operand.element_type() == ffi::DataType::F32 && found.size == shape.size;
  for (std::size_t i = 0; same && i < shape.size; ++i) same = found[i] == shape[i];
  return same ? static_cast<const float*>(operand.untyped_data()) : nullptr;
}

// `more` are the bias, if there is one, and then the residual, which is "none", "first" (added before the activation)
// or "last".
ffi::Error call_fused(ffi::ThreadPool pool, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::RemainingArgs more,
                      ffi::Result<ffi::AnyBuffer> result, std::int64_t groups, Attribute stride, Attribute padding,
                      Attribute dilation, bool bias, std::string_view residual, std::string_view activation, float low,
                      float high) {
  return guarded([&] {
    for (const ffi::DataType type : {a.element_type(), b.element_type(), result->element_type()})
      if (type != ffi::DataType::F32) return refused("operands and result must be float32");
    const Arguments arguments{
        "forward",    numbers(a.dimensions()), numbers(b.dimensions()), numbers(result->dimensions()),
        groups,       numbers(stride),         numbers(padding),        numbers(dilation),
        sizeof(float)};
    Operation checked;
    Convolution c;
    const std::string wrong = check(arguments, &checked, &c);
    if (!wrong.empty()) return refused(wrong);
    if (residual != "none" && residual != "first" && residual != "last")
      return refused("residual='" + std::string(residual) + "' must be 'none', 'first' or 'last'");
    if (more.size() != std::size_t(bias) + std::size_t(residual != "none"))
      return refused("there must be an operand for each of bias and residual");
    Epilogue<float> epilogue{nullptr, nullptr, residual == "last", Activation::none, low, high};
    bool known = false;
    for (const auto& [name, value] : kActivations)
      if (name == activation) epilogue.activation = value, known = true;
    if (!known) return refused("activation='" + std::string(activation) + "' is none that the kernels have");
    if (bias) {
      const auto operand = more.get<ffi::AnyBuffer>(0);
      const std::int64_t channels = std::int64_t(c.groups * c.out_channels);
      if (!operand || !(epilogue.bias = checked_operand(*operand, {&channels, 1})))
        if (channels) return refused("bias must be float32, one for each output channel");
    }
    if (residual != "none") {
      const auto operand = more.get<ffi::AnyBuffer>(bias ? 1 : 0);
      if (!operand || !(epilogue.residual = checked_operand(*operand, numbers(result->dimensions()))))
        if (result->element_count()) return refused("residual must be float32, of the result's shape");
    }
    XlaThreads threads(pool);
    run<float>(checked, c, a, b, *result, &epilogue, threads);
    return ffi::Error::Success();
  });
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

XLA_FFI_DEFINE_HANDLER(fused_convolution, call_fused,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .RemainingArgs()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<std::int64_t>("groups")
                           .Attr<Attribute>("stride")
                           .Attr<Attribute>("padding")
                           .Attr<Attribute>("dilation")
                           .Attr<bool>("bias")
                           .Attr<std::string_view>("residual")
                           .Attr<std::string_view>("activation")
                           .Attr<float>("low")
                           .Attr<float>("high"));

}  // namespace

void* handler() { return reinterpret_cast<void*>(convolution); }

void* fused_handler() { return reinterpret_cast<void*>(fused_convolution); }

ApiVersion api_version() { return {XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR}; }

}  // namespace jaxconv
