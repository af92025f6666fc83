# Turns sccache off for one package, if variables or links turn it on. Copyright 2026, MIT license.
#
# Source it from /etc/portage/env/CATEGORY/PN, which Portage sources in every phase of that package,
# after bashrc:
#     source /usr/share/sccache-report/no-sccache.sh
# package.env can't do that: bashrc and links on PATH win over it.

unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC_{,WORKSPACE_}WRAPPER CMAKE_{C,CXX,CUDA}_COMPILER_LAUNCHER

___no_sccache() {
	local name dir program path= sccache
	local -a words lines
	sccache=$(type -P sccache)
	# CC="sccache gcc", or with a link to sccache or a script that runs it.
	for name in CC CXX CPP BUILD_CC BUILD_CXX NVCC; do
		read -r -a words <<<"${!name-}"
		(( ${#words[@]} > 1 )) && program=$(type -P "${words[0]}") || continue
		lines=()
		[[ ${program##*/} == sccache || ${program} -ef ${sccache} ]] || mapfile -n 200 lines <"${program}"
		[[ -n ${lines-} && "${lines[*]}" != *sccache* ]] || export "${name}=${words[*]:1}"
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
