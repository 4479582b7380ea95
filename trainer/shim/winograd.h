#pragma once
#include <ATen/core/Tensor.h>
#include <optional>
at::Tensor winograd_conv3x3(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias, int64_t dilation);
bool winograd_pays(const at::Tensor& input, const at::Tensor& weight, int64_t dilation);
