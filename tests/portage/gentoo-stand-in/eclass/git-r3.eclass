# A stand-in for Gentoo's git-r3.eclass: clones TEST_GIT_REPOSITORY instead.

PROPERTIES+=" live"

git-r3_src_unpack() {
	[[ -n ${EGIT_REPO_URI} ]] || die "no EGIT_REPO_URI"
	git -c safe.directory='*' clone --quiet "${TEST_GIT_REPOSITORY}" "${S}" || die
}
