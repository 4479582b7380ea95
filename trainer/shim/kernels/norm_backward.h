// The backward half of norm.h.

// dz of a pixel from dy, and x without its mean.
template <class X, class Y, int lanes>
struct Incoming {
  float mean[lanes], scale[lanes], shift[lanes];
  DEVICE Incoming(const Norm& norm, long long row) {
    load<lanes>(mean, norm.mean + row);
    load<lanes>(scale, norm.scale + row);
    load<lanes>(shift, norm.shift + row);
  }
  DEVICE void at(const Norm& norm, long long entry, float (&dz)[lanes], float (&rest)[lanes]) const {
    load<lanes>(rest, static_cast<const X*>(norm.x) + entry);
    load<lanes>(dz, static_cast<const Y*>(norm.dy) + entry);
    for (int k = 0; k < lanes; k++) {
      rest[k] -= mean[k];
      if (norm.activate) dz[k] *= elu_slope(rest[k] * scale[k] + shift[k]);
    }
  }
};

template <class X, class Y, int lanes>
struct Sums {
  static constexpr int kPhases = 2;
  struct Shared {
    float plain[kThreads * lanes], along[kThreads * lanes];
  };

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared& shared) {
    Range<lanes> range(norm, at);
    if constexpr (phase == 0) {
      if (range.channel >= norm.channels) return;
      Incoming<X, Y, lanes> incoming(norm, at.image * norm.channels + range.channel);
      float plain[lanes] = {}, along[lanes] = {};
#pragma unroll 2
      for (int pixel = range.first; pixel < range.last; pixel += range.rows) {
        float dz[lanes], rest[lanes];
        incoming.at(norm, Range<lanes>::entry(norm, at, pixel, range.channel), dz, rest);
        for (int k = 0; k < lanes; k++) {
          plain[k] += dz[k];
          along[k] += dz[k] * rest[k];
        }
      }
      for (int k = 0; k < lanes; k++) {
        shared.plain[at.thread * lanes + k] = plain[k];
        shared.along[at.thread * lanes + k] = along[k];
      }
    } else {
      int channel = at.group * norm.width * lanes + at.thread, across = norm.width * lanes;
      if (at.thread >= across || channel >= norm.channels) return;
      double plain = 0, along = 0;
      for (int row = 0; row < range.rows; row++) {
        plain += shared.plain[row * across + at.thread];
        along += shared.along[row * across + at.thread];
      }
      double* to = norm.partial + (at.image * norm.chunks + at.chunk) * 2 * norm.channels + channel;
      to[0] = plain;
      to[norm.channels] = along;
    }
  }
};

// One block an image.
struct Slopes {
  static constexpr int kPhases = 3;
  struct Shared {
    Total average, along;
  };

  // The gradient by rho.
  DEVICE static double by_rho(const Norm& norm, long long parameter, double sum) {
    return static_cast<double>(norm.gamma[parameter]) * norm.alpha[parameter] * sum;
  }

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared& shared) {
    long long first = at.image * norm.channels, row = norm.per_image ? first : 0;
    if constexpr (phase == 0) {
      double average = 0, along = 0;
      for (int c = at.thread; c < norm.channels; c += kThreads) {
        const double* from = norm.partial + at.image * norm.chunks * 2 * norm.channels + c;
        double s0 = 0, s1 = 0;
#pragma unroll 8
        for (int chunk = 0; chunk < norm.chunks; chunk++) {
          const double* sums = from + static_cast<long long>(chunk) * 2 * norm.channels;
          s0 += sums[0];
          s1 += sums[norm.channels];
        }
        s1 *= norm.inverse[first + c];
        double rho = norm.rho[first + c];
        norm.total[first + c] = s0;
        norm.by_beta[first + c] = static_cast<float>(s0);
        norm.by_gamma[first + c] = static_cast<float>(s1 + norm.alpha[row + c] * rho * s0);
        norm.by_alpha[first + c] = static_cast<float>(norm.gamma[row + c] * rho * s0);
        double factor = norm.scale[first + c];
        norm.slope[first + c] = static_cast<float>(-factor * norm.inverse[first + c] * s1 / norm.pixels);
        average += by_rho(norm, row + c, s0);
        along += by_rho(norm, row + c, s0) * rho;
      }
      shared.average.terms[at.thread] = average;
      shared.along.terms[at.thread] = along;
    } else if constexpr (phase == 1) {
      shared.average.add_up(at.thread);
      shared.along.add_up(at.thread);
    } else {
      double average = shared.average.read() / norm.channels, along = shared.along.read() / (norm.channels - 1);
      double closeness = norm.closeness[at.image];
      for (int c = at.thread; c < norm.channels; c += kThreads) {
        double s0 = norm.total[first + c], rho = norm.rho[first + c];
        double by_mean = closeness * (by_rho(norm, row + c, s0) - average - rho * along);
        norm.offset[first + c] = static_cast<float>((by_mean - norm.scale[first + c] * s0) / norm.pixels);
      }
    }
  }
};

// Blocks of 32 channels; `chunk` says of which parameter.
struct OverImages {
  static constexpr int kPhases = 2, kColumns = 32, kRows = kThreads / kColumns;
  struct Shared {
    double sums[kThreads];
  };

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared& shared) {
    long long channel = at.image * kColumns + at.thread % kColumns;
    if (channel >= norm.channels) return;
    if constexpr (phase == 0) {
      const float* from = at.chunk == 0 ? norm.by_gamma : at.chunk == 1 ? norm.by_alpha : norm.by_beta;
      double sum = 0;
#pragma unroll 4
      for (long long image = at.thread / kColumns; image < norm.batch; image += kRows) {
        sum += from[image * norm.channels + channel];
      }
      shared.sums[at.thread] = sum;
    } else {
      if (at.thread >= kColumns) return;
      double sum = 0;
      for (int row = 0; row < kRows; row++) sum += shared.sums[row * kColumns + at.thread];
      norm.by_parameters[at.chunk * norm.channels + channel] = static_cast<float>(sum);
    }
  }
};

template <class X, class Y, int lanes>
struct Gradient {
  static constexpr int kPhases = 1;
  using Shared = Nothing;

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared&) {
    Range<lanes> range(norm, at);
    if (range.channel >= norm.channels) return;
    long long row = at.image * norm.channels + range.channel;
    Incoming<X, Y, lanes> incoming(norm, row);
    float slope[lanes], offset[lanes];
    load<lanes>(slope, norm.slope + row);
    load<lanes>(offset, norm.offset + row);
    // As in Apply.
    constexpr int ahead = 2;
    for (int pixel = range.first; pixel < range.last; pixel += ahead * range.rows) {
      float dz[ahead][lanes], rest[ahead][lanes];
#pragma unroll
      for (int i = 0; i < ahead; i++) {
        int other = pixel + i * range.rows;
        if (other >= range.last) break;
        incoming.at(norm, Range<lanes>::entry(norm, at, other, range.channel), dz[i], rest[i]);
      }
#pragma unroll
      for (int i = 0; i < ahead; i++) {
        int other = pixel + i * range.rows;
        if (other >= range.last) break;
        for (int k = 0; k < lanes; k++) {
          dz[i][k] = dz[i][k] * incoming.scale[k] + (rest[i][k] * slope[k] + offset[k]);
        }
        store<lanes>(static_cast<X*>(norm.dx) + Range<lanes>::entry(norm, at, other, range.channel), dz[i]);
      }
    }
  }
};

#ifdef __CUDACC_RTC__
ENTRY(moments_1, Norm, Moments<KERNEL_X, 1>)
ENTRY(moments_4, Norm, Moments<KERNEL_X, 4>)
ENTRY(coefficients, Norm, Coefficients)
ENTRY(apply_1, Norm, Apply<KERNEL_X, KERNEL_Y, 1>)
ENTRY(apply_4, Norm, Apply<KERNEL_X, KERNEL_Y, 4>)
ENTRY(sums_1, Norm, Sums<KERNEL_X, KERNEL_Y, 1>)
ENTRY(sums_4, Norm, Sums<KERNEL_X, KERNEL_Y, 4>)
ENTRY(slopes, Norm, Slopes)
ENTRY(over_images, Norm, OverImages)
ENTRY(gradient_1, Norm, Gradient<KERNEL_X, KERNEL_Y, 1>)
ENTRY(gradient_4, Norm, Gradient<KERNEL_X, KERNEL_Y, 4>)
#endif
