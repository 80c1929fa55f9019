// Sharing work items among threads.
#ifndef JAXCONV_THREADS_H_
#define JAXCONV_THREADS_H_

#include <functional>

#include "convolution.h"

namespace jaxconv {

// Threads of somebody else's pool. The caller works too, and waits only for items that a thread has begun: with every
// thread of the pool in a call of its own, nobody waits for ever.
class Threads {
 public:
  // At least 1: the caller.
  virtual Index count() const = 0;

  // Multiplications that are worth waking another thread for.
  virtual double worthwhile() const { return 1e5; }

  // Calls body(data, i) once for every 0 <= i < items, in any order, on any thread, and returns when all calls have
  // returned. Throws the first exception of a call; then items that were not begun are left out.
  void run(Index items, void (*body)(void*, Index), void* data);

 protected:
  ~Threads() = default;

  // Has the task run once, now or later, on any thread. May throw if it will not.
  virtual void schedule(std::function<void()> task) = 0;
};

template <class Body>
void parallel(Threads& threads, Index items, Body body) {
  threads.run(items, [](void* data, Index i) { (*static_cast<Body*>(data))(i); }, &body);
}

}  // namespace jaxconv

#endif  // JAXCONV_THREADS_H_
