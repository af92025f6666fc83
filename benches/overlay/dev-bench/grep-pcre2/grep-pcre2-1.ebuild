EAPI=8

DESCRIPTION="ripgrep's library grep-pcre2 with its crates and PCRE2, by cargo as cargo.eclass calls it"
HOMEPAGE="https://github.com/BurntSushi/ripgrep"
S="${WORKDIR}/grep-pcre2"
LICENSE="MIT BSD"
SLOT="0"
KEYWORDS="amd64"

src_unpack() {
	cp -r /mnt/gentoo/var/db/repos/bench/sources/grep-pcre2 . || die
}

src_compile() {
	export CARGO_HOME="${WORKDIR}/cargo-home" CARGO_TERM_PROGRESS_WHEN=never PCRE2_SYS_STATIC=1
	cargo build --release --frozen || die
}

src_install() {
	insinto /usr/lib/rust
	doins target/release/libgrep_pcre2.rlib
}
