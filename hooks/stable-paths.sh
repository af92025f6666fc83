# Part of sccache-report.sh, for SCCACHE_REPORT_STABLE_PATHS=yes. Copyright 2026, MIT license.
#
# Shows vendored crates and cargo's target directory to cargo at paths without the package's version, so that the next version
# hits. docs/stable-paths.md explains this, and src/collect/paths does it. A package without cargo costs no process.

# Builds this phase with sccache what cargo.eclass unpacked below WORKDIR? The paths of a live ebuild are always the same.
# Sets ___sccache_report_stable_paths to a code of src/portage/stable_paths.rs, if it is known already.
___sccache_report_can_use_place() {
	[[ ${SCCACHE_REPORT_STABLE_PATHS-} == yes && ${CARGO_HOME-} == "${WORKDIR}"/* && -f ${CARGO_HOME}/config.toml &&
		${RUSTC_WRAPPER-}${CARGO_BUILD_RUSTC_WRAPPER-} == *sccache* && " ${PORTAGE_PROPERTIES-} " != *' live '* ]] || return 1
	if [[ " ${FEATURES-} " == *' noauto '* ]]; then
		# It runs phases in an outer shell.
		___sccache_report_stable_paths=noauto
	elif [[ " ${FEATURES-} " == *' installsources '* && " ${PORTAGE_RESTRICT-} " != *' installsources '* ]]; then
		# Debuggers find these sources below WORKDIR only.
		___sccache_report_stable_paths=installsources
	elif [[ ${EBUILD_PHASE} != compile ]]; then
		# src_compile decides, because cargo builds everything again that has another path.
		[[ -f ${T}/.sccache-stable-paths ]] && read -r ___sccache_report_stable_paths <"${T}/.sccache-stable-paths"
	fi
	[[ ${___sccache_report_stable_paths} == @(in_use|crates_only) || ${___sccache_report_stable_paths}${EBUILD_PHASE} == compile ]]
} 2>/dev/null

# Replaces the subshell with `sccache-collect paths`.
___sccache_report_paths() {
	export PORTAGE_BUILDDIR CARGO_HOME
	___sccache_report_collect paths "$1" --slot "$2" 2>&1
}

# Starts to use the place, unless a build of another version does. The main file calls this.
___sccache_report_enter_place() {
	local output place=${PORTAGE_BUILDDIR%/*/*}/sccache-report/${CATEGORY}/${PN}/${SLOT%%/*}
	[[ -v ___sccache_report_lock && -v ___sccache_report_post_name ]] || return 0
	if [[ ${___sccache_report_mode} == shared ]]; then
		# Its compilers have no lock, and can outlive a killed phase.
		___sccache_report_stable_paths=shared_server
		return 0
	fi
	output=$(___sccache_report_paths enter "${SLOT-}" <&"${___sccache_report_lock}")
	___sccache_report_stable_paths=${output%%$'\n'*}
	if [[ ${___sccache_report_stable_paths} == @(in_use|crates_only) ]]; then
		___sccache_report_export "CARGO_HOME=${place}/home"
	else
		___sccache_report_print "${output#"${___sccache_report_stable_paths}"$'\n'}"
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
	___sccache_report_stable_paths=
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
