// Several processes as one: libtorch's TCPStore, Gloo on the CPU, NCCL's C functions on CUDA.
//
// Every function returns 0, or 1 with the message of the exception in `ncsn_error`.

#define USE_C10D_GLOO 1

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Flags.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "guarded.h"

using at::Tensor;

C10_DECLARE_int(caffe2_log_level);

namespace {

using Milliseconds = std::chrono::milliseconds;

struct Store {
  c10::intrusive_ptr<c10d::Store> store;
};

// NCCL's interface as its header has it, which libtorch's wheel has not; it has been the same since version 2.
namespace nccl {
using Communicator = void*;
using Identity = std::array<char, 128>;
struct ById {
  Identity bytes;
};
constexpr int kFloat32 = 7, kFloat64 = 8, kSum = 0;

// libtorch's CUDA half has loaded the library, and its names are visible.
template <class F>
F function(const char* name) {
  void* found = dlsym(RTLD_DEFAULT, name);
  if (!found) throw std::runtime_error(std::string("NCCL is not loaded: there is no ") + name);
  return reinterpret_cast<F>(found);
}

void check(int status) {
  if (status != 0) {
    throw std::runtime_error(std::string("NCCL: ") + function<const char* (*)(int)>("ncclGetErrorString")(status));
  }
}
}  // namespace nccl

// Gloo for tensors on the CPU; with a CUDA device NCCL for those there.
struct Group {
  c10::intrusive_ptr<c10d::Backend> gloo;
  nccl::Communicator communicator = nullptr;

  ~Group() {
    // The peers may be gone: nothing is waited for.
    if (communicator) {
      auto abort = reinterpret_cast<int (*)(nccl::Communicator)>(dlsym(RTLD_DEFAULT, "ncclCommAbort"));
      if (abort) abort(communicator);
    }
  }
};

void* stream_of(const c10::Device& device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

std::shared_ptr<::gloo::transport::Device> gloo_device(const std::string& address, const std::string& interface) {
  using c10d::ProcessGroupGloo;
  if (!interface.empty()) return ProcessGroupGloo::createDeviceForInterface(interface);
  if (!address.empty()) return ProcessGroupGloo::createDeviceForHostname(address);
  return ProcessGroupGloo::createDefaultDevice();
}

}  // namespace

extern "C" {

// A connection to the store at an address, which this process hosts with `is_host`; names begin with `prefix`.
int ncsn_store_open(const char* host, int port, int is_host, const char* prefix, int64_t milliseconds, Store** output) {
  return guarded([&] {
    // What fails is said once, by whoever asked.
    if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = is_host != 0;
    options.waitWorkers = false;
    options.timeout = Milliseconds(milliseconds);
    auto store = c10::make_intrusive<c10d::TCPStore>(std::string(host), options);
    *output = new Store{c10::make_intrusive<c10d::PrefixStore>(prefix, store)};
  });
}

void ncsn_store_close(Store* store) { delete store; }

int ncsn_store_set(Store* store, const char* key, const char* value, size_t length) {
  return guarded([&] { store->store->set(key, std::vector<uint8_t>(value, value + length)); });
}

// Adds to a number, 0 at first, and returns the sum.
int ncsn_store_add(Store* store, const char* key, int64_t value, int64_t* sum) {
  return guarded([&] { *sum = store->store->add(key, value); });
}

int ncsn_store_has(Store* store, const char* key, int* has) {
  return guarded([&] { *has = store->store->check({std::string(key)}); });
}

// Waits for a value and copies as much of it as there is room for; its length is in `length`.
int ncsn_store_get(Store* store, const char* key, int64_t milliseconds, char* value, size_t room, size_t* length) {
  return guarded([&] {
    store->store->wait({std::string(key)}, Milliseconds(milliseconds));
    auto found = store->store->get(key);
    *length = found.size();
    std::memcpy(value, found.data(), std::min(room, found.size()));
  });
}

// A group that meets in a store. Gloo listens at `address` or on `interface`, where they are not empty. With `cuda` ≥ 0, the
// number of this process's device, NCCL too.
int ncsn_group_open(Store* store, int rank, int size, const char* address, const char* interface, int cuda,
                    int64_t milliseconds, Group** output) {
  return guarded([&] {
    auto group = std::make_unique<Group>();
    auto options = c10d::ProcessGroupGloo::Options::create(Milliseconds(milliseconds));
    options->devices.push_back(gloo_device(address, interface));
    options->threads = 2;
    auto meeting = c10::make_intrusive<c10d::PrefixStore>("gloo", store->store);
    group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(meeting, rank, size, options);
    if (cuda >= 0) {
      c10::DeviceGuard guard(c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(cuda)));
      nccl::ById id;
      if (rank == 0) {
        nccl::check(nccl::function<int (*)(nccl::ById*)>("ncclGetUniqueId")(&id));
        store->store->set("nccl", std::vector<uint8_t>(id.bytes.begin(), id.bytes.end()));
      }
      auto found = store->store->get("nccl");
      if (found.size() != id.bytes.size()) throw std::runtime_error("NCCL's identity has another length");
      std::memcpy(id.bytes.data(), found.data(), found.size());
      auto init = nccl::function<int (*)(nccl::Communicator*, int, nccl::ById, int)>("ncclCommInitRank");
      nccl::check(init(&group->communicator, size, id, rank));
    }
    *output = group.release();
  });
}

void ncsn_group_close(Group* group) { delete group; }

// tensor <- the sum of all processes' tensors: f32 or f64, contiguous.
int ncsn_group_all_reduce_(Group* group, Tensor* tensor) {
  return guarded([&] {
    const bool is_double = tensor->scalar_type() == at::kDouble;
    TORCH_CHECK(tensor->is_contiguous() && (is_double || tensor->scalar_type() == at::kFloat), "sums are of contiguous f32, f64");
    if (tensor->is_cuda()) {
      c10::DeviceGuard guard(tensor->device());
      auto sum = nccl::function<int (*)(const void*, void*, size_t, int, int, nccl::Communicator, void*)>("ncclAllReduce");
      nccl::check(sum(tensor->data_ptr(), tensor->data_ptr(), tensor->numel(),
                      is_double ? nccl::kFloat64 : nccl::kFloat32, nccl::kSum,
                      group->communicator, stream_of(tensor->device())));
    } else {
      std::vector<Tensor> tensors{*tensor};
      group->gloo->allreduce(tensors)->wait();
    }
  });
}

// Waits for every process.
int ncsn_group_barrier(Group* group) {
  return guarded([&] { group->gloo->barrier()->wait(); });
}

}  // extern "C"
