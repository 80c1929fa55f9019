// Arithmetic on sizes that notices when a result outgrows its type.
#ifndef JAXCONV_CHECKED_H_
#define JAXCONV_CHECKED_H_

#include <cstdint>

namespace jaxconv {

// A size, or the knowledge that it does not fit 64 bits: then no comparison with a limit holds.
class Checked {
 public:
  constexpr Checked(std::int64_t value) : value_(value) {}  // NOLINT: a number is a Checked

  friend Checked operator*(Checked a, Checked b) {
    Checked c(0);
    c.fits_ = !__builtin_mul_overflow(a.value_, b.value_, &c.value_) && a.fits_ && b.fits_;
    return c;
  }
  friend Checked operator+(Checked a, Checked b) {
    Checked c(0);
    c.fits_ = !__builtin_add_overflow(a.value_, b.value_, &c.value_) && a.fits_ && b.fits_;
    return c;
  }
  bool at_most(Checked limit) const { return fits_ && (!limit.fits_ || value_ <= limit.value_); }

 private:
  std::int64_t value_;
  bool fits_ = true;
};

}  // namespace jaxconv

#endif  // JAXCONV_CHECKED_H_
