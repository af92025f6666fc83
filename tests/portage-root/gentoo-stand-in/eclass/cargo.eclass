# A stand-in for Gentoo's cargo.eclass: what it promises to ebuilds, and the files and variables that its phases leave.

[[ ${EAPI} == 8 ]] || die "EAPI ${EAPI}"

IUSE+=" debug"
ECARGO_HOME="${WORKDIR}/cargo_home"
ECARGO_VENDOR="${ECARGO_HOME}/gentoo"
CARGO=cargo # set by rust.eclass in pkg_setup there

CARGO_CRATE_URIS=
for _crate in ${CRATES}; do
	CARGO_CRATE_URIS+="https://crates.io/api/v1/crates/${_crate%@*}/${_crate##*@}/download -> ${_crate/@/-}.crate "
done
unset _crate

# Unpacks crates to where cargo looks for them, and the package itself, which may be a crate, into WORKDIR.
cargo_src_unpack() {
	local file name sum
	mkdir -p "${ECARGO_VENDOR}" "${S}" || die
	for file in ${A}; do
		name=${file%.crate}
		if [[ ${name} == "${file}" ]]; then
			unpack "${file}"
			continue
		fi
		tar -xf "${DISTDIR}/${file}" -C "${ECARGO_VENDOR}" || die
		[[ ${name} != "${P}" ]] || tar -xf "${DISTDIR}/${file}" -C "${WORKDIR}" || die
		sum=$(sha256sum "${DISTDIR}/${file}") || die
		echo "{\"package\": \"${sum%% *}\", \"files\": {}}" > "${ECARGO_VENDOR}/${name}/.cargo-checksum.json" || die
	done
	cargo_gen_config
}

# Here the crates are distfiles too: there is no network in src_unpack of a throw-away Portage.
cargo_live_src_unpack() {
	[[ ${PV} == *9999* ]] || die
	local file sum
	mkdir -p "${ECARGO_VENDOR}" || die
	for file in "${PORTAGE_ACTUAL_DISTDIR:-${DISTDIR}}"/*.crate; do
		tar -xf "${file}" -C "${ECARGO_VENDOR}" || die
		sum=$(sha256sum "${file}") || die
		file=${file##*/}
		echo "{\"package\": \"${sum%% *}\", \"files\": {}}" > "${ECARGO_VENDOR}/${file%.crate}/.cargo-checksum.json" || die
	done
	cargo_gen_config
}

cargo_gen_config() {
	mkdir -p "${ECARGO_HOME}" || die
	cat > "${ECARGO_HOME}/config.toml" <<-END || die
		[source.gentoo]
		directory = "${ECARGO_VENDOR}"

		[source.crates-io]
		replace-with = "gentoo"
		local-registry = "/nonexistent"

		[net]
		offline = true

		[build]
		incremental = false

		[term]
		verbose = true
		$(_cargo_gen_git_config)
	END
	export CARGO_HOME=${ECARGO_HOME} CARGO_TERM_PROGRESS_WHEN=never
}

# GIT_CRATES=( [CRATE]="ADDRESS;COMMIT;DIRECTORY" ): the crate is a directory in WORKDIR.
_cargo_gen_git_config() {
	[[ $(declare -p GIT_CRATES 2>/dev/null) == 'declare -A '* ]] || return 0
	local crate address commit directory
	for crate in "${!GIT_CRATES[@]}"; do
		IFS=';' read -r address commit directory <<< "${GIT_CRATES[${crate}]}"
		printf "[patch.'%s']\n%s = { path = \"%s\" }\n" "${address}" "${crate}" "${WORKDIR}/${directory//%commit%/${commit}}"
	done
}

cargo_src_configure() {
	readonly ECARGO_ARGS=( "$@" )
}

cargo_target_dir() {
	echo "${CARGO_TARGET_DIR:-target}/$(usex debug debug release)"
}

# Flags are settings of the target there, so that they add to those of a project.
cargo_env() {
	local triple=$(rustc -vV | sed -n 's/^host: //p')
	triple=${triple//-/_}
	local -x "CARGO_TARGET_${triple^^}_RUSTFLAGS=-C strip=none -C linker=cc ${RUSTFLAGS}"
	(
		unset CARGO_BUILD_RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTFLAGS
		"$@"
	)
}

cargo_src_compile() {
	cargo_env "${CARGO}" build $(usex debug '' --release) "${ECARGO_ARGS[@]}" "$@" || die "cargo build failed"
}

cargo_src_test() {
	cargo_env "${CARGO}" test $(usex debug '' --release) "${ECARGO_ARGS[@]}" "$@" || die "cargo test failed"
}

cargo_src_install() {
	cargo_env "${CARGO}" install $(has --path "$@" || echo --path ./) --root "${ED}/usr" ${GIT_CRATES[@]:+--frozen} \
		$(usex debug --debug '') "${ECARGO_ARGS[@]}" "$@" || die "cargo install failed"
	rm -f "${ED}/usr/.crates.toml" "${ED}/usr/.crates2.json" || die
}

EXPORT_FUNCTIONS src_unpack src_configure src_compile src_install src_test
