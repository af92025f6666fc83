# sccache-report: keeps the statistics that sccache forgets. Copyright 2026, MIT license.
#
# Portage's bashrc sources this file in every phase of every package, in one of these ways:
#     echo 'source /usr/share/sccache-report/sccache-report.sh' >> /etc/portage/bashrc
#     ln -s /usr/share/sccache-report/sccache-report.sh /etc/portage/bashrc.d/90-sccache-report.sh   # portage-bashrc-mv
# Source it after your own functions. If a post_src_* is defined later, only the EXIT trap can save the statistics.
#
# A package that doesn't run sccache must not cost a process: until sccache has run, everything here is a builtin.
# Portage drops names that begin with ___ when it saves the environment (save-ebuild-env.sh in 3.0.83). The hook removes
# everything else that it defines or exports. docs/how-it-works.md explains the design.

# Stores the output of the builtin "$@" in ___sccache_report_output, without a process: bash 5.1 and later put a short
# here-document into a pipe, unless BASH_COMPAT names an older version, and /proc opens the pipe's other end.
___sccache_report_read_output() {
	local line
	___sccache_report_output=
	(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501 )) ||
		{ [[ $1 == times ]] || ___sccache_report_output=$("$@"); return 0; } # a subshell has times of its own
	local BASH_COMPAT=5.1
	{
		read -r -u 3 line
		"$@" >/proc/self/fd/3 && IFS= read -r -d '' -u 3 ___sccache_report_output
	} 2>/dev/null 3<<<'' || : # read returns 1 at the end of its input
}

# Exports the settings "$@" for this phase. What undoes that is saved with the environment, in case post_PHASE doesn't run. A value
# that the ebuild changed since is its own.
___sccache_report_export() {
	local setting name undo
	for setting; do
		name=${setting%%=*}
		if [[ -v ${name} ]]; then undo="export ${name}=${!name@Q}"; else undo="unset ${name}"; fi
		setting=${setting#*=}
		___sccache_report_undo+="[[ \${${name}-} != ${setting@Q} ]] || ${undo}; "
	done
	export "$@"
	eval "sccache_report_undo() { ${___sccache_report_undo} unset -f sccache_report_undo; }"
}

# Removes what this phase or an earlier one added to the environment.
___sccache_report_clean_up() {
	[[ ! -v EBUILD_DEATH_HOOKS ]] || EBUILD_DEATH_HOOKS=${EBUILD_DEATH_HOOKS/ ___sccache_report_end/}
	[[ -n ${EBUILD_DEATH_HOOKS-} ]] || unset EBUILD_DEATH_HOOKS
	! declare -F sccache_report_undo >/dev/null || sccache_report_undo
}

# Does this phase have its own network namespace? Portage intends that in these cases (_doebuild_spawn in 3.0.83), but it
# continues without if unshare(2) fails. A new namespace has no traffic on its interfaces and no sockets.
___sccache_report_has_private_network() {
	local -a lines
	[[ " ${FEATURES-} " == *' network-sandbox '* && " ${PORTAGE_RESTRICT-} " != *' network-sandbox '* ]] || return 1
	case "${EBUILD_PHASE} ${PORTAGE_PROPERTIES-} " in
	setup* | pretend* | unpack*' live '* | test*' test_network '*) return 1 ;;
	esac
	mapfile -t -s 2 lines </proc/self/net/dev && [[ -n ${lines-} && "${lines[*]#*:}" != *[1-9]* ]] || return 1
	mapfile -n 1 -s 1 lines </proc/self/net/unix && mapfile -n 1 -s 1 -O "${#lines[@]}" lines </proc/self/net/tcp
	(( ! ${#lines[@]} ))
} 2>/dev/null

# Is a server running at this phase's address? A path socket is a file. The kernel's tables list the sockets of all users
# in the network namespace, so they are read only if it is private. A listening TCP port has state 0A.
___sccache_report_has_server() {
	local -a lines
	local IFS= port
	if [[ ${___sccache_report_socket} == /* ]]; then
		# An explicit status: in a trap, a bare return uses the status from before the trap.
		if [[ -S ${___sccache_report_socket} ]]; then return 0; else return 1; fi
	fi
	if [[ -n ${___sccache_report_socket} ]] && mapfile -n 10000 lines </proc/self/net/unix; then
		[[ "${lines[*]}" != *" ${___sccache_report_socket/#\\x00/@}"$'\n'* ]] || return 0
	fi
	[[ -n ${___sccache_report_port} ]] || return 1
	printf -v port ':%04X ' "${___sccache_report_port}"
	mapfile -n 10000 lines </proc/self/net/tcp && [[ "${lines[*]}" == *"${port}"????????:????' 0A '* ]]
} 2>/dev/null

# Does a setting or the ebuild name sccache?
___sccache_report_is_configured() {
	local name lines
	for name in RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER \
		CC CXX CPP BUILD_CC BUILD_CXX NVCC MYCMAKEARGS PATH "${!CMAKE_@}"; do
		[[ ${!name-} != *sccache* ]] || return 0
	done
	mapfile lines <"${EBUILD}" && [[ "${lines[*]}" == *sccache* ]]
} 2>/dev/null

# Starts a phase that may compile: chooses the address of a server for this phase alone. That is an abstract socket in a
# private network, and in a shared one, where every user could reach that, a path socket. A server that the user chose is
# queried before and after, and not stopped unless it is in a private network.
___sccache_report_begin() {
	local -a settings=()
	local mode=own micros
	___sccache_report_read_output times
	___sccache_report_shell=${BASHPID} ___sccache_report_times=${___sccache_report_output}
	printf -v ___sccache_report_started '%(%s)T' -1
	# Not before bash 5.0. The decimal separator depends on the locale.
	micros=${EPOCHREALTIME//[!0-9]/}
	(( ${#micros} < 16 )) || ___sccache_report_started=${micros::-6}.${micros: -6}
	___sccache_report_socket=${SCCACHE_SERVER_UDS-} ___sccache_report_port=${SCCACHE_SERVER_PORT-}
	if ___sccache_report_has_private_network && [[ ${___sccache_report_socket} != /* ]]; then
		# A unique name, in case the network is not private after all. sccache before 0.9 uses its default port.
		if [[ -z ${___sccache_report_socket}${___sccache_report_port} ]]; then
			___sccache_report_socket="\\x00sccache-report.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}"
			___sccache_report_port=4226
			settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}")
		fi
		# By default, a server exits after 10 idle minutes and forgets its statistics.
		settings+=(SCCACHE_IDLE_TIMEOUT=86400)
	elif [[ -n ${___sccache_report_socket}${___sccache_report_port} ]]; then
		mode=shared
	else
		___sccache_report_socket=${T}/.sccache-report.sock
		settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}")
		# With a path longer than sun_path, sccache and the build would fail.
		(( ${#___sccache_report_socket} <= 107 )) || mode=none settings=()
	fi
	[[ ${mode} != own ]] || ___sccache_report_choose_log
	# User portage can't use files that root writes into the cache (sccache 0.7 and later). Root may write if it builds
	# everything and owns the cache.
	if (( UID == 0 )) && [[ ! -v SCCACHE_LOCAL_RW_MODE && ( " ${FEATURES-} " == *' userpriv '* ||
		-n ${SCCACHE_DIR-} && ! -O ${SCCACHE_DIR} ) ]]; then
		settings+=(SCCACHE_LOCAL_RW_MODE=READ_ONLY)
		# Even then, sccache 0.16.0 would create this folder.
		[[ -d ${SCCACHE_DIR-}/preprocessor ]] || settings+=(SCCACHE_DIRECT=false)
	fi
	[[ ${mode} == shared ]] || ___sccache_report_check_redis
	(( ! ${#settings[@]} )) || ___sccache_report_export "${settings[@]}"
	if [[ ${mode} == shared ]] && ___sccache_report_is_configured; then
		___sccache_report_baseline=$(___sccache_report_collect phase --shared --begin --sccache "${___sccache_report_sccache}" 2>/dev/null)
	fi
	[[ ${mode} != own || ${___sccache_report_socket} != /* ]] || ___sccache_report_start_server
	___sccache_report_mode=${mode}
	[[ ${mode} == own || -n ${settings-}${___sccache_report_baseline} ]] && ___sccache_report_install_handlers
}

# Makes the servers of this phase log their start and end, which their statistics don't show, and each compilation
# (src/sccache/log.rs). A phase that is killed leaves its log. An empty log means that no server started.
___sccache_report_choose_log() {
	local -
	local -a conf=()
	local log=${T}/.sccache-report.${EBUILD_PHASE}.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}.log
	# A filter in the user's SCCACHE_LOG (after a slash) applies to all messages.
	[[ -z ${SCCACHE_ERROR_LOG-} && ${SCCACHE_LOG-} != */* && ${EBUILD_PHASE} != @(setup|pretend) ]] || return 0
	# Logging disables client-side mode (Config::load in sccache's src/config.rs, 0.19.0).
	[[ ! -f ${SCCACHE_CONF-} || ! -r ${SCCACHE_CONF} ]] || mapfile -n 1000 conf <"${SCCACHE_CONF}"
	[[ ${SCCACHE_CLIENT_SIDE:-0} == @(0|off|false) && "${conf[*]}" != *client_side_mode* ]] || return 0
	set -C
	{ : >"${log}"; } 2>/dev/null || return 0
	___sccache_report_log=${log}
	settings+=("SCCACHE_ERROR_LOG=${log}" SCCACHE_LOG_MILLIS=1
		"SCCACHE_LOG=${SCCACHE_LOG:+${SCCACHE_LOG},}sccache::server=info,sccache::compiler::compiler=debug")
}

# Makes this phase use the local cache alone if sccache's server couldn't use the Redis at a Unix socket: each compiler call would
# fail after 10 s (sccache 0.16.0 and 0.19.0). The local cache of a chain keeps its keys. If Redis stops answering later, the hook
# can't help. Warns once per build.
___sccache_report_check_redis() {
	local -
	local -a conf=()
	local output name
	[[ ! -f ${SCCACHE_CONF-} || ! -r ${SCCACHE_CONF} ]] || mapfile -n 1000 conf <"${SCCACHE_CONF}"
	[[ "${SCCACHE_REDIS_ENDPOINT-} ${SCCACHE_REDIS-} ${conf[*]}" == *unix:* ]] || return 0
	output=$(___sccache_report_collect redis 2>&1)
	# Not what another version of the collector, or the loader, may print.
	[[ $'\n'${output} == *$'\n''warning: '* ]] || return 0
	for name in SCCACHE_REDIS_ENDPOINT SCCACHE_REDIS; do
		[[ ! -v ${name} ]] || settings+=("${name}=")
	done
	if [[ -n ${SCCACHE_MULTILEVEL_CHAIN-} || "${conf[*]}" == *unix:* ]]; then
		settings+=(SCCACHE_MULTILEVEL_CHAIN=disk)
		# In a chain, the local cache has no default folder.
		[[ -n ${SCCACHE_DIR-} || "${conf[*]}" == *disk*dir* ]] || settings+=("SCCACHE_DIR=${HOME}/.cache/sccache")
	fi
	set -C
	! { : >"${T}/.sccache-without-redis"; } 2>/dev/null || ___sccache_report_print "${output}"
}

# Starts the server of a path socket, because the first clients would each start one. Never as root. sccache before 0.9
# would listen on a port that any user can reach: user portage can't bind port 1, or else that server is stopped at once.
___sccache_report_start_server() {
	(( UID != 0 )) && [[ ${EBUILD_PHASE} == @(configure|compile|test|install) ]] && ___sccache_report_is_configured || return 0
	SCCACHE_SERVER_PORT=1 SCCACHE_IDLE_TIMEOUT=86400 "${___sccache_report_sccache}" --start-server </dev/null &>/dev/null || :
	[[ ! -S ${___sccache_report_socket} ]] || return 0
	SCCACHE_SERVER_PORT=1 "${___sccache_report_sccache}" --stop-server </dev/null &>/dev/null || :
	# The failed start is not part of the phase.
	[[ -z ${___sccache_report_log} ]] || : >|"${___sccache_report_log}"
}

# Defines post_PHASE, which runs before Portage saves the environment, and an EXIT trap for phases that fail. Both may run,
# even in different shells (FEATURES=noauto): the second finds no server.
___sccache_report_install_handlers() {
	local trap
	___sccache_report_post_name=post_src_${EBUILD_PHASE}
	[[ ${EBUILD_PHASE} != @(setup|pretend) ]] || ___sccache_report_post_name=post_pkg_${EBUILD_PHASE}
	___sccache_report_user_post= ___sccache_report_user_trap=
	if declare -F "${___sccache_report_post_name}" >/dev/null; then
		___sccache_report_user_post=$(declare -f "${___sccache_report_post_name}")
		[[ ${___sccache_report_user_post} != *___sccache_report_post* ]] || ___sccache_report_user_post=
	fi
	eval "${___sccache_report_post_name}() { ! declare -F ___sccache_report_post >/dev/null || ___sccache_report_post; }"
	___sccache_report_read_output trap -p EXIT
	trap=${___sccache_report_output#*trap -- }
	[[ ${trap} == "${___sccache_report_output}" || ${trap} == '- EXIT'* ]] || eval "___sccache_report_user_trap=${trap% EXIT*}"
	# For an ebuild that sets its own EXIT trap and then dies.
	EBUILD_DEATH_HOOKS+=' ___sccache_report_end'
	# The user's trap gets its original status. Ours is a condition, so that it can't end the trap under set -e.
	trap 'if ___sccache_report_exit; then eval "${___sccache_report_user_trap}"; else eval "${___sccache_report_user_trap}"; fi' EXIT
}

# Ends a phase. The server's compilers may write to the place for stable paths.
___sccache_report_end() {
	___sccache_report_collect_phase
	___sccache_report_leave
}

___sccache_report_leave() {
	! declare -F ___sccache_report_leave_place >/dev/null || ___sccache_report_leave_place
}

# Collects the statistics and stops the server, if one is or was running.
___sccache_report_collect_phase() {
	local -a options=(--started "${___sccache_report_started}" --sccache "${___sccache_report_sccache}")
	[[ -z ${___sccache_report_stable_paths-} ]] || options+=("--stable-paths=${___sccache_report_stable_paths}")
	if [[ ${___sccache_report_mode} == shared ]]; then
		[[ -n ${___sccache_report_baseline} ]] || return 0
		___sccache_report_print "$(___sccache_report_collect phase --shared "${options[@]}" <<<"${___sccache_report_baseline}" 2>&1)"
		___sccache_report_baseline=
	elif [[ ${___sccache_report_mode} == own ]] &&
		{ ___sccache_report_has_server || [[ -n ${___sccache_report_log} && -s ${___sccache_report_log} ]]; }; then
		[[ -z ${___sccache_report_log} ]] || options+=(--log "${___sccache_report_log}")
		# Portage's shell for the phase. It can be a child of the one that sourced this file (FEATURES=noauto).
		if [[ ${BASHPID} == "${EBUILD_MASTER_PID-}" ]]; then
			___sccache_report_read_output times
			[[ ${BASHPID} == "${___sccache_report_shell}" ]] || ___sccache_report_times=
			options+=(--times "${___sccache_report_times} ${___sccache_report_output}")
		fi
		___sccache_report_print "$(___sccache_report_collect phase "${options[@]}" 2>&1)"
	fi
}

# Replaces the subshell with the collector. From EAPI 9 on, Portage doesn't export the first line's variables. Signals must not
# end a collector that has stopped the server, but not saved the statistics: after Ctrl-C, emerge sends SIGTERM as well.
___sccache_report_collect() {
	export T S WORKDIR EPREFIX EBUILD_PHASE CATEGORY PN PVR MERGE_TYPE
	if [[ $1 == phase ]]; then
		trap '' INT TERM
		export SCCACHE_SERVER_UDS=${___sccache_report_socket} SCCACHE_SERVER_PORT=${___sccache_report_port}
	fi
	exec "${___sccache_report_collector}" "$@"
}

# Replaces post_PHASE, and restores the user's own, which may need extglob to be parsed. The user's runs first, so that the
# server is still there, unless it stops the server, as a common recipe does.
___sccache_report_post() {
	local status=0 extglob
	unset -f "${___sccache_report_post_name}"
	[[ ${___sccache_report_user_post} != *stop-server* ]] || ___sccache_report_end
	if [[ -n ${___sccache_report_user_post} ]]; then
		shopt -q extglob && extglob=-s || extglob=-u
		shopt -s extglob
		eval "${___sccache_report_user_post}"
		shopt "${extglob}" extglob
		"${___sccache_report_post_name}" || status=$?
	fi
	___sccache_report_end
	___sccache_report_clean_up
	return "${status}"
}

# Signals would end the EXIT trap before the collector, so they are ignored until it has ended. Then SIGTERM has Portage's trap
# again (ebuild.sh in 3.0.83). The other traps are not restored, because a signal could arrive while this function reads them.
___sccache_report_exit() {
	local status=$?
	trap '' INT TERM
	___sccache_report_collect_phase
	trap - INT
	trap 'exit 1' TERM
	___sccache_report_leave
	return "${status}"
}

# Does ${T} contain a snapshot, or the log or socket of a killed phase? bashrc may have disabled globs.
___sccache_report_has_results() {
	local - file
	set +f
	for file in "${T}"/.sccache-report*; do
		[[ ! -d ${file} && ! -s ${file} && ! -S ${file} ]] || return 0
	done
	return 1
}

# Records the build with its outcome. The collector writes to paths that a sandbox would deny.
___sccache_report_record() {
	___sccache_report_has_results || return 0
	___sccache_report_print "$(SANDBOX_ON=0 ___sccache_report_collect record --outcome "$1" --slot "${SLOT-}" 2>&1)"
}

# Writes the settings of this merge into the files "$@", which every user can read, for `sccache-report doctor`. Their
# folder beside the database is open as 4, and its parent as 3, so that nobody can lead root into another folder.
___sccache_report_save_settings() {
	local folder=/proc/self/fd/4/. parent=/proc/self/fd/3/. LC_ALL=C name value lines
	[[ -O ${parent} && ! -k ${parent} && ! -L ${parent}/hook && -O ${folder} && ! -k ${folder} ]] || return 0
	printf -v value '%(%s)T' -1
	lines=("time=${value}" "package=${CATEGORY}/${PF}" "features=${FEATURES:0:4000}" "t_length=${#T}" "env.PATH=${PATH:0:4000}")
	for name in RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_WRAPPER CC CXX PORTAGE_USERNAME \
		PORTAGE_GRPNAME "${!CMAKE_@}" "${!SCCACHE_@}"; do
		[[ -v ${name} && ${name} != CMAKE_!(*_COMPILER_LAUNCHER) ]] && value=${!name} || continue
		[[ ${name} != *@(PASSWORD|TOKEN|SECRET|_KEY|CONNECTION_STRING) && ${value} != *://*@* ]] || value='(hidden)'
		lines+=("env.${name}=${value:0:1000}")
	done
	for name in "${@/#/${folder}/}"; do
		[[ -L ${name} || ( -e ${name} && ! -O ${name} ) ]] ||
			printf '%s\n' sccache-report-hook=1 "${lines[@]//[[:cntrl:]]/ }" end >|"${name}"
	done
}

# Prints the collector's output: lines that begin with "warning: " with ewarn, others with einfo.
___sccache_report_print() {
	local line info=
	while IFS= read -r line; do
		line=${line//'\'/'\\'} # einfo and ewarn use echo -e
		if [[ ${line} == 'warning: '* ]]; then ewarn "sccache-report: ${line#warning: }"; else info+=${info:+$'\n'}${line}; fi
	done <<<"$1"
	[[ -z ${info} ]] || einfo "${info}"
}

# Records the merge, and removes from the environment what later phases don't need, before Portage saves it.
___sccache_report_preinst() {
	local folder=${SCCACHE_REPORT_DB:-${PORTAGE_OVERRIDE_EPREFIX-${EPREFIX-}}/var/lib/sccache-report/stats.db} name
	___sccache_report_clean_up
	if ___sccache_report_has_results; then
		set -- last-cached
		! type -P "${___sccache_report_collector}" >/dev/null || ___sccache_report_record merged
	fi
	folder=${folder%/*}/
	[[ ! -d ${folder}hook ]] || ___sccache_report_save_settings last-merge "$@" 2>/dev/null 3<"${folder}" 4</proc/self/fd/3/hook
	for name in "${!SCCACHE_REPORT_@}" "${!bashrcd_phases_@}"; do
		[[ ${name} == bashrcd_* && ${!name} != sccache_report_source ]] || unset "${name}"
	done
	unset -f sccache_report_source
}

# Sources the file beside this one or, where portage-bashrc-mv links to this one, that of the collector.
___sccache_report_source_stable_paths() {
	local file=${BASH_SOURCE[0]%/*}/stable-paths.sh
	if [[ ! -r ${file} ]]; then
		___sccache_report_read_output type -P "${___sccache_report_collector}"
		file=${___sccache_report_output%/bin/*}/share/sccache-report/stable-paths.sh
	fi
	[[ ! -r ${file} ]] || . "${file}"
}

___sccache_report_main() {
	local self=${BASH_SOURCE[0]} step
	# portage-bashrc-mv sources its files once, and then runs what they registered. This function is saved with the
	# environment, and is harmless if the file is missing when the package is unmerged.
	if declare -F BashrcdPhase >/dev/null; then
		eval "sccache_report_source() { [[ ! -r ${self@Q} ]] || . ${self@Q}; }"
		BashrcdPhase all sccache_report_source
		return 0
	fi
	# The collector that was installed with this file, else the one in PATH.
	___sccache_report_collector=${self%/share/sccache-report/*}/bin/sccache-collect
	[[ -x ${___sccache_report_collector} ]] || ___sccache_report_collector=sccache-collect
	___sccache_report_sccache=sccache
	[[ ${RUSTC_WRAPPER-} != /*/sccache ]] || ___sccache_report_sccache=${RUSTC_WRAPPER}
	# MISC_FUNCTIONS_ARGS is set where Portage does something between phases (misc-functions.sh).
	step=${MISC_FUNCTIONS_ARGS:-${EBUILD_PHASE-}}
	[[ ${step} == preinst ]] ||
		{ type -P "${___sccache_report_collector}" && type -P "${___sccache_report_sccache}"; } >/dev/null || return 0
	# Opt-in. The directory is what such a build left.
	[[ ${SCCACHE_REPORT_STABLE_PATHS-} != yes && ! -d ${PORTAGE_BUILDDIR%/*/*}/sccache-report ]] || ___sccache_report_source_stable_paths
	case ${step} in
	preinst) ___sccache_report_preinst ;;
	*die_hooks*) ___sccache_report_record failed ;;
	# These run after every merge. EAPI 3 and older have no MERGE_TYPE.
	*success_hooks*) [[ ${MERGE_TYPE-buildonly} != buildonly ]] || ___sccache_report_record packaged ;;
	# A killed emerge left these. The next emerge resumes that build only if it keeps both folders.
	clean) [[ " ${FEATURES-} " == *' keepwork '* && " ${FEATURES-} " == *' keeptemp '* ]] || ___sccache_report_record interrupted ;;
	pretend | setup | unpack | prepare | configure | compile | test | install)
		___sccache_report_clean_up
		# A future Portage may skip pkg_preinst without this function (change 1712), which removes itself.
		declare -F pre_pkg_preinst >/dev/null ||
			eval "pre_pkg_preinst() { unset -f pre_pkg_preinst; [[ ! -r ${self@Q} ]] || . ${self@Q}; }"
		# Portage skips phases that were done before (.compiled and so on), and test without FEATURES=test.
		if [[ -w ${T-} &&
			( ! -e ${PORTAGE_BUILDDIR-}/.${EBUILD_PHASE%e}ed || "${EBUILD_PHASE} ${FEATURES-} " == 'install '*' noauto '* ) &&
			( ${EBUILD_PHASE} != test || " ${FEATURES-} " == *' test '* || ${EBUILD_FORCE_TEST-} == 1 ) &&
			( ${EBUILD_PHASE} != test || " ${PORTAGE_RESTRICT-} " != *' test '* || -n ${ALLOW_TEST-} ) ]]; then
			___sccache_report_begin
			! declare -F ___sccache_report_enter_place >/dev/null || ___sccache_report_enter_place
		fi
		;;
	esac
	return 0
}

# Once per shell, even if the file is sourced in several ways, and never while Portage generates metadata.
if [[ ${EBUILD_PHASE-} != depend && -z ${___sccache_report_main_ran-} ]]; then
	declare -F BashrcdPhase >/dev/null || ___sccache_report_main_ran=1
	___sccache_report_mode=none ___sccache_report_log= ___sccache_report_baseline= ___sccache_report_undo=
	___sccache_report_main
fi
