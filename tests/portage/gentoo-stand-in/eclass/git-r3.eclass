# A stand-in for Gentoo's git-r3.eclass: copies the sources in TEST_SOURCES instead of cloning.

PROPERTIES+=" live"

git-r3_src_unpack() {
	[[ -n ${EGIT_REPO_URI} ]] || die "no EGIT_REPO_URI"
	cp -r "${TEST_SOURCES:?}" "${S}" || die
}
