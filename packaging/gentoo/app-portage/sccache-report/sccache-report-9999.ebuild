# Copyright 2026 sccache-report's authors
# Distributed under the terms of the MIT license

EAPI=8

# packaging/gentoo-release fills this in, from Cargo.lock, in the ebuild of a release.
CRATES="
"
RUST_MIN_VER="1.88"

inherit cargo shell-completion

DESCRIPTION="Persistent sccache statistics for Portage: per package, per emerge, and over time"
# PLACEHOLDERS: the project has no public address yet, and example.org is reserved (RFC 2606). Replace
# these two lines when it has one (pkgcheck doesn't allow a variable in HOMEPAGE). Until then, nothing
# can be fetched from here: packaging/gentoo-release copies the sources and crates to DISTDIR, and adds
# the line of the sources to the Manifest.
HOMEPAGE="https://example.org/sccache-report"
MY_HOME="https://example.org/sccache-report"
if [[ ${PV} == 9999 ]]; then
	inherit git-r3
	EGIT_REPO_URI="${MY_HOME}.git"
else
	SRC_URI="
		${MY_HOME}/${P}.crate
		${CARGO_CRATE_URIS}
	"
	KEYWORDS="~amd64"
fi

LICENSE="MIT"
# Dependent crate licenses
LICENSE+=" Apache-2.0 BSD MIT Unicode-3.0 ZLIB"
SLOT="0"
IUSE="prometheus"

DEPEND="dev-db/sqlite:3"
RDEPEND="
	${DEPEND}
	dev-util/sccache
"
BDEPEND="virtual/pkgconfig"

# Gentoo's mirrors don't have the files of overlays.
RESTRICT="mirror"

# cargo doesn't take CFLAGS and LDFLAGS from make.conf.
QA_FLAGS_IGNORED="usr/bin/sccache-collect usr/bin/sccache-report"

# The new programs generate the man pages and completions, so they must run on this machine.
pkg_pretend() {
	[[ ${MERGE_TYPE} == binary || ${CBUILD:-${CHOST}} == "${CHOST}" ]] || die "cross-compiling is not supported"
}

src_unpack() {
	if [[ ${PV} == 9999 ]]; then
		git-r3_src_unpack
		cargo_live_src_unpack
	else
		cargo_src_unpack
	fi
}

src_configure() {
	# The system's SQLite.
	cargo_src_configure --no-default-features
}

# The other tests take minutes to build or need root. `make test` runs them.
src_test() {
	cargo_src_test --lib
}

# Not `cargo install`, which would run sccache again, as root.
src_install() {
	emake install DESTDIR="${D}" PREFIX="${EPREFIX}/usr" BINARIES="$(cargo_target_dir)" \
		bashcompdir="$(get_bashcompdir)" zshcompdir="$(get_zshcompdir)" fishcompdir="$(get_fishcompdir)" \
		hookdir="${EPREFIX}/var/lib/sccache-report/hook"
	if use prometheus; then
		emake install-metrics DESTDIR="${D}" PREFIX="${EPREFIX}/usr" sysconfdir="${EPREFIX}/etc"
	fi
	einstalldocs
	# Owned by root, mode 0755: root records, and any user may read.
	keepdir /var/lib/sccache-report/hook
}

# The build of this package is not recorded, because the hook isn't set up yet.
pkg_postinst() {
	[[ -z ${REPLACING_VERSIONS} ]] || return 0
	elog "To complete the installation, run:"
	elog "  sccache-report setup     sets up the hook in Portage's bashrc and sccache in make.conf"
	elog "                           (shows the changes and asks first)"
	elog "  sccache-report doctor    checks that builds are recorded, and shows how to fix problems"
	elog "After the next merge, run sccache-report to see what the cache did."
}

# If make.conf still sets RUSTC_WRAPPER when sccache is gone, Rust packages don't compile.
pkg_postrm() {
	[[ -z ${REPLACED_BY_VERSION} ]] || return 0
	grep -qsr '^# BEGIN sccache-report setup' "${EROOT}"/etc/portage/{bashrc,make.conf} || return 0
	ewarn "The lines of \`sccache-report setup\` are still in ${EROOT}/etc/portage/make.conf or bashrc, between BEGIN and"
	ewarn "END marks. Remove them: with RUSTC_WRAPPER=\"sccache\", Rust packages don't compile without sccache."
}
