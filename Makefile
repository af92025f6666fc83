# make install [DESTDIR=] [PREFIX=/usr]   build what is missing, install programs and hook
# make uninstall                          take away what install put there (the same DESTDIR and PREFIX)
# make test                               all tests; what needs root or a registry says so when it can't run
# make bench                              how fast it is, beside emlop and the sqlite3 shell (minutes)
# make demo                               packages emerged cold and warm in a throw-away Portage, then the reports
PREFIX = /usr
DESTDIR =
CARGO = cargo
CARGO_TARGET_DIR ?= target
# Programs that are built already, say by another cargo profile, can be named by BINARIES=DIR.
BINARIES = $(CARGO_TARGET_DIR)/release
INSTALL = install

bindir = $(DESTDIR)$(PREFIX)/bin
datadir = $(DESTDIR)$(PREFIX)/share/sccache-report
programs = sccache-collect sccache-report
hook = hooks/sccache-report.sh

binaries = $(programs:%=$(BINARIES)/%)

all: build

build: $(binaries)

# Known to make, so that a `make install` after `make` needs no cargo (root often has none).
ifeq ($(origin BINARIES),file)
$(binaries): Cargo.toml Cargo.lock $(shell find src migrations build.rs -type f 2>/dev/null)
	$(CARGO) build --release --locked
	@touch -c $(binaries)
endif

install: build
	$(INSTALL) -d "$(bindir)" "$(datadir)"
	$(INSTALL) -m 755 $(binaries) "$(bindir)"
	$(INSTALL) -m 644 $(hook) "$(datadir)"

uninstall:
	rm -f $(programs:%="$(bindir)/%") "$(datadir)/$(notdir $(hook))"
	rmdir "$(datadir)" 2>/dev/null || true

# The rest needs nothing set up: system tools are installed where that can be done, else named.
test:
	@CARGO="$(CARGO)" tests/run

demo:
	@tests/needs
	@tests/portage/demo

bench:
	@CARGO="$(CARGO)" benches/run

clean:
	rm -rf .work
	$(CARGO) clean

.PHONY: all build install uninstall test demo bench clean
