// Found only where libtorch's own torch/torch.h is not: .cargo/config.toml puts this folder last on the compiler's search
// path. After an #error compilers read on and report thousands of lines; a file that cannot be found ends them here.
#include "no libtorch 2.11.0 in .libtorch, which scripts/setup-libtorch.sh makes: run it"
