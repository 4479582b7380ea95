// The kernels of kernels/ as the host knows them, and the two ways to run one: on a GPU, or emulated.
#pragma once

#include <string>

namespace kernels {
#include "kernels/basics.h"
#include "kernels/norm.h"

enum class Step { kMoments, kCoefficients, kApply, kSums, kSlopes, kOverImages, kGradient };
inline constexpr Step kSteps[] = {Step::kMoments, Step::kCoefficients, Step::kApply,   Step::kSums,
                                  Step::kSlopes,  Step::kOverImages,   Step::kGradient};

// Kinds of x and y.
struct Types {
  bool x_is_bf16, y_is_bf16;
};

struct Launch {
  Step step;
  Types types;
  int lanes;  // 1 or 4 neighbouring channels a thread
  // Blocks: images, chunks, groups of channels; for kOverImages groups of channels, parameters, 1.
  unsigned images, chunks, groups;
};

// Whether a step comes for each kind of tensor and each number of lanes.
inline bool is_by_lanes(Step step) {
  return step != Step::kCoefficients && step != Step::kSlopes && step != Step::kOverImages;
}

// Name of the entry point, as NVRTC's module has it.
std::string entry_name(const Launch& launch);

// One thread after the other. In reverse, threads and blocks in the opposite order: whatever differs then has a race.
void emulate(const Launch& launch, const Norm& norm, bool reverse);

// Makes ready, on the current CUDA device of this index, what `run` needs, so that nothing is compiled or loaded later.
void prepare(int device, Types types);

// On libtorch's current stream of the device, for which `prepare` was called.
void run(int device, const Launch& launch, const Norm& norm);

// Machine code of the kernels for an architecture such as sm_90, and what the compiler says of it with `verbose`.
struct Compiled {
  std::string code, log;
};
Compiled compile(const std::string& architecture, Types types, bool verbose);

}  // namespace kernels
