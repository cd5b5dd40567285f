# Verbs for people; the build itself is Meson's (meson.build).
#   make          build/assay          make run     server and agent for this machine
#   make quick    tests of under a minute
#   make check    everything CI runs   make demo    appraise a recorded machine
#   make asan     sanitizers           make fuzz    each target for FUZZ_SECONDS
#   make bench    speed beside floors  make lint    layers, banned words, scripts
#   make lab      real kernels in QEMU
#   make install  DESTDIR, PREFIX      make clean
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
export ASSAY_PREFIX = $(PREFIX)

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@tools/bootstrap
	@meson setup build --prefix "$(PREFIX)" $(MESON_OPTIONS)

# The two programs alone: the tests need not be built to use them.
programs: build/build.ninja
	@ninja -C build src/cmd/assay-path.txt src/agent/assay-agent-path.txt

run up: programs
	@tools/up

demo: programs
	@tools/demo

quick check asan fuzz bench lab lint: all
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/$@

# A PREFIX that is given counts even for a tree that was built for another.
install: all
ifneq ($(origin PREFIX),file)
	@meson configure build -Dprefix="$(PREFIX)" && ninja -C build
endif
	@meson install -C build --no-rebuild $(if $(DESTDIR),--destdir "$(DESTDIR)")

clean:
	@rm -rf build build-asan build-fuzz build-clang

.PHONY: all programs run up quick check asan fuzz bench lab lint install clean
