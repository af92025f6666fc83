# sccache-report: keeps the statistics that sccache forgets. Copyright 2026, MIT license.
#
# Portage's bashrc sources this file in every phase of every package, in either of these ways:
#     echo 'source /usr/share/sccache-report/sccache-report.sh' >> /etc/portage/bashrc
#     ln -s /usr/share/sccache-report/sccache-report.sh /etc/portage/bashrc.d/90-sccache-report.sh   # portage-bashrc-mv
# Source it after your own functions: a post_src_* that is defined later leaves only the EXIT trap to take the numbers.
#
# A package that doesn't run sccache must not cost a process. Until sccache has run, everything here is a builtin.
# Under default FEATURES every src phase has network and PID namespaces of its own, and the server dies with them. So
# the numbers are taken at the end of each phase and carried to pkg_preinst in ${T}/.sccache-report.
# Portage drops names that begin with ___ when it saves the environment (save-ebuild-env.sh in 3.0.83). Everything else
# that the hook defines or exports, it removes again.

___sccache_report_version=0.1.0

# Stores the output of `trap -p EXIT` in ___sccache_report_out without a process. bash 5.1 and later use a pipe for a
# short here-document (unless BASH_COMPAT asks for an older bash), and /proc gives access to its other end.
___sccache_report_get_trap() {
	local compat=${BASH_COMPAT-} line
	___sccache_report_out=
	(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501 )) || { ___sccache_report_out=$(trap -p EXIT); return 0; }
	BASH_COMPAT=5.1
	{
		read -r -u 3 line
		trap -p EXIT >/proc/self/fd/3 && IFS= read -r -d '' -u 3 ___sccache_report_out
	} 2>/dev/null 3<<<'' || : # read returns 1 at the end of its input
	if [[ -n ${compat} ]]; then BASH_COMPAT=${compat}; else unset BASH_COMPAT; fi
}

# Defines a function from the output of `declare -f`, which may need extglob to be parsed.
___sccache_report_define() {
	local extglob=1
	shopt -q extglob || extglob=
	shopt -s extglob
	eval "$1"
	[[ -n ${extglob} ]] || shopt -u extglob
}

# Exports the settings "$@" for this phase. What undoes it is saved with the environment, should post_PHASE not run.
___sccache_report_export() {
	local setting name undo=
	for setting; do
		name=${setting%%=*}
		if [[ -v ${name} ]]; then undo+="export ${name}=${!name@Q}; "; else undo+="unset ${name}; "; fi
	done
	export "$@"
	eval "sccache_report_undo() { ${undo} }"
}

# Removes what this phase or an earlier one put into the environment.
___sccache_report_forget() {
	EBUILD_DEATH_HOOKS=${EBUILD_DEATH_HOOKS-}
	EBUILD_DEATH_HOOKS=${EBUILD_DEATH_HOOKS/ ___sccache_report_end/}
	[[ -n ${EBUILD_DEATH_HOOKS} ]] || unset EBUILD_DEATH_HOOKS
	declare -F sccache_report_undo >/dev/null || return 0
	sccache_report_undo
	unset -f sccache_report_undo
}

# Is the network namespace this phase's own? First what Portage intends (_doebuild_spawn in its doebuild.py, 3.0.83). It
# goes on where unshare(2) isn't allowed. But in a new namespace, no interface has moved a byte and there are no sockets.
___sccache_report_network_is_private() {
	local line
	local -a lines
	[[ " ${FEATURES-} " == *' network-sandbox '* && " ${PORTAGE_RESTRICT-} " != *' network-sandbox '* ]] || return 1
	case "${EBUILD_PHASE} ${PORTAGE_PROPERTIES-} " in
	setup* | pretend* | unpack*' live '* | test*' test_network '*) return 1 ;;
	esac
	mapfile -t -s 2 lines </proc/self/net/dev || return 1
	for line in "${lines[@]}"; do
		[[ ${line#*:} != *[1-9]* ]] || return 1
	done
	[[ -n ${lines-} ]] || return 1
	mapfile -n 1 -s 1 lines </proc/self/net/unix && mapfile -n 1 -s 1 -O "${#lines[@]}" lines </proc/self/net/tcp
	(( ! ${#lines[@]} ))
} 2>/dev/null

# Is there a server at this phase's address? A path socket is visible as a file. The kernel's tables, which have
# everybody's sockets, are read in a private network only. A listening TCP port has state 0A there.
___sccache_report_server_runs() {
	local -a lines
	local IFS= port
	if [[ ${___sccache_report_socket} == /* ]]; then
		# With its status: in a trap, a bare return has the status from before the trap.
		if [[ -S ${___sccache_report_socket} ]]; then return 0; else return 1; fi
	fi
	if [[ -n ${___sccache_report_socket} ]] && mapfile -n 10000 lines </proc/self/net/unix; then
		[[ "${lines[*]}" != *" ${___sccache_report_socket/#\\x00/@}"$'\n'* ]] || return 0
	fi
	[[ -n ${___sccache_report_port} ]] || return 1
	printf -v port ':%04X ' "${___sccache_report_port}"
	mapfile -n 10000 lines </proc/self/net/tcp && [[ "${lines[*]}" == *"${port}"????????:????' 0A '* ]]
} 2>/dev/null

# Is anything set up to call sccache here, or does the ebuild call it?
___sccache_report_is_configured() {
	local -a lines
	local name
	for name in RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER \
		CC CXX CPP BUILD_CC BUILD_CXX NVCC MYCMAKEARGS PATH "${!CMAKE_@}"; do
		[[ ${!name-} != *sccache* ]] || return 0
	done
	mapfile lines <"${EBUILD}" && [[ "${lines[*]}" == *sccache* ]]
} 2>/dev/null

# The start of a phase that may compile: an address for a server that belongs to this phase alone.
# In a network namespace of its own, an abstract socket: nobody outside can reach it, and of many first clients exactly
# one binds it. An sccache before 0.9 doesn't know sockets and takes its default port, which is private here as well.
# In a shared network, an abstract socket or a port is open to every local user, and whoever reaches the server has it
# run compilers as its user. So a path socket, which sccache creates with mode 0750. First clients race for it: each new
# server removes the file of the one before (of 120 requests by `make -j16` 39 were counted). So for user portage a
# server is started before the first client. An sccache before 0.9 is left alone there.
# A server that the user chose is queried before and after, never stopped, unless it lies in the phase's own namespace.
___sccache_report_begin() {
	local -a settings=()
	local mode=own
	printf -v ___sccache_report_started '%(%s)T' -1
	___sccache_report_socket=${SCCACHE_SERVER_UDS-} ___sccache_report_port=${SCCACHE_SERVER_PORT-}
	if ___sccache_report_network_is_private && [[ ${___sccache_report_socket} != /* ]]; then
		# A unique name: if the network isn't private after all, two builds still don't meet.
		if [[ -z ${___sccache_report_socket}${___sccache_report_port} ]]; then
			___sccache_report_socket="\\x00sccache-report.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}"
			___sccache_report_port=4226
			settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}")
		fi
		# A server exits after 10 idle minutes and forgets its numbers. A phase may take hours between two calls of rustc.
		settings+=(SCCACHE_IDLE_TIMEOUT=86400)
	elif [[ -n ${___sccache_report_socket}${___sccache_report_port} ]]; then
		mode=shared
	else
		___sccache_report_socket=${T}/.sccache-report.sock
		settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}")
		# sun_path without its NUL: sccache would fail, and the build with it.
		(( ${#___sccache_report_socket} <= 107 )) || mode=none settings=()
	fi
	[[ ${mode} != own ]] || ___sccache_report_choose_log
	# What root writes into the cache, user portage can't use (sccache 0.7+). Root may write where it builds everything.
	# This variable alone makes sccache ignore [cache.disk] in the file SCCACHE_CONF, so that a root phase has an empty
	# cache there. That is better than a cache that the next build can't use.
	if (( UID == 0 )) && [[ ! -v SCCACHE_LOCAL_RW_MODE && ( " ${FEATURES-} " == *' userpriv '* ||
		-n ${SCCACHE_DIR-} && ! -O ${SCCACHE_DIR} ) ]]; then
		settings+=(SCCACHE_LOCAL_RW_MODE=READ_ONLY)
		# It would still create this folder (0.16.0).
		[[ -d ${SCCACHE_DIR-}/preprocessor ]] || settings+=(SCCACHE_DIRECT=false)
	fi
	(( ! ${#settings[@]} )) || ___sccache_report_export "${settings[@]}"
	if [[ ${mode} == shared ]] && ___sccache_report_is_configured; then
		___sccache_report_baseline=$(
			___sccache_report_collect phase --shared --begin --sccache "${___sccache_report_sccache}" 2>/dev/null)
	fi
	[[ ${mode} != own || ${___sccache_report_socket} != /* ]] || ___sccache_report_start_ahead
	___sccache_report_mode=${mode}
	[[ ${mode} == own || -n ${settings-}${___sccache_report_baseline} ]] && ___sccache_report_take_over
}

# The file to which the phase's servers log what their numbers don't show: that one was killed and replaced, stopped or
# set to zero (src/sccache/log.rs). A phase that is killed leaves its log. An empty one means that no server started.
___sccache_report_choose_log() {
	local -
	local -a conf=()
	local log=${T}/.sccache-report.${EBUILD_PHASE}.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}.log
	# A filter of the user's own (after a slash) is for everything that is logged, and stays.
	[[ -z ${SCCACHE_ERROR_LOG-} && ${SCCACHE_LOG-} != */* && ${EBUILD_PHASE} != @(setup|pretend) ]] || return 0
	# Logging turns client-side mode off (Config::load in sccache's src/config.rs, 0.19.0).
	[[ ! -f ${SCCACHE_CONF-} || ! -r ${SCCACHE_CONF} ]] || mapfile -n 1000 conf <"${SCCACHE_CONF}"
	[[ ${SCCACHE_CLIENT_SIDE:-0} == @(0|off|false) && "${conf[*]}" != *client_side_mode* ]] || return 0
	set -C
	{ : >"${log}"; } 2>/dev/null || return 0
	___sccache_report_log=${log}
	settings+=("SCCACHE_ERROR_LOG=${log}" "SCCACHE_LOG=${SCCACHE_LOG:+${SCCACHE_LOG},}sccache::server=debug")
	[[ -n ${SCCACHE_LOG-} ]] ||
		settings[-1]+='/server started|shutting down due|handle_client: (compile|record|zero|shutdown)'
}

# Never as root. An sccache before 0.9 would listen on a port, which any local user could use: it gets one that user
# portage can't bind, and where that is allowed, it is stopped at once.
___sccache_report_start_ahead() {
	(( UID != 0 )) && [[ ${EBUILD_PHASE} == @(configure|compile|test|install) ]] && ___sccache_report_is_configured || return 0
	SCCACHE_SERVER_PORT=1 SCCACHE_IDLE_TIMEOUT=86400 "${___sccache_report_sccache}" --start-server </dev/null &>/dev/null || :
	[[ ! -S ${___sccache_report_socket} ]] || return 0
	SCCACHE_SERVER_PORT=1 "${___sccache_report_sccache}" --stop-server </dev/null &>/dev/null || :
	# That it couldn't start is no part of the phase.
	[[ -z ${___sccache_report_log} ]] || : >|"${___sccache_report_log}"
}

# post_PHASE runs before Portage saves the environment. The EXIT trap is for phases that fail; Portage allows it 10 s.
# Both may run, also in different shells (FEATURES=noauto). That there is no server shows that the numbers were taken.
___sccache_report_take_over() {
	local trap
	___sccache_report_post_name=post_src_${EBUILD_PHASE}
	[[ ${EBUILD_PHASE} != @(setup|pretend) ]] || ___sccache_report_post_name=post_pkg_${EBUILD_PHASE}
	___sccache_report_user_post= ___sccache_report_user_trap=
	if declare -F "${___sccache_report_post_name}" >/dev/null; then
		___sccache_report_user_post=$(declare -f "${___sccache_report_post_name}")
		[[ ${___sccache_report_user_post} != *___sccache_report_post* ]] || ___sccache_report_user_post=
	fi
	eval "${___sccache_report_post_name}() { ! declare -F ___sccache_report_post >/dev/null || ___sccache_report_post; }"
	___sccache_report_get_trap
	trap=${___sccache_report_out#*trap -- }
	[[ ${trap} == "${___sccache_report_out}" || ${trap} == '- EXIT'* ]] || eval "___sccache_report_user_trap=${trap% EXIT*}"
	# For an ebuild that sets an EXIT trap of its own and then dies.
	EBUILD_DEATH_HOOKS+=' ___sccache_report_end'
	# The user's trap sees the status that it would have seen. As a condition, ours can't end it under set -e.
	trap 'if ___sccache_report_exit; then eval "${___sccache_report_user_trap}"; else eval "${___sccache_report_user_trap}"; fi' EXIT
}

# The end of a phase: take the numbers and stop the server, if there is or was one.
___sccache_report_end() {
	local -a options=(--started "${___sccache_report_started}" --sccache "${___sccache_report_sccache}")
	if [[ ${___sccache_report_mode} == shared ]]; then
		[[ -n ${___sccache_report_baseline} ]] || return 0
		___sccache_report_say "$(___sccache_report_collect phase --shared "${options[@]}" <<<"${___sccache_report_baseline}" 2>&1)"
		___sccache_report_baseline=
	elif [[ ${___sccache_report_mode} == own ]] &&
		{ ___sccache_report_server_runs || [[ -n ${___sccache_report_log} && -s ${___sccache_report_log} ]]; }; then
		[[ -z ${___sccache_report_log} ]] || options+=(--log "${___sccache_report_log}")
		___sccache_report_say "$(___sccache_report_collect phase "${options[@]}" 2>&1)"
	fi
}

# Replaces the subshell by the collector. Portage exports the variables without SCCACHE only up to EAPI 8.
___sccache_report_collect() {
	export T EPREFIX EBUILD_PHASE CATEGORY PN PVR MERGE_TYPE
	[[ $1 != phase ]] || export SCCACHE_SERVER_UDS=${___sccache_report_socket} SCCACHE_SERVER_PORT=${___sccache_report_port}
	exec "${___sccache_report_collector}" "$@"
}

# Stands in for post_PHASE, and puts the user's own back. Theirs runs first, so that it still meets the server, unless it
# stops the server (as a widely used recipe does).
___sccache_report_post() {
	local status=0
	unset -f "${___sccache_report_post_name}"
	[[ ${___sccache_report_user_post} != *stop-server* ]] || ___sccache_report_end
	if [[ -n ${___sccache_report_user_post} ]]; then
		___sccache_report_define "${___sccache_report_user_post}"
		"${___sccache_report_post_name}" || status=$?
	fi
	___sccache_report_end
	___sccache_report_forget
	return "${status}"
}

___sccache_report_exit() {
	local status=$?
	___sccache_report_end
	return "${status}"
}

# Did a phase leave a snapshot, or the log or socket of one that was killed? bashrc may have turned globs off.
___sccache_report_has_left() {
	local -
	local left
	set +f
	for left in "${T}"/.sccache-report*; do
		[[ ! -d ${left} && ! -s ${left} && ! -S ${left} ]] || return 0
	done
	return 1
}

# The end of a build, with its outcome. The collector writes where a sandbox would not let it.
___sccache_report_record() {
	___sccache_report_has_left || return 0
	___sccache_report_say "$(SANDBOX_ON=0 ___sccache_report_collect record --outcome "$1" --slot "${SLOT-}" 2>&1)"
}

# Writes what this merge had in effect into "$@", for `sccache-report doctor`. The files lie beside the database, in a
# folder that the collector or `make install` creates. It is open as 4, and what it lies in as 3, so that nobody can swap
# them, or lead the hook into another folder of root's.
___sccache_report_observe() {
	local folder=/proc/self/fd/4/. parent=/proc/self/fd/3/. LC_ALL=C text=$'sccache-report-hook=1\n' name value
	local -a lines=()
	[[ -O ${parent} && ! -k ${parent} && ! -L ${parent}/hook && -O ${folder} && ! -k ${folder} ]] || return 0
	printf -v value '%(%s)T' -1
	___sccache_report_line time "${value}"
	___sccache_report_line package "${CATEGORY}/${PF}"
	___sccache_report_line hook_version "${___sccache_report_version}"
	value=
	mapfile -t lines <"${PORTAGE_PYM_PATH}/portage/__init__.py"
	for name in "${lines[@]}"; do
		[[ ${name} != *'VERSION = "'[0-9]* ]] || value=${name#*\"}
	done
	___sccache_report_line portage_version "${value%%\"*}"
	___sccache_report_line features "${FEATURES-}" 4000
	value=${___sccache_report_sccache#sccache}
	IFS=: read -r -a lines <<<"${PATH}"
	for name in "${lines[@]}"; do
		[[ -n ${value} || ! -f ${name}/sccache || ! -x ${name}/sccache ]] || value=${name}/sccache
	done
	[[ -x ${value} ]] || value=
	___sccache_report_line sccache "${value}"
	___sccache_report_line t_length "${#T}"
	for name in RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER CC CXX PATH PORTAGE_USERNAME \
		PORTAGE_GRPNAME "${!CMAKE_@}" "${!SCCACHE_@}"; do
		[[ -v ${name} && ${name} != CMAKE_!(*_COMPILER_LAUNCHER) ]] || continue
		value=${!name}
		# Everybody can read the file.
		[[ ${name} != *@(PASSWORD|TOKEN|SECRET|_KEY|CONNECTION_STRING) && ${value} != *://*@* ]] || value='(hidden)'
		___sccache_report_line "env.${name}" "${value}"
	done
	text+=$'end\n'
	for name; do printf %s "${text}" >|"${folder}/${name}"; done
}

___sccache_report_line() {
	local value=${2//[[:cntrl:]]/ }
	text+=$1=${value:0:${3-1000}}$'\n'
}

# Prints the collector's lines: those that begin with "warning: " through ewarn, the rest through einfo.
___sccache_report_say() {
	local line info=
	[[ -n $1 ]] || return 0
	while IFS= read -r line; do
		line=${line//'\'/'\\'} # einfo and ewarn print with echo -e
		if [[ ${line} == 'warning: '* ]]; then ewarn "sccache-report: ${line#warning: }"; else info+=${info:+$'\n'}${line}; fi
	done <<<"$1"
	[[ -z ${info} ]] || einfo "${info}"
}

# Records the merge, and removes what is of no use after it from the environment, which Portage saves.
___sccache_report_preinst() {
	local folder=${SCCACHE_REPORT_DB:-${PORTAGE_OVERRIDE_EPREFIX-${EPREFIX-}}/var/lib/sccache-report/stats.db} name
	local -a files=(last-merge)
	___sccache_report_forget
	if ___sccache_report_has_left; then
		files+=(last-cached)
		! type -P "${___sccache_report_collector}" >/dev/null || ___sccache_report_record merged
	fi
	folder=${folder%/*}/
	[[ ! -d ${folder}hook ]] || ___sccache_report_observe "${files[@]}" 2>/dev/null 3<"${folder}" 4</proc/self/fd/3/hook
	for name in "${!SCCACHE_REPORT_@}" "${!bashrcd_phases_@}"; do
		[[ ${name} == bashrcd_* && ${!name} != sccache_report_source ]] || unset "${name}"
	done
	unset -f sccache_report_source
}

___sccache_report_main() {
	local self=${BASH_SOURCE[0]}

	# portage-bashrc-mv sources its files once, and later runs what they registered as simple commands. This function is
	# saved with the environment, and runs without the file when the package is unmerged.
	if declare -F BashrcdPhase >/dev/null; then
		eval "sccache_report_source() { [[ ! -r ${self@Q} ]] || . ${self@Q}; }"
		BashrcdPhase all sccache_report_source
		return 0
	fi

	# The collector that was installed along with this file, or else the one in PATH.
	___sccache_report_collector=${self%/share/sccache-report/*}/bin/sccache-collect
	[[ -x ${___sccache_report_collector} ]] || ___sccache_report_collector=sccache-collect
	___sccache_report_sccache=sccache
	[[ ${RUSTC_WRAPPER-} != /*/sccache ]] || ___sccache_report_sccache=${RUSTC_WRAPPER}
	if [[ ${EBUILD_PHASE-} == preinst && -z ${MISC_FUNCTIONS_ARGS-} ]]; then
		___sccache_report_preinst
		return 0
	fi
	type -P "${___sccache_report_collector}" >/dev/null && type -P "${___sccache_report_sccache}" >/dev/null || return 0

	# misc-functions.sh: what Portage does between phases, under EBUILD_PHASE's name.
	case ${MISC_FUNCTIONS_ARGS-} in
	'') ;;
	*die_hooks*) ___sccache_report_record failed; return 0 ;;
	# These run after every merge; EAPI 3 and older have no MERGE_TYPE.
	*success_hooks*) [[ ${MERGE_TYPE-buildonly} != buildonly ]] || ___sccache_report_record packaged; return 0 ;;
	*) return 0 ;;
	esac

	case ${EBUILD_PHASE-} in
	clean)
		# What a killed emerge left. The next one only goes on with it where ${T} stays as well.
		[[ " ${FEATURES-} " == *' keepwork '* && " ${FEATURES-} " == *' keeptemp '* ]] || ___sccache_report_record interrupted
		;;
	pretend | setup | unpack | prepare | configure | compile | test | install)
		___sccache_report_forget
		# Portage may come to skip pkg_preinst where there is no function for it (change 1712). This one goes
		# when it runs. If preinst's bashrc was sourced, there is nothing left to do.
		declare -F pre_pkg_preinst >/dev/null ||
			eval "pre_pkg_preinst() { unset -f pre_pkg_preinst; [[ ! -r ${self@Q} ]] || . ${self@Q}; }"
		# A phase that was done before is skipped (.compiled and so on), and so is test without FEATURES=test (__dyn_test).
		if [[ ! -w ${T-} || -e ${PORTAGE_BUILDDIR-}/.${EBUILD_PHASE%e}ed && "${EBUILD_PHASE} ${FEATURES-} " != 'install '*' noauto '* ||
			${EBUILD_PHASE} == test && ( " ${FEATURES-} " != *' test '* && ${EBUILD_FORCE_TEST-} != 1 ||
			" ${PORTAGE_RESTRICT-} " == *' test '* && -z ${ALLOW_TEST-} ) ]]; then
			return 0
		fi
		___sccache_report_begin
		;;
	esac
	return 0
}

# Once per shell, also when both ways of sourcing are in use; never while metadata is generated.
if [[ ${EBUILD_PHASE-} != depend && -z ${___sccache_report_main_ran-} ]]; then
	declare -F BashrcdPhase >/dev/null || ___sccache_report_main_ran=1
	___sccache_report_mode=none ___sccache_report_log= ___sccache_report_baseline=
	___sccache_report_main
fi
