// InstanceNorm++ and ELU in one pass forward and two backward over memory, where autograd takes about twenty.
//
// With N pixels, C channels, x_hat = (x - mean)·r, r = 1/√(v + floor), and t = 1/√(s² + floor) of the means over the
// channels:
//
//   z = gamma·(x_hat + alpha·rho) + beta,   rho = (mean - m)·t,   y = z > 0 ? z : e^z - 1
//
// Backward, dz = dy·(y > 0 ? 1 : y + 1); for each image and channel S0 = Σ dz, S1 = Σ dz·x_hat over the pixels:
//
//   dbeta = S0,   dgamma = S1 + alpha·rho·S0,   dalpha = gamma·rho·S0,   drho = gamma·alpha·S0
//   dmean = t·(drho - average of drho) - t³·(mean - m)/(C - 1)·Σ drho·(mean - m)      sums over the channels
//   dx = gamma·r·(dz - S0/N - x_hat·S1/N) + dmean/N
//
// Each sum is taken by one thread in one order, whatever the batch and the number of threads.

#include "norm.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "vectors.h"

using at::Tensor;

namespace {

// Vectors of channels whose sums are kept in registers together.
constexpr int64_t kTogether = 4;
// Pixels summed in single precision before the sum goes on in double.
constexpr int64_t kShort = 64;

struct Sizes {
  int64_t batch, channels, pixels;
  explicit Sizes(const Tensor& x) : batch(x.size(0)), channels(x.size(1)), pixels(x.size(2) * x.size(3)) {}
};

// e^z - 1 for z <= 0, to about an ulp: e^z = 2^n·e^r with |r| <= ln(2)/2, and 2^n·(e^r - 1) + (2^n - 1) does not
// cancel.
template <class S>
INLINE inline typename S::Vec expm1_of_negative(const typename S::Vec& exponent) {
  using Vec = typename S::Vec;
  constexpr float kToNearest = 12582912;  // 1.5·2²³
  Vec z = exponent < -30.0f ? Vec{} - 30.0f : exponent;
  Vec n = (z * 1.44269504f + kToNearest) - kToNearest;
  Vec r = (z - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec series = r * (1.0f / 5040) + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  Vec less_one = series * (r * r) + r;
  auto bits = (__builtin_convertvector(n, typename S::Ints) + 127) << 23;
  Vec power = reinterpret_cast<Vec&>(bits);
  return power * less_one + (power - 1.0f);
}

// Sums over the pixels, in double, of what term(pixel, first channel of the vector, channels left, values) gives, for
// `channels` from `first` on.
template <class S, int sums, class Term>
INLINE inline void sum_pixels(int64_t pixels, int64_t first, int64_t channels, const Term& term,
                              double (*to)[kTogether * S::kLanes]) {
  using Vec = typename S::Vec;
  constexpr int64_t lanes = S::kLanes;
  int64_t vectors = divide_up(channels, lanes);
  for (int s = 0; s < sums; s++) std::fill_n(to[s], kTogether * lanes, 0.0);
  for (int64_t begin = 0; begin < pixels; begin += kShort) {
    int64_t end = std::min(begin + kShort, pixels);
    Vec partial[sums][kTogether] = {};
    for (int64_t pixel = begin; pixel < end; pixel++) {
#pragma GCC unroll 4
      for (int64_t v = 0; v < kTogether; v++) {
        if (v < vectors) {
          Vec found[sums];
          term(pixel, first + v * lanes, std::min(lanes, channels - v * lanes), found);
#pragma GCC unroll 2
          for (int s = 0; s < sums; s++) partial[s][v] += found[s];
        }
      }
    }
    for (int s = 0; s < sums; s++) {
      for (int64_t v = 0; v < vectors; v++) {
        for (int64_t lane = 0; lane < lanes; lane++) to[s][v * lanes + lane] += partial[s][v][lane];
      }
    }
  }
}

// each(image, first channel, number of channels) over all images and groups of channels, by all threads.
template <class S, class Each>
void over_groups(const Sizes& sizes, const Each& each) {
  constexpr int64_t together = kTogether * S::kLanes;
  int64_t groups = divide_up(sizes.channels, together);
  parallel<S>(sizes.batch * groups, [&](int64_t begin, int64_t end) INLINE {
    for (int64_t job = begin; job < end; job++) {
      int64_t first = job % groups * together;
      each(job / groups, first, std::min(together, sizes.channels - first));
    }
  });
}

// each(image, place of the pixel's first channel) over all pixels, by all threads.
template <class S, class Each>
void over_pixels(const Sizes& sizes, const Each& each) {
  parallel<S>(sizes.batch * sizes.pixels, [&](int64_t begin, int64_t end) INLINE {
    for (int64_t pixel = begin; pixel < end; pixel++) each(pixel / sizes.pixels, pixel * sizes.channels);
  });
}

// What an image's means are relative to.
struct Spread {
  double centre, inverse;
  Spread(const float* means, int64_t channels, double floor) {
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < channels; c++) sum += means[c];
    centre = sum / channels;
    for (int64_t c = 0; c < channels; c++) squares += (means[c] - centre) * (means[c] - centre);
    inverse = 1 / std::sqrt(squares / (channels - 1) + floor);
  }
};

// Row of a parameter that an image has.
const float* row(const Tensor& parameter, int64_t image) {
  return parameter.const_data_ptr<float>() + (parameter.size(0) > 1 ? image * parameter.size(1) : 0);
}

template <class S>
void moments(const Tensor& x, double floor, float* means, float* scales) {
  Sizes sizes(x);
  const float* from = x.const_data_ptr<float>();
  int64_t channels = sizes.channels, pixels = sizes.pixels;
  over_groups<S>(sizes, [&](int64_t image, int64_t first, int64_t count) INLINE {
    using Vec = typename S::Vec;
    const float* start = from + image * pixels * channels;
    float* mean = means + image * channels;
    double sums[1][kTogether * S::kLanes];
    sum_pixels<S, 1>(pixels, first, count, [&](int64_t pixel, int64_t c, int64_t left, Vec* to) INLINE {
      to[0] = load<S>(start + pixel * channels + c, left);
    }, sums);
    for (int64_t i = 0; i < count; i++) mean[first + i] = sums[0][i] / pixels;
    sum_pixels<S, 1>(pixels, first, count, [&](int64_t pixel, int64_t c, int64_t left, Vec* to) INLINE {
      Vec rest = load<S>(start + pixel * channels + c, left) - load<S>(mean + c, left);
      to[0] = rest * rest;
    }, sums);
    for (int64_t i = 0; i < count; i++) {
      scales[image * channels + first + i] = 1 / std::sqrt(sums[0][i] / pixels + floor);
    }
  });
}

Tensor like(const Tensor& x) {
  return at::empty(x.sizes(), at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast);
}

Tensor rows(const Sizes& sizes) { return at::empty({sizes.batch, sizes.channels}, at::kFloat); }

template <class S>
Tensor normalised(const Tensor& x, const Tensor& gamma, const Tensor& alpha, const Tensor& beta, double floor,
                  bool activate, const Tensor& means, const Tensor& inverses) {
  Sizes sizes(x);
  int64_t channels = sizes.channels;
  float* mean = means.mutable_data_ptr<float>();
  float* inverse = inverses.mutable_data_ptr<float>();
  moments<S>(x, floor, mean, inverse);
  Tensor scales = rows(sizes), shifts = rows(sizes), y = like(x);
  float* scale = scales.mutable_data_ptr<float>();
  float* shift = shifts.mutable_data_ptr<float>();
  for (int64_t image = 0; image < sizes.batch; image++) {
    int64_t at = image * channels;
    Spread spread(mean + at, channels, floor);
    const float *g = row(gamma, image), *a = row(alpha, image), *b = row(beta, image);
    for (int64_t c = 0; c < channels; c++) {
      scale[at + c] = g[c] * inverse[at + c];
      shift[at + c] = g[c] * a[c] * ((mean[at + c] - spread.centre) * spread.inverse) + b[c];
    }
  }
  const float* from = x.const_data_ptr<float>();
  float* to = y.mutable_data_ptr<float>();
  over_pixels<S>(sizes, [&](int64_t image, int64_t place) INLINE {
    using Vec = typename S::Vec;
    for (int64_t c = 0; c < channels; c += S::kLanes) {
      int64_t at = image * channels + c, left = channels - c;
      Vec z = (load<S>(from + place + c, left) - load<S>(mean + at, left)) * load<S>(scale + at, left) +
              load<S>(shift + at, left);
      store<S>(to + place + c, activate ? (z > 0.0f ? z : expm1_of_negative<S>(z)) : z, left);
    }
  });
  return y;
}

template <class S>
torch::autograd::variable_list gradients(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                         const Tensor& alpha, double floor, bool activate, const Tensor& means,
                                         const Tensor& inverses) {
  Sizes sizes(x);
  int64_t channels = sizes.channels, pixels = sizes.pixels;
  const float *from = x.const_data_ptr<float>(), *of = dy.const_data_ptr<float>();
  const float* out = activate ? y.const_data_ptr<float>() : nullptr;
  const float *mean = means.const_data_ptr<float>(), *inverse = inverses.const_data_ptr<float>();
  // Of z, from what comes in.
  auto inner = [&](int64_t place, int64_t left) INLINE {
    using Vec = typename S::Vec;
    Vec gradient = load<S>(of + place, left);
    if (!activate) return gradient;
    Vec result = load<S>(out + place, left);
    return result > 0.0f ? gradient : gradient * (result + 1.0f);
  };
  std::vector<double> sums(2 * sizes.batch * channels);
  double *s0 = sums.data(), *s1 = s0 + sizes.batch * channels;
  over_groups<S>(sizes, [&](int64_t image, int64_t first, int64_t count) INLINE {
    using Vec = typename S::Vec;
    double found[2][kTogether * S::kLanes];
    sum_pixels<S, 2>(pixels, first, count, [&](int64_t pixel, int64_t c, int64_t left, Vec* to) INLINE {
      int64_t place = (image * pixels + pixel) * channels + c;
      to[0] = inner(place, left);
      to[1] = to[0] * (load<S>(from + place, left) - load<S>(mean + image * channels + c, left));
    }, found);
    for (int64_t i = 0; i < count; i++) {
      int64_t at = image * channels + first + i;
      s0[at] = found[0][i];
      s1[at] = found[1][i] * inverse[at];
    }
  });

  bool shared = gamma.size(0) == 1;
  int64_t kept = shared ? 1 : sizes.batch;
  std::vector<double> by_gamma(kept * channels), by_alpha(kept * channels), by_beta(kept * channels), by_rho(channels);
  Tensor scales = rows(sizes), slopes = rows(sizes), shifts = rows(sizes);
  float *scale = scales.mutable_data_ptr<float>(), *slope = slopes.mutable_data_ptr<float>();
  float* shift = shifts.mutable_data_ptr<float>();
  for (int64_t image = 0; image < sizes.batch; image++) {
    int64_t at = image * channels, to = shared ? 0 : at;
    const float *g = row(gamma, image), *a = row(alpha, image);
    Spread spread(mean + at, channels, floor);
    double average = 0, along = 0;
    for (int64_t c = 0; c < channels; c++) {
      double rho = (mean[at + c] - spread.centre) * spread.inverse;
      by_beta[to + c] += s0[at + c];
      by_gamma[to + c] += s1[at + c] + a[c] * rho * s0[at + c];
      by_alpha[to + c] += g[c] * rho * s0[at + c];
      by_rho[c] = static_cast<double>(g[c]) * a[c] * s0[at + c];
      average += by_rho[c] / channels;
      along += by_rho[c] * rho;
    }
    for (int64_t c = 0; c < channels; c++) {
      double rho = (mean[at + c] - spread.centre) * spread.inverse;
      double by_mean = spread.inverse * (by_rho[c] - average - rho * along / (channels - 1));
      double factor = static_cast<double>(g[c]) * inverse[at + c];
      scale[at + c] = factor;
      slope[at + c] = -factor * inverse[at + c] * s1[at + c] / pixels;
      shift[at + c] = (by_mean - factor * s0[at + c]) / pixels;
    }
  }

  Tensor dx = like(x);
  float* to = dx.mutable_data_ptr<float>();
  over_pixels<S>(sizes, [&](int64_t image, int64_t place) INLINE {
    using Vec = typename S::Vec;
    for (int64_t c = 0; c < channels; c += S::kLanes) {
      int64_t at = image * channels + c, left = channels - c;
      Vec rest = load<S>(from + place + c, left) - load<S>(mean + at, left);
      store<S>(to + place + c,
               inner(place + c, left) * load<S>(scale + at, left) + rest * load<S>(slope + at, left) +
                   load<S>(shift + at, left),
               left);
    }
  });
  auto single = [&](const std::vector<double>& values) {
    Tensor result = at::empty({kept, channels}, at::kFloat);
    std::copy(values.begin(), values.end(), result.mutable_data_ptr<float>());
    return result;
  };
  return {dx, single(by_gamma), single(by_alpha), single(by_beta), Tensor(), Tensor()};
}

struct Normalisation : torch::autograd::Function<Normalisation> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& image, const Tensor& gamma,
                        const Tensor& alpha, const Tensor& beta, double floor, bool activate) {
    Tensor x = image.contiguous(at::MemoryFormat::ChannelsLast);
    Tensor means = rows(Sizes(x)), inverses = rows(Sizes(x));
    Tensor y = dispatched([&](auto shape) {
      return normalised<decltype(shape)>(x, gamma, alpha, beta, floor, activate, means, inverses);
    });
    context->save_for_backward({x, activate ? y : Tensor(), gamma, alpha, means, inverses});
    context->saved_data["floor"] = floor;
    context->saved_data["activate"] = activate;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_output) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "instance_norm_plus has no second derivative: create_graph must be false");
    auto saved = context->get_saved_variables();
    Tensor dy = by_output[0].contiguous(at::MemoryFormat::ChannelsLast);
    double floor = context->saved_data["floor"].toDouble();
    bool activate = context->saved_data["activate"].toBool();
    return dispatched([&](auto shape) {
      return gradients<decltype(shape)>(saved[0], saved[1], dy, saved[2], saved[3], floor, activate, saved[4],
                                        saved[5]);
    });
  }
};

}  // namespace

at::Tensor instance_norm_plus(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& alpha,
                              const at::Tensor& beta, double floor, bool activate) {
  TORCH_CHECK(handles_norm(x), "instance_norm_plus takes f32 [batch, channels, height, width] on the CPU, not ",
              x.toString(), " of ", x.sizes());
  for (const auto* parameter : {&gamma, &alpha, &beta}) {
    TORCH_CHECK(parameter->dim() == 2 && (parameter->size(0) == 1 || parameter->size(0) == x.size(0)) &&
                    parameter->size(0) == gamma.size(0) && parameter->size(1) == x.size(1) &&
                    parameter->scalar_type() == at::kFloat && parameter->is_cpu(),
                "instance_norm_plus takes f32 parameters [1 or batch, channels], not ", parameter->sizes(), " for ",
                x.sizes());
  }
  return Normalisation::apply(x, gamma.contiguous(), alpha.contiguous(), beta.contiguous(), floor, activate);
}

bool handles_norm(const at::Tensor& x) {
  return x.dim() == 4 && x.numel() > 0 && x.is_cpu() && x.scalar_type() == at::kFloat && x.layout() == at::kStrided;
}
