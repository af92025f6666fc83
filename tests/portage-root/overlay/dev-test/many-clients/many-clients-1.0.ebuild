EAPI=8
inherit test-stats

DESCRIPTION="16 compiles at once are the phase's first clients of sccache"
HOMEPAGE="https://example.org/"
S="${WORKDIR}"
LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64"
RESTRICT="strip"

src_compile() {
	local n pids=()
	for n in {1..16}; do
		echo "int f_${n}(void) { return ${n}; }" > "f_${n}.c" || die
	done
	for n in {1..16}; do
		sccache gcc -c "f_${n}.c" -o "f_${n}.o" &
		pids+=( $! )
	done
	# Each by its name: a plain wait would also wait for what isn't ours, and lose the status.
	for n in "${pids[@]}"; do
		wait "${n}" || die "a compile failed"
	done
	test_stats
}

src_install() {
	insinto /usr/share/many-clients
	doins ./*.o
}
