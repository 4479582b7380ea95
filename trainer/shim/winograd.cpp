#include "winograd.h"
at::Tensor winograd_conv3x3(const at::Tensor& input, const at::Tensor&, const std::optional<at::Tensor>&, int64_t) { return input; }
bool winograd_pays(const at::Tensor&, const at::Tensor&, int64_t) { return false; }
