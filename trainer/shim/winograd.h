// Winograd's 3x3 convolution for CPUs: the trainer's slowest part with a quarter of the multiplications.

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

// Convolution of `input` [batch, in, height, width] with `weight` [out, in, 3, 3], stride 1, padding = dilation, in f32
// on the CPU. Any memory format goes in, channels_last comes out. Differentiable once.
at::Tensor winograd_conv3x3(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            int64_t dilation);

// Whether the above handles these tensors and is faster than at::conv2d.
bool winograd_pays(const at::Tensor& input, const at::Tensor& weight, int64_t dilation);
