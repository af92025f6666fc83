# Copyright 2026 sccache-report's authors
# Distributed under the terms of the MIT license

EAPI=8

# packaging/gentoo-release fills this in, from Cargo.lock, in the ebuild of a release.
CRATES="
"
RUST_MIN_VER="1.88"

inherit cargo shell-completion

DESCRIPTION="Lasting sccache statistics for Portage: per package, per emerge, and over time"
# PLACEHOLDERS: the project has no public address yet, and example.org (RFC 2606) can be nobody else's.
# When it has one, these two lines are all that changes (pkgcheck wants no variable in HOMEPAGE). Until
# then nothing can be fetched from here: packaging/gentoo-release puts sources and crates into DISTDIR,
# and with them the sources' own line, which the Manifest that is kept lacks, into the Manifest.
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

DEPEND="dev-db/sqlite:3"
RDEPEND="
	${DEPEND}
	dev-util/sccache
"
BDEPEND="virtual/pkgconfig"

# No mirror of Gentoo's has what an overlay fetches.
RESTRICT="mirror"

# cargo doesn't take CFLAGS and LDFLAGS from make.conf.
QA_FLAGS_IGNORED="usr/bin/sccache-collect usr/bin/sccache-report"

# Man pages and completions come from the programs just built, which have to run here for that.
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

# The other tests take minutes to build, or root to make a Portage of their own: `make test`.
src_test() {
	cargo_src_test --lib
}

# Not `cargo install`: it would ask sccache once more, as root.
src_install() {
	emake install DESTDIR="${D}" PREFIX="${EPREFIX}/usr" BINARIES="$(cargo_target_dir)" \
		bashcompdir="$(get_bashcompdir)" zshcompdir="$(get_zshcompdir)" fishcompdir="$(get_fishcompdir)" \
		hookdir="${EPREFIX}/var/lib/sccache-report/hook"
	einstalldocs
	# Root's, 0755: root records, and any user may read.
	keepdir /var/lib/sccache-report/hook
}

# The very first build is not recorded: when it begins, no hook is there, and nobody has agreed to one.
pkg_postinst() {
	[[ -z ${REPLACING_VERSIONS} ]] || return 0
	elog "Two steps are left:"
	elog "  sccache-report setup     shows what it would change, asks, and does it:"
	elog "                           the hook in Portage's bashrc, sccache in make.conf"
	elog "  sccache-report doctor    says whether builds are recorded, and what to do if not"
	elog "From the next merge on, sccache-report tells what the cache did."
}

# With make.conf's RUSTC_WRAPPER and without sccache, Rust doesn't compile.
pkg_postrm() {
	[[ -z ${REPLACED_BY_VERSION} ]] || return 0
	grep -qsr '^# BEGIN sccache-report setup' "${EROOT}"/etc/portage/{bashrc,make.conf} || return 0
	ewarn "The lines of \`sccache-report setup\` are still in ${EROOT}/etc/portage/make.conf or bashrc, between BEGIN and"
	ewarn "END marks. Remove them: with RUSTC_WRAPPER=\"sccache\" Rust doesn't compile once sccache is unmerged too."
}
