// InstanceNorm++ and ELU on a GPU, forward and backward, for x [batch, channels, height, width] in channels-last order.
// The formulas are those of ../norm.cpp; basics.h, this file and norm_backward.h are all that NVRTC is given.
//
// With N pixels an image, X and Y bytes an entry of x and y, for each entry: forward 2X + Y (the second X may come from
// the L2 cache), backward 3X + 2Y (x and dy twice, dx once; z is computed again from x, so that y is not read). In
// bfloat16 that is 6 and 10 bytes; 128 images of 128 x 32 x 32 (33.6 MB in bfloat16) take 101 and 168 MB, 21 and 35 us
// at 4.8 TB/s.
//
//   Moments       x        -> partial: mean and squares about it, of a chunk of the pixels
//   Coefficients  partial  -> mean, inverse, rho, scale, shift: z = (x - mean)·scale + shift
//   Apply         x        -> y = ELU(z)
//   Sums          x, dy    -> partial: S0 = Σ dz and Σ dz·(x - mean), of a chunk
//   Slopes        partial  -> slope, offset: dx = dz·scale + (x - mean)·slope + offset; gradients by gamma, alpha, beta
//   OverImages    the last three, added up where all images share the parameters
//   Gradient      x, dy    -> dx
//
// Single precision where each entry is touched, double where sums of some entries meet: a mean is rounded once, as one that
// is far from 0 or from its neighbours has no digits to spare.
//
// Every sum is taken in an order that depends on nothing but the sizes: within a thread, over a block's rows, over the
// chunks, over the images. No atomics.

// All that the kernels are given. [batch, channels] where nothing else is said.
struct Norm {
  long long batch;
  int channels, pixels;
  // How a block's threads lie: `width` (a power of two) along the channels, each with one pack of them; the others
  // along the pixels, each with at most `each`, as many apart as there are rows of threads. `chunks` blocks share an
  // image.
  int width, each, chunks;
  int per_image;  // whether each image has gamma, alpha and beta of its own, or all share a row
  int activate;
  double floor;
  const void *x, *dy;
  void *y, *dx;
  const float *gamma, *alpha, *beta;
  double* partial;  // [batch, chunks, 2, channels]
  float *mean, *inverse, *scale, *shift;
  double* rho;
  double* closeness;  // [batch]: 1/sqrt(variance of the means + floor)
  double* total;      // S0
  float *slope, *offset;
  float *by_gamma, *by_alpha, *by_beta;
  float* by_parameters;  // [3, 1, channels]: the same over all images
};
// The host's compiler and NVRTC must agree on where things lie.
static_assert(sizeof(Norm) == 8 + 8 * 4 + 8 + 21 * 8, "kernels are given a Norm as the host has it");

// The pixels and the first channel of a thread.
template <int lanes>
struct Range {
  int rows, row, column, channel, first, last;
  DEVICE Range(const Norm& norm, const Place& at) {
    rows = kThreads / norm.width;
    row = at.thread / norm.width;
    column = at.thread % norm.width;
    channel = (at.group * norm.width + column) * lanes;
    int start = at.chunk * norm.each * rows;
    last = norm.pixels - start < norm.each * rows ? norm.pixels : start + norm.each * rows;
    first = start + row;
  }
  // Pixels of another row of threads.
  DEVICE int count(int of_row) const {
    int rest = last - (first - row + of_row);
    return rest > 0 ? (rest + rows - 1) / rows : 0;
  }
  DEVICE static long long entry(const Norm& norm, const Place& at, int pixel, int channel) {
    return (at.image * norm.pixels + pixel) * norm.channels + channel;
  }
};

template <class X, int lanes>
struct Moments {
  static constexpr int kPhases = 2;
  struct Shared {
    double mean[kThreads * lanes];
    float squares[kThreads * lanes];
  };

  // About the thread's first pixel, from which none of a few is many deviations away: at most the root of their number.
  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared& shared) {
    Range<lanes> range(norm, at);
    if constexpr (phase == 0) {
      if (range.channel >= norm.channels || range.first >= range.last) return;
      const X* x = static_cast<const X*>(norm.x) + Range<lanes>::entry(norm, at, range.first, range.channel);
      long long step = static_cast<long long>(range.rows) * norm.channels;
      int count = range.count(range.row);
      float base[lanes], sum[lanes] = {}, squares[lanes] = {};
      load<lanes>(base, x);
#pragma unroll 4
      for (int i = 1; i < count; i++) {
        float value[lanes];
        load<lanes>(value, x + i * step);
        for (int k = 0; k < lanes; k++) {
          float rest = value[k] - base[k];
          sum[k] += rest;
          squares[k] += rest * rest;
        }
      }
      for (int k = 0; k < lanes; k++) {
        float along = sum[k] / count;
        shared.mean[at.thread * lanes + k] = static_cast<double>(base[k]) + along;
        shared.squares[at.thread * lanes + k] = squares[k] - sum[k] * along;
      }
    } else {
      int channel = at.group * norm.width * lanes + at.thread, across = norm.width * lanes;
      if (at.thread >= across || channel >= norm.channels) return;
      // Row after row joins those before (Chan, Golub and LeVeque 1983): no sum is larger than what comes of it.
      double mean = shared.mean[at.thread], squares = shared.squares[at.thread], all = range.count(0);
      for (int row = 1; row < range.rows && range.count(row) > 0; row++) {
        double count = range.count(row), share = count / (all + count);
        double rest = shared.mean[row * across + at.thread] - mean;
        mean += rest * share;
        squares += shared.squares[row * across + at.thread] + rest * rest * (all * share);
        all += count;
      }
      double* to = norm.partial + (at.image * norm.chunks + at.chunk) * 2 * norm.channels + channel;
      to[0] = mean;
      to[norm.channels] = squares;
    }
  }
};

// A sum over the threads of a block: each writes its term, barrier, some add up, barrier, all read.
struct Total {
  static constexpr int kFew = 16;
  double terms[kThreads], few[kFew];
  DEVICE void add_up(int thread) {
    if (thread >= kFew) return;
    double sum = 0;
    for (int i = 0; i < kThreads / kFew; i++) sum += terms[thread * (kThreads / kFew) + i];
    few[thread] = sum;
  }
  DEVICE double read() const {
    double sum = 0;
    for (int i = 0; i < kFew; i++) sum += few[i];
    return sum;
  }
};

// One block an image.
struct Coefficients {
  static constexpr int kPhases = 5;
  struct Shared {
    Total means, squares;
  };

  // The moments of a channel: those of the chunks, each of which has as many pixels as the first but the last.
  DEVICE static void merge(const Norm& norm, long long image, int channel, float& mean, float& inverse) {
    const double* from = norm.partial + image * norm.chunks * 2 * norm.channels + channel;
    int whole = norm.each * (kThreads / norm.width);
    double sum = 0, squares = 0;
#pragma unroll 8
    for (int chunk = 0; chunk < norm.chunks; chunk++) {
      int count = chunk + 1 < norm.chunks ? whole : norm.pixels - chunk * whole;
      sum += count * from[static_cast<long long>(chunk) * 2 * norm.channels];
    }
    double centre = sum / norm.pixels;
#pragma unroll 8
    for (int chunk = 0; chunk < norm.chunks; chunk++) {
      const double* moments = from + static_cast<long long>(chunk) * 2 * norm.channels;
      int count = chunk + 1 < norm.chunks ? whole : norm.pixels - chunk * whole;
      double rest = moments[0] - centre;
      squares += moments[norm.channels] + count * (rest * rest);
    }
    mean = static_cast<float>(centre);
    inverse = static_cast<float>(1 / root(squares / norm.pixels + norm.floor));
  }

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared& shared) {
    long long first = at.image * norm.channels;
    if constexpr (phase == 0) {
      double sum = 0;
      for (int c = at.thread; c < norm.channels; c += kThreads) {
        merge(norm, at.image, c, norm.mean[first + c], norm.inverse[first + c]);
        sum += norm.mean[first + c];
      }
      shared.means.terms[at.thread] = sum;
    } else if constexpr (phase == 1) {
      shared.means.add_up(at.thread);
    } else if constexpr (phase == 2) {
      double centre = shared.means.read() / norm.channels, squares = 0;
      for (int c = at.thread; c < norm.channels; c += kThreads) {
        double rest = norm.mean[first + c] - centre;
        squares += rest * rest;
      }
      shared.squares.terms[at.thread] = squares;
    } else if constexpr (phase == 3) {
      shared.squares.add_up(at.thread);
    } else {
      double centre = shared.means.read() / norm.channels;
      double closeness = 1 / root(shared.squares.read() / (norm.channels - 1) + norm.floor);
      if (at.thread == 0) norm.closeness[at.image] = closeness;
      long long row = norm.per_image ? first : 0;
      for (int c = at.thread; c < norm.channels; c += kThreads) {
        float gamma = norm.gamma[row + c];
        double rho = (norm.mean[first + c] - centre) * closeness;
        norm.rho[first + c] = rho;
        norm.scale[first + c] = gamma * norm.inverse[first + c];
        norm.shift[first + c] = static_cast<float>(gamma * norm.alpha[row + c] * rho + norm.beta[row + c]);
      }
    }
  }
};

struct Nothing {};

template <class X, class Y, int lanes>
struct Apply {
  static constexpr int kPhases = 1;
  using Shared = Nothing;

  template <int phase>
  DEVICE static void run(const Norm& norm, const Place& at, Shared&) {
    Range<lanes> range(norm, at);
    if (range.channel >= norm.channels) return;
    long long row = at.image * norm.channels + range.channel;
    float mean[lanes], scale[lanes], shift[lanes];
    load<lanes>(mean, norm.mean + row);
    load<lanes>(scale, norm.scale + row);
    load<lanes>(shift, norm.shift + row);
    // What is stored might be what is loaded next, for all that the compiler knows: loads that wait together come
    // first.
    constexpr int ahead = 4;
    for (int pixel = range.first; pixel < range.last; pixel += ahead * range.rows) {
      float values[ahead][lanes];
#pragma unroll
      for (int i = 0; i < ahead; i++) {
        int other = pixel + i * range.rows;
        if (other >= range.last) break;
        load<lanes>(values[i], static_cast<const X*>(norm.x) + Range<lanes>::entry(norm, at, other, range.channel));
      }
#pragma unroll
      for (int i = 0; i < ahead; i++) {
        int other = pixel + i * range.rows;
        if (other >= range.last) break;
        for (int k = 0; k < lanes; k++) {
          float z = (values[i][k] - mean[k]) * scale[k] + shift[k];
          values[i][k] = norm.activate ? elu(z) : z;
        }
        store<lanes>(static_cast<Y*>(norm.y) + Range<lanes>::entry(norm, at, other, range.channel), values[i]);
      }
    }
  }
};
