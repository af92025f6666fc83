# A stand-in for Gentoo's git-r3.eclass: clones once, without its store, by git itself. TEST_REPOSITORY
# says where from, as EGIT_OVERRIDE_REPO_* does there.

PROPERTIES+=" live"

git-r3_src_unpack() {
	[[ -n ${EGIT_REPO_URI} ]] || die "no EGIT_REPO_URI"
	git clone --quiet "${TEST_REPOSITORY:-${EGIT_REPO_URI}}" "${S}" || die
}
