// Winograd's algorithm F(4x4, 3x3): Lavin and Gray 2016, "Fast algorithms for convolutional neural networks".
//
// A tile of 4x4 outputs is  Y = A^T [ (G g G^T) * (B^T d B) ] A  with the 3x3 filter g and the 6x6 patch d of the input,
// where * multiplies entry by entry: 36 products where the definition takes 144. Summed over the input channels, each of
// the 36 entries is a matrix product [tiles, in] x [in, out].
//
// The matrices interpolate at 0, a, -a, b, -b and infinity (Toom and Cook). a = 5/8 and b = 3/2 are near the minimum of
// the expected rounding error over all a and b, and their products up to a^2 b^2 are exact in f32. At Lavin and Gray's
// points 1 and 2 the error is 2.2 times as large.
//
//         | a2b2    0      -a2-b2   0     1  0 |          | 1/p     0       0     |          | 1  1   1   1   1   0 |
//         | 0      -a b2   -b2      a     1  0 |          | 1/q     a/q     a2/q  |          | 0  a  -a   b  -b   0 |
//   B^T = | 0       a b2   -b2     -a     1  0 |      G = | 1/q    -a/q     a2/q  |    A^T = | 0  a2  a2  b2  b2  0 |
//         | 0      -a2 b   -a2      b     1  0 |          | 1/r     b/r     b2/r  |          | 0  a3 -a3  b3 -b3  1 |
//         | 0       a2 b   -a2     -b     1  0 |          | 1/r    -b/r     b2/r  |
//         | 0       a2b2    0   -a2-b2   0  1 |           | 0       0       1     |
//
// with p = a2 b2, q = 2 a2 (a2 - b2), r = 2 b2 (b2 - a2).

#include "winograd.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <memory>
#include <vector>

using at::Tensor;

namespace {

#define INLINE __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi"

constexpr float a1 = 0.625f, a2 = a1 * a1, a3 = a2 * a1;
constexpr float b1 = 1.5f, b2 = b1 * b1, b3 = b2 * b1;
constexpr float p = 1 / (a2 * b2), q = 1 / (2 * a2 * (a2 - b2)), r = 1 / (2 * b2 * (b2 - a2));

constexpr int64_t kLanes = 8, kPanel = 16, kRows = 6, kPoints = 36;

using Vec = float __attribute__((vector_size(32), may_alias));
using UnalignedVec = float __attribute__((vector_size(32), aligned(4), may_alias));

INLINE inline Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
INLINE inline void store(float* to, Vec value) { *reinterpret_cast<UnalignedVec*>(to) = value; }

INLINE inline Vec load(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
  Vec value = {};
  for (int64_t i = 0; i < count; i++) value[i] = from[i];
  return value;
}

INLINE inline void store(float* to, Vec value, int64_t count) {
  if (count >= kLanes) return store(to, value);
  for (int64_t i = 0; i < count; i++) to[i] = value[i];
}

// x -> B^T x
struct Patch {
  static constexpr int from = 6, to = 6;
  static INLINE inline void apply(const Vec* x, Vec* y) {
    Vec even_a = x[4] - b2 * x[2], odd_a = x[3] - b2 * x[1];
    Vec even_b = x[4] - a2 * x[2], odd_b = x[3] - a2 * x[1];
    y[0] = a2 * b2 * x[0] - (a2 + b2) * x[2] + x[4];
    y[1] = even_a + a1 * odd_a;
    y[2] = even_a - a1 * odd_a;
    y[3] = even_b + b1 * odd_b;
    y[4] = even_b - b1 * odd_b;
    y[5] = a2 * b2 * x[1] - (a2 + b2) * x[3] + x[5];
  }
};

// x -> G x
struct Filter {
  static constexpr int from = 3, to = 6;
  static INLINE inline void apply(const Vec* x, Vec* y) {
    Vec even_a = x[0] + a2 * x[2], even_b = x[0] + b2 * x[2];
    y[0] = p * x[0];
    y[1] = q * (even_a + a1 * x[1]);
    y[2] = q * (even_a - a1 * x[1]);
    y[3] = r * (even_b + b1 * x[1]);
    y[4] = r * (even_b - b1 * x[1]);
    y[5] = x[2];
  }
};

// x -> G^T x
struct FilterAdjoint {
  static constexpr int from = 6, to = 3;
  static INLINE inline void apply(const Vec* x, Vec* y) {
    Vec even_a = q * (x[1] + x[2]), odd_a = q * (x[1] - x[2]);
    Vec even_b = r * (x[3] + x[4]), odd_b = r * (x[3] - x[4]);
    y[0] = p * x[0] + even_a + even_b;
    y[1] = a1 * odd_a + b1 * odd_b;
    y[2] = a2 * even_a + b2 * even_b + x[5];
  }
};

// x -> A^T x
struct Output {
  static constexpr int from = 6, to = 4;
  static INLINE inline void apply(const Vec* x, Vec* y) {
    Vec even_a = x[1] + x[2], odd_a = x[1] - x[2];
    Vec even_b = x[3] + x[4], odd_b = x[3] - x[4];
    y[0] = x[0] + even_a + even_b;
    y[1] = a1 * odd_a + b1 * odd_b;
    y[2] = a2 * even_a + b2 * even_b;
    y[3] = a3 * odd_a + b3 * odd_b + x[5];
  }
};

// x -> A x
struct OutputAdjoint {
  static constexpr int from = 4, to = 6;
  static INLINE inline void apply(const Vec* x, Vec* y) {
    Vec even_a = x[0] + a2 * x[2], odd_a = x[1] + a2 * x[3];
    Vec even_b = x[0] + b2 * x[2], odd_b = x[1] + b2 * x[3];
    y[0] = x[0];
    y[1] = even_a + a1 * odd_a;
    y[2] = even_a - a1 * odd_a;
    y[3] = even_b + b1 * odd_b;
    y[4] = even_b - b1 * odd_b;
    y[5] = x[3];
  }
};

// X -> T X T^T for the matrix T of `Side`; load(i) and store(i, value) take entries in row-major order.
template <class Side, class Load, class Store>
INLINE inline void both_sides(const Load& load_entry, const Store& store_entry) {
  Vec half[Side::to][Side::from];
#pragma GCC unroll 6
  for (int j = 0; j < Side::from; j++) {
    Vec column[Side::from], image[Side::to];
#pragma GCC unroll 6
    for (int i = 0; i < Side::from; i++) column[i] = load_entry(i * Side::from + j);
    Side::apply(column, image);
#pragma GCC unroll 6
    for (int i = 0; i < Side::to; i++) half[i][j] = image[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < Side::to; i++) {
    Vec row[Side::to];
    Side::apply(half[i], row);
#pragma GCC unroll 6
    for (int j = 0; j < Side::to; j++) store_entry(i * Side::to + j, row[j]);
  }
}

// c[6, 16] = (c +) a[6, depth] b[depth, 16], where a is stored by columns if `adjoint`, else by rows.
template <bool adjoint, bool accumulate>
INLINE inline void multiply(int64_t depth, const float* a, int64_t a_stride, const float* b, int64_t b_stride, float* c,
                     int64_t c_stride) {
  Vec sum[kRows][2];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; i++) {
    sum[i][0] = accumulate ? load(c + i * c_stride) : Vec{};
    sum[i][1] = accumulate ? load(c + i * c_stride + kLanes) : Vec{};
  }
  for (int64_t k = 0; k < depth; k++) {
    Vec left = load(b + k * b_stride), right = load(b + k * b_stride + kLanes);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; i++) {
      float factor = adjoint ? a[k * a_stride + i] : a[i * a_stride + k];
      sum[i][0] += factor * left;
      sum[i][1] += factor * right;
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < kRows; i++) {
    store(c + i * c_stride, sum[i][0]);
    store(c + i * c_stride + kLanes, sum[i][1]);
  }
}

#if defined(__x86_64__)
template <class Body>
__attribute__((target("avx2,fma"), noinline)) void run_with_avx2(const Body& body) {
  body();
}
#endif

// Runs `body`, all of whose calls are INLINE, compiled for the vectors that this processor has.
template <class Body>
void vectorised(const Body& body) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2) return run_with_avx2(body);
#endif
  body();
}

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// 36 matrices [rows, columns]. Rows and matrices lie an odd number of cache lines apart, because at powers of two the
// 36 streams of a transform would fall on the same few cache sets.
struct Stack {
  int64_t rows, stride, step;
  Stack(int64_t rows, int64_t columns)
      : rows(round_up(rows, kRows)), stride(round_up(columns, kPanel) + kPanel), step(this->rows * stride + kPanel) {
    if (stride / kPanel % 2 == 0) stride += kPanel, step = this->rows * stride + kPanel;
  }
  int64_t size() const { return kPoints * step; }
};

// The images' tiles. With dilation d the pixels (y, x) of equal y mod d and x mod d make a convolution of their own.
struct Grid {
  int64_t batch, height, width, dilation, tiles_y, tiles_x;
  Grid(const Tensor& image, int64_t dilation)
      : batch(image.size(0)), height(image.size(2)), width(image.size(3)), dilation(dilation),
        tiles_y((height + 4 * dilation - 1) / (4 * dilation)), tiles_x((width + 4 * dilation - 1) / (4 * dilation)) {}
  int64_t tiles() const { return batch * tiles_y * tiles_x * dilation * dilation; }

  // Addresses of `size` x `size` pixels of a tile, from `margin` before its first on; `outside` for those that are not.
  template <int size, int margin, class Float>
  void pixels(int64_t tile, Float* image, int64_t channels, Float* outside, Float** addresses) const {
    int64_t x = tile % dilation + (tile / dilation % tiles_x * 4 - margin) * dilation;
    tile /= dilation * tiles_x;
    int64_t y = tile % dilation + (tile / dilation % tiles_y * 4 - margin) * dilation;
    int64_t index = tile / (dilation * tiles_y);
    for (int i = 0; i < size * size; i++) {
      int64_t row = y + i / size * dilation, column = x + i % size * dilation;
      bool inside = index < batch && row >= 0 && row < height && column >= 0 && column < width;
      addresses[i] = inside ? image + ((index * height + row) * width + column) * channels : outside;
    }
  }
};

// Row t of the stack = `Side` of the tile first + t, for the rows [begin, end).
template <class Side, int margin>
INLINE inline void gather(const Grid& grid, const float* image, int64_t channels, const float* zeros, int64_t first,
                   int64_t begin, int64_t end, const Stack& stack, float* to) {
  const float* pixel[Side::from * Side::from];
  for (int64_t t = begin; t < end; t++) {
    grid.pixels<Side::from, margin>(first + t, image, channels, zeros, pixel);
    for (int64_t c = 0; c < channels; c += kLanes) {
      float* entry = to + t * stack.stride + c;
      both_sides<Side>([&](int i) INLINE { return load(pixel[i] + c, channels - c); },
                       [&](int i, const Vec& value) INLINE { store(entry + i * stack.step, value); });
    }
  }
}

// The filters of a convolution seen as a map from `depth` to `width` channels.
struct Filters {
  const float* data;
  int64_t depth, width, depth_stride, width_stride, tap_strides[2], first_tap;

  // [36][panel of 16 channels][depth][16]: the order in which the matrix product reads them.
  int64_t step() const { return round_up(width, kPanel) * depth + kPanel; }

  INLINE inline void transform(int64_t panel, float* to) const {
    for (int64_t k = 0; k < depth; k++) {
      for (int64_t n = panel * kPanel; n < (panel + 1) * kPanel; n += kLanes) {
        float* entry = to + (panel * depth + k) * kPanel + n % kPanel;
        const float* taps = data + first_tap + k * depth_stride + n * width_stride;
        int64_t count = std::min(kLanes, width - n);
        both_sides<Filter>(
            [&](int i) INLINE {
              const float* tap = taps + i / 3 * tap_strides[0] + i % 3 * tap_strides[1];
              Vec value = {};
              if (count == kLanes) {
                value = Vec{tap[0], tap[width_stride], tap[2 * width_stride], tap[3 * width_stride],
                            tap[4 * width_stride], tap[5 * width_stride], tap[6 * width_stride], tap[7 * width_stride]};
              } else {
                for (int64_t lane = 0; lane < count; lane++) value[lane] = tap[lane * width_stride];
              }
              return value;
            },
            [&](int i, const Vec& value) INLINE { store(entry + i * step(), value); });
      }
    }
  }
};

Filters forward_filters(const Tensor& weight) {
  return {weight.const_data_ptr<float>(), weight.size(1), weight.size(0), weight.stride(1), weight.stride(0),
          {weight.stride(2), weight.stride(3)}, 0};
}

// The adjoint of a convolution is one with the filters turned by 180 degrees and in and out exchanged.
Filters backward_filters(const Tensor& weight) {
  return {weight.const_data_ptr<float>(), weight.size(0), weight.size(1), weight.stride(0), weight.stride(1),
          {-weight.stride(2), -weight.stride(3)}, 2 * (weight.stride(2) + weight.stride(3))};
}

constexpr int64_t kScratchFloats = 4 << 20;

Tensor scratch(int64_t floats) { return at::empty({floats}, at::kFloat); }

Tensor convolve(const Tensor& image, const Filters& filters, const float* bias, int64_t dilation) {
  Tensor input = image.contiguous(at::MemoryFormat::ChannelsLast);
  Grid grid(input, dilation);
  int64_t in = filters.depth, out = filters.width, panels = round_up(out, kPanel) / kPanel;
  Tensor output = at::empty({grid.batch, out, grid.height, grid.width}, input.options(), at::MemoryFormat::ChannelsLast);

  Tensor filter_scratch = scratch(kPoints * filters.step());
  float* u = filter_scratch.mutable_data_ptr<float>();
  at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
    vectorised([&]() INLINE {
      for (int64_t panel = begin; panel < end; panel++) filters.transform(panel, u);
    });
  });

  static const int64_t block_groups = getenv("WG_GROUPS") ? atoi(getenv("WG_GROUPS")) : 11;
  int64_t groups = (grid.tiles() + kRows - 1) / kRows;
  int64_t block = std::min(block_groups, (groups + at::get_num_threads() - 1) / at::get_num_threads());
  const float* x = input.const_data_ptr<float>();
  float* y = output.mutable_data_ptr<float>();
  at::parallel_for(0, (groups + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    Stack v_stack(block * kRows, in), m_stack(block * kRows, out);
    Tensor block_scratch = scratch(v_stack.size() + m_stack.size() + v_stack.stride + m_stack.stride);
    float* v = block_scratch.mutable_data_ptr<float>();
    float* m = v + v_stack.size();
    float* zeros = m + m_stack.size();
    float* dump = zeros + v_stack.stride;
    std::fill_n(zeros, v_stack.stride, 0.0f);
    vectorised([&]() INLINE {
      for (int64_t index = begin; index < end; index++) {
        int64_t first = index * block * kRows, tiles = std::min(block * kRows, grid.tiles() - first);
        gather<Patch, 1>(grid, x, in, zeros, first, 0, round_up(tiles, kRows), v_stack, v);
        for (int64_t i = 0; i < kPoints; i++) {
          for (int64_t panel = 0; panel < panels; panel++) {
            for (int64_t t = 0; t < tiles; t += kRows) {
              multiply<false, false>(in, v + i * v_stack.step + t * v_stack.stride, v_stack.stride,
                                     u + i * filters.step() + panel * in * kPanel, kPanel,
                                     m + i * m_stack.step + t * m_stack.stride + panel * kPanel, m_stack.stride);
            }
          }
        }
        float* pixel[16];
        for (int64_t t = 0; t < tiles; t++) {
          grid.pixels<4, 0>(first + t, y, out, dump, pixel);
          for (int64_t c = 0; c < out; c += kLanes) {
            const float* entry = m + t * m_stack.stride + c;
            Vec shift = bias ? load(bias + c, out - c) : Vec{};
            both_sides<Output>([&](int i) INLINE { return load(entry + i * m_stack.step); },
                               [&](int i, const Vec& value) INLINE { store(pixel[i] + c, value + shift, out - c); });
          }
        }
      }
    });
  });
  return output;
}

// Gradient of the filters: the adjoint of g -> Y, tile by tile and summed over the tiles.
Tensor filter_gradient(const Tensor& image, const Tensor& output_gradient, int64_t dilation) {
  Tensor input = image.contiguous(at::MemoryFormat::ChannelsLast);
  Tensor gradient = output_gradient.contiguous(at::MemoryFormat::ChannelsLast);
  Grid grid(input, dilation);
  int64_t in = input.size(1), out = gradient.size(1), panels = round_up(out, kPanel) / kPanel;
  static const int64_t depth_block = getenv("WG_DEPTH") ? atoi(getenv("WG_DEPTH")) : 128;

  int64_t chunk = std::min(round_up(grid.tiles(), kRows),
                           std::max<int64_t>(kRows, kScratchFloats * 2 / (kPoints * (in + out + 64)) / kRows * kRows));
  Stack v_stack(chunk, in), w_stack(chunk, out), u_stack(in, out);
  Tensor all = scratch(v_stack.size() + w_stack.size() + u_stack.size() + v_stack.stride + w_stack.stride);
  float* v = all.mutable_data_ptr<float>();
  float* w = v + v_stack.size();
  float* u = w + w_stack.size();
  float* zeros = u + u_stack.size();
  std::fill_n(zeros, v_stack.stride + w_stack.stride, 0.0f);
  const float* x = input.const_data_ptr<float>();
  const float* dy = gradient.const_data_ptr<float>();
  for (int64_t first = 0; first < grid.tiles(); first += chunk) {
    int64_t tiles = std::min(chunk, grid.tiles() - first);
    at::parallel_for(0, tiles, kRows, [&](int64_t begin, int64_t end) {
      vectorised([&]() INLINE {
        gather<Patch, 1>(grid, x, in, zeros, first, begin, end, v_stack, v);
        gather<OutputAdjoint, 0>(grid, dy, out, zeros, first, begin, end, w_stack, w);
      });
    });
    at::parallel_for(0, kPoints * panels, 1, [&](int64_t begin, int64_t end) {
      vectorised([&]() INLINE {
        for (int64_t job = begin; job < end; job++) {
          int64_t i = job / panels, panel = job % panels;
          for (int64_t t = 0; t < tiles; t += depth_block) {
            int64_t depth = std::min(depth_block, tiles - t);
            const float* b = w + i * w_stack.step + t * w_stack.stride + panel * kPanel;
            for (int64_t c = 0; c < in; c += kRows) {
              const float* a = v + i * v_stack.step + t * v_stack.stride + c;
              float* to = u + i * u_stack.step + c * u_stack.stride + panel * kPanel;
              if (first + t == 0) {
                multiply<true, false>(depth, a, v_stack.stride, b, w_stack.stride, to, u_stack.stride);
              } else {
                multiply<true, true>(depth, a, v_stack.stride, b, w_stack.stride, to, u_stack.stride);
              }
            }
          }
        }
      });
    });
  }

  Tensor result = at::empty({out, in, 3, 3}, at::kFloat);
  float* dw = result.mutable_data_ptr<float>();
  at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
    vectorised([&]() INLINE {
      for (int64_t n = begin * kPanel; n < std::min(end * kPanel, out); n += kLanes) {
        for (int64_t c = 0; c < in; c++) {
          const float* entry = u + c * u_stack.stride + n;
          both_sides<FilterAdjoint>([&](int i) INLINE { return load(entry + i * u_stack.step); },
                                    [&](int i, const Vec& value) INLINE {
                                      int64_t lanes = std::min(kLanes, out - n);
                                      for (int64_t lane = 0; lane < lanes; lane++) {
                                        dw[((n + lane) * in + c) * 9 + i] = value[lane];
                                      }
                                    });
        }
      }
    });
  });
  return result;
}

Tensor forward_pass(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, int64_t dilation) {
  Tensor shift = bias ? bias->contiguous() : Tensor();
  return convolve(input, forward_filters(weight), bias ? shift.const_data_ptr<float>() : nullptr, dilation);
}

struct Convolution : torch::autograd::Function<Convolution> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias, int64_t dilation) {
    // Each is saved only for the other's gradient.
    context->save_for_backward({weight.requires_grad() ? input : Tensor(), input.requires_grad() ? weight : Tensor()});
    context->saved_data["dilation"] = dilation;
    context->saved_data["biased"] = bias.has_value();
    return forward_pass(input, weight, bias, dilation);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "winograd_conv3x3 has no second derivative: create_graph must be false");
    auto saved = context->get_saved_variables();
    int64_t dilation = context->saved_data["dilation"].toInt();
    const Tensor& gradient = gradients[0];
    Tensor input_gradient, weight_gradient, bias_gradient;
    if (context->needs_input_grad(0)) {
      input_gradient = convolve(gradient, backward_filters(saved[1]), nullptr, dilation);
    }
    if (context->needs_input_grad(1)) {
      weight_gradient = filter_gradient(saved[0], gradient, dilation);
    }
    if (context->saved_data["biased"].toBool() && context->needs_input_grad(2)) bias_gradient = gradient.sum(at::IntArrayRef{0, 2, 3});
    return {input_gradient, weight_gradient, bias_gradient, Tensor()};
  }
};

}  // namespace

at::Tensor winograd_conv3x3(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            int64_t dilation) {
  TORCH_CHECK(input.dim() == 4 && weight.dim() == 4 && weight.size(1) == input.size(1) && weight.size(2) == 3 &&
                  weight.size(3) == 3,
              "winograd_conv3x3 takes [batch, in, height, width] and [out, in, 3, 3], not ", input.sizes(), " and ",
              weight.sizes());
  return Convolution::apply(input, weight, bias, dilation);
}

bool winograd_pays(const at::Tensor& input, const at::Tensor& weight, int64_t dilation) {
  return true;
}
