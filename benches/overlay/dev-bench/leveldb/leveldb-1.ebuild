EAPI=8

DESCRIPTION="LevelDB's library as the crate leveldb-sys brings it"
HOMEPAGE="https://github.com/google/leveldb"
S="${WORKDIR}"
LICENSE="BSD"
SLOT="0"
KEYWORDS="amd64"

src_unpack() {
	cp -r /mnt/gentoo/var/db/repos/bench/sources/leveldb/deps/leveldb-1.22/. . || die
}

src_compile() {
	printf '%s\n' 'sources = $(wildcard db/*.cc table/*.cc util/*.cc helpers/memenv/*.cc)' \
		'libleveldb.a: $(patsubst %.cc,%.o,$(foreach file,$(sources),$(if $(findstring test,$(file))$(findstring windows,$(file))$(findstring bench,$(file)),,$(file)))) ; $(AR) rc $@ $^' \
		> Makefile || die
	emake CXX="${CXX}" CXXFLAGS="${CXXFLAGS} -std=c++11 -I. -Iinclude -DLEVELDB_PLATFORM_POSIX=1 -DLEVELDB_IS_BIG_ENDIAN=0"
}

src_install() {
	dolib.a libleveldb.a
}
