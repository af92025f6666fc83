# Part of sccache-report.sh, for SCCACHE_REPORT_STABLE_PATHS=yes. Copyright 2026, MIT license.
#
# Makes vendored crates and cargo's target directory available to cargo at a place without the package's version in its path, so
# that the next version hits. docs/stable-paths.md explains this, and src/collect/paths does it. For a package without cargo, this
# adds no process.
#
# sccache_report_stable_paths is what src_compile decided: a code of src/portage/stable_paths.rs. It is saved with the environment
# until src_install, because cargo builds everything again that has another path.

# Returns whether this phase runs sccache on crates that cargo.eclass unpacked in WORKDIR. The paths of a live ebuild never change.
___sccache_report_builds_crates() {
	[[ ${SCCACHE_REPORT_STABLE_PATHS-} == yes && ${CARGO_HOME-} == "${WORKDIR}"/* && -f ${CARGO_HOME}/config.toml &&
		${RUSTC_WRAPPER-}${CARGO_BUILD_RUSTC_WRAPPER-} == *sccache* && " ${PORTAGE_PROPERTIES-} " != *' live '* ]]
}

# Sets ___sccache_report_stable_paths to the state, if it is known already, and returns whether the phase can use the place.
___sccache_report_can_use_place() {
	# With keepwork, Portage skips a src_compile that was done.
	[[ ${EBUILD_PHASE} != compile || -e ${PORTAGE_BUILDDIR}/.compiled ]] || unset sccache_report_stable_paths
	___sccache_report_stable_paths=
	___sccache_report_builds_crates || return 1
	___sccache_report_stable_paths=${sccache_report_stable_paths-}
	# noauto runs phases in an outer shell. Debuggers find the sources of installsources below WORKDIR only.
	[[ " ${FEATURES-} " != *' noauto '* ]] || ___sccache_report_stable_paths=noauto
	[[ " ${FEATURES-} " != *' installsources '* || " ${PORTAGE_RESTRICT-} " == *' installsources '* ]] ||
		___sccache_report_stable_paths=installsources
	[[ ${EBUILD_PHASE} == compile && -z ${___sccache_report_stable_paths} ||
		${___sccache_report_stable_paths} == @(in_use|crates_only) ]]
}

# Opens a file that all processes of this phase inherit, and `enter` locks, so that no other build can take the place over while
# any of them runs. Also the server inherits it, which is not started yet. <> doesn't wait for the other end of a FIFO.
___sccache_report_open_lock() {
	local file=${T}/.sccache-stable-paths.lock
	[[ ! -e ${file} && ! -L ${file} || -f ${file} && ! -L ${file} ]] && exec {___sccache_report_lock}<>"${file}"
} 2>/dev/null

# Replaces the subshell with `sccache-collect paths`.
___sccache_report_paths() {
	export PORTAGE_BUILDDIR CARGO_HOME
	___sccache_report_collect paths "$@"
}

# Starts to use the place, unless a build of another version does. The main file calls this.
___sccache_report_enter_place() {
	local output state=unavailable
	[[ -v ___sccache_report_lock ]] || return 0
	if [[ ${___sccache_report_mode} == shared || ! -v ___sccache_report_post_name ]]; then
		# The compilers of a shared server have no lock, and can outlive a killed phase.
		[[ ${___sccache_report_mode} != shared ]] || ___sccache_report_stable_paths=shared_server
		___sccache_report_leave_place # of a killed phase
		return 0
	fi
	output=$(___sccache_report_paths enter --slot "${SLOT-}" <&"${___sccache_report_lock}")
	if [[ ${output%%$'\n'*} == +([a-z_]) ]]; then
		state=${output%%$'\n'*} output=${output#*$'\n'}
		if [[ ${state} == @(in_use|crates_only) ]]; then
			___sccache_report_export "CARGO_HOME=${output}"
		else
			___sccache_report_print "${output}"
		fi
	fi
	___sccache_report_stable_paths=${state}
	# src_test never gets the target directory, so its crates_only must not replace the state that src_install needs.
	[[ ${EBUILD_PHASE} == test && ${state} == crates_only ]] || sccache_report_stable_paths=${state}
}

# Returns whether the package has a place, in any slot.
___sccache_report_has_place() {
	[[ -d ${PORTAGE_BUILDDIR%/*/*}/sccache-report/${CATEGORY}/${PN} ]]
}

# Stops using the place at the end of a phase. The main file calls this. src_install is the last phase that needs the place.
___sccache_report_leave_place() {
	# Portage's die runs EBUILD_DEATH_HOOKS.
	[[ " ${FUNCNAME[*]} " != *' die '* || ${___sccache_report_stable_paths} != @(in_use|crates_only) ]] || ___sccache_report_print \
		"sccache-report: ${CATEGORY}/${PF} used stable paths. If it fails only with them, leave it out (docs/stable-paths.md)"
	if [[ ${EBUILD_PHASE} == install ]]; then
		unset sccache_report_stable_paths
		# Whoever still has the lock is a process that the phase left.
		[[ ! -v ___sccache_report_lock ]] || { exec {___sccache_report_lock}>&-; unset ___sccache_report_lock; }
	fi
	[[ -L ${WORKDIR}/.cargo ]] || { [[ ${EBUILD_PHASE} == install ]] && ___sccache_report_has_place; } || return 0
	___sccache_report_print "$(___sccache_report_paths leave --slot "${SLOT-}" 2>&1)"
}

case ${MISC_FUNCTIONS_ARGS:-${EBUILD_PHASE-}} in
compile | test | install)
	___sccache_report_clean_up
	if ! ___sccache_report_can_use_place; then
		___sccache_report_leave_place # of a killed phase
	elif ! ___sccache_report_open_lock; then
		___sccache_report_leave_place
		___sccache_report_stable_paths=unavailable sccache_report_stable_paths=unavailable
		___sccache_report_print "sccache-report: ${CATEGORY}/${PF} keeps its own paths: can't open ${T}/.sccache-stable-paths.lock"
	fi
	;;
clean | *die_hooks*) ! ___sccache_report_has_place || ___sccache_report_print "$(___sccache_report_paths drop 2>&1)" ;;
esac
