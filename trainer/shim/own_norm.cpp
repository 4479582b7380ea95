// InstanceNorm++ and ELU by own kernels: which are launched, with what, and the gradient's place in autograd.

#include "own_norm.h"

#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <vector>

#include "guarded.h"
#include "launch.h"

using at::Tensor;
using kernels::Launch;
using kernels::Norm;
using kernels::Step;
using kernels::Types;

namespace {

// Blocks that fill a large GPU: 132 multiprocessors with eight each.
constexpr int64_t kBlocks = 1056;
// Pixels that one thread sums: a few are worth a start, and more than these would lose digits of single precision.
constexpr int64_t kFewest = 4, kMost = 64;
// Chunks that one thread of `Coefficients` adds up, where kMost allows.
constexpr int64_t kChunks = 256;

// For the CPU: 0 not at all, 1 emulated, 2 emulated in reverse.
std::atomic<int> emulation{0};
std::atomic<bool> on_cuda{false};

int64_t divide_up(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

// How the threads lie over images of these sizes.
struct Plan {
  int64_t lanes, width, each, chunks, groups;

  Plan(int64_t batch, int64_t channels, int64_t pixels, bool aligned) {
    lanes = aligned && channels % 4 == 0 ? 4 : 1;
    width = 1;
    while (width < 32 && width * lanes < channels) width *= 2;
    groups = divide_up(channels, width * lanes);
    int64_t rows = kernels::kThreads / width;
    each = std::max(kFewest, divide_up(pixels * batch * groups, rows * kBlocks));
    each = std::min(kMost, std::max(each, divide_up(pixels, rows * kChunks)));
    chunks = divide_up(pixels, rows * each);
  }
};

bool is_bf16(const Tensor& tensor) { return tensor.scalar_type() == at::kBFloat16; }

// Whether packs of four channels start where a pack may.
bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % (4 * tensor.element_size()) == 0;
}

// Sizes and pointers that both directions need. Tensors that they are of must outlive it.
struct Call {
  Norm norm{};
  Plan plan;
  Types types;
  at::Device device;

  Call(const Tensor& x, const Tensor& y_or_dy, const Tensor& gamma, const Tensor& alpha, double floor, bool activate,
       const Tensor& saved, const Tensor& relative)
      : plan(x.size(0), x.size(1), x.size(2) * x.size(3), is_aligned(x) && is_aligned(y_or_dy)),
        types{is_bf16(x), is_bf16(y_or_dy)},
        device(x.device()) {
    norm.batch = x.size(0);
    norm.channels = static_cast<int>(x.size(1));
    norm.pixels = static_cast<int>(x.size(2) * x.size(3));
    norm.width = static_cast<int>(plan.width);
    norm.each = static_cast<int>(plan.each);
    norm.chunks = static_cast<int>(plan.chunks);
    norm.per_image = gamma.size(0) != 1;
    norm.activate = activate;
    norm.floor = floor;
    norm.x = x.const_data_ptr();
    norm.gamma = gamma.const_data_ptr<float>();
    norm.alpha = alpha.const_data_ptr<float>();
    float* rows[4];
    for (int i = 0; i < 4; i++) rows[i] = saved.mutable_data_ptr<float>() + i * norm.batch * norm.channels;
    norm.mean = rows[0], norm.inverse = rows[1], norm.scale = rows[2], norm.shift = rows[3];
    norm.rho = relative.mutable_data_ptr<double>();
    norm.closeness = norm.rho + norm.batch * norm.channels;
  }

  Tensor partial() const { return at::empty({norm.batch, norm.chunks, 2, norm.channels}, doubles()); }
  at::TensorOptions floats() const { return at::TensorOptions(at::kFloat).device(device); }
  at::TensorOptions doubles() const { return floats().dtype(at::kDouble); }

  void operator()(Step step) const {
    Launch launch{step, types, static_cast<int>(plan.lanes), static_cast<unsigned>(norm.batch), 1, 1};
    if (kernels::is_by_lanes(step)) {
      launch.chunks = static_cast<unsigned>(plan.chunks);
      launch.groups = static_cast<unsigned>(plan.groups);
    } else if (step == Step::kOverImages) {
      launch.images = static_cast<unsigned>(divide_up(norm.channels, 32));
      launch.chunks = 3;
    }
    if (device.is_cuda()) {
      kernels::run(device.index(), launch, norm);
    } else {
      kernels::emulate(launch, norm, emulation == 2);
    }
  }
};

struct OwnNormalisation : torch::autograd::Function<OwnNormalisation> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& image, const Tensor& gamma,
                        const Tensor& alpha, const Tensor& beta, double floor, bool activate, int64_t kind) {
    c10::DeviceGuard guard(image.device());
    Tensor x = image.contiguous(at::MemoryFormat::ChannelsLast);
    auto y_options = x.options().dtype(static_cast<at::ScalarType>(kind));
    Tensor y = at::empty(x.sizes(), y_options, at::MemoryFormat::ChannelsLast);
    at::TensorOptions floats = x.options().dtype(at::kFloat);
    // Mean, inverse, scale and shift of each image and channel; rho of each, and closeness of each image.
    Tensor saved = at::empty({4, x.size(0), x.size(1)}, floats);
    Tensor relative = at::empty({x.size(0) * (x.size(1) + 1)}, floats.dtype(at::kDouble));
    Call call(x, y, gamma, alpha, floor, activate, saved, relative);
    Tensor partial = call.partial();
    call.norm.partial = partial.mutable_data_ptr<double>();
    call.norm.beta = beta.const_data_ptr<float>();
    call.norm.y = y.mutable_data_ptr();
    for (Step step : {Step::kMoments, Step::kCoefficients, Step::kApply}) call(step);
    context->save_for_backward({x, gamma, alpha, saved, relative});
    context->saved_data["floor"] = floor;
    context->saved_data["activate"] = activate;
    context->saved_data["kind"] = kind;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_output) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "instance_norm_plus has no second derivative: create_graph must be false");
    auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &gamma = saved[1];
    c10::DeviceGuard guard(x.device());
    auto kind = static_cast<at::ScalarType>(context->saved_data["kind"].toInt());
    Tensor dy = by_output[0].to(kind).contiguous(at::MemoryFormat::ChannelsLast);
    Tensor dx = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
    Call call(x, dy, gamma, saved[2], context->saved_data["floor"].toDouble(),
              context->saved_data["activate"].toBool(), saved[3], saved[4]);
    Norm& norm = call.norm;
    Tensor partial = call.partial(), rows = at::empty({5, x.size(0), x.size(1)}, call.floats());
    float* row = rows.mutable_data_ptr<float>();
    int64_t size = x.size(0) * x.size(1);
    norm.partial = partial.mutable_data_ptr<double>();
    Tensor total = at::empty({x.size(0), x.size(1)}, call.doubles());
    norm.total = total.mutable_data_ptr<double>();
    norm.dy = dy.const_data_ptr();
    norm.dx = dx.mutable_data_ptr();
    norm.by_gamma = row, norm.by_alpha = row + size, norm.by_beta = row + 2 * size;
    norm.slope = row + 3 * size, norm.offset = row + 4 * size;
    Tensor by_parameters = rows.narrow(0, 0, 3);
    for (Step step : {Step::kSums, Step::kSlopes, Step::kGradient}) call(step);
    if (!norm.per_image) {
      by_parameters = at::empty({3, 1, x.size(1)}, call.floats());
      norm.by_parameters = by_parameters.mutable_data_ptr<float>();
      call(Step::kOverImages);
    }
    return {dx, by_parameters[0], by_parameters[1], by_parameters[2], Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool handles_own_norm(const Tensor& x) {
  bool is_on = x.is_cuda() ? on_cuda.load() : x.is_cpu() && emulation != 0;
  if (!is_on || x.dim() != 4 || x.numel() == 0 || x.layout() != at::kStrided) return false;
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16) return false;
  // Indices within an image are of 32 bits; blocks are counted by 16 bits along the last two axes.
  Plan plan(x.size(0), x.size(1), x.size(2) * x.size(3), false);
  return x.size(0) <= INT_MAX && x.size(1) <= INT_MAX / 4 && x.size(2) * x.size(3) <= INT_MAX / 2 &&
         plan.chunks <= 65535 && plan.groups <= 65535;
}

Tensor own_instance_norm_plus(const Tensor& x, const Tensor& gamma, const Tensor& alpha, const Tensor& beta,
                              double floor, bool activate, at::ScalarType kind) {
  for (const auto* parameter : {&gamma, &alpha, &beta}) {
    TORCH_CHECK(parameter->dim() == 2 && (parameter->size(0) == 1 || parameter->size(0) == x.size(0)) &&
                    parameter->size(0) == gamma.size(0) && parameter->size(1) == x.size(1) &&
                    parameter->scalar_type() == at::kFloat && parameter->device() == x.device(),
                "instance_norm_plus takes f32 parameters [1 or batch, channels], not ", parameter->sizes(), " for ",
                x.sizes());
  }
  return OwnNormalisation::apply(x, gamma.contiguous(), alpha.contiguous(), beta.contiguous(), floor, activate,
                                 static_cast<int64_t>(kind));
}

extern "C" {

// Kernels for tensors on CUDA from now on; `ncsn_kernels_prepare` must have succeeded for all kinds and devices in use.
void ncsn_kernels_use(int on) { on_cuda = on != 0; }

// On CUDA, or emulated.
int ncsn_kernels_in_use() { return on_cuda || emulation != 0; }

// The emulation for tensors on the CPU: 0 off, 1 on, 2 with threads and blocks in reverse.
void ncsn_kernels_emulate(int how) { emulation = how; }

int ncsn_kernels_prepare(int device, int x_is_bf16, int y_is_bf16) {
  return guarded([&] { kernels::prepare(device, Types{x_is_bf16 != 0, y_is_bf16 != 0}); });
}

// Lanes, width, pixels of a thread, chunks, groups.
void ncsn_kernels_plan(int64_t batch, int64_t channels, int64_t pixels, int64_t* plan) {
  Plan found(batch, channels, pixels, true);
  int64_t all[] = {found.lanes, found.width, found.each, found.chunks, found.groups};
  std::copy(std::begin(all), std::end(all), plan);
}

// Compiles for an architecture; *code bytes of it, and the compiler's log, cut to `capacity` with its zero.
int ncsn_kernels_compile(const char* architecture, int x_is_bf16, int y_is_bf16, size_t* code, char* log,
                         size_t capacity) {
  return guarded([&] {
    auto compiled = kernels::compile(architecture, Types{x_is_bf16 != 0, y_is_bf16 != 0}, true);
    *code = compiled.code.size();
    size_t length = std::min(capacity - 1, compiled.log.size());
    std::copy_n(compiled.log.begin(), length, log);
    log[length] = '\0';
  });
}

}  // extern "C"
