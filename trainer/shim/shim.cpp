// What the trainer needs of libtorch and tch does not offer. Linked against libtorch_cpu and libc10 alone: CUDA's half
// is opened at run time, so that one binary serves machines with and without a GPU.
//
// Every function returns 0, or 1 with the message of the exception in `ncsn_error`.

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <dlfcn.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guarded.h"
#include "library.h"
#include "norm.h"
#include "own_norm.h"
#include "winograd.h"

using at::Tensor;

namespace {

std::vector<Tensor> list(Tensor* const* tensors, size_t count) {
  std::vector<Tensor> result;
  result.reserve(count);
  for (size_t i = 0; i < count; i++) result.push_back(*tensors[i]);
  return result;
}

// Whether the entries of two tensors pair in the order of their memory. Strides of axes of one entry mean nothing.
bool same_layout(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes() || !a.is_non_overlapping_and_dense() || !b.is_non_overlapping_and_dense()) return false;
  for (int64_t axis = 0; axis < a.dim(); axis++) {
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  }
  return true;
}

// libtorch's fused kernels pair entries by their place in memory, without a look at the strides.
void check_layouts(const std::vector<Tensor>& first, const std::vector<Tensor>& other, const char* names) {
  for (size_t i = 0; i < first.size(); i++) {
    TORCH_CHECK(same_layout(first[i], other[i]), names, " ", i, " lie differently in memory: sizes ", first[i].sizes(),
                " and ", other[i].sizes(), ", strides ", first[i].strides(), " and ", other[i].strides());
  }
}

// While it lives, neither autocast nor TF32 rounds what this thread starts.
class FullPrecision {
 public:
  FullPrecision() : tf32_(at::globalContext().allowTF32CuDNN()), no_autocast_(c10::autocast_dispatch_keyset) {
    if (tf32_) at::globalContext().setAllowTF32CuDNN(false);
  }
  ~FullPrecision() {
    if (tf32_) at::globalContext().setAllowTF32CuDNN(true);
  }

 private:
  bool tf32_;
  c10::impl::ExcludeDispatchKeyGuard no_autocast_;
};

// A scalar on its way to the host, which does not wait for what the device still computes after it.
struct Later {
  Tensor host;
  std::optional<c10::Event> arrived;
};

}  // namespace

extern "C" {

const char* ncsn_error() { return last_error.c_str(); }

int ncsn_channels_last(Tensor* input, Tensor** output) {
  return guarded([&] { *output = new Tensor(input->contiguous(at::MemoryFormat::ChannelsLast)); });
}

// A copy on a CUDA device. The host goes on at once: the values lie in memory that the device reads by itself.
int ncsn_upload(Tensor* input, int device, Tensor** output) {
  return guarded([&] {
    const c10::Device cuda(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(device));
    *output = new Tensor(input->pin_memory().to(input->options().device(cuda), /*non_blocking=*/true));
  });
}

int ncsn_read_later(Tensor* scalar, Later** output) {
  return guarded([&] {
    auto later = std::make_unique<Later>();
    if (scalar->is_cuda()) {
      later->host = at::empty({}, scalar->options().device(c10::kCPU).pinned_memory(true));
      later->host.copy_(scalar->detach(), /*non_blocking=*/true);
      later->arrived.emplace(scalar->device().type());
      later->arrived->record(c10::impl::VirtualGuardImpl(scalar->device().type()).getStream(scalar->device()));
    } else {
      later->host = scalar->detach();
    }
    *output = later.release();
  });
}

// The value of what `ncsn_read_later` began to read, once it is there.
int ncsn_read_now(Later* later, double* value) {
  return guarded([&] {
    if (later->arrived) later->arrived->synchronize();
    *value = later->host.item<double>();
  });
}

void ncsn_read_end(Later* later) { delete later; }

// 3x3 convolution with stride 1 and padding = dilation. `exact`: in the inputs' own precision, whatever autocast and
// TF32 would allow; its gradients may still be rounded to TF32.
int ncsn_conv3x3(Tensor* input, Tensor* weight, Tensor* bias, int64_t dilation, int exact, Tensor** output) {
  return guarded([&] {
    std::optional<FullPrecision> full;
    if (exact) full.emplace();
    std::optional<Tensor> maybe_bias;
    if (bias) maybe_bias = *bias;
    if (winograd_pays(*input, *weight, dilation)) {
      *output = new Tensor(winograd_conv3x3(*input, *weight, maybe_bias, dilation));
    } else {
      *output = new Tensor(at::conv2d(*input, *weight, maybe_bias, 1, dilation, dilation));
    }
  });
}

int ncsn_handles_norm(Tensor* x) { return handles_own_norm(*x) || handles_norm(*x); }

// `exact`: in f32 also where autocast would round the result for the product that takes it.
int ncsn_norm(Tensor* x, Tensor* gamma, Tensor* alpha, Tensor* beta, double floor, int activate, int exact,
              Tensor** output) {
  return guarded([&] {
    if (handles_own_norm(*x)) {
      bool rounds = !exact && at::autocast::is_autocast_enabled(x->device().type()) &&
                    at::autocast::get_autocast_dtype(x->device().type()) == at::kBFloat16;
      auto kind = rounds ? at::kBFloat16 : at::kFloat;
      *output = new Tensor(own_instance_norm_plus(*x, *gamma, *alpha, *beta, floor, activate != 0, kind));
    } else {
      *output = new Tensor(instance_norm_plus(*x, *gamma, *alpha, *beta, floor, activate != 0));
    }
  });
}

int ncsn_autocast_begin(int device, int dtype, int* was_enabled, int* old_dtype) {
  return guarded([&] {
    auto type = static_cast<at::DeviceType>(device);
    *was_enabled = at::autocast::is_autocast_enabled(type);
    *old_dtype = static_cast<int>(at::autocast::get_autocast_dtype(type));
    at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(dtype));
    at::autocast::set_autocast_enabled(type, true);
    at::autocast::increment_nesting();
  });
}

int ncsn_autocast_end(int device, int was_enabled, int old_dtype) {
  return guarded([&] {
    auto type = static_cast<at::DeviceType>(device);
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(type, was_enabled != 0);
    at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(old_dtype));
  });
}

// Gradients of a scalar, each in the memory order of its parameter.
int ncsn_gradients(Tensor* loss, Tensor* const* parameters, size_t count, Tensor** gradients) {
  return guarded([&] {
    auto inputs = list(parameters, count);
    auto found = torch::autograd::grad({*loss}, inputs);
    for (size_t i = 0; i < count; i++) {
      if (!same_layout(found[i], inputs[i])) {
        found[i] = at::empty_like(inputs[i], found[i].options()).copy_(found[i]);
      }
    }
    for (size_t i = 0; i < count; i++) gradients[i] = new Tensor(found[i]);
  });
}

// Gradients by way of `gradient`, that of something by `output`; null for inputs that the output does not depend on.
int ncsn_gradients_from(Tensor* output, Tensor* gradient, Tensor* const* inputs, size_t count, Tensor** gradients) {
  return guarded([&] {
    auto all = list(inputs, count);
    auto found = torch::autograd::grad({*output}, all, {*gradient}, c10::nullopt, false, true);
    for (size_t i = 0; i < count; i++) {
      if (found[i].defined() && !same_layout(found[i], all[i])) {
        found[i] = at::empty_like(all[i], found[i].options()).copy_(found[i]);
      }
    }
    for (size_t i = 0; i < count; i++) gradients[i] = found[i].defined() ? new Tensor(found[i]) : nullptr;
  });
}

// self <- self + weight * (other - self), tensor by tensor.
int ncsn_lerp_(Tensor* const* self, Tensor* const* other, size_t count, double weight) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    at::_foreach_lerp_(list(self, count), list(other, count), at::Scalar(weight));
  });
}

// One step of Adam; nothing moves where `skip` (a one-element float tensor) is 1. `maxima` is null without AMSGrad.
int ncsn_adam_(Tensor* const* parameters, Tensor* const* gradients, Tensor* const* means, Tensor* const* squares,
               Tensor* const* maxima, size_t count, Tensor* step, double lr, double beta1, double beta2, double eps,
               Tensor* skip) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    // The kernel expects the number of this step, not of those done, one tensor per parameter.
    std::vector<Tensor> steps(count, *step);
    auto own = list(parameters, count), gradient = list(gradients, count), mean = list(means, count),
         square = list(squares, count);
    std::vector<Tensor> largest;
    if (maxima) largest = list(maxima, count);
    check_layouts(own, gradient, "parameter and gradient");
    check_layouts(own, mean, "parameter and first moment");
    check_layouts(own, square, "parameter and second moment");
    if (maxima) check_layouts(own, largest, "parameter and largest second moment");
    at::_fused_adam_(own, gradient, mean, square, largest, steps, lr, beta1, beta2, /*weight_decay=*/0.0, eps,
                     maxima != nullptr, /*maximize=*/false, /*grad_scale=*/{}, *skip);
  });
}

// own <- own + other, tensor by tensor.
int ncsn_add_(Tensor* const* own, Tensor* const* other, size_t count) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    at::_foreach_add_(list(own, count), list(other, count));
  });
}

// Scales gradients whose norm over all of them is larger than `most` to that norm.
int ncsn_clip_(Tensor* const* gradients, size_t count, double most) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    auto all = list(gradients, count);
    // In double precision, as squares of many.
    auto norm = at::stack(at::_foreach_norm(all)).to(at::kDouble).norm();
    auto factor = (most / norm).clamp_max(1.0).to(all[0].scalar_type());
    at::_foreach_mul_(all, factor);
  });
}

// Sets `found`, a one-element float tensor, to 1 where an entry of a gradient is not finite; otherwise leaves it.
int ncsn_find_not_finite_(Tensor* const* gradients, size_t count, Tensor* found) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    auto all = list(gradients, count);
    at::_amp_foreach_non_finite_check_and_unscale_(all, *found, at::ones_like(*found));
  });
}

int ncsn_math(int tf32, int deterministic) {
  return guarded([&] {
    auto& context = at::globalContext();
    context.setAllowTF32CuBLAS(tf32 != 0);
    context.setAllowTF32CuDNN(tf32 != 0);
    context.setDeterministicAlgorithms(deterministic != 0, /*warn_only=*/true);
    context.setDeterministicCuDNN(deterministic != 0);
    // cuBLAS reads it when it is first used; with workspaces of its choice, its sums differ from time to time.
    if (deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  });
}

// Records operators, and kernels with `cuda`, from now on.
int ncsn_trace_begin(int cuda) {
  return guarded([&] {
    using namespace torch::autograd::profiler;
    std::set<ActivityType> activities{ActivityType::CPU};
    if (cuda) activities.insert(ActivityType::CUDA);
    ProfilerConfig config(ProfilerState::KINETO);
    prepareProfiler(config, activities);
    enableProfiler(config, activities);
  });
}

// Ends the record and writes it in Chrome's format.
int ncsn_trace_end(const char* path) {
  return guarded([&] { torch::autograd::profiler::disableProfiler()->save(path); });
}

// Opens libtorch_cuda.so if there is a driver and it lies beside the libtorch_cpu.so in use, links followed. *state: 0 no
// driver, 1 no such file, 2 opened; fails when it does not load. *driver: the CUDA version that the driver is for, 13000 for
// 13.0, or 0.
int ncsn_open_cuda(int* state, int* driver) {
  return guarded([&] {
    *state = *driver = 0;
    auto version = driver_function<int (*)(int*)>("cuDriverGetVersion");
    if (!version) return;
    version(driver);
    *state = 1;
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(&at::globalContext), &info) || !info.dli_fname) return;
    char resolved[PATH_MAX];
    if (!realpath(info.dli_fname, resolved)) return;
    std::string path(resolved);
    path = path.substr(0, path.rfind('/') + 1) + "libtorch_cuda.so";
    if (access(path.c_str(), R_OK) != 0) return;
    if (!dlopen(path.c_str(), RTLD_LAZY | RTLD_GLOBAL)) {
      const char* reason = dlerror();
      throw std::runtime_error(reason ? reason : path);
    }
    *state = 2;
  });
}

// Name of a CUDA device, and its memory in bytes.
int ncsn_device_name(int index, char* name, int capacity, size_t* memory) {
  return guarded([&] {
    auto init = driver_function<int (*)(unsigned)>("cuInit");
    auto get = driver_function<int (*)(int*, int)>("cuDeviceGet");
    auto get_name = driver_function<int (*)(char*, int, int)>("cuDeviceGetName");
    auto get_memory = driver_function<int (*)(size_t*, int)>("cuDeviceTotalMem_v2");
    int device = 0;
    if (!init || !get || !get_name || !get_memory || init(0) || get(&device, index) ||
        get_name(name, capacity, device) || get_memory(memory, device)) {
      throw std::runtime_error("the CUDA driver does not answer");
    }
  });
}

// Bytes that tensors on a CUDA device have taken at most since the last call with `reset`, and bytes free and in all.
int ncsn_cuda_memory(int index, int reset, int64_t* peak, size_t* available, size_t* total) {
  return guarded([&] {
    auto* allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
    auto device = static_cast<c10::DeviceIndex>(index);
    *peak = allocator->getDeviceStats(device).allocated_bytes[0].peak;
    if (reset) allocator->resetPeakStats(device);
    std::tie(*available, *total) = allocator->getMemoryInfo(device);
  });
}

}  // extern "C"
