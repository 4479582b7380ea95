// InstanceNorm++ and ELU in one pass each way, for CPUs.

#pragma once

#include <ATen/core/Tensor.h>

// gamma * ((x - mean) / sqrt(variance + floor) + alpha * relative) + beta for x [batch, channels, height, width] in f32
// on the CPU, with moments over the pixels and `relative` the means normalised over the channels; then ELU if `activate`.
// gamma, alpha and beta are [1, channels] or [batch, channels]. Any memory format goes in, channels_last comes out.
// Differentiable once.
at::Tensor instance_norm_plus(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& alpha,
                              const at::Tensor& beta, double floor, bool activate);

// Whether the above handles this tensor.
bool handles_norm(const at::Tensor& x);
