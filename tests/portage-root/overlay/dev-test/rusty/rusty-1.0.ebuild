EAPI=8
inherit test-stats

DESCRIPTION="Rust with real crates, a build script and C in it; each src phase runs cargo"
HOMEPAGE="https://example.org/"
SRC_URI="https://example.org/rusty.tar"
S="${WORKDIR}/rusty"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"
RESTRICT="strip"

# As cargo.eclass: everything below the build directory, nothing from the network.
src_prepare() {
	default
	export CARGO_HOME="${WORKDIR}/cargo-home" CARGO_NET_OFFLINE=true CARGO_TERM_PROGRESS_WHEN=never
}

src_compile() {
	cargo build --release --frozen || die
	test_stats
}

src_test() {
	cargo test --release --frozen || die
	test_stats
}

src_install() {
	cargo install --frozen --no-track --path . --root "${ED}/usr" || die
	test_stats
}
