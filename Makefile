# The commands that people and CI run. The theory needs only a Rust toolchain and a C compiler; the trainer also a C++
# compiler, Python 3 and the libtorch that scripts/setup-libtorch.sh fetches.

CARGO ?= cargo
CIFAR := ../shared/data/cifar10-jpeg/train.tar.gz
DEMO ?= runs/demo
TRAINER = $(CARGO) run --release --quiet -p ncsn-trainer --

.PHONY: demo demo-schedule man stranger test test-theory mutants lapack png bench bench-trainer lint doc proofs certify verify proofs-html

## The whole way on built-in images: schedule, training, a sheet of samples; ten minutes on two recent CPU cores. With NPROC=2, two
## processes train, and end with the weights, bit for bit, of one that has --accumulate 2 (ACCUMULATE=2).
demo: .libtorch
	@test ! -e $(DEMO) || { echo "$(DEMO) exists: remove it, or give DEMO=another folder" >&2; exit 2; }
	@mkdir -p $(DEMO)
	$(TRAINER) data --preset shapes -o $(DEMO)/shapes.npy --grid $(DEMO)/data.png
	$(CARGO) run --release --quiet -- schedule --data $(DEMO)/shapes.npy --steps-per-level 3 --format toml -o $(DEMO)/shapes.toml
	$(TRAINER) $(if $(NPROC),launch --nproc $(NPROC)) train --preset shapes --schedule $(DEMO)/shapes.toml --run $(DEMO)/run --samples 0 \
	    $(if $(ACCUMULATE),--accumulate $(ACCUMULATE))
	$(TRAINER) sample --checkpoint $(DEMO)/run --num 64 --grid $(DEMO)/samples.png --trajectory $(DEMO)/trajectory.png
	$(TRAINER) sheets $(DEMO)/run --num 16 --pairs 2 --images 3
	$(TRAINER) report $(DEMO)/run
	@echo
	@echo "report           $(DEMO)/run/report.html: losses, sheets, configuration on one page"
	@echo "training images  $(DEMO)/data.png"
	@echo "noise schedule   $(DEMO)/shapes.toml"
	@echo "run              $(DEMO)/run (TensorBoard: tensorboard --logdir $(DEMO)/run)"
	@echo "samples          $(DEMO)/samples.png, on their way through the noise levels $(DEMO)/trajectory.png"

## The schedule of FFHQ and, where the images are at hand, of 50,000 CIFAR images.
demo-schedule:
	$(CARGO) run --release --quiet -- schedule --dataset ffhq
	@if [ -f $(CIFAR) ]; then echo; $(CARGO) run --release --quiet -- schedule --data $(CIFAR); \
	else echo "No images at $(CIFAR): give your own with 'ncsn schedule --data PATH'."; fi

## The manual pages of all programs, in target/man.
man: .libtorch
	$(CARGO) run --quiet -- man target/man
	$(CARGO) run --quiet -p ncsn-trainer --features man -- man target/man

## A stranger's first day in a fresh clone with empty caches: install, schedule, train, interrupt, resume, sample.
stranger:
	scripts/stranger.sh

## All tests; those that need ../shared (real images, numbers of the authors' code) are ignored where it is not, and listed.
## The trainer's run side by side, each on one thread.
SHARED := $(wildcard ../shared/oracles/ncsnv2_32_ngf8.weights.safetensors)
INCLUDED := $(if $(SHARED),-- --include-ignored --skip on_purpose --skip the_transcript_of_evaluate)
test: test-theory .libtorch
	OMP_NUM_THREADS=1 $(CARGO) test -p ncsn-trainer $(INCLUDED)
ifdef SHARED
	NCSN_TRAINER=target/debug/ncsn-trainer $(CARGO) test --test readme -- --ignored the_transcript_of_evaluate
else
	@echo "NOT CHECKED, for want of ../shared:"
	@grep -rh -A 1 'ignore = "needs ../shared' tests */tests | sed -n 's/^fn \([a-z0-9_]*\).*/  \1/p'
endif

## The tests of the theory and of its commands, without libtorch.
test-theory:
	$(CARGO) test $(INCLUDED)

## Deliberate mistakes in the theory, each of which a check must catch: makes theory/mutants/README.md anew.
mutants:
	theory/mutants/run.py

.libtorch:
	scripts/setup-libtorch.sh

## The covariance spectrum of a data set, which needs the system's OpenBLAS.
lapack:
	scripts/install-openblas.sh
	$(CARGO) test -p ncsn-theory --features lapack
	$(CARGO) build --features lapack

## Figures as PNG, which need a font.
png:
	$(CARGO) test -p ncsn-figures --features png
	$(CARGO) test --features png --test reports picture

## Every theorem and certificate, with Coq 8.20: the system's, or on Debian with root one that is fetched.
proofs: certify
	nice scripts/coq.sh make -j2 check

## The certificates in proofs/, written anew and compared; scripts/coq.sh make checks them.
certify:
	$(CARGO) build --quiet
	for name in cifar10 celeba church bedroom tower ffhq mnist; do \
	    target/debug/ncsn certify --dataset $$name | diff proofs/certificates/$${name}.v - || exit 1; done
	proofs/form.sh proofs/certificates/*.v
	scripts/coq.sh make -j2

## A certificate from anybody, against its schedule file if SCHEDULE names one: make verify FILE=x.v SCHEDULE=x.toml
verify:
	$(CARGO) run --quiet -- certify --verify $(FILE) $(SCHEDULE)

## The statements as pages with links, in proofs/html.
proofs-html:
	scripts/coq.sh make html

## Numbers against their baselines, in the same run.
bench:
	$(CARGO) bench -p ncsn-theory
	$(CARGO) bench -p ncsn

## The trainer's steps beside eager PyTorch's, which PYTHON must have (torch 2.11.0).
PYTHON ?= python3
bench-trainer: .libtorch
	$(CARGO) build --release -p ncsn-trainer
	benches/cpu.sh $(PYTHON)
	$(CARGO) bench -p ncsn-trainer --bench neighbours

lint: .libtorch
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p ncsn-trainer --features man -- -D warnings

doc: .libtorch
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
