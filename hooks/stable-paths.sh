# Part of sccache-report.sh, for SCCACHE_REPORT_STABLE_PATHS=yes. Copyright 2026, MIT license.
#
# Shows vendored crates and cargo's target directory to cargo at paths without the package's version, so that the next version
# hits. docs/stable-paths.md explains this, and src/collect/paths does it. A package without cargo costs no process.

# Builds this phase with sccache what cargo.eclass unpacked below WORKDIR? Debuggers find what installsources installs below
# WORKDIR only. FEATURES=noauto runs phases in an outer shell. The paths of a live ebuild are always the same.
___sccache_report_can_use_place() {
	local state=
	[[ ${SCCACHE_REPORT_STABLE_PATHS-} == yes && ${CARGO_HOME-} == "${WORKDIR}"/* && -f ${CARGO_HOME}/config.toml ]] || return 1
	[[ ${RUSTC_WRAPPER-}${CARGO_BUILD_RUSTC_WRAPPER-} == *sccache* ]] || return 1
	[[ " ${FEATURES-} " != *' noauto '* && " ${PORTAGE_PROPERTIES-} " != *' live '* ]] || return 1
	[[ " ${FEATURES-} " != *' installsources '* || " ${PORTAGE_RESTRICT-} " == *' installsources '* ]] || return 1
	# src_compile decides, because cargo builds everything again that has another path.
	[[ ${EBUILD_PHASE} != compile ]] || return 0
	[[ -f ${T}/.sccache-stable-paths ]] && read -r state <"${T}/.sccache-stable-paths" && [[ ${state} == stable ]]
}

# Replaces the subshell with `sccache-collect paths`.
___sccache_report_paths() {
	export PORTAGE_BUILDDIR CARGO_HOME
	___sccache_report_collect paths "$1" --slot "$2" 2>&1
}

# Starts to use the place, unless a build of another version does. The main file calls this.
___sccache_report_enter_place() {
	local output place=${PORTAGE_BUILDDIR%/*/*}/sccache-report/${CATEGORY}/${PN}/${SLOT%%/*}
	[[ -v ___sccache_report_lock && -v ___sccache_report_post_name ]] || return 0
	output=$(___sccache_report_paths enter "${SLOT-}" <&"${___sccache_report_lock}")
	if [[ ${output} == "${place}" ]]; then
		___sccache_report_export "CARGO_HOME=${place}/home"
	else
		___sccache_report_print "${output}"
	fi
}

# Stops using the place at the end of a phase. The main file calls this. src_install is the last phase that needs it.
___sccache_report_leave_place() {
	[[ ${EBUILD_PHASE} != install ]] || ___sccache_report_drop_places
	[[ ! -L ${WORKDIR}/.cargo ]] || ___sccache_report_print "$(___sccache_report_paths leave "${SLOT-}")"
}

# Removes the place, unless another build is under way there. SLOT may be unknown. bashrc may have disabled globs. In `clean`,
# this runs as root, and can end the server of a killed src_install.
___sccache_report_drop_places() {
	local - place
	set +f
	for place in "${PORTAGE_BUILDDIR%/*/*}/sccache-report/${CATEGORY}/${PN}"/*/; do
		place=${place%/}
		[[ ! -d ${place} ]] || ___sccache_report_print "$(___sccache_report_paths drop "${place##*/}")"
	done
}

case ${MISC_FUNCTIONS_ARGS:-${EBUILD_PHASE-}} in
compile | test | install)
	___sccache_report_clean_up
	if ___sccache_report_can_use_place; then
		# All processes of this phase inherit the lock, also the server, which is not started yet. So no other build can take
		# the place over while any of them runs.
		{ exec {___sccache_report_lock}<"${WORKDIR}/."; } 2>/dev/null || :
	else
		___sccache_report_leave_place # of a killed phase
	fi
	;;
clean | *die_hooks*) ___sccache_report_drop_places ;;
esac
