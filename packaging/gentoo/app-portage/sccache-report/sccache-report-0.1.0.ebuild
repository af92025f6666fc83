# Copyright 2026 sccache-report's authors
# Distributed under the terms of the MIT license

EAPI=8

CRATES="
	adler2@2.0.1
	aho-corasick@1.1.5
	android_system_properties@0.1.6
	anstream@1.0.0
	anstyle-parse@1.0.0
	anstyle-query@1.1.5
	anstyle-wincon@3.0.11
	anstyle@1.0.14
	anyhow@1.0.104
	askama@0.15.6
	askama_derive@0.15.6
	askama_macros@0.15.6
	askama_parser@0.15.6
	assert_cmd@2.2.2
	autocfg@1.5.1
	base64@0.22.1
	basic-toml@0.1.10
	beef@0.5.2
	bitflags@2.13.2
	bstr@1.14.0
	bumpalo@3.20.3
	cc@1.11.1
	cfg-if@1.0.5
	chacha20@0.10.2
	chrono@0.4.45
	clap@4.6.7
	clap_builder@4.6.7
	clap_complete@4.6.11
	clap_derive@4.6.7
	clap_lex@1.1.1
	clap_mangen@0.3.3
	cobs@0.3.0
	colorchoice@1.0.5
	comfy-table@8.0.1
	console@0.16.6
	core-foundation-sys@0.8.7
	core_detect@1.0.0
	cpufeatures@0.3.1
	crc32fast@1.5.5
	crossterm@0.29.0
	crossterm_winapi@0.9.1
	csv-core@0.1.13
	csv@1.4.0
	difflib@0.4.0
	document-features@0.2.12
	embedded-io@0.4.0
	embedded-io@0.6.1
	encode_unicode@1.0.0
	equivalent@1.0.3
	errno@0.3.14
	fallible-iterator@0.3.0
	fallible-streaming-iterator@0.1.9
	fastrand@2.5.0
	find-msvc-tools@0.1.15
	flate2@1.1.11
	fnv@1.0.7
	foldhash@0.2.0
	futures-core@0.3.34
	futures-task@0.3.34
	futures-util@0.3.34
	getrandom@0.4.3
	glob@0.3.4
	hashbrown@0.16.1
	hashbrown@0.17.1
	hashlink@0.11.1
	heck@0.5.0
	iana-time-zone-haiku@0.1.2
	iana-time-zone@0.1.65
	indexmap@2.14.2
	insta@1.49.0
	interim@0.2.2
	is_terminal_polyfill@1.70.2
	itoa@1.0.18
	js-sys@0.3.107
	lazy_static@1.5.1
	libc@0.2.191
	libsqlite3-sys@0.37.0
	linux-raw-sys@0.12.1
	litrs@1.0.1
	lock_api@0.4.14
	log@0.4.35
	logos-codegen@0.15.1
	logos-derive@0.15.1
	logos@0.15.1
	memchr@2.8.3
	miniz_oxide@0.9.1
	num-traits@0.2.19
	once_cell@1.21.4
	once_cell_polyfill@1.70.2
	parking_lot@0.12.5
	parking_lot_core@0.9.12
	percent-encoding@2.3.2
	pin-project-lite@0.2.17
	pkg-config@0.3.34
	postcard@1.2.0
	predicates-core@1.0.10
	predicates-tree@1.0.13
	predicates@3.1.4
	proc-macro2@1.0.107
	proptest@1.12.0
	quote@1.0.47
	r-efi@6.0.0
	rand@0.10.4
	rand_core@0.10.1
	rand_xorshift@0.5.0
	redox_syscall@0.5.18
	regex-automata@0.4.18
	regex-syntax@0.8.11
	regex@1.13.1
	roff@1.1.1
	rsqlite-vfs@0.1.1
	rusqlite@0.39.0
	rusqlite_migration@2.5.0
	rustc-hash@2.1.3
	rustc_version@0.4.1
	rustix@1.1.6
	rustversion@1.0.23
	ryu@1.0.23
	scopeguard@1.2.0
	semver@1.0.28
	serde@1.0.229
	serde_core@1.0.229
	serde_derive@1.0.229
	serde_ignored@0.1.14
	serde_json@1.0.154
	serde_path_to_error@0.1.20
	serde_spanned@1.1.3
	sha1_smol@1.0.1
	shlex@2.0.1
	simd-adler32@0.3.10
	similar@2.7.0
	slab@0.4.12
	smallvec@1.16.5
	sqlite-wasm-rs@0.5.5
	strsim@0.11.1
	syn@2.0.119
	syn@3.0.9
	tempfile@3.27.0
	terminal_size@0.4.4
	termtree@0.5.1
	textwrap@0.16.4
	thiserror-impl@2.0.21
	thiserror@2.0.21
	toml@1.2.1+spec-1.1.0
	toml_datetime@1.1.3+spec-1.1.0
	toml_parser@1.1.5+spec-1.1.0
	toml_writer@1.2.0+spec-1.1.0
	unarray@0.1.4
	unicode-ident@1.0.27
	unicode-segmentation@1.13.3
	unicode-width@0.2.3
	utf8parse@0.2.2
	uuid@1.24.0
	vcpkg@0.2.15
	wait-timeout@0.2.1
	wasm-bindgen-macro-support@0.2.130
	wasm-bindgen-macro@0.2.130
	wasm-bindgen-shared@0.2.130
	wasm-bindgen@0.2.130
	winapi-i686-pc-windows-gnu@0.4.0
	winapi-x86_64-pc-windows-gnu@0.4.0
	winapi@0.3.9
	windows-core@0.62.2
	windows-implement@0.60.2
	windows-interface@0.59.3
	windows-link@0.2.1
	windows-result@0.4.1
	windows-strings@0.5.1
	windows-sys@0.61.2
	winnow@1.0.5
	zlib-rs@0.6.8
	zmij@1.0.23
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
