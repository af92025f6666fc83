# Test ebuilds call test_stats at the end of each src phase. With TEST_PRINT_STATS set it prints sccache's own numbers into
# the build log, as the line "@stats@ PHASE JSON"; what was recorded is compared with that.

# Whether this build has a server. Asking sccache would start one (up to 0.7.4), so look for the process: servers carry the
# environment of their first client. TEST_PRINT_STATS=always skips this, for a server that the build doesn't own.
_test_stats_server() {
	[[ ${TEST_PRINT_STATS} == always ]] && return
	local environ
	for environ in /proc/[0-9]*/environ; do
		[[ -r ${environ} ]] || continue
		tr '\0' '\n' < "${environ}" 2>/dev/null | awk -v dir="PORTAGE_BUILDDIR=${PORTAGE_BUILDDIR}" \
			'$0 == dir { ours = 1 } /^SCCACHE_START_SERVER=1$/ { server = 1 } END { exit !(ours && server) }' && return
	done
	return 1
}

test_stats() {
	[[ -n ${TEST_PRINT_STATS} ]] && _test_stats_server || return 0
	local json
	json=$(sccache --show-stats --stats-format=json) || return 0
	echo "@stats@ ${EBUILD_PHASE} ${json//$'\n'/ }"
}
