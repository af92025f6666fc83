EAPI=8

DESCRIPTION="emlop with its crates, by cargo as cargo.eclass calls it"
HOMEPAGE="https://github.com/vincentdephily/emlop"
S="${WORKDIR}/emlop"
LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"

src_unpack() {
	cp -r /mnt/gentoo/var/db/repos/bench/sources/emlop . || die
}

src_compile() {
	export CARGO_HOME="${WORKDIR}/cargo-home" CARGO_TERM_PROGRESS_WHEN=never
	cargo build --release --frozen || die
}

src_install() {
	dobin target/release/emlop
}
