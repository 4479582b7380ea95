// Kernels on the CPU: every block, every phase, every thread, one after the other. The arithmetic, the indices and the
// order of sums are those of the GPU; but for multiplications and additions, which NVRTC contracts.

#include <cstring>
#include <memory>

#include "launch.h"

namespace kernels {
#include "kernels/norm_backward.h"

namespace {

template <class Kernel, int phase>
void run_phases(const Norm& norm, Place at, typename Kernel::Shared& shared, bool reverse) {
  for (int i = 0; i < kThreads; i++) {
    at.thread = reverse ? kThreads - 1 - i : i;
    Kernel::template run<phase>(norm, at, shared);
  }
  if constexpr (phase + 1 < Kernel::kPhases) run_phases<Kernel, phase + 1>(norm, at, shared, reverse);
}

template <class Kernel>
void run_blocks(const Launch& launch, const Norm& norm, bool reverse) {
  auto shared = std::make_unique<typename Kernel::Shared>();
  int64_t blocks = static_cast<int64_t>(launch.images) * launch.chunks * launch.groups;
  for (int64_t i = 0; i < blocks; i++) {
    int64_t block = reverse ? blocks - 1 - i : i;
    // NaN, which shows in every sum that reads what no thread has written.
    std::memset(static_cast<void*>(shared.get()), 0xff, sizeof(typename Kernel::Shared));
    Place at{block % launch.images, static_cast<int>(block / launch.images % launch.chunks),
             static_cast<int>(block / launch.images / launch.chunks), 0};
    run_phases<Kernel, 0>(norm, at, *shared, reverse);
  }
}

template <class X, class Y, int lanes>
void run_typed(const Launch& launch, const Norm& norm, bool reverse) {
  switch (launch.step) {
    case Step::kMoments: return run_blocks<Moments<X, lanes>>(launch, norm, reverse);
    case Step::kCoefficients: return run_blocks<Coefficients>(launch, norm, reverse);
    case Step::kApply: return run_blocks<Apply<X, Y, lanes>>(launch, norm, reverse);
    case Step::kSums: return run_blocks<Sums<X, Y, lanes>>(launch, norm, reverse);
    case Step::kSlopes: return run_blocks<Slopes>(launch, norm, reverse);
    case Step::kOverImages: return run_blocks<OverImages>(launch, norm, reverse);
    case Step::kGradient: return run_blocks<Gradient<X, Y, lanes>>(launch, norm, reverse);
  }
}

template <class X, class Y>
void run_lanes(const Launch& launch, const Norm& norm, bool reverse) {
  launch.lanes == 4 ? run_typed<X, Y, 4>(launch, norm, reverse) : run_typed<X, Y, 1>(launch, norm, reverse);
}

}  // namespace

void emulate(const Launch& launch, const Norm& norm, bool reverse) {
  auto [x, y] = launch.types;
  if (x) return y ? run_lanes<Bf16, Bf16>(launch, norm, reverse) : run_lanes<Bf16, float>(launch, norm, reverse);
  y ? run_lanes<float, Bf16>(launch, norm, reverse) : run_lanes<float, float>(launch, norm, reverse);
}

}  // namespace kernels
