# Turns sccache off for one package, however it is turned on. Copyright 2026, MIT license.
#
# Source it from /etc/portage/env/CATEGORY/PN, which Portage sources in every phase of that package,
# after bashrc:
#     source /usr/share/sccache-report/no-sccache.sh
# package.env can't do that: bashrc and links on PATH win over it.

unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_{,WORKSPACE_}WRAPPER CMAKE_{C,CXX,CUDA}_COMPILER_LAUNCHER

___no_sccache() {
	local name dir path= sccache
	sccache=$(type -P sccache)
	# CC="sccache gcc", or with the name of a script that runs sccache.
	for name in CC CXX CPP BUILD_CC BUILD_CXX NVCC; do
		set -- ${!name-}
		[[ $# -lt 2 || $2 == -* || ${1##*/} == @(ccache|distcc|icecc) ]] || export "${name}=${*:2}"
	done
	# CMake ignores what it doesn't know.
	[[ -z ${MYCMAKEARGS-} ]] || MYCMAKEARGS=${MYCMAKEARGS//_COMPILER_LAUNCHER=/_LAUNCHER_OFF=}
	# Directories with compilers that are links to sccache.
	while IFS= read -r -d : dir; do
		for name in cc gcc c++ g++ clang clang++ rustc "${CHOST-}-gcc" "${CHOST-}-g++"; do
			[[ ! ${dir}/${name} -ef ${sccache} ]] || continue 2
		done
		path+=:${dir}
	done <<<"${PATH}:"
	export PATH=${path#:}
}
___no_sccache
unset -f ___no_sccache
