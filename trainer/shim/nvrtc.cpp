// Compiles the kernels by NVRTC, NVIDIA's compiler as a library, which comes with libtorch's CUDA half. It needs no
// GPU.

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <dlfcn.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "launch.h"

namespace {

// build.rs makes it of kernels/*.h, so that the binary needs no file.
const char kSource[] =
#include "kernels_source.h"
    ;

// As of libnvrtc.so.13; what later versions of it add does not change these.
const char kLibrary[] = "libnvrtc.so.13", kBuiltins[] = "libnvrtc-builtins.so.";

struct Nvrtc {
  using Program = void*;
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*);
  int (*compile)(Program, int, const char* const*);
  int (*destroy)(Program*);
  int (*log_size)(Program, size_t*);
  int (*log)(Program, char*);
  int (*code_size)(Program, size_t*);
  int (*code)(Program, char*);
};

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// Folder of the file that an address was loaded from, links followed.
std::string folder_of(const void* address) {
  Dl_info info;
  char resolved[PATH_MAX];
  if (!dladdr(address, &info) || !info.dli_fname || !realpath(info.dli_fname, resolved)) return {};
  return folder_of(std::string(resolved));
}

// NVRTC opens its builtins by name and has no path of its own to search: they are opened before, from beside it.
void* open_with_builtins(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_LAZY);
  if (!library) return nullptr;
  void* symbol = dlsym(library, "nvrtcCompileProgram");
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(symbol ? folder_of(symbol) : std::string(), none)) {
    if (file.path().filename().string().rfind(kBuiltins, 0) == 0) dlopen(file.path().c_str(), RTLD_LAZY | RTLD_GLOBAL);
  }
  return library;
}

// Where NCSN_NVRTC says; where the system finds it; beside libtorch; where PyPI's wheels have it.
void* open_library() {
  if (const char* path = std::getenv("NCSN_NVRTC")) {
    void* library = open_with_builtins(path);
    TORCH_CHECK(library, "NCSN_NVRTC: ", dlerror());
    return library;
  }
  std::string torch = folder_of(reinterpret_cast<const void*>(&at::globalContext));
  for (const std::string& folder : {std::string(), torch, torch + "../../nvidia/cu13/lib/"}) {
    if (void* library = open_with_builtins(folder + kLibrary)) return library;
  }
  TORCH_CHECK(false, kLibrary, " is not found, neither by the system nor near libtorch; NCSN_NVRTC may name it");
}

Nvrtc open() {
  void* library = open_library();
  Nvrtc nvrtc;
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    TORCH_CHECK(function, kLibrary, " has no ", name);
  };
  find(nvrtc.create, "nvrtcCreateProgram");
  find(nvrtc.compile, "nvrtcCompileProgram");
  find(nvrtc.destroy, "nvrtcDestroyProgram");
  find(nvrtc.log_size, "nvrtcGetProgramLogSize");
  find(nvrtc.log, "nvrtcGetProgramLog");
  find(nvrtc.code_size, "nvrtcGetCUBINSize");
  find(nvrtc.code, "nvrtcGetCUBIN");
  return nvrtc;
}

// A text or code whose size is asked for first; empty where there is none.
template <class Size, class Get>
std::string fetched(void* program, Size size_of, Get get) {
  size_t size = 0;
  if (size_of(program, &size) || !size) return {};
  std::string text(size, '\0');
  return get(program, text.data()) ? std::string() : text;
}

}  // namespace

namespace kernels {

std::string entry_name(const Launch& launch) {
  static const char* const kNames[] = {"moments", "coefficients", "apply", "sums", "slopes", "over_images", "gradient"};
  std::string name = kNames[static_cast<int>(launch.step)];
  return is_by_lanes(launch.step) ? name + "_" + std::to_string(launch.lanes) : name;
}

Compiled compile(const std::string& architecture, Types types, bool verbose) {
  static const Nvrtc nvrtc = open();
  auto kind = [](bool is_bf16) { return is_bf16 ? std::string("Bf16") : std::string("float"); };
  std::vector<std::string> options{"--gpu-architecture=" + architecture, "--std=c++17",
                                   "-DKERNEL_X=" + kind(types.x_is_bf16), "-DKERNEL_Y=" + kind(types.y_is_bf16)};
  if (verbose) options.push_back("--ptxas-options=-v");
  std::vector<const char*> words;
  for (const auto& option : options) words.push_back(option.c_str());
  Nvrtc::Program program = nullptr;
  TORCH_CHECK(nvrtc.create(&program, kSource, "kernels.cu", 0, nullptr, nullptr) == 0, "nvrtcCreateProgram failed");
  int status = nvrtc.compile(program, static_cast<int>(words.size()), words.data());
  Compiled compiled{status ? std::string() : fetched(program, nvrtc.code_size, nvrtc.code),
                    fetched(program, nvrtc.log_size, nvrtc.log)};
  nvrtc.destroy(&program);
  TORCH_CHECK(!compiled.code.empty(), "NVRTC for ", architecture, " ended with ", status, ": ",
              compiled.log.substr(0, compiled.log.find('\n')));
  for (Step step : kSteps) {
    for (int lanes : {1, 4}) {
      std::string name = entry_name(Launch{step, types, lanes, 1, 1, 1});
      TORCH_CHECK(compiled.code.find(name) != std::string::npos, "NVRTC left out ", name);
    }
  }
  return compiled;
}

}  // namespace kernels
