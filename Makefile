# make install [DESTDIR=] [PREFIX=/usr]   build what is missing, install programs and hook
# make uninstall                          take away what install put there
# make test, make demo                    need nothing set up; what can't run here says so
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

all: build

# cargo knows best what is missing; it is asked unless the programs come from elsewhere.
build:
ifeq ($(origin BINARIES),file)
	$(CARGO) build --release --locked
endif

install: build
	$(INSTALL) -d "$(bindir)" "$(datadir)"
	$(INSTALL) -m 755 $(programs:%="$(BINARIES)/%") "$(bindir)"
	$(INSTALL) -m 644 $(hook) "$(datadir)"

uninstall:
	rm -f $(programs:%="$(bindir)/%") "$(datadir)/$(notdir $(hook))"
	rmdir "$(datadir)" 2>/dev/null || true

.PHONY: all build install uninstall
