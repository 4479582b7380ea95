// Functions of libraries that are opened at run time.
#pragma once

#include <dlfcn.h>

// The CUDA driver's own library, which is there wherever a driver is.
inline void* driver_library() {
  static void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  return driver;
}

template <class F>
F driver_function(const char* name) {
  return driver_library() ? reinterpret_cast<F>(dlsym(driver_library(), name)) : nullptr;
}
