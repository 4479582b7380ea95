// Runs the kernels on a GPU by the CUDA driver, in libtorch's context and on its streams. Nothing here waits for the
// device or allocates on it, but for `prepare`: so that a CUDA graph can be captured after it.

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "launch.h"
#include "library.h"

namespace {

// The few functions of cuda.h that are needed, in the versions that CUDA 12 and 13 have.
struct Driver {
  using Status = int;
  Status (*device_get)(int*, int);
  Status (*attribute)(int*, int, int);
  Status (*retain)(void**, int);
  Status (*current)(void**);
  Status (*push)(void*);
  Status (*pop)(void**);
  Status (*load)(void**, const void*);
  Status (*function)(void**, void*, const char*);
  Status (*launch)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
  Status (*error)(Status, const char**);

  void check(Status status, const char* what) const {
    const char* text = nullptr;
    if (status) error(status, &text);
    TORCH_CHECK(!status, what, ": ", text ? text : "CUDA error ", status);
  }
};

constexpr int kMajor = 75, kMinor = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR

const Driver& driver() {
  static const Driver found = [] {
    TORCH_CHECK(driver_library(), "there is no NVIDIA driver");
    Driver driver;
    auto find = [](auto& function, const char* name) {
      function = driver_function<std::decay_t<decltype(function)>>(name);
      TORCH_CHECK(function, "the CUDA driver has no ", name);
    };
    find(driver.device_get, "cuDeviceGet");
    find(driver.attribute, "cuDeviceGetAttribute");
    find(driver.retain, "cuDevicePrimaryCtxRetain");
    find(driver.current, "cuCtxGetCurrent");
    find(driver.push, "cuCtxPushCurrent_v2");
    find(driver.pop, "cuCtxPopCurrent_v2");
    find(driver.load, "cuModuleLoadData");
    find(driver.function, "cuModuleGetFunction");
    find(driver.launch, "cuLaunchKernel");
    find(driver.error, "cuGetErrorString");
    return driver;
  }();
  return found;
}

// While it lives, this thread's context is the one given: autograd's threads may have none yet.
class Current {
 public:
  explicit Current(void* context) {
    void* now = nullptr;
    driver().check(driver().current(&now), "cuCtxGetCurrent");
    pushed_ = now != context;
    if (pushed_) driver().check(driver().push(context), "cuCtxPushCurrent");
  }
  ~Current() {
    void* popped = nullptr;
    if (pushed_) driver().pop(&popped);
  }

 private:
  bool pushed_;
};

// What is loaded on a device for one kind of x and y.
struct Module {
  void* context = nullptr;
  std::map<std::string, void*> entries;
};

using Key = std::tuple<int, bool, bool>;
std::mutex mutex;
// Never given back: modules live as long as the process, and the driver may be gone before destructors run.
std::map<Key, Module>& modules() {
  static auto* all = new std::map<Key, Module>();
  return *all;
}

}  // namespace

namespace kernels {

void prepare(int index, Types types) {
  std::lock_guard<std::mutex> alone(mutex);
  Key key{index, types.x_is_bf16, types.y_is_bf16};
  if (modules().count(key)) return;
  const Driver& cuda = driver();
  int device = 0, major = 0, minor = 0;
  cuda.check(cuda.device_get(&device, index), "cuDeviceGet");
  cuda.check(cuda.attribute(&major, kMajor, device), "cuDeviceGetAttribute");
  cuda.check(cuda.attribute(&minor, kMinor, device), "cuDeviceGetAttribute");
  Compiled compiled = compile("sm_" + std::to_string(10 * major + minor), types, false);
  Module module;
  // libtorch computes in the primary context of each device, which this keeps alive.
  cuda.check(cuda.retain(&module.context, device), "cuDevicePrimaryCtxRetain");
  Current current(module.context);
  void* loaded = nullptr;
  cuda.check(cuda.load(&loaded, compiled.code.data()), "cuModuleLoadData");
  for (Step step : kSteps) {
    for (int lanes : {1, 4}) {
      std::string name = entry_name(Launch{step, types, lanes, 1, 1, 1});
      cuda.check(cuda.function(&module.entries[name], loaded, name.c_str()), "cuModuleGetFunction");
    }
  }
  modules().emplace(key, std::move(module));
}

void run(int index, const Launch& launch, const Norm& norm) {
  void *context = nullptr, *entry = nullptr;
  {
    std::lock_guard<std::mutex> alone(mutex);
    auto found = modules().find(Key{index, launch.types.x_is_bf16, launch.types.y_is_bf16});
    TORCH_CHECK(found != modules().end(), "the kernels of this kind were not made ready on device ", index);
    context = found->second.context;
    entry = found->second.entries.at(entry_name(launch));
  }
  const c10::Device device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
  c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
  // cudaStream_t and CUstream are one type.
  void* stream = guard.getStreamNativeHandle(guard.getStream(device));
  Current current(context);
  void* arguments[] = {const_cast<Norm*>(&norm)};
  auto status = driver().launch(entry, launch.images, launch.chunks, launch.groups, kThreads, 1, 1, /*shared=*/0, stream,
                                arguments, nullptr);
  driver().check(status, "cuLaunchKernel");
}

}  // namespace kernels
