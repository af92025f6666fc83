# sccache-report: keeps the statistics that sccache forgets. Copyright 2026, MIT license.
#
# Sourced by Portage's bashrc, in either of these ways:
#     echo 'source /usr/share/sccache-report/sccache-report.sh' >> /etc/portage/bashrc
#     ln -s /usr/share/sccache-report/sccache-report.sh /etc/portage/bashrc.d/90-sccache-report.sh   # portage-bashrc-mv
# Put it after your own functions: a post_src_* that is defined later replaces ours, and then
# only the EXIT trap is left to take the numbers.
#
# Portage sources its bashrc about 17 times for one package, so until sccache has run there is no
# process in here: no subshell, no pipe, no $(). That is what the odd constructs are for.
#
# Why not simply ask the server in pkg_preinst: by default every src phase has network and PID
# namespaces of its own, and what was started in it is dead by then. So the numbers are taken at the
# end of each src phase and carried to pkg_preinst in ${T}/.sccache-report.
#
# Everything is named ___*, which Portage drops when it saves the environment (the namespace is
# Portage's own; save-ebuild-env.sh and phase-functions.sh in 3.0.83). The rest (functions for
# post_src_*, and SCCACHE_SERVER_UDS) takes itself away again.

# Puts what `trap -p EXIT` prints into ___sccache_report_out, without a process: bash 5.1 and later
# make a pipe of a short here-document, unless BASH_COMPAT asks for an older bash, and its other end
# is opened through /proc. Before that it is a file that user portage can't open for writing.
___sccache_report_get_trap() {
	local compat=${BASH_COMPAT-} line
	___sccache_report_out=
	if (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 501 )); then
		___sccache_report_out=$(trap -p EXIT)
		return 0
	fi
	BASH_COMPAT=5.1
	{
		read -r -u 3 line
		trap -p EXIT >/proc/self/fd/3 && IFS= read -r -d '' -u 3 ___sccache_report_out
	} 2>/dev/null 3<<<'' || : # read says 1 at the end of its input
	if [[ -n ${compat} ]]; then BASH_COMPAT=${compat}; else unset BASH_COMPAT; fi
}

# Defines a function from what `declare -f` printed, which may need extglob to be read again.
___sccache_report_define() {
	local extglob=1
	shopt -q extglob || extglob=
	shopt -s extglob
	eval "$1"
	[[ -n ${extglob} ]] || shopt -u extglob
}

# Takes away what an earlier phase left in the environment: its settings, and its post_src_* where
# the phase itself was skipped because it was done before. A second function tells ours, and holds
# the user's own. Only for that is there a process here, and for users who have a post_src_*.
___sccache_report_forget() {
	local phase ours
	EBUILD_DEATH_HOOKS=${EBUILD_DEATH_HOOKS-}
	EBUILD_DEATH_HOOKS=${EBUILD_DEATH_HOOKS/ ___sccache_report_end/}
	[[ -n ${EBUILD_DEATH_HOOKS} ]] || unset EBUILD_DEATH_HOOKS
	if declare -F sccache_report_settings >/dev/null; then
		sccache_report_settings
		unset -f sccache_report_settings
	fi
	for phase in unpack prepare configure compile test install; do
		declare -F "sccache_report_post_src_${phase}" >/dev/null || continue
		if declare -F "post_src_${phase}" >/dev/null && [[ $(declare -f "post_src_${phase}") == *___sccache_report_post* ]]; then
			unset -f "post_src_${phase}"
			ours=$(declare -f "sccache_report_post_src_${phase}")
			[[ ${ours} == *___sccache_report_nothing* ]] || ___sccache_report_define "${ours#sccache_report_}"
		fi
		unset -f "sccache_report_post_src_${phase}"
	done
}

# Exports the settings "$@" for this phase. What undoes that is a function, so that it reaches the
# next phase where this one is skipped and hands its environment on as it is.
___sccache_report_export() {
	local setting name undo=
	for setting; do
		name=${setting%%=*}
		if [[ -v ${name} ]]; then undo+="export ${name}=${!name@Q}; "; else undo+="unset ${name}; "; fi
	done
	export "$@"
	eval "sccache_report_settings() { ${undo} }"
}

# Is the network namespace this phase's own? First what Portage intends (_doebuild_spawn in its
# doebuild.py, 3.0.83). Where unshare(2) isn't allowed it goes on without, and so the second look: in a
# namespace of its own no interface has moved a byte yet, and nobody has a socket.
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
	mapfile -s 1 lines </proc/self/net/unix && mapfile -s 1 -O "${#lines[@]}" lines </proc/self/net/tcp
	(( ! ${#lines[@]} ))
} 2>/dev/null

# Does a server listen at our address? The kernel's tables say so without a process; bound sockets
# are in them by name even when their file is gone, and a listening TCP port has state 0A.
___sccache_report_server_runs() {
	local -a lines
	local IFS= port
	if [[ -n ${___sccache_report_socket} ]] && mapfile lines </proc/self/net/unix; then
		[[ "${lines[*]}" != *" ${___sccache_report_socket/#\\x00/@}"$'\n'* ]] || return 0
	fi
	[[ -n ${___sccache_report_port} ]] || return 1
	printf -v port ':%04X ' "${___sccache_report_port}"
	mapfile lines </proc/self/net/tcp && [[ "${lines[*]}" == *"${port}"????????:????' 0A '* ]]
} 2>/dev/null

# Is anything set up to call sccache here?
___sccache_report_is_configured() {
	local -a lines
	local name value="${RUSTC_WRAPPER-} ${RUSTC_WORKSPACE_WRAPPER-} ${CARGO_BUILD_RUSTC_WRAPPER-} ${CC-} ${CXX-} ${CPP-}"
	value+=" ${CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER-} ${BUILD_CC-} ${BUILD_CXX-} ${NVCC-} ${MYCMAKEARGS-} ${PATH}"
	for name in "${!CMAKE_@}"; do
		value+=" ${!name}"
	done
	[[ ${value} != *sccache* ]] || return 0
	# Or does the ebuild call it by itself?
	mapfile lines <"${EBUILD}" && [[ "${lines[*]}" == *sccache* ]]
} 2>/dev/null

# The start of a src phase: an address for a server that belongs to this phase alone.
#
# In a network namespace of its own: an abstract socket. It costs nothing, nobody outside the
# namespace can reach it, and binding it is atomic, so that of any number of first clients that start
# a server at once exactly one wins. (A path socket doesn't do: each new server removes the file of
# the one before and binds its own; of 120 requests by `make -j16` 39 were counted. sccache 0.9-0.19.)
# An sccache before 0.9 doesn't know sockets and takes its default port, which is as private here.
#
# Where the network is shared, an abstract socket or a TCP port is open to every local user, and who
# reaches the server has it run compilers as its user. So there: a path socket, which sccache
# creates with mode 0750, and a server that runs before the first client, against that race. For an
# sccache before 0.9 there is nothing but a port, one that nobody else uses.
#
# A server that the user chose stays theirs: it is asked before and after, never stopped. Only where
# its address lies in the namespace of the phase can it be nobody else's than the phase's.
___sccache_report_begin() {
	local -a settings=()
	printf -v ___sccache_report_started '%(%s)T' -1
	___sccache_report_socket=${SCCACHE_SERVER_UDS-}
	___sccache_report_port=${SCCACHE_SERVER_PORT-}
	___sccache_report_log= ___sccache_report_ahead= ___sccache_report_shared= ___sccache_report_baseline=
	if ___sccache_report_network_is_private; then
		if [[ ${___sccache_report_socket} == /* ]]; then
			___sccache_report_shared=1
		elif [[ -z ${___sccache_report_socket}${___sccache_report_port} ]]; then
			# A name of the phase's own: should the look above have been deceived, two builds don't meet.
			___sccache_report_socket="\\x00sccache-report.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}"
			___sccache_report_port=4226
			settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}")
		fi
	elif [[ -n ${___sccache_report_socket}${___sccache_report_port} ]]; then
		___sccache_report_shared=1
	else
		___sccache_report_socket=${T}/.sccache-report.sock
		# sun_path, less its NUL: sccache would fail, and the build with it.
		(( ${#___sccache_report_socket} <= 107 )) || return 0
		___sccache_report_draw_port
		settings+=("SCCACHE_SERVER_UDS=${___sccache_report_socket}" "SCCACHE_SERVER_PORT=${___sccache_report_port}")
	fi

	if [[ -n ${___sccache_report_shared} ]]; then
		! ___sccache_report_is_configured || ___sccache_report_baseline=$(
			___sccache_report_collect phase --shared --begin --sccache "${___sccache_report_sccache}" 2>/dev/null)
		[[ -n ${___sccache_report_baseline} ]] || return 0
	else
		# A server forgets all when it exits after 10 idle minutes: a phase may compile C++ for hours
		# between two calls of rustc. One that nobody stops any more goes after a day.
		settings+=(SCCACHE_IDLE_TIMEOUT=86400)
		___sccache_report_choose_log
		___sccache_report_export "${settings[@]}"
		[[ ${___sccache_report_socket} != /* ]] || ___sccache_report_start_ahead
	fi
	___sccache_report_take_over
}

# A port for an sccache before 0.9, which fails where somebody has it, and the build with it. Random: two
# phases that begin at the same time must not draw the same.
___sccache_report_draw_port() {
	local -a lines=()
	local IFS= hex tries=64
	mapfile lines </proc/self/net/tcp
	mapfile -O "${#lines[@]}" lines </proc/self/net/tcp6
	while (( tries-- )); do
		___sccache_report_port=$(( 16384 + (RANDOM ^ BASHPID) % 16384 ))
		printf -v hex ':%04X ' "${___sccache_report_port}"
		[[ "${lines[*]}" == *"${hex}"* ]] || return 0
	done
} 2>/dev/null

# Where the phase's servers log what their numbers don't say: that one was killed and another took its
# place, that they were stopped or set to zero in between (src/sccache/log.rs reads it, and there is more
# about it). A new name each time: a phase that was killed leaves its log, which tells of it. Root must not
# write where user portage may put a link: /tmp is sticky, and nobody can guess the name.
___sccache_report_choose_log() {
	local -a conf=()
	local name=.sccache-report place=${T}
	[[ -z ${SCCACHE_ERROR_LOG-} && ${EBUILD_PHASE} != @(setup|pretend) ]] || return 0
	if (( UID == 0 )); then
		[[ -n ${SRANDOM-} && -k /tmp && -O /tmp && -w /tmp && ${#T} -le 180 ]] || return 0 # SRANDOM: bash 5.1
		place=/tmp name+=${T//\//%}
	fi
	___sccache_report_log=${place}/${name}.${EBUILD_PHASE}.${___sccache_report_started}.${SRANDOM-${RANDOM}${RANDOM}}.log
	settings+=("SCCACHE_ERROR_LOG=${___sccache_report_log}")
	# Any SCCACHE_LOG turns client-side mode off (Config::load in sccache's src/config.rs, 0.19.0). A filter
	# of the user's own, after a slash, is for all that is logged, and stays.
	[[ ! -r ${SCCACHE_CONF-} ]] || mapfile conf <"${SCCACHE_CONF}"
	if [[ ${SCCACHE_CLIENT_SIDE:-0} == @(0|off|false) && "${conf[*]}" != *client_side_mode* && ${SCCACHE_LOG-} != */* ]]; then
		settings+=("SCCACHE_LOG=${SCCACHE_LOG:-sccache::server=debug/server started|shutting down due|handle_client: (compile|record|zero|shutdown)}")
		[[ -z ${SCCACHE_LOG-} ]] || settings[-1]+=,sccache::server=debug
	fi
}

# Where first clients would race for a path socket. unpack, prepare and setup have no crowd of them.
___sccache_report_start_ahead() {
	[[ ${EBUILD_PHASE} == @(configure|compile|test|install) ]] && ___sccache_report_is_configured || return 0
	___sccache_report_ahead=1
	"${___sccache_report_sccache}" --start-server </dev/null &>/dev/null || :
}

# post_src_* runs before Portage saves the environment, and with all the time it needs. The EXIT trap
# is for what comes to no good end; Portage allows it 10 s. Both may run (FEATURES=noauto sources us
# in an outer shell): what is done is seen by there being no server.
___sccache_report_take_over() {
	local trap phase=${EBUILD_PHASE} body='{ ___sccache_report_nothing; }'
	___sccache_report_user_post=
	if [[ ${phase} != setup && ${phase} != pretend ]]; then
		if declare -F "post_src_${phase}" >/dev/null; then
			___sccache_report_user_post=$(declare -f "post_src_${phase}")
			body=${___sccache_report_user_post#*'()'}
		fi
		___sccache_report_define "sccache_report_post_src_${phase}() ${body}"
		eval "post_src_${phase}() { ___sccache_report_post; }"
	fi
	___sccache_report_user_trap=
	___sccache_report_get_trap
	trap=${___sccache_report_out#*trap -- }
	if [[ ${trap} != "${___sccache_report_out}" && ${trap} != '- EXIT'* ]]; then
		eval "___sccache_report_user_trap=${trap% EXIT*}"
	fi
	# And where an ebuild sets an EXIT trap of its own and then dies.
	EBUILD_DEATH_HOOKS+=' ___sccache_report_end'
	# Theirs sees the status that it would have seen; as a condition, ours can't end it under set -e.
	trap 'if ___sccache_report_exit; then eval "${___sccache_report_user_trap}"; else eval "${___sccache_report_user_trap}"; fi' EXIT
}

# The end of a src phase: the numbers, and stop, if there is or was a server.
___sccache_report_end() {
	local -a options=(--started "${___sccache_report_started}" --sccache "${___sccache_report_sccache}")
	if [[ -n ${___sccache_report_shared} ]]; then
		[[ -n ${___sccache_report_baseline} ]] || return 0
		___sccache_report_say "$(___sccache_report_phase --shared "${options[@]}" <<<"${___sccache_report_baseline}" 2>&1)"
		___sccache_report_baseline=
	elif ___sccache_report_server_runs || [[ -n ${___sccache_report_log} && -e ${___sccache_report_log} ]]; then
		[[ -z ${___sccache_report_log} ]] || options+=(--log "${___sccache_report_log}")
		[[ -z ${___sccache_report_ahead} ]] || options+=(--ahead)
		___sccache_report_say "$(___sccache_report_phase --own "${options[@]}" 2>&1)"
	fi
}

___sccache_report_phase() {
	export SCCACHE_SERVER_UDS=${___sccache_report_socket} SCCACHE_SERVER_PORT=${___sccache_report_port}
	___sccache_report_collect phase "$@"
}

# The collector in place of a subshell. What it has to know Portage exports for ebuilds up to EAPI 8 only.
___sccache_report_collect() {
	export T EPREFIX EBUILD_PHASE CATEGORY PN PVR MERGE_TYPE
	exec "${___sccache_report_collector}" "$@"
}

# Stands in for post_src_PHASE, and gives the user's own back. Theirs goes first, so that it still
# meets the server, unless it is one that stops it (as the recipe did that came before us).
___sccache_report_post() {
	local status=0
	unset -f "post_src_${EBUILD_PHASE}" "sccache_report_post_src_${EBUILD_PHASE}"
	[[ ${___sccache_report_user_post} != *stop-server* ]] || ___sccache_report_end
	if [[ -n ${___sccache_report_user_post} ]]; then
		___sccache_report_define "${___sccache_report_user_post}"
		"post_src_${EBUILD_PHASE}" || status=$?
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

# The end of a build, with its outcome.
___sccache_report_record() {
	# Snapshots, or the log of a phase that was killed.
	local left found=
	for left in "${T}"/.sccache-report* /tmp/.sccache-report"${T//\//%}".*; do
		[[ ! -e ${left} ]] || found=1
	done
	[[ -n ${found} ]] || return 0
	# It writes where a sandbox would not let it.
	___sccache_report_say "$(SANDBOX_ON=0 ___sccache_report_collect record --outcome "$1" --slot "${SLOT-}" 2>&1)"
}

# The collector's words: a line that begins with "warning: " through ewarn, the rest through einfo.
___sccache_report_say() {
	local line info=
	[[ -n $1 ]] || return 0
	while IFS= read -r line; do
		line=${line//'\'/'\\'} # einfo and ewarn print with echo -e
		if [[ ${line} == 'warning: '* ]]; then
			ewarn "sccache-report: ${line#warning: }"
		else
			info+=${info:+$'\n'}${line}
		fi
	done <<<"$1"
	[[ -z ${info} ]] || einfo "${info}"
}

___sccache_report_main() {
	local self=${BASH_SOURCE[0]} name

	# portage-bashrc-mv sources its files once and then only runs what they registered.
	if declare -F BashrcdPhase >/dev/null; then
		BashrcdPhase all "[[ ! -r ${self@Q} ]] || . ${self@Q}"
		return 0
	fi

	# The collector that was installed along with this file, or else the one in PATH.
	___sccache_report_collector=${self%/share/sccache-report/*}/bin/sccache-collect
	[[ -x ${___sccache_report_collector} ]] || ___sccache_report_collector=sccache-collect
	___sccache_report_sccache=sccache
	[[ ${RUSTC_WRAPPER-} != /*/sccache ]] || ___sccache_report_sccache=${RUSTC_WRAPPER}
	type -P "${___sccache_report_collector}" >/dev/null && type -P "${___sccache_report_sccache}" >/dev/null || return 0

	# misc-functions.sh: what Portage does between phases, in EBUILD_PHASE's name.
	case ${MISC_FUNCTIONS_ARGS-} in
	'') ;;
	*die_hooks*) ___sccache_report_record failed; return 0 ;;
	# These run after every merge; EAPI 3 and older have no MERGE_TYPE.
	*success_hooks*) [[ ${MERGE_TYPE-buildonly} != buildonly ]] || ___sccache_report_record packaged; return 0 ;;
	*) return 0 ;;
	esac

	case ${EBUILD_PHASE-} in
	clean)
		# What an emerge left that was killed. One goes on with it only where ${T} stays as well.
		[[ " ${FEATURES-} " == *' keepwork '* && " ${FEATURES-} " == *' keeptemp '* ]] || ___sccache_report_record interrupted
		;;
	pretend | setup)
		# Checks of the compiler may run it, in the host's network: their server must not outlive them.
		[[ ! -w ${T-} ]] || ___sccache_report_begin
		;;
	unpack | prepare | configure | compile | test | install)
		___sccache_report_forget
		# As __dyn_test decides it: a phase that is skipped would leave all this in the environment.
		if [[ ${EBUILD_PHASE} != test || ( " ${FEATURES-} " == *' test '* || ${EBUILD_FORCE_TEST-} == 1 ) &&
			( " ${PORTAGE_RESTRICT-} " != *' test '* || -n ${ALLOW_TEST-} ) ]]; then
			___sccache_report_begin
		fi
		;;
	preinst)
		___sccache_report_record merged
		# Portage saves the environment of the installed package after this.
		___sccache_report_forget
		for name in "${!SCCACHE_REPORT_@}" "${!bashrcd_phases_@}"; do
			[[ ${name} != bashrcd_* || ${!name} == *"${self@Q}"* ]] && unset "${name}"
		done
		;;
	esac
	return 0
}

# Once per shell, also when both ways of sourcing are in use; never while metadata are generated.
if [[ ${EBUILD_PHASE-} != depend && -z ${___sccache_report_main_ran-} ]]; then
	declare -F BashrcdPhase >/dev/null || ___sccache_report_main_ran=1
	# In here: the second time they are the running phase's.
	___sccache_report_socket= ___sccache_report_port= ___sccache_report_log=
	___sccache_report_ahead= ___sccache_report_shared= ___sccache_report_baseline=
	___sccache_report_main
fi
