EAPI=8

DESCRIPTION="10 C files by relative paths, and 10 by absolute ones, as CMake names them"
HOMEPAGE="https://example.org/"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"
RESTRICT="strip"

src_unpack() {
	local kind n
	for kind in relative absolute; do
		mkdir -p "${S}/${kind}" || die
		echo "int abs(int);" > "${S}/${kind}/common.h" || die
		for n in {1..10}; do
			echo "int ${kind}_${n}(int x) { return x + ${n}; }" > "${S}/${kind}/${kind}_${n}.c" || die
		done
		for n in 1 2; do
			sed -i '1i #include "common.h"' "${S}/${kind}/${kind}_${n}.c" || die
		done
	done
}

src_prepare() {
	default
	printf '%s\n' 'CFLAGS ?= -O2' 'sources = $(wildcard relative/*.c $(CURDIR)/absolute/*.c)' \
		'all: $(sources:.c=.o)' '%.o: %.c ; sccache gcc $(CFLAGS) -c $< -o $@' > Makefile || die
}

src_install() {
	insinto "/usr/share/${PN}"
	doins {relative,absolute}/*.o
}
