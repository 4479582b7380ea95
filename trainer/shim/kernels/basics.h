// What kernels are written in: a subset of C++ that NVRTC compiles for GPUs and any C++17 compiler for the emulation,
// which runs each phase (the code between two barriers) for one thread after the other. No header of the system is
// included.

#ifdef __CUDACC_RTC__
#define DEVICE __device__ __forceinline__
#else
#define DEVICE inline
#endif

// Threads of every block.
constexpr int kThreads = 256;

// Which part of the work a thread has.
struct Place {
  long long image;
  int chunk, group, thread;
};

DEVICE unsigned bits_of(float value) {
#ifdef __CUDACC_RTC__
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(unsigned, value);
#endif
}

DEVICE float float_of(unsigned bits) {
#ifdef __CUDACC_RTC__
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}

DEVICE double root(double value) {
#ifdef __CUDACC_RTC__
  return sqrt(value);
#else
  return __builtin_sqrt(value);
#endif
}

// The upper half of a float.
struct Bf16 {
  unsigned short bits;
};

DEVICE float widened(float value) { return value; }
DEVICE float widened(Bf16 value) { return float_of(static_cast<unsigned>(value.bits) << 16); }

DEVICE void round_to(float& to, float value) { to = value; }

// To nearest, ties to even; a NaN stays one.
DEVICE void round_to(Bf16& to, float value) {
  unsigned bits = bits_of(value);
  unsigned rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to.bits = static_cast<unsigned short>(value == value ? rounded : (bits >> 16) | 0x40);
}

// Neighbouring values, which move by one instruction.
template <class T, int lanes>
struct alignas(sizeof(T) * lanes) Pack {
  T values[lanes];
};

template <int lanes, class T>
DEVICE void load(float (&to)[lanes], const T* from) {
  Pack<T, lanes> pack = *reinterpret_cast<const Pack<T, lanes>*>(from);
  for (int i = 0; i < lanes; i++) to[i] = widened(pack.values[i]);
}

template <int lanes, class T>
DEVICE void store(T* to, const float (&values)[lanes]) {
  Pack<T, lanes> pack;
  for (int i = 0; i < lanes; i++) round_to(pack.values[i], values[i]);
  *reinterpret_cast<Pack<T, lanes>*>(to) = pack;
}

// e^z = power·(1 + less_one) for z <= 0: z = n·ln 2 + r with |r| <= ln(2)/2. Below -30, e^z - 1 is -1 to the last
// place. n is in the low bits of n + 1.5·2^23. NaN comes out as NaN.
struct Exponential {
  float power, less_one;
  DEVICE explicit Exponential(float exponent) {
    const float to_nearest = 12582912.0f;
    float z = exponent < -30.0f ? -30.0f : exponent;
    float shifted = z * 1.44269504f + to_nearest, n = shifted - to_nearest;
    float r = (z - n * 0.693359375f) + n * 2.12194440e-4f;
    float series = r * (1.0f / 5040) + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 0.5f;
    less_one = series * (r * r) + r;
    power = float_of((bits_of(shifted) << 23) + 0x3f800000u);
  }
};

DEVICE float elu(float z) {
  if (z > 0.0f) return z;
  Exponential e(z);
  // Neither term cancels the other.
  return e.power * e.less_one + (e.power - 1.0f);
}

DEVICE float elu_slope(float z) {
  if (z > 0.0f) return 1.0f;
  Exponential e(z);
  return e.power * e.less_one + e.power;
}

// Kernel's phases from `phase` on, with barriers between them: on a GPU alone, as the emulation runs them itself.
#ifdef __CUDACC_RTC__
template <class Kernel, int phase, class Arguments>
__device__ __forceinline__ void run_phases(const Arguments& arguments, const Place& at,
                                           typename Kernel::Shared& shared) {
  Kernel::template run<phase>(arguments, at, shared);
  if constexpr (phase + 1 < Kernel::kPhases) {
    __syncthreads();
    run_phases<Kernel, phase + 1>(arguments, at, shared);
  }
}

#define ENTRY(name, Arguments, ...)                                                            \
  extern "C" __global__ void __launch_bounds__(kThreads) name(const Arguments arguments) {     \
    __shared__ typename __VA_ARGS__::Shared shared;                                            \
    Place at{blockIdx.x, static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.z),           \
             static_cast<int>(threadIdx.x)};                                                   \
    run_phases<__VA_ARGS__, 0>(arguments, at, shared);                                         \
  }
#endif
