# make install [DESTDIR=] [PREFIX=/usr]   build and install programs, hook, man pages, and completions
# make install-metrics                    install the timer and cron line that write metrics for Prometheus
# make uninstall-metrics                  remove them, except settings that were changed
# make uninstall                          remove installed files (with the same DESTDIR and PREFIX)
# make test                               run all tests; skip and list those that need root or a registry
# make bench                              compare the speed with emlop and the sqlite3 shell (minutes)
# make demo                               emerge packages cold and warm in a throwaway Portage, then report
PREFIX = /usr
DESTDIR =
CARGO = cargo
CARGO_TARGET_DIR ?= target
# BINARIES=DIR installs programs that were built before, for example with another cargo profile.
BINARIES = $(CARGO_TARGET_DIR)/release
INSTALL = install

# Each of these can be set, too. DESTDIR is prepended to all of them.
bindir = $(PREFIX)/bin
datadir = $(PREFIX)/share/sccache-report
mandir = $(PREFIX)/share/man
bashcompdir = $(PREFIX)/share/bash-completion/completions
zshcompdir = $(PREFIX)/share/zsh/site-functions
fishcompdir = $(PREFIX)/share/fish/vendor_completions.d
sysconfdir = /etc
unitdir = $(PREFIX)/lib/systemd/system
# The hook writes its record here, next to the database.
hookdir = /var/lib/sccache-report/hook
programs = sccache-collect sccache-report
hooks = hooks/sccache-report.sh hooks/stable-paths.sh hooks/no-sccache.sh
fleet = packaging/fleet/sccache-fleet-pull
postgresql = packaging/postgresql/push packaging/postgresql/schema.sql packaging/postgresql/overview.sql
metrics = sccache-report-metrics

binaries = $(programs:%=$(BINARIES)/%)

all: build

build: $(binaries)

# These prerequisites let `make install` after `make` work without cargo, which root often lacks.
ifeq ($(origin BINARIES),file)
# The hook is part of sccache-report: doctor compares it with the installed one.
$(binaries): Cargo.toml Cargo.lock askama.toml hooks/sccache-report.sh $(shell find src migrations build.rs -type f 2>/dev/null)
	$(CARGO) build --release --locked
	@touch -c $(binaries)
endif

install: build
	$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(datadir)/postgresql" "$(DESTDIR)$(mandir)/man1" "$(DESTDIR)$(mandir)/man5" \
		"$(DESTDIR)$(bashcompdir)" "$(DESTDIR)$(zshcompdir)" "$(DESTDIR)$(fishcompdir)"
	$(INSTALL) -m 755 $(binaries) "$(DESTDIR)$(bindir)"
	$(INSTALL) -m 644 $(hooks) "$(DESTDIR)$(datadir)"
	$(INSTALL) -m 755 $(fleet) "$(DESTDIR)$(datadir)"
	$(INSTALL) -m 644 $(filter %.sql,$(postgresql)) "$(DESTDIR)$(datadir)/postgresql"
	$(INSTALL) -m 755 $(filter-out %.sql,$(postgresql)) "$(DESTDIR)$(datadir)/postgresql"
	sed 's|/usr/share/|$(subst -,\\-,$(PREFIX))/share/|' man/sccache-report.5 >"$(DESTDIR)$(mandir)/man5/sccache-report.5"
	chmod 644 "$(DESTDIR)$(mandir)/man5/sccache-report.5"
	set -e; generated=$$(mktemp -d); trap 'rm -r "$$generated"' EXIT; \
	for program in $(programs); do \
		"$(BINARIES)/$$program" --generate "$$generated"; \
		$(INSTALL) -m 644 "$$generated/$$program.bash" "$(DESTDIR)$(bashcompdir)/$$program"; \
		$(INSTALL) -m 644 "$$generated/_$$program" "$(DESTDIR)$(zshcompdir)"; \
		$(INSTALL) -m 644 "$$generated/$$program.fish" "$(DESTDIR)$(fishcompdir)"; \
	done; \
	sed -i 's/^\.SH EXTRA$$/.SH NOTES\n.nf/; s/^\.SH VERSION$$/.fi\n&/' "$$generated"/*.1; \
	$(INSTALL) -m 644 "$$generated"/*.1 "$(DESTDIR)$(mandir)/man1"
	@$(INSTALL) -d -m 755 "$(DESTDIR)$(hookdir)" || \
		echo "$(hookdir) can't be created: doctor has no record of the hook until a build is recorded"

# Not part of `install`, because only machines with Prometheus need it. Keeps the settings of an earlier installation.
install-metrics:
	$(INSTALL) -d "$(DESTDIR)$(sysconfdir)/conf.d" "$(DESTDIR)$(sysconfdir)/cron.d" "$(DESTDIR)$(unitdir)"
	$(INSTALL) -d "$(DESTDIR)$(datadir)"
	$(INSTALL) -m 644 packaging/prometheus/alerts.yml "$(DESTDIR)$(datadir)"
	$(INSTALL) -m 644 packaging/grafana/sccache-report.json "$(DESTDIR)$(datadir)/dashboard.json"
	[ -e "$(DESTDIR)$(sysconfdir)/conf.d/$(metrics)" ] || \
		$(INSTALL) -m 644 packaging/prometheus/$(metrics).conf "$(DESTDIR)$(sysconfdir)/conf.d/$(metrics)"
	$(INSTALL) -m 644 packaging/prometheus/$(metrics).cron "$(DESTDIR)$(sysconfdir)/cron.d/$(metrics)"
	$(INSTALL) -m 644 packaging/prometheus/$(metrics).service packaging/prometheus/$(metrics).timer "$(DESTDIR)$(unitdir)"
	sed -i 's|/usr/bin/sccache-report|$(bindir)/sccache-report|; s|/etc/conf.d|$(sysconfdir)/conf.d|' \
		"$(DESTDIR)$(sysconfdir)/cron.d/$(metrics)" "$(DESTDIR)$(unitdir)/$(metrics).service"

# Directories that are empty then are removed by `uninstall`.
uninstall-metrics:
	rm -f "$(DESTDIR)$(sysconfdir)/cron.d/$(metrics)" \
		"$(DESTDIR)$(unitdir)/$(metrics).service" "$(DESTDIR)$(unitdir)/$(metrics).timer" \
		"$(DESTDIR)$(datadir)/alerts.yml" "$(DESTDIR)$(datadir)/dashboard.json"
	@settings="$(DESTDIR)$(sysconfdir)/conf.d/$(metrics)"; \
	if cmp -s packaging/prometheus/$(metrics).conf "$$settings"; then rm "$$settings"; \
	elif [ -e "$$settings" ]; then echo "$$settings was changed, so it is left"; fi
	@echo "Remove sccache_report.prom from the directory of node_exporter, which exports it until then"

# Also removes empty directories below PREFIX.
uninstall:
	set -e; for program in $(programs); do \
		rm -f "$(DESTDIR)$(bindir)/$$program" "$(DESTDIR)$(mandir)/man1/$$program".1 \
			"$(DESTDIR)$(mandir)/man1/$$program"-*.1 \
			"$(DESTDIR)$(bashcompdir)/$$program" "$(DESTDIR)$(zshcompdir)/_$$program" \
			"$(DESTDIR)$(fishcompdir)/$$program.fish"; \
	done
	rm -f $(patsubst %,"$(DESTDIR)$(datadir)/%",$(notdir $(hooks) $(fleet))) "$(DESTDIR)$(mandir)/man5/sccache-report.5"
	rm -f $(patsubst %,"$(DESTDIR)$(datadir)/postgresql/%",$(notdir $(postgresql)))
	if [ -d "$(DESTDIR)$(PREFIX)" ]; then cd "$(DESTDIR)$(PREFIX)" && for dir in "$(bindir)" "$(datadir)/postgresql" "$(datadir)" "$(mandir)/man1" "$(mandir)/man5" \
		"$(bashcompdir)" "$(zshcompdir)" "$(fishcompdir)" "$(unitdir)"; do \
		rmdir -p "$${dir#"$(PREFIX)"/}" 2>/dev/null || true; \
	done; fi
	rm -f "$(DESTDIR)$(hookdir)/last-merge" "$(DESTDIR)$(hookdir)/last-cached"
	if [ -d "$(DESTDIR)$(hookdir)" ]; then cd "$(DESTDIR)/" && rmdir -p ".$(hookdir)" 2>/dev/null || true; fi
	@if grep -qsr '^# BEGIN sccache-report setup' "$(DESTDIR)/etc/portage"; then \
		echo "The lines of sccache-report setup are still in $(DESTDIR)/etc/portage, between BEGIN and END marks." \
			"Remove them, or install sccache-report again and run sccache-report setup --undo"; \
	fi

# These install missing system tools, or list them if that is not possible.
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

.PHONY: all build install install-metrics uninstall uninstall-metrics test demo bench clean
