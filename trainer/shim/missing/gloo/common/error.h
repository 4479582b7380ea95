// The wheel has libtorch's headers of Gloo's process group but not Gloo's own, whose types they name: here as far as they
// need them. The code is in libtorch_cpu.so.
#pragma once
