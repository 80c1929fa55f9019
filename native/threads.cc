#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "scratch.h"

namespace jaxconv {
namespace {

// One call of Threads::run. Tasks own it together with the caller: one that starts late finds no item left, and so
// does not touch `data`, which may be gone by then.
class Work {
 public:
  Work(Index items, void (*body)(void*, Index), void* data) : items_(items), body_(body), data_(data) {}

  // Takes items until there are none.
  void run() noexcept {
    Index taken = 0;
    for (Index i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < items_; ++taken) {
      if (failed_.load(std::memory_order_relaxed)) continue;
      try {
        body_(data_, i);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::current_exception();
        failed_.store(true, std::memory_order_relaxed);
      }
    }
    if (taken == 0 || done_.fetch_add(taken, std::memory_order_acq_rel) + taken < items_) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
    }  // the caller waits already, or has yet to look at done_
    all_done_.notify_one();
  }

  // What a scheduled task does. A pool may have the caller itself run it, whose memory is in use.
  void help() noexcept {
    run();
    if (std::this_thread::get_id() != caller_) release_large_scratch();
  }

  // Returns when all items are done; throws what an item threw.
  void wait() {
    const auto finished = [this] { return done_.load(std::memory_order_acquire) >= items_; };
    // Most waits are shorter than waking a thread takes. Longer ones must not keep a core from others.
    for (int spins = 0; spins < 1000 && !finished(); ++spins) {
    }
    if (!finished()) {
      const auto start = std::chrono::steady_clock::now();
      while (!finished() && std::chrono::steady_clock::now() - start < std::chrono::microseconds(100))
        std::this_thread::yield();
    }
    if (!finished()) {
      std::unique_lock<std::mutex> lock(mutex_);
      all_done_.wait(lock, finished);
    }
    if (!failed_.load(std::memory_order_relaxed)) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    std::rethrow_exception(error_);
  }

 private:
  const Index items_;
  void (*const body_)(void*, Index);
  void* const data_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<Index> next_{0}, done_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable all_done_;
  std::exception_ptr error_;
};

}  // namespace

void Threads::run(Index items, void (*body)(void*, Index), void* data) {
  const auto work = std::make_shared<Work>(items, body, data);
  try {
    for (Index i = 1; i < min(count(), items); ++i) schedule([work] { work->help(); });
  } catch (...) {  // fewer threads help; the caller does what is left
  }
  work->run();
  work->wait();
}

}  // namespace jaxconv
