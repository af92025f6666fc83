EAPI=8
inherit test-stats

DESCRIPTION="Compiles nothing: what a package without sccache pays"
HOMEPAGE="https://example.org/"
S="${WORKDIR}"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	echo "nothing to compile" > plain.txt || die
	test_stats
}

src_install() {
	insinto /usr/share/plain
	doins plain.txt
	test_stats
}
