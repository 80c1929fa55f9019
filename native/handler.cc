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
#include "convolve_blocked.h"
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

struct EpilogueAttributes {
  bool bias;
  std::string_view residual, activation;
  float low, high;
};

// Returns what is wrong, "" if nothing is. `more` are the bias, if there is one, of so many channels, and then the
// residual, which is "none", "first" (added before the activation) or "last" and has the result's shape.
std::string read(const EpilogueAttributes& given, const ffi::RemainingArgs& more, std::int64_t channels,
                 const ffi::AnyBuffer& result, Epilogue<float>* epilogue) {
  if (given.residual != "none" && given.residual != "first" && given.residual != "last")
    return "residual='" + std::string(given.residual) + "' must be 'none', 'first' or 'last'";
  if (more.size() != std::size_t(given.bias) + std::size_t(given.residual != "none"))
    return "there must be an operand for each of bias and residual";
  *epilogue = {nullptr, nullptr, given.residual == "last", Activation::none, given.low, given.high};
  bool known = false;
  for (const auto& [name, value] : kActivations)
    if (name == given.activation) epilogue->activation = value, known = true;
  if (!known) return "activation='" + std::string(given.activation) + "' is none that the kernels have";
  if (given.bias) {
    const auto operand = more.get<ffi::AnyBuffer>(0);
    if (!operand || !(epilogue->bias = checked_operand(*operand, {&channels, 1})))
      if (channels) return "bias must be float32, one for each output channel";
  }
  if (given.residual != "none") {
    const auto operand = more.get<ffi::AnyBuffer>(given.bias ? 1 : 0);
    if (!operand || !(epilogue->residual = checked_operand(*operand, numbers(result.dimensions()))))
      if (result.element_count()) return "residual must be float32, of the result's shape";
  }
  return "";
}

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
    Epilogue<float> epilogue;
    std::string wrong = check(arguments, &checked, &c);
    if (wrong.empty())
      wrong = read({bias, residual, activation, low, high}, more, c.groups * c.out_channels, *result, &epilogue);
    if (!wrong.empty()) return refused(wrong);
    XlaThreads threads(pool);
    run<float>(checked, c, a, b, *result, &epilogue, threads);
    return ffi::Error::Success();
  });
}

ffi::Error call_blocked(ffi::ThreadPool pool, ffi::AnyBuffer input, ffi::AnyBuffer weight, ffi::RemainingArgs more,
                        ffi::Result<ffi::AnyBuffer> result, std::int64_t lanes, bool blocked, Attribute input_shape,
                        Attribute weight_shape, Attribute output_shape, std::int64_t groups, Attribute stride,
                        Attribute padding, Attribute dilation, bool bias, std::string_view residual,
                        std::string_view activation, float low, float high) {
  return guarded([&] {
    for (const ffi::DataType type : {input.element_type(), weight.element_type(), result->element_type()})
      if (type != ffi::DataType::F32) return refused("operands and result must be float32");
    const Arguments arguments{"forward",    numbers(input_shape), numbers(weight_shape), numbers(output_shape),
                              groups,       numbers(stride),      numbers(padding),      numbers(dilation),
                              sizeof(float)};
    Operation forward;
    BlockedConvolution<float> g{};
    std::string wrong = check(arguments, &forward, &g.shape);
    const InstructionSet& set = best_instruction_set();
    if (wrong.empty() && lanes != set.of_float.lanes)
      wrong = "blocks of " + std::to_string(lanes) + " channels are those of another instruction set than " + set.name;
    if (!wrong.empty()) return refused(wrong);
    g.lanes = set.of_float.lanes, g.blocked = blocked;
    const BlockedSizes sizes = check_blocked(&g);
    const auto has = [](const ffi::AnyBuffer& buffer, Index elements) {
      return Index(buffer.element_count()) == elements;
    };
    if (!sizes.wrong.empty()) return refused(sizes.wrong);
    if (!has(input, sizes.input) || !has(weight, sizes.weight) || !has(*result, sizes.output))
      return refused("operands or result are not of the convolution's sizes in blocks of channels");
    Epilogue<float> epilogue;
    wrong = read({bias, residual, activation, low, high}, more, sizes.channels, *result, &epilogue);
    if (!wrong.empty()) return refused(wrong);
    g.input = static_cast<const float*>(input.untyped_data());
    g.weight = static_cast<const float*>(weight.untyped_data());
    g.output = static_cast<float*>(result->untyped_data());
    g.epilogue = &epilogue;
    XlaThreads threads(pool);
    convolve_blocked(g, set, threads);
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

XLA_FFI_DEFINE_HANDLER(blocked_convolution, call_blocked,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .RemainingArgs()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<std::int64_t>("lanes")
                           .Attr<bool>("blocked")
                           .Attr<Attribute>("input_shape")
                           .Attr<Attribute>("weight_shape")
                           .Attr<Attribute>("output_shape")
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

void* blocked_handler() { return reinterpret_cast<void*>(blocked_convolution); }

ApiVersion api_version() { return {XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR}; }

}  // namespace jaxconv
