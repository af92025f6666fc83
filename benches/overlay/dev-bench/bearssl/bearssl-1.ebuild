EAPI=8

DESCRIPTION="BearSSL's library as the crate bearssl-sys brings it, by its own Makefile"
HOMEPAGE="https://bearssl.org/"
S="${WORKDIR}/BearSSL"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"

src_unpack() {
	cp -r /mnt/gentoo/var/db/repos/bench/sources/bearssl/lib/BearSSL . || die
}

src_compile() {
	emake CC="${CC}" lib
}

src_install() {
	dolib.a build/libbearssl.a
}
