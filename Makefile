# The commands that people and CI run. Everything but `lapack` needs only a Rust toolchain and a C compiler.

CARGO ?= cargo
CIFAR := ../shared/data/cifar10-jpeg/train.tar.gz

.PHONY: demo test lapack bench lint doc

## The schedule of FFHQ and, where the images are at hand, of 50,000 CIFAR images.
demo:
	$(CARGO) run --release --quiet -- schedule --dataset ffhq
	@if [ -f $(CIFAR) ]; then echo; $(CARGO) run --release --quiet -- schedule --data $(CIFAR); \
	else echo "No images at $(CIFAR): give your own with 'ncsn schedule --data PATH'."; fi

## All tests of the theory and of the commands.
test:
	$(CARGO) test

## The covariance spectrum of a data set, which needs the system's OpenBLAS.
lapack:
	scripts/install-openblas.sh
	$(CARGO) test -p ncsn-theory --features lapack
	$(CARGO) build --features lapack

## Numbers against their baselines, in the same run.
bench:
	$(CARGO) bench -p ncsn-theory
	$(CARGO) bench -p ncsn

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
