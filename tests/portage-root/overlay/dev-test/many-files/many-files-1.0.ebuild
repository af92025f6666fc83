EAPI=8
inherit test-stats

DESCRIPTION="12 C and 12 C++ files, a parallel make, sccache in front of the compilers"
HOMEPAGE="https://example.org/"
S="${WORKDIR}"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"
RESTRICT="strip"

src_prepare() {
	default
	local n
	for n in {1..12}; do
		echo "#include <stdlib.h>
int c_${n}(int x) { return abs(x) + ${n}; }" > "c_${n}.c" || die
		echo "#include <string>
std::string cpp_${n}(int x) { return std::to_string(x + ${n}); }" > "cpp_${n}.cpp" || die
	done
	echo 'int main() { return 0; }' > main.c || die
	printf '%s\n' 'objects = $(addsuffix .o,$(basename $(wildcard *.c *.cpp)))' \
		'many-files: $(objects) ; $(CXX) -o $@ $^' > Makefile || die
}

src_compile() {
	emake CC="sccache gcc" CXX="sccache g++"
	test_stats
}

src_install() {
	dobin many-files
	test_stats
}
