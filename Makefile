# make install [DESTDIR=] [PREFIX=/usr]   build what is missing, install programs, hook, man pages and completions
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

# Each can be said by itself, too; DESTDIR goes before all of them.
bindir = $(PREFIX)/bin
datadir = $(PREFIX)/share/sccache-report
mandir = $(PREFIX)/share/man
bashcompdir = $(PREFIX)/share/bash-completion/completions
zshcompdir = $(PREFIX)/share/zsh/site-functions
fishcompdir = $(PREFIX)/share/fish/vendor_completions.d
# Where the hook leaves its record: beside the database.
hookdir = /var/lib/sccache-report/hook
programs = sccache-collect sccache-report
hooks = hooks/sccache-report.sh hooks/no-sccache.sh

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
	$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(datadir)" "$(DESTDIR)$(mandir)/man1" "$(DESTDIR)$(mandir)/man5" \
		"$(DESTDIR)$(bashcompdir)" "$(DESTDIR)$(zshcompdir)" "$(DESTDIR)$(fishcompdir)"
	$(INSTALL) -m 755 $(binaries) "$(DESTDIR)$(bindir)"
	$(INSTALL) -m 644 $(hooks) "$(DESTDIR)$(datadir)"
	sed 's|/usr/share/|$(subst -,\\-,$(PREFIX))/share/|' man/sccache-report.5 >"$(DESTDIR)$(mandir)/man5/sccache-report.5"
	chmod 644 "$(DESTDIR)$(mandir)/man5/sccache-report.5"
	set -e; generated=$$(mktemp -d); trap 'rm -r "$$generated"' EXIT; \
	for program in $(programs); do \
		"$(BINARIES)/$$program" --generate "$$generated"; \
		$(INSTALL) -m 644 "$$generated/$$program.bash" "$(DESTDIR)$(bashcompdir)/$$program"; \
		$(INSTALL) -m 644 "$$generated/_$$program" "$(DESTDIR)$(zshcompdir)"; \
		$(INSTALL) -m 644 "$$generated/$$program.fish" "$(DESTDIR)$(fishcompdir)"; \
	done; \
	$(INSTALL) -m 644 "$$generated"/*.1 "$(DESTDIR)$(mandir)/man1"
	@$(INSTALL) -d -m 755 "$(DESTDIR)$(hookdir)" || \
		echo "$(hookdir) can't be created: doctor won't see what the hook had in effect until a build was recorded"

# Folders go too, below PREFIX and once they are empty.
uninstall:
	set -e; for program in $(programs); do \
		rm -f "$(DESTDIR)$(bindir)/$$program" "$(DESTDIR)$(mandir)/man1/$$program".1 \
			"$(DESTDIR)$(mandir)/man1/$$program"-*.1 \
			"$(DESTDIR)$(bashcompdir)/$$program" "$(DESTDIR)$(zshcompdir)/_$$program" \
			"$(DESTDIR)$(fishcompdir)/$$program.fish"; \
	done
	rm -f $(patsubst hooks/%,"$(DESTDIR)$(datadir)/%",$(hooks)) "$(DESTDIR)$(mandir)/man5/sccache-report.5"
	if [ -d "$(DESTDIR)$(PREFIX)" ]; then cd "$(DESTDIR)$(PREFIX)" && for dir in "$(bindir)" "$(datadir)" "$(mandir)/man1" "$(mandir)/man5" \
		"$(bashcompdir)" "$(zshcompdir)" "$(fishcompdir)"; do \
		rmdir -p "$${dir#"$(PREFIX)"/}" 2>/dev/null || true; \
	done; fi
	rm -f "$(DESTDIR)$(hookdir)/last-merge" "$(DESTDIR)$(hookdir)/last-cached"
	if [ -d "$(DESTDIR)$(hookdir)" ]; then cd "$(DESTDIR)/" && rmdir -p ".$(hookdir)" 2>/dev/null || true; fi
	@if grep -qsr '^# BEGIN sccache-report setup' "$(DESTDIR)/etc/portage"; then \
		echo "The lines of sccache-report setup are still in $(DESTDIR)/etc/portage, between BEGIN and END marks." \
			"Remove them, or install again and run sccache-report setup --undo"; \
	fi

# The rest needs nothing set up: system tools are installed where that can be done, else named.
test:
	@CARGO="$(CARGO)" tests/run

demo:
	@tests/needs
	@tests/portage-root/demo

bench:
	@CARGO="$(CARGO)" benches/run

clean:
	rm -rf .work
	$(CARGO) clean

.PHONY: all build install uninstall test demo bench clean
