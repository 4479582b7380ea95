// Loops over vectors of floats, compiled for the vectors that libtorch uses on this processor, on its threads.
#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/Version.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <string>
#include <type_traits>

// Vectors pass between inlined functions only, so that no calling convention is at stake.
#define INLINE __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi"

// AVX2, or whatever there is.
struct Narrow {
  static constexpr int64_t kLanes = 8;
  using Vec = float __attribute__((vector_size(32), may_alias));
  using UnalignedVec = float __attribute__((vector_size(32), aligned(4), may_alias));
  using Ints = int32_t __attribute__((vector_size(32), may_alias));
};

// AVX-512.
struct Wide {
  static constexpr int64_t kLanes = 16;
  using Vec = float __attribute__((vector_size(64), may_alias));
  using UnalignedVec = float __attribute__((vector_size(64), aligned(4), may_alias));
  using Ints = int32_t __attribute__((vector_size(64), may_alias));
};

template <class S>
INLINE inline typename S::Vec load(const float* from) {
  return *reinterpret_cast<const typename S::UnalignedVec*>(from);
}

template <class S>
INLINE inline typename S::Vec load(const float* from, int64_t count) {
  if (count >= S::kLanes) return load<S>(from);
  typename S::Vec value = {};
  for (int64_t i = 0; i < count; i++) value[i] = from[i];
  return value;
}

template <class S>
INLINE inline void store(float* to, const typename S::Vec& value) {
  *reinterpret_cast<typename S::UnalignedVec*>(to) = value;
}

template <class S>
INLINE inline void store(float* to, const typename S::Vec& value, int64_t count) {
  if (count >= S::kLanes) return store<S>(to, value);
  for (int64_t i = 0; i < count; i++) to[i] = value[i];
}

// As many vectors as each has lanes, rows becoming columns.
template <class S>
INLINE inline void transpose(typename S::Vec* rows) {
  constexpr int64_t lanes = S::kLanes;
#pragma GCC unroll 4
  for (int64_t half = 1; half < lanes; half *= 2) {
    typename S::Ints low, high;
#pragma GCC unroll 16
    for (int64_t lane = 0; lane < lanes; lane++) {
      low[lane] = lane & half ? lanes + lane - half : lane;
      high[lane] = lane & half ? lanes + lane : lane + half;
    }
#pragma GCC unroll 16
    for (int64_t row = 0; row < lanes; row++) {
      if (row & half) continue;
      typename S::Vec first = rows[row], second = rows[row + half];
      rows[row] = __builtin_shuffle(first, second, low);
      rows[row + half] = __builtin_shuffle(first, second, high);
    }
  }
}

// What libtorch computes with: the environment's ATEN_CPU_CAPABILITY lowers it.
enum class Vectors { kPlain, kAvx2, kAvx512 };

inline Vectors vectors() {
  static const Vectors found = [] {
    std::string name = at::get_cpu_capability();
    return name == "AVX512" ? Vectors::kAvx512 : name == "AVX2" ? Vectors::kAvx2 : Vectors::kPlain;
  }();
  return found;
}

#if defined(__x86_64__)
template <class Body>
__attribute__((target("avx2,fma"), noinline)) void run_with_avx2(const Body& body, int64_t begin, int64_t end) {
  body(begin, end);
}

template <class Body>
__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"), noinline)) void run_with_avx512(const Body& body,
                                                                                                  int64_t begin,
                                                                                                  int64_t end) {
  body(begin, end);
}
#endif

// body(begin, end) over [0, count) on libtorch's threads. The body and all that it calls are INLINE, so that they are
// compiled for the vectors that this processor has. at::parallel_for would be serial here: its template needs -fopenmp
// in every file that uses it, where the loop of a TensorIterator is compiled within libtorch.
template <class S, class Body>
void parallel(int64_t count, const Body& body) {
  at::Tensor jobs = at::empty({count}, at::kByte);
  auto* first = static_cast<const char*>(jobs.const_data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(jobs);
  auto run = [&](char** data, const int64_t*, int64_t size) {
    int64_t begin = data[0] - first;
#if defined(__x86_64__)
    if constexpr (std::is_same_v<S, Wide>) {
      return run_with_avx512(body, begin, begin + size);
    } else if (vectors() != Vectors::kPlain) {
      return run_with_avx2(body, begin, begin + size);
    }
#endif
    body(begin, begin + size);
  };
  iterator.for_each(run, /*grain_size=*/1);
}

// make(shape) for the vectors that there are.
template <class Make>
auto dispatched(const Make& make) {
  return vectors() == Vectors::kAvx512 ? make(Wide{}) : make(Narrow{});
}

inline int64_t divide_up(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }
inline int64_t round_up(int64_t value, int64_t multiple) { return divide_up(value, multiple) * multiple; }
