# The front door. Embedded Swift is what ships; ordinary is the same sources as plain Swift 6.
SWIFT := swift
NAME := containerd-shim-swiftrunc-v2
PREFIX := /usr/local
EXECS := 200
SECONDS := 60
SEEDS := 1000000
MINUTES := 60
SWEEP :=
CONTAINERD := all
ARCHIVES := $(shell $(SWIFT)c -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)",*/\1/p')/embedded/x86_64-unknown-linux-gnu
export SWIFTRUNC_REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# A runpath, which SwiftPM adds by default, makes glibc abort a static-pie program before main.
FLAGS := -c release --disable-local-rpath --explicit-target-dependency-import-check error --product $(NAME)

all: embedded ordinary ## both builds

# Optimized at link time, so that the metadata of [UInt8] and the like, private memory, are there once and not for each module.
embedded: build-deps ## bin/NAME: Embedded Swift, static-pie, stripped; what is installed
	@EMBEDDED=$(ARCHIVES) integration/quietly.sh $(SWIFT) build $(FLAGS) --experimental-lto-mode full --scratch-path .build/embedded
	@install -D -t bin .build/embedded/release/$(NAME)

ordinary: build-deps ## bin/ordinary/NAME: plain Swift 6, static
	@integration/quietly.sh $(SWIFT) build $(FLAGS) --scratch-path .build/ordinary
	@install -D -t bin/ordinary .build/ordinary/release/$(NAME)

# By a rename: a program that a running containerd may start at any time is never missing, and never half there.
install: ## installs bin/NAME below DESTDIR and PREFIX (/usr/local); builds it if it is not there
	@[ -x bin/$(NAME) ] || $(MAKE) --no-print-directory embedded
	install -D bin/$(NAME) $(DESTDIR)$(PREFIX)/bin/.$(NAME).new
	mv -f $(DESTDIR)$(PREFIX)/bin/.$(NAME).new $(DESTDIR)$(PREFIX)/bin/$(NAME)

demo: embedded ## a container runs under a private containerd through this shim, and says so
	integration/demo.sh

test: ## lint, unit, integration (shipped build under containerd 1.6, 1.7, 2.1, some files with the ordinary one under 1.6); ends in "N passed, N failed, N skipped"
	integration/test.sh

unit: deps ## Swift Testing, ordinary mode, on our own loop
	$(SWIFT) test --no-parallel --disable-xctest --scratch-path .build/test

sanitize: deps ## the unit tests under the address sanitizer
	$(SWIFT) test --no-parallel --disable-xctest --sanitize=address --scratch-path .build/asan

fuzz: deps ## makes up messages, options, logs, ... under the sanitizers (SECONDS=60, TARGET=: each); ends as `test` does
	@integration/fuzz.sh $(SECONDS) $(TARGET)

simulate: deps ## lives of containers in made up orders, against the state machines (SEEDS=1000000; SEED=N shows one)
	@SIMULATE=1 integration/quietly.sh $(SWIFT) build -c release --product Simulate --scratch-path .build/simulate
	@SEEDS=$(SEEDS) SEED=$(SEED) .build/simulate/release/Simulate

integration: all ## the integration suite, both builds, each containerd (CONTAINERD=1.6, 1.7, 2.1 or all)
	integration/run.sh --build both --containerd $(CONTAINERD)

docker-test: embedded ## Docker 28 and 20.10 on this shim (the first is a part of `integration`)
	BOXES=100 integration/run.sh --build embedded docker

cri-test: embedded ## Kubernetes' pods on this shim, by each containerd's CRI plugin (a part of `integration`)
	PODS=100 integration/run.sh --build embedded --containerd $(CONTAINERD) cri

vm-test: deps all ## cases with other runtimes, cgroup v2 and systemd, in throw-away machines; 3.5 hours (BUILD=both: 6)
	integration/vm/test.sh --build $(or $(BUILD),embedded)

mutate: deps ## breaks the sources in places, and wants cases to fail (ONLY=P-13: those of that name); not part of `test`
	integration/mutate.py "$(ONLY)"

sweep-syscalls: deps embedded ## lets each system call of the shim fail, in each verb (SWEEP="--verb create/pipes"); half an hour
	integration/sweep-syscalls.py $(SWEEP)

sweep-kill: deps embedded ## kills shim, runtime, init, logger, event service at each step of a life (SWEEP="--victim shim")
	integration/sweep-kill.py $(SWEEP)

soak: deps embedded ## chaos of all calls by 32 workers, and then the sum (MINUTES=60)
	integration/soak.py --minutes $(MINUTES)

footprint: deps all ## memory, threads, descriptors and start time of both builds, beside Debian's Go shim (EXECS=200)
	integration/footprint.sh $(EXECS)

bench: deps embedded ## memory, latency, rates, output, beside Debian's Go shims: a table, plots (bench/results), promises kept or not
	integration/bench.py $(BENCH)

bench-quick: deps embedded ## the same in a minute, beside the latest Go shim, and nothing is written
	integration/bench.py --quick

lint: deps ## format, banned words, generated code, scripts
	integration/lint.sh

protos: deps ## regenerates Sources/CProto from proto/
	proto/regenerate.sh

deps:
	@integration/install.sh

build-deps:
	@integration/install.sh build

clean: ## removes what was built, and what was fetched
	rm -rf .build bin .cache

help: ## this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: all embedded ordinary install demo test unit sanitize fuzz simulate integration docker-test cri-test vm-test mutate sweep-syscalls sweep-kill soak footprint bench bench-quick lint protos deps build-deps clean help
