// Winograd's algorithm F(4x4, 3x3): Lavin and Gray 2016, "Fast algorithms for convolutional neural networks".
//
// A tile of 4x4 outputs is  Y = A^T [ (G g G^T) * (B^T d B) ] A  with the 3x3 filter g and the 6x6 patch d of the
// input, where * multiplies entry by entry: 36 products where the definition takes 144. Summed over the input channels,
// each of the 36 entries is a matrix product [tiles, in] x [in, out].
//
// The matrices interpolate at 0, a, -a, b, -b and infinity (Toom and Cook). a = 5/8 and b = 3/2 are near the minimum of
// the expected rounding error over all a and b, and the entries of A and B are exact in f32. At Lavin and Gray's points
// 1 and 2 the expected error is 2.2 times as large.

#include "winograd.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "vectors.h"

using at::Tensor;

namespace {

constexpr float a = 0.625f, a2 = a * a, a3 = a2 * a;
constexpr float b = 1.5f, b2 = b * b, b3 = b2 * b;
constexpr float p = 1 / (a2 * b2), q = 1 / (2 * a2 * (a2 - b2)), r = 1 / (2 * b2 * (b2 - a2));

template <int rows_, int columns_>
struct Matrix {
  static constexpr int rows = rows_, columns = columns_;
  float entry[rows][columns];
  constexpr Matrix<columns, rows> transpose() const {
    Matrix<columns, rows> result{};
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) result.entry[j][i] = entry[i][j];
    }
    return result;
  }
};

constexpr Matrix<6, 6> kPatch{{{a2 * b2, 0, -a2 - b2, 0, 1, 0},  // B^T
                               {0, -a * b2, -b2, a, 1, 0},
                               {0, a * b2, -b2, -a, 1, 0},
                               {0, -a2 * b, -a2, b, 1, 0},
                               {0, a2 * b, -a2, -b, 1, 0},
                               {0, a2 * b2, 0, -a2 - b2, 0, 1}}};
constexpr Matrix<6, 3> kFilter{{{p, 0, 0},  // G
                                {q, q * a, q * a2},
                                {q, -q * a, q * a2},
                                {r, r * b, r * b2},
                                {r, -r * b, r * b2},
                                {0, 0, 1}}};
constexpr Matrix<4, 6> kOutput{{{1, 1, 1, 1, 1, 0},  // A^T
                                {0, a, -a, b, -b, 0},
                                {0, a2, a2, b2, b2, 0},
                                {0, a3, -a3, b3, -b3, 1}}};
constexpr Matrix<3, 6> kFilterAdjoint = kFilter.transpose();
constexpr Matrix<6, 4> kOutputAdjoint = kOutput.transpose();

// The inner product works on kRows rows x kPanel columns: so many of the vector registers hold sums, 12 of 16 or 24 of
// 32, that the latency of the multiplications is hidden. kDepth rows of a panel take a quarter or a third of the
// first-level cache. Whichever it is, each number is the same sum in the same order.
constexpr int64_t kPoints = 36, kDepth = 128;
template <class S>
constexpr int64_t kPanel = 2 * S::kLanes;
template <class S>
constexpr int64_t kRows = S::kLanes == 16 ? 12 : 6;

// One entry of a matrix times a vector; the zeros cost nothing once the loops are unrolled.
template <class Vec, class M>
INLINE inline Vec row_times(const M& matrix, int i, const Vec* x) {
  Vec sum = {};
#pragma GCC unroll 6
  for (int j = 0; j < M::columns; j++) {
    if (matrix.entry[i][j] != 0) sum += matrix.entry[i][j] * x[j];
  }
  return sum;
}

// X -> T X T^T for the matrix T; entries come from load_entry(i) and go to store_entry(i, value) in row-major order.
template <class S, const auto& matrix, class Load, class Store>
INLINE inline void both_sides(const Load& load_entry, const Store& store_entry) {
  using Vec = typename S::Vec;
  constexpr int from = std::decay_t<decltype(matrix)>::columns, to = std::decay_t<decltype(matrix)>::rows;
  Vec half[to][from];
#pragma GCC unroll 6
  for (int j = 0; j < from; j++) {
    Vec column[from];
#pragma GCC unroll 6
    for (int i = 0; i < from; i++) column[i] = load_entry(i * from + j);
#pragma GCC unroll 6
    for (int i = 0; i < to; i++) half[i][j] = row_times(matrix, i, column);
  }
#pragma GCC unroll 6
  for (int i = 0; i < to; i++) {
#pragma GCC unroll 6
    for (int j = 0; j < to; j++) store_entry(i * to + j, row_times(matrix, j, half[i]));
  }
}

// product[kRows, kPanel] = (product +) left[kRows, depth] right[depth, kPanel]; `left` is stored by columns if
// `adjoint`, else by rows.
template <class S, bool adjoint>
INLINE inline void multiply(int64_t depth, bool accumulate, const float* left, int64_t left_stride, const float* right,
                            int64_t right_stride, float* product, int64_t product_stride) {
  using Vec = typename S::Vec;
  Vec sum[kRows<S>][2] = {};
  if (accumulate) {
#pragma GCC unroll 12
    for (int i = 0; i < kRows<S>; i++) {
      sum[i][0] = load<S>(product + i * product_stride);
      sum[i][1] = load<S>(product + i * product_stride + S::kLanes);
    }
  }
  for (int64_t k = 0; k < depth; k++) {
    Vec first = load<S>(right + k * right_stride), second = load<S>(right + k * right_stride + S::kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < kRows<S>; i++) {
      float factor = adjoint ? left[k * left_stride + i] : left[i * left_stride + k];
      sum[i][0] += factor * first;
      sum[i][1] += factor * second;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kRows<S>; i++) {
    store<S>(product + i * product_stride, sum[i][0]);
    store<S>(product + i * product_stride + S::kLanes, sum[i][1]);
  }
}

// The same for any number of rows. A block of `right` stays in the first-level cache over all of them, while the next
// block is fetched.
template <class S, bool adjoint>
INLINE inline void multiply_panel(int64_t rows, int64_t depth, bool accumulate, const float* left, int64_t left_stride,
                                  const float* right, int64_t right_stride, float* product, int64_t product_stride) {
  for (int64_t k = 0; k < depth; k += kDepth, right += kDepth * right_stride) {
    for (int64_t t = 0; t < rows; t += kRows<S>) {
      for (int64_t line = kDepth * t / rows; line < kDepth * (t + kRows<S>) / rows; line++) {
        __builtin_prefetch(right + (kDepth + line) * right_stride);
      }
      multiply<S, adjoint>(std::min(kDepth, depth - k), accumulate || k > 0,
                        left + (adjoint ? k * left_stride + t : t * left_stride + k), left_stride, right, right_stride,
                        product + t * product_stride, product_stride);
    }
  }
}

// 36 matrices [rows, columns]. Rows and matrices lie an odd number of cache lines apart, because at powers of two the
// 36 streams of a transform would fall on the same few cache sets.
template <class S>
struct Stack {
  int64_t rows, stride, step;
  Stack(int64_t least_rows, int64_t columns)
      : rows(round_up(least_rows, kRows<S>)),
        stride((divide_up(columns, kPanel<S>) | 1) * kPanel<S>),
        step(rows * stride + kPanel<S>) {}
  int64_t size() const { return kPoints * step; }
};

// The images' tiles. With dilation d the pixels (y, x) of equal y mod d and x mod d make a convolution of their own.
struct Grid {
  int64_t batch, height, width, dilation, tiles_y, tiles_x;
  Grid(const Tensor& image, int64_t dilation)
      : batch(image.size(0)), height(image.size(2)), width(image.size(3)), dilation(dilation),
        tiles_y(divide_up(height, 4 * dilation)), tiles_x(divide_up(width, 4 * dilation)) {}
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

// Row t of the stack = the transform of the tile first + t, for the rows [begin, end).
template <class S, const auto& matrix, int margin>
INLINE inline void gather(const Grid& grid, const float* image, int64_t channels, const float* zeros, int64_t first,
                          int64_t begin, int64_t end, const Stack<S>& stack, float* to) {
  constexpr int size = std::decay_t<decltype(matrix)>::columns;
  const float* pixel[size * size];
  for (int64_t t = begin; t < end; t++) {
    grid.pixels<size, margin>(first + t, image, channels, zeros, pixel);
    for (int64_t c = 0; c < channels; c += S::kLanes) {
      float* entry = to + t * stack.stride + c;
      both_sides<S, matrix>([&](int i) INLINE { return load<S>(pixel[i] + c, channels - c); },
                         [&](int i, const typename S::Vec& value) INLINE { store<S>(entry + i * stack.step, value); });
    }
  }
}

// The filters of a convolution seen as a map from `depth` to `width` channels.
struct Filters {
  const float* data;
  int64_t depth, width, depth_stride, width_stride, tap_strides[2], first_tap;

  // [36][panel of channels][depth][kPanel]: the order in which the matrix product reads them.
  template <class S>
  int64_t step() const {
    return round_up(width, kPanel<S>) * depth + kPanel<S>;
  }

  template <class S>
  INLINE inline void transform(int64_t panel, float* to) const {
    using Vec = typename S::Vec;
    constexpr int64_t lanes = S::kLanes;
    for (int64_t n = panel * kPanel<S>; n < (panel + 1) * kPanel<S>; n += lanes) {
      float* entry = to + panel * depth * kPanel<S> + n % kPanel<S>;
      // The columns from `width` on are never read: any number will do.
      auto column = [&](int64_t lane) INLINE { return std::min(n + lane, width - 1) * width_stride; };
      auto write = [&](int64_t k, const auto& tap) INLINE {
        both_sides<S, kFilter>(tap, [&](int i, const Vec& value) INLINE {
          store<S>(entry + k * kPanel<S> + i * step<S>(), value);
        });
      };
      if (depth_stride == 1) {
        // Filters that lie depth by depth are turned square by square.
        for (int64_t k = 0; k < depth; k += lanes) {
          Vec square[9][lanes];
          for (int i = 0; i < 9; i++) {
            const float* taps = data + first_tap + i / 3 * tap_strides[0] + i % 3 * tap_strides[1] + k;
#pragma GCC unroll 16
            for (int64_t lane = 0; lane < lanes; lane++) square[i][lane] = load<S>(taps + column(lane), depth - k);
            transpose<S>(square[i]);
          }
          for (int64_t line = 0; line < std::min(lanes, depth - k); line++) {
            write(k + line, [&](int i) INLINE { return square[i][line]; });
          }
        }
      } else {
        bool side_by_side = width_stride == 1 && n + lanes <= width;
        for (int64_t k = 0; k < depth; k++) {
          write(k, [&](int i) INLINE {
            const float* tap =
                data + first_tap + i / 3 * tap_strides[0] + i % 3 * tap_strides[1] + k * depth_stride;
            if (side_by_side) return load<S>(tap + n);
            Vec value = {};
            for (int64_t lane = 0; lane < lanes; lane++) value[lane] = tap[column(lane)];
            return value;
          });
        }
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

// Blocks of about this many tiles amortise the reading of the filters and keep the scratch memory small.
constexpr int64_t kBlockTiles = 96;
// Floats that the tiles of one step of the filters' gradient take: larger steps leave the shared cache.
constexpr int64_t kChunkFloats = 2 << 20;

Tensor scratch(int64_t floats) { return at::empty({floats}, at::kFloat); }

// Each tile's sums run over the input channels in order, whatever the batch and the number of threads.
template <class S>
Tensor convolve(const Tensor& image, const Filters& filters, const float* bias, int64_t dilation) {
  using Vec = typename S::Vec;
  Tensor input = image.contiguous(at::MemoryFormat::ChannelsLast);
  Grid grid(input, dilation);
  int64_t in = filters.depth, out = filters.width, panels = divide_up(out, kPanel<S>);
  Tensor output = at::empty({grid.batch, out, grid.height, grid.width}, at::TensorOptions(at::kFloat),
                            at::MemoryFormat::ChannelsLast);

  Tensor filter_scratch = scratch(kPoints * filters.step<S>());
  float* u = filter_scratch.mutable_data_ptr<float>();
  parallel<S>(panels, [&](int64_t begin, int64_t end) INLINE {
    for (int64_t panel = begin; panel < end; panel++) filters.transform<S>(panel, u);
  });

  int64_t groups = divide_up(grid.tiles(), kRows<S>);
  int64_t share = divide_up(groups, at::get_num_threads());
  int64_t block = divide_up(share, divide_up(share, kBlockTiles / kRows<S>));
  const float* x = input.const_data_ptr<float>();
  float* y = output.mutable_data_ptr<float>();
  parallel<S>(divide_up(groups, block), [&](int64_t begin, int64_t end) INLINE {
    Stack<S> v_stack(block * kRows<S>, in), m_stack(block * kRows<S>, out);
    Tensor block_scratch = scratch(v_stack.size() + m_stack.size() + v_stack.stride + m_stack.stride);
    float* v = block_scratch.mutable_data_ptr<float>();
    float* m = v + v_stack.size();
    float* zeros = m + m_stack.size();
    float* dump = zeros + v_stack.stride;
    std::fill_n(zeros, v_stack.stride, 0.0f);
    for (int64_t index = begin; index < end; index++) {
      int64_t first = index * block * kRows<S>, tiles = std::min(block * kRows<S>, grid.tiles() - first);
      gather<S, kPatch, 1>(grid, x, in, zeros, first, 0, round_up(tiles, kRows<S>), v_stack, v);
      for (int64_t i = 0; i < kPoints; i++) {
        for (int64_t panel = 0; panel < panels; panel++) {
          multiply_panel<S, false>(tiles, in, false, v + i * v_stack.step, v_stack.stride,
                                u + i * filters.step<S>() + panel * in * kPanel<S>, kPanel<S>,
                                m + i * m_stack.step + panel * kPanel<S>, m_stack.stride);
        }
      }
      float* pixel[16];
      for (int64_t t = 0; t < tiles; t++) {
        grid.pixels<4, 0>(first + t, y, out, dump, pixel);
        for (int64_t c = 0; c < out; c += S::kLanes) {
          const float* entry = m + t * m_stack.stride + c;
          Vec shift = bias ? load<S>(bias + c, out - c) : Vec{};
          both_sides<S, kOutput>([&](int i) INLINE { return load<S>(entry + i * m_stack.step); },
                              [&](int i, const Vec& value) INLINE { store<S>(pixel[i] + c, value + shift, out - c); });
        }
      }
    }
  });
  return output;
}

// Gradient of the filters: the adjoint of g -> Y, dg = G^T [ sum of (A dY A^T) * (B^T d B) over the tiles ] G.
// Each entry is summed over the tiles in order by one thread. The result lies in memory as the filters do.
template <class S>
Tensor filter_gradient(const Tensor& image, const Tensor& output_gradient, const Tensor& weight, int64_t dilation) {
  using Vec = typename S::Vec;
  Tensor input = image.contiguous(at::MemoryFormat::ChannelsLast);
  Tensor gradient = output_gradient.contiguous(at::MemoryFormat::ChannelsLast);
  Grid grid(input, dilation);
  int64_t in = input.size(1), out = gradient.size(1), panels = divide_up(in, kPanel<S>);

  int64_t affordable = std::max(kRows<S>, kChunkFloats / (kPoints * (in + out)) / kRows<S> * kRows<S>);
  int64_t chunk = std::min(affordable, grid.tiles());
  Stack<S> v_stack(chunk, in), w_stack(chunk, out), u_stack(out, in);
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
    parallel<S>(tiles, [&](int64_t begin, int64_t end) INLINE {
      gather<S, kPatch, 1>(grid, x, in, zeros, first, begin, end, v_stack, v);
      gather<S, kOutputAdjoint, 0>(grid, dy, out, zeros, first, begin, end, w_stack, w);
    });
    parallel<S>(kPoints * panels, [&](int64_t begin, int64_t end) INLINE {
      for (int64_t job = begin; job < end; job++) {
        int64_t i = job / panels, panel = job % panels;
        multiply_panel<S, true>(out, tiles, first > 0, w + i * w_stack.step, w_stack.stride,
                                v + i * v_stack.step + panel * kPanel<S>, v_stack.stride,
                                u + i * u_stack.step + panel * kPanel<S>, u_stack.stride);
      }
    });
  }

  Tensor result = at::empty_like(weight, at::TensorOptions().requires_grad(false));
  float* dw = result.mutable_data_ptr<float>();
  int64_t by_out = result.stride(0), by_in = result.stride(1), by_row = result.stride(2), by_column = result.stride(3);
  parallel<S>(out, [&](int64_t begin, int64_t end) INLINE {
    for (int64_t n = begin; n < end; n++) {
      for (int64_t c = 0; c < in; c += S::kLanes) {
        const float* entry = u + n * u_stack.stride + c;
        both_sides<S, kFilterAdjoint>(
            [&](int i) INLINE { return load<S>(entry + i * u_stack.step); },
            [&](int i, const Vec& value) INLINE {
              float* tap = dw + n * by_out + c * by_in + i / 3 * by_row + i % 3 * by_column;
              if (by_in == 1) return store<S>(tap, value, in - c);
              for (int64_t lane = 0; lane < std::min(S::kLanes, in - c); lane++) tap[lane * by_in] = value[lane];
            });
      }
    }
  });
  return result;
}

Tensor convolved(const Tensor& image, const Filters& filters, const float* bias, int64_t dilation) {
  return dispatched([&](auto shape) { return convolve<decltype(shape)>(image, filters, bias, dilation); });
}

Tensor forward_pass(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, int64_t dilation) {
  Tensor shift = bias ? bias->contiguous() : Tensor();
  return convolved(input, forward_filters(weight), bias ? shift.const_data_ptr<float>() : nullptr, dilation);
}

bool is_float_on_cpu(const Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided;
}

void check_type(const Tensor& tensor, const char* name) {
  TORCH_CHECK(is_float_on_cpu(tensor), "winograd_conv3x3 takes dense f32 tensors on the CPU, but ", name, " is ",
              tensor.toString(), " on ", tensor.device());
}

struct Convolution : torch::autograd::Function<Convolution> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& input, const Tensor& weight,
                        const std::optional<Tensor>& bias, int64_t dilation) {
    // The input is saved only for the weight's gradient, which is laid out as the weight is.
    context->save_for_backward({weight.requires_grad() ? input : Tensor(), weight});
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
      input_gradient = convolved(gradient, backward_filters(saved[1]), nullptr, dilation);
    }
    if (context->needs_input_grad(1)) {
      weight_gradient = dispatched([&](auto shape) {
        return filter_gradient<decltype(shape)>(saved[0], gradient, saved[1], dilation);
      });
    }
    if (context->saved_data["biased"].toBool() && context->needs_input_grad(2)) {
      bias_gradient = gradient.sum(at::IntArrayRef{0, 2, 3});
    }
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
  TORCH_CHECK(input.numel() > 0 && weight.numel() > 0, "winograd_conv3x3 got nothing to do: ", input.sizes(), " and ",
              weight.sizes());
  TORCH_CHECK(dilation >= 1, "winograd_conv3x3 takes a dilation of at least 1, not ", dilation);
  check_type(input, "input");
  check_type(weight, "weight");
  if (bias) {
    check_type(*bias, "bias");
    TORCH_CHECK(bias->dim() == 1 && bias->size(0) == weight.size(0), "winograd_conv3x3 takes a bias of ",
                weight.size(0), " entries, not ", bias->sizes());
  }
  bool differentiable = input.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad());
  if (c10::GradMode::is_enabled() && differentiable) return Convolution::apply(input, weight, bias, dilation);
  return forward_pass(input, weight, bias, dilation);
}

// Compares times in units of one multiplication of the inner loops, as measured on an AMD Zen 3 core: besides its
// products Winograd's algorithm transforms patches, outputs and filters, which dominates at few channels and few tiles.
// The margin keeps the library's convolution wherever the gain would be small. The transform of the filters is shared
// by kImages whatever the batch, so that an image's numbers do not depend on the batch it is in.
bool winograd_pays(const at::Tensor& input, const at::Tensor& weight, int64_t dilation) {
  if (input.dim() != 4 || weight.dim() != 4 || weight.size(1) != input.size(1) || weight.size(2) != 3 ||
      weight.size(3) != 3 || dilation < 1 || input.numel() == 0 || weight.numel() == 0) {
    return false;
  }
  if (!is_float_on_cpu(input) || !is_float_on_cpu(weight) || at::autocast::is_autocast_enabled(at::kCPU)) return false;
  constexpr double kPatchCost = 900, kOutputCost = 500, kFilterCost = 1000, kImages = 4, kMargin = 1.25;
  Grid grid(input, dilation);
  double in = round_up(weight.size(1), Narrow::kLanes), out = round_up(weight.size(0), kPanel<Narrow>);
  double tiles = grid.tiles() / grid.batch, products = in * out;
  double ours = tiles * (kPoints * products + kPatchCost * in + kOutputCost * out) + kFilterCost / kImages * products;
  // Taps in the padding are skipped.
  auto taps = [&](int64_t size) { return static_cast<double>(std::max(size, 3 * size - 2 * dilation)); };
  double direct = taps(grid.height) * taps(grid.width) * weight.size(1) * weight.size(0);
  return direct > kMargin * ours;
}
