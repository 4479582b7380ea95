// InstanceNorm++ and ELU by the kernels of kernels/, on CUDA or emulated on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

// Whether the below handles this tensor: f32 or bfloat16, on a device for which it was switched on.
bool handles_own_norm(const at::Tensor& x);

// As `instance_norm_plus` of norm.h; the result is of `kind`, f32 or bfloat16, whatever x is. Gradients are of the
// kinds of what they belong to.
at::Tensor own_instance_norm_plus(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& alpha,
                                  const at::Tensor& beta, double floor, bool activate, at::ScalarType kind);
