// Random convolutions on every instruction set, compared with the definition: run under sanitizers by `make sanitize`.
//
//   sanitize [problems] [seed]
//
// Every result must be within gamma_K * sum |x| |w| of the exact one (Higham, Accuracy and Stability, ch. 3), infinite
// or NaN exactly where the definition is, and bit for bit the same for any number of threads. No Python, no XLA.
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "../arguments.h"
#include "../convolution.h"
#include "../convolve.h"
#include "../convolve_blocked.h"
#include "../epilogue.h"
#include "../instruction_sets.h"
#include "../threads.h"

namespace jaxconv {
namespace {

class Random {  // splitmix64
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  Index below(Index n) { return Index(bits() % std::uint64_t(n)); }
  Index from(Index low, Index high) { return low + below(high - low + 1); }
  bool once_in(Index n) { return below(n) == 0; }
  double number() { return double(bits() >> 11) * 0x1p-52 - 1; }  // in [-1, 1)

 private:
  std::uint64_t state_;
};

// A pool that is as unhelpful as one may be: now and then it refuses, has the caller do it, or comes late.
class TestThreads final : public Threads {
 public:
  explicit TestThreads(Index threads) {
    for (Index i = 1; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~TestThreads() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    more_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Index count() const override { return Index(threads_.size()) + 1; }
  double worthwhile() const override { return 0; }
  Index tasks() const { return tasks_.load(); }

 protected:
  void schedule(std::function<void()> task) override {
    const Index n = tasks_.fetch_add(1);
    if (n % 61 == 60) throw std::runtime_error("no more tasks");
    if (n % 23 == 22) return task();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      queue_.push_back(std::move(task));
    }
    more_.notify_one();
  }

 private:
  void serve() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        more_.wait(lock, [this] { return ended_ || !queue_.empty(); });
        if (queue_.empty()) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      if (served_.fetch_add(1) % 97 == 96) std::this_thread::sleep_for(std::chrono::microseconds(300));
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  bool ended_ = false;
  std::atomic<Index> tasks_{0}, served_{0};
  std::vector<std::thread> threads_;
};

class OneThread final : public Threads {
 public:
  Index count() const override { return 1; }

 protected:
  void schedule(std::function<void()>) override { std::abort(); }
};

struct Problem {
  int ndim;
  Convolution c;
  std::int64_t x[5], weight[5], y[5], stride[3], padding[3], dilation[3];
  bool single, far;

  double multiplications() const {
    return double(c.batch) * double(c.groups) * double(c.out_channels) * double(c.in_channels) * double(c.taps()) *
           double(volume(c.output));
  }
  Index inputs() const { return c.batch * c.groups * c.in_channels * volume(c.input); }
  Index outputs() const { return c.batch * c.groups * c.out_channels * volume(c.output); }
  Index weights() const { return c.groups * c.out_channels * c.in_channels * c.taps(); }

  Arguments arguments(Operation operation) const {
    const std::size_t rank = std::size_t(ndim) + 2, spatial = std::size_t(ndim);
    const Numbers in{x, rank}, w{weight, rank}, out{y, rank};
    Arguments a{"forward",
                in,
                w,
                out,
                c.groups,
                {stride, spatial},
                {padding, spatial},
                {dilation, spatial},
                single ? sizeof(float) : sizeof(double)};
    if (operation == Operation::backward_input) a.operation = "backward_input", a.a = w, a.b = out, a.result = in;
    if (operation == Operation::backward_weight) a.operation = "backward_weight", a.a = in, a.b = out, a.result = w;
    return a;
  }

  std::string text() const {
    std::string s = single ? "float32" : "float64";
    const auto add = [&](const char* name, const std::int64_t* at, int count) {
      s += std::string(" ") + name + " (";
      for (int i = 0; i < count; ++i) s += (i ? ", " : "") + std::to_string(at[i]);
      s += ")";
    };
    add("input", x, ndim + 2), add("weight", weight, ndim + 2), add("output", y, ndim + 2);
    add("stride", stride, ndim), add("padding", padding, ndim), add("dilation", dilation, ndim);
    return s + " groups " + std::to_string(c.groups);
  }
};

// A problem of a random kind: what is cut into blocks of terms, rows or positions needs many of them.
Problem random_problem(Random& random) {
  for (;;) {
    Problem p{};
    p.ndim = int(random.from(1, 3));
    p.single = !random.once_in(3);
    p.far = random.once_in(12);
    const Index kind = random.below(8);
    const bool depthwise = kind == 0, terms = kind == 1, maps = kind == 2, rows = kind == 3;
    const double most = random.once_in(60) ? 5e5 : 6e3;
    Convolution& c = p.c;
    c.batch = random.once_in(40) ? 0 : random.from(1, 3);
    c.groups = depthwise ? random.from(2, 40) : random.once_in(2) ? 1 : random.from(1, 5);
    c.in_channels = depthwise ? 1 : terms ? random.from(100, 1200) : random.from(1, 20);
    c.out_channels = depthwise ? (random.once_in(3) ? 2 : 1) : rows ? random.from(40, 300) : random.from(1, 20);
    const Index sizes[3] = {maps ? 2500 : terms || rows ? 30 : 120, maps ? 60 : terms || rows ? 7 : 16, 7};
    for (int i = 0; i < p.ndim; ++i) {
      const Index size = sizes[p.ndim - 1];
      p.x[2 + i] = random.once_in(100) ? 0 : random.from(1, size);
      p.weight[2 + i] = random.once_in(3) ? 1 : random.from(1, maps ? 9 : 4);
      p.stride[i] = random.once_in(2) ? 1 : random.once_in(10) ? random.from(1, 2 * size) : random.from(1, 4);
      p.dilation[i] = random.once_in(2) ? 1 : random.from(1, 4);
      p.padding[i] = random.once_in(3) ? 0 : random.once_in(5) ? random.from(0, 2 * size + 3) : random.from(0, 3);
      if (random.once_in(30)) p.padding[i] = -random.from(1, 4);
      if (p.far && random.once_in(2)) {
        p.dilation[i] = std::int64_t(1) << random.from(3, 54);
        p.padding[i] = random.below(p.weight[2 + i]) * p.dilation[i] + random.from(-3, 3);
        if (random.once_in(2)) p.stride[i] = std::int64_t(1) << random.from(1, 54);
      }
      // As many positions as there are without padding behind the input, or some others.
      const std::int64_t reach = (p.weight[2 + i] - 1) * p.dilation[i] + 1;
      const std::int64_t left = p.x[2 + i] + p.padding[i] - reach;
      p.y[2 + i] = left < 0 ? random.from(1, 3) : left / p.stride[i] + 1;
      if (random.once_in(3)) p.y[2 + i] = max(p.y[2 + i] + random.from(-2, 3), 1);
      if (p.y[2 + i] > 3 * size) p.y[2 + i] = random.from(1, 3 * size);
      if (random.once_in(60)) p.y[2 + i] = 0;
    }
    p.x[0] = p.y[0] = c.batch;
    p.x[1] = c.groups * c.in_channels, p.y[1] = p.weight[0] = c.groups * c.out_channels;
    p.weight[1] = c.in_channels;
    Operation operation;
    const std::string wrong = check(p.arguments(Operation::forward), &operation, &c);
    if (!wrong.empty()) {
      std::printf("refused: %s: %s\n", p.text().c_str(), wrong.c_str());
      std::exit(1);
    }
    if (p.multiplications() <= most && double(p.inputs()) + double(p.outputs()) < most) return p;
  }
}

// Elements that end where their memory does, and begin unaligned.
template <class T>
class Array {
 public:
  Array(Index size, Index offset) : size_(size), offset_(offset), held_(new T[std::size_t(size + offset)]) {}
  T* at() { return held_.get() + offset_; }
  const T* at() const { return held_.get() + offset_; }
  Index size() const { return size_; }

 private:
  Index size_, offset_;
  std::unique_ptr<T[]> held_;
};

template <class T>
Array<T> random_array(Index size, bool finite, Random& random) {
  Array<T> a(size, random.below(16));
  const bool whole = random.once_in(2);  // small integers: zeros, and sums that are exact
  for (Index i = 0; i < size; ++i) a.at()[i] = T(whole ? double(random.from(-3, 3)) : random.number());
  if (finite || size == 0) return a;
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (Index n = random.from(1, 3); n > 0; --n)
    a.at()[random.below(size)] = random.once_in(3) ? nan : random.once_in(2) ? infinity : -infinity;
  return a;
}

template <class T>
using Wide = std::conditional_t<sizeof(T) == sizeof(float), double, long double>;

// The results in wider precision, with the sum of absolute values and the number of terms of each.
template <class T>
struct Reference {
  std::vector<Wide<T>> sum, absolute;
  std::vector<Index> terms;

  explicit Reference(Index size) : sum(std::size_t(size)), absolute(std::size_t(size)), terms(std::size_t(size)) {}

  void add(Index i, T a, T b) {
    const Wide<T> product = Wide<T>(a) * Wide<T>(b);
    sum[std::size_t(i)] += product;
    absolute[std::size_t(i)] += std::fabs(product);
    ++terms[std::size_t(i)];
  }
};

// Element by element. Padding is multiplied, but for the gradient with respect to the input, which has none.
template <class T>
Reference<T> reference(Operation operation, const Convolution& c, const T* a, const T* b, Index size) {
  Reference<T> r(size);
  const Index in = volume(c.input), out = volume(c.output), taps = c.taps();
  if (out == 0 || taps == 0) return r;
  for (Index item = 0; item < c.batch * c.groups; ++item)
    for (Index o = 0; o < c.out_channels; ++o)
      for (Index i = 0; i < c.in_channels; ++i) {
        const Index row = ((item % c.groups * c.out_channels + o) * c.in_channels + i) * taps;
        const Index map = (item * c.in_channels + i) * in, d_map = (item * c.out_channels + o) * out;
        Index tap[3] = {0, 0, 0};
        for (Index t = 0; t < taps; ++t, next_index(tap, c.kernel)) {
          Index q[3] = {0, 0, 0};
          for (Index n = 0; n < out; ++n, next_index(q, c.output)) {
            Index at = 0;
            bool inside = true;
            for (int d = 0; d < 3; ++d) {
              const Index h = q[d] * c.stride[d] + tap[d] * c.dilation[d] - c.padding[d];
              inside = inside && h >= 0 && h < c.input[d];
              if (inside) at = at * c.input[d] + h;
            }
            if (operation == Operation::forward)
              r.add(d_map + n, inside ? a[map + at] : T(0), b[row + t]);
            else if (operation == Operation::backward_weight)
              r.add(row + t, inside ? a[map + at] : T(0), b[d_map + n]);
            else if (inside)
              r.add(map + at, a[row + t], b[d_map + n]);
          }
        }
      }
  return r;
}

struct Figures {
  std::atomic<Index> problems{0}, results{0}, not_finite{0}, by_definition{0}, empty{0}, arguments{0}, blocked{0};
  std::mutex mutex;
  double worst = 0;  // error over bound

  void saw(double ratio) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (ratio > worst) worst = ratio;
  }
};

[[noreturn]] void fail(const Problem& p, const char* set, Operation operation, const std::string& why) {
  static const char* const names[] = {"forward", "backward_input", "backward_weight"};
  std::printf("FAILED on %s, %s: %s\n  %s\n", set, names[int(operation)], why.c_str(), p.text().c_str());
  std::_Exit(1);
}

// How far the results are from the reference, at most, in units of the bound.
template <class T>
double judge(const Problem& p, const char* set, Operation operation, const Array<T>& got,
             const Reference<T>& expected) {
  const double u = double(std::numeric_limits<T>::epsilon()) / 2;
  double worst = 0;
  for (Index i = 0; i < got.size(); ++i) {
    const Wide<T> value = Wide<T>(got.at()[i]), sum = expected.sum[std::size_t(i)];
    const auto where = [&] {
      return "element " + std::to_string(i) + " is " + std::to_string(double(value)) + " instead of " +
             std::to_string(double(sum));
    };
    if (std::isnan(sum) || std::isinf(sum)) {
      if (std::isnan(sum) ? !std::isnan(value) : value != sum) fail(p, set, operation, where());
      continue;
    }
    const double k = double(expected.terms[std::size_t(i)]) * u, absolute = double(expected.absolute[std::size_t(i)]);
    // The reference is rounded, too: 2^-11 of the bound covers it, as its format has so many bits more.
    const double bound = k / (1 - k) * absolute * (1 + 0x1p-11), error = double(std::fabs(value - sum));
    if (!(error <= bound)) fail(p, set, operation, where() + ", the bound is " + std::to_string(bound));
    if (bound > 0) worst = error / bound > worst ? error / bound : worst;
  }
  return worst;
}

template <class T>
bool same(const Array<T>& a, const Array<T>& b) {
  for (Index i = 0; i < a.size(); ++i)
    if (std::memcmp(a.at() + i, b.at() + i, sizeof(T)) != 0 && !(std::isnan(a.at()[i]) && std::isnan(b.at()[i])))
      return false;
  return true;
}

// Every result is finished once, whichever tile it is in: as if it were done after all of them.
template <class T>
void check_epilogue(const Problem& p, const Array<T>& x, const Array<T>& weight, const Array<T>& results,
                    const InstructionSet& set, Random& random, Threads& pool) {
  const Convolution& c = p.c;
  const Index channels = c.groups * c.out_channels, map = volume(c.output);
  const Array<T> bias = random_array<T>(channels, true, random);
  const Array<T> residual = random_array<T>(results.size(), true, random);
  const T low = T(random.number());
  const Epilogue<T> epilogue{random.once_in(4) ? nullptr : bias.at(),
                             random.once_in(2) ? nullptr : residual.at(),
                             random.once_in(2),
                             Activation(random.below(7)),
                             low,
                             low + 1};
  Array<T> fused(results.size(), random.below(16)), after(results.size(), random.below(16));
  if (map) std::memcpy(after.at(), results.at(), std::size_t(results.size()) * sizeof(T));
  std::memset(static_cast<void*>(fused.at()), 0xff, std::size_t(results.size()) * sizeof(T));
  convolve<T>(Operation::forward, c, x.at(), weight.at(), fused.at(), &epilogue, set, pool);
  for (Index i = 0; i < c.batch * channels; ++i)
    set.kernels<T>().finish(epilogue, i % channels, epilogue.residual ? epilogue.residual + i * map : nullptr,
                            after.at() + i * map, map);
  if (!same(fused, after)) fail(p, set.name, Operation::forward, "the epilogue computed with it differs");
}

// Elements (N, groups * C, positions) in blocks of channels of each group, NaN where channels fill the last block: they
// must not count.
Array<float> in_blocks(const Array<float>& from, Index items, Index channels, Index positions, Index lanes,
                       Random& random) {
  const Index blocks = ceil_div(channels, lanes);
  Array<float> to(items * blocks * lanes * positions, random.below(16));
  for (Index i = 0; i < to.size(); ++i) {
    const Index lane = i % lanes, at = i / lanes % positions, block = i / lanes / positions;
    const Index channel = block % blocks * lanes + lane;
    to.at()[i] = channel < channels ? from.at()[(block / blocks * channels + channel) * positions + at]
                                    : std::numeric_limits<float>::quiet_NaN();
  }
  return to;
}

Array<float> out_of_blocks(const Array<float>& from, Index items, Index channels, Index positions, Index lanes) {
  Array<float> to(items * channels * positions, 0);
  const Index blocks = ceil_div(channels, lanes);
  for (Index i = 0; i < to.size(); ++i) {
    const Index at = i % positions, channel = i / positions % channels, item = i / positions / channels;
    to.at()[i] = from.at()[((item * blocks + channel / lanes) * positions + at) * lanes + channel % lanes];
  }
  return to;
}

// The weight (O, I, taps) of all groups as blocked_convolution.h has it, with zeros for channels that there are not.
Array<float> packed(const Array<float>& from, const BlockedConvolution<float>& g, Random& random) {
  const Convolution& c = g.shape;
  const Index taps = c.taps(), lanes = g.lanes, outputs = ceil_div(c.out_channels, lanes);
  const Index each = g.depthwise ? 1 : g.blocked ? ceil_div(c.in_channels, lanes) * lanes : c.in_channels;
  const Index width = g.blocked && !g.depthwise ? lanes : 1;
  Array<float> to(c.groups * outputs * lanes * each * taps, random.below(16));
  for (Index i = 0; i < to.size(); ++i) {
    const Index lane = i % lanes, inner = i / lanes % width, tap = i / lanes / width % taps;
    const Index in = i / lanes / width / taps % (each / width) * width + inner;
    const Index block = i / lanes / taps / each, out = block % outputs * lanes + lane;
    const bool is = out < c.out_channels && (g.depthwise || in < c.in_channels);
    const Index row = block / outputs * c.out_channels + out;
    to.at()[i] = is ? from.at()[(row * (g.depthwise ? 1 : c.in_channels) + in) * taps + tap] : 0.0f;
  }
  return to;
}

// The same in blocks of channels.
double check_in_blocks(const Problem& p, const Array<float>& x, const Array<float>& weight,
                       const Reference<float>& expected, const InstructionSet& set, Random& random, Threads& pool,
                       Figures& figures) {
  BlockedConvolution<float> g{};
  g.shape = p.c, g.blocked = !random.once_in(4), g.lanes = set.of_float.lanes;
  if (!check_blocked(&g).wrong.empty()) return 0;
  const Convolution& c = g.shape;
  const Index items = c.batch * c.groups, positions = volume(c.output);
  const Array<float> input =
      g.blocked ? in_blocks(x, items, c.in_channels, volume(c.input), g.lanes, random) : Array<float>(0, 0);
  const Array<float> weights = packed(weight, g, random);
  const Index size = items * ceil_div(c.out_channels, g.lanes) * g.lanes * positions;
  Array<float> got(size, random.below(16)), again(size, random.below(16)), fused(size, random.below(16));
  g.input = g.blocked ? input.at() : x.at(), g.weight = weights.at();
  OneThread one;
  const auto run = [&](Array<float>& result, Threads& threads) {
    std::memset(static_cast<void*>(result.at()), 0xff, std::size_t(size) * sizeof(float));
    g.output = result.at();
    convolve_blocked(g, set, threads);
    return out_of_blocks(result, items, c.out_channels, positions, g.lanes);
  };
  const Array<float> results = run(got, pool);
  const double ratio = judge(p, set.name, Operation::forward, results, expected);
  if (!same(results, run(again, one)))
    fail(p, set.name, Operation::forward, "in blocks one thread gives another result");
  const Index channels = c.groups * c.out_channels;
  const Array<float> bias = random_array<float>(channels, true, random);
  const Array<float> filled = in_blocks(bias, c.groups, c.out_channels, 1, g.lanes, random);
  const Array<float> residual = random_array<float>(results.size(), true, random);
  const Array<float> residual_blocks = in_blocks(residual, items, c.out_channels, positions, g.lanes, random);
  const float low = float(random.number());
  Epilogue<float> epilogue{random.once_in(4) ? nullptr : bias.at(),
                           random.once_in(2) ? nullptr : residual.at(),
                           random.once_in(2),
                           Activation(random.below(7)),
                           low,
                           low + 1};
  Epilogue<float> blocked = epilogue;
  if (epilogue.bias) blocked.bias = filled.at();
  if (epilogue.residual) blocked.residual = residual_blocks.at();
  g.epilogue = &blocked;
  Array<float> after(results.size(), 0);
  std::memcpy(after.at(), results.at(), std::size_t(results.size()) * sizeof(float));
  for (Index i = 0; i < c.batch * channels; ++i)
    set.of_float.finish(epilogue, i % channels, epilogue.residual ? epilogue.residual + i * positions : nullptr,
                        after.at() + i * positions, positions);
  const Array<float> finished = run(fused, pool);
  // Both limits are tested, NaN stays NaN; a clamp of the kernels' own between infinities changes nothing.
  if (!same(finished, after)) fail(p, set.name, Operation::forward, "in blocks the epilogue computed with it differs");
  ++figures.blocked;
  return ratio;
}

template <class T>
void solve(const Problem& p, Random& random, Threads& pool, Figures& figures) {
  const bool finite = !random.once_in(3);
  const Index which = random.below(3);
  const Array<T> x = random_array<T>(p.inputs(), finite || which == 0, random);
  const Array<T> weight = random_array<T>(p.weights(), finite || which == 1, random);
  const Array<T> dy = random_array<T>(p.outputs(), finite || which == 2, random);
  if (!finite) ++figures.not_finite;
  if (p.inputs() == 0 || p.outputs() == 0) ++figures.empty;
  OneThread one;
  double worst = 0;
  for (const Operation operation : {Operation::forward, Operation::backward_input, Operation::backward_weight}) {
    Operation checked;
    Convolution c;
    const std::string wrong = check(p.arguments(operation), &checked, &c);
    if (!wrong.empty() || checked != operation) fail(p, "check", operation, wrong);
    const Array<T>& a = operation == Operation::backward_input ? weight : x;
    const Array<T>& b = operation == Operation::forward ? weight : dy;
    const Index size = operation == Operation::forward          ? p.outputs()
                       : operation == Operation::backward_input ? p.inputs()
                                                                : p.weights();
    if (size && p.inputs() && p.outputs() && copies_too_much(operation, c)) ++figures.by_definition;
    const bool nothing = p.inputs() == 0 || p.outputs() == 0;  // then nothing is multiplied, not even padding
    const Reference<T> expected = nothing ? Reference<T>(size) : reference<T>(operation, c, a.at(), b.at(), size);
    for (Index s = 0; s < instruction_sets().count; ++s) {
      const InstructionSet& set = instruction_sets().first[s];
      if (!set.available()) continue;
      Array<T> got(size, random.below(16)), again(size, random.below(16));
      std::memset(static_cast<void*>(got.at()), 0xff, std::size_t(size) * sizeof(T));
      std::memset(static_cast<void*>(again.at()), 0xff, std::size_t(size) * sizeof(T));
      convolve<T>(operation, c, a.at(), b.at(), got.at(), nullptr, set, pool);
      convolve<T>(operation, c, a.at(), b.at(), again.at(), nullptr, set, one);
      const double ratio = judge(p, set.name, operation, got, expected);
      worst = ratio > worst ? ratio : worst;
      if (!same(got, again)) fail(p, set.name, operation, "one thread gives another result");
      if (operation == Operation::forward && p.single) check_epilogue(p, a, b, got, set, random, pool);
      if constexpr (std::is_same_v<T, float>)
        if (operation == Operation::forward && !nothing) {
          const double in_blocks = check_in_blocks(p, a, b, expected, set, random, pool, figures);
          worst = in_blocks > worst ? in_blocks : worst;
        }
      figures.results += size;
    }
  }
  figures.saw(worst);
}

// Arguments without any sense are refused, or what is planned for them does not overflow.
void confuse(Random& random, Figures& figures) {
  Problem p = random_problem(random);
  const auto number = [&]() -> std::int64_t {
    switch (random.below(4)) {
      case 0:
        return random.from(-3, 9);
      case 1:
        return std::int64_t(random.bits());
      case 2:
        return std::int64_t(1) << random.below(63);
      default:
        return std::numeric_limits<std::int64_t>::min() + random.below(2);
    }
  };
  std::int64_t* const arrays[] = {p.x, p.weight, p.y, p.stride, p.padding, p.dilation};
  for (Index n = random.from(1, 4); n > 0; --n) {
    const Index which = random.below(6);
    arrays[which][random.below(which < 3 ? 5 : 3)] = number();
  }
  const Operation operation = Operation(random.below(3));
  Arguments arguments = p.arguments(operation);
  if (random.once_in(4)) arguments.groups = number();
  if (random.once_in(8)) arguments.a.size = std::size_t(random.below(6));
  if (random.once_in(8)) arguments.stride.size = std::size_t(random.below(4));
  if (random.once_in(20)) arguments.operation = arguments.operation.substr(0, std::size_t(random.below(9)));
  Operation checked;
  Convolution c;
  if (check(arguments, &checked, &c).empty()) {
    copies_too_much(checked, c);
    BlockedConvolution<float> g{};
    g.shape = c, g.blocked = random.once_in(2), g.lanes = Index(4) << random.below(3);
    check_blocked(&g);
  }
  ++figures.arguments;
}

// What a work item throws comes out where it was called, and nothing is run twice or left out otherwise.
void check_threads(TestThreads& pool) {
  struct Data {
    std::vector<std::atomic<int>> ran;
    Index thrown_at;
    explicit Data(Index items) : ran(std::size_t(items)), thrown_at(-1) {}
  };
  const auto body = [](void* data, Index i) {
    Data& d = *static_cast<Data*>(data);
    ++d.ran[std::size_t(i)];
    if (i == d.thrown_at) throw std::bad_alloc();
    if (i % 50 == 7) std::this_thread::sleep_for(std::chrono::microseconds(400));  // longer than anybody spins
  };
  for (Index round = 0; round < 300; ++round) {
    const Index items = 1 + round % 60;
    Data data(items);
    if (round % 3 == 2) data.thrown_at = round % items;
    bool thrown = false;
    try {
      pool.run(items, body, &data);
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    bool right = thrown == (data.thrown_at >= 0);
    for (const std::atomic<int>& ran : data.ran) right = right && (thrown ? ran <= 1 : ran == 1);
    if (!right) {
      std::printf("FAILED: threads, round %td\n", round);
      std::_Exit(1);
    }
  }
}

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// Who waits for another thread's long item leaves the core to others.
void check_waiting(TestThreads& pool) {
  struct Data {
    std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> begun{false};
  };
  const auto body = [](void* data, Index) {
    Data& d = *static_cast<Data*>(data);
    if (std::this_thread::get_id() != d.caller) {
      d.begun = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    for (int n = 0; n < 50 && !d.begun; ++n) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  for (int attempt = 0; attempt < 20; ++attempt) {
    Data data;
    const double before = thread_seconds();
    pool.run(2, body, &data);
    if (!data.begun) continue;  // the pool had the caller do both
    const double seconds = thread_seconds() - before;
    if (seconds < 0.02) return;
    std::printf("FAILED: a thread that waited for 0.2 s computed for %.3f s\n", seconds);
    std::_Exit(1);
  }
  std::printf("FAILED: no thread helped in 20 attempts\n");
  std::_Exit(1);
}

// Layers as networks have them are not left to the definition, which is slow.
void check_ordinary() {
  const struct {
    Index in_channels, out_channels, input, kernel, stride, dilation, padding;
  } layers[] = {{64, 64, 56, 3, 1, 1, 1},      {512, 512, 7, 3, 1, 1, 1},   {3, 64, 224, 7, 2, 1, 3},
                {3, 768, 224, 16, 16, 1, 0},   {3, 768, 224, 32, 32, 1, 0}, {3, 96, 224, 4, 4, 1, 0},
                {2048, 256, 32, 3, 1, 36, 36}, {1, 1, 7, 7, 1, 1, 3},       {1, 1, 1, 7, 1, 1, 3},
                {512, 512, 1, 3, 1, 1, 1},     {256, 1, 2, 5, 2, 1, 2},     {1, 1, 112, 3, 2, 1, 1}};
  for (const auto& l : layers)
    for (const bool flat : {false, true}) {
      const Index output = (l.input + 2 * l.padding - l.dilation * (l.kernel - 1) - 1) / l.stride + 1;
      const Index rows = flat ? 1 : l.input, out_rows = flat ? 1 : output, kernel_rows = flat ? 1 : l.kernel;
      const Convolution c{1,
                          1,
                          l.in_channels,
                          l.out_channels,
                          {1, rows, l.input},
                          {1, out_rows, output},
                          {1, kernel_rows, l.kernel},
                          {1, flat ? 1 : l.stride, l.stride},
                          {1, l.dilation, l.dilation},
                          {0, flat ? 0 : l.padding, l.padding}};
      for (const Operation operation : {Operation::forward, Operation::backward_input, Operation::backward_weight})
        if (copies_too_much(operation, c)) {
          std::printf("FAILED: an ordinary layer is left to the definition: %td channels to %td, %td at %td\n",
                      l.in_channels, l.out_channels, l.kernel, l.input);
          std::_Exit(1);
        }
    }
}

int main(int count, char** arguments) {
  const Index problems = count > 1 ? Index(std::atoll(arguments[1])) : 100000;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  if (problems < 1) {
    std::printf("the number of problems must be positive\n");
    return 1;
  }
  std::setvbuf(stdout, nullptr, _IONBF, 0);  // a failure ends the process at once
  const auto start = std::chrono::steady_clock::now();
  Figures figures;
  {
    TestThreads pool(4);
    check_threads(pool);
    check_waiting(pool);
    check_ordinary();
    std::atomic<Index> next{0};
    const auto caller = [&] {
      for (Index i; (i = next.fetch_add(1)) < problems;) {
        Random random(seed * 0x2545f4914f6cdd1d + std::uint64_t(i));
        const Problem p = random_problem(random);
        if (p.single)
          solve<float>(p, random, pool, figures);
        else
          solve<double>(p, random, pool, figures);
        for (int n = 0; n < 5; ++n) confuse(random, figures);
        ++figures.problems;
      }
    };
    std::thread other(caller);
    caller();
    other.join();
    std::string sets;
    for (Index s = 0; s < instruction_sets().count; ++s)
      if (instruction_sets().first[s].available())
        sets += std::string(s ? ", " : "") + instruction_sets().first[s].name;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf(
        "%td problems (seed %llu): %td results on %s; %td problems with infinity or NaN, %td empty, "
        "%td operations by definition, %td in blocks of channels; %td tasks on 4 threads; %td calls with arguments "
        "without sense; "
        "the largest error is %.3f of its bound; %.0f s\n",
        figures.problems.load(), static_cast<unsigned long long>(seed), figures.results.load(), sets.c_str(),
        figures.not_finite.load(), figures.empty.load(), figures.by_definition.load(), figures.blocked.load(),
        pool.tasks(), figures.arguments.load(), figures.worst, seconds.count());
  }
  return 0;
}

}  // namespace
}  // namespace jaxconv

int main(int count, char** arguments) { return jaxconv::main(count, arguments); }
