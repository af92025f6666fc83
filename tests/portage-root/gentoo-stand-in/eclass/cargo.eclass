# A stand-in for Gentoo's cargo.eclass: as much of what it promises to ebuilds as app-portage/sccache-report uses.

[[ ${EAPI} == 8 ]] || die "EAPI ${EAPI}"

IUSE+=" debug"
ECARGO_HOME="${WORKDIR}/cargo_home"
ECARGO_VENDOR="${ECARGO_HOME}/gentoo"

CARGO_CRATE_URIS=
for _crate in ${CRATES}; do
	CARGO_CRATE_URIS+="https://crates.io/api/v1/crates/${_crate%@*}/${_crate##*@}/download -> ${_crate/@/-}.crate "
done
unset _crate

# Unpacks crates to where cargo looks for them, and the package itself into WORKDIR as well.
cargo_src_unpack() {
	local file name sum
	mkdir -p "${ECARGO_VENDOR}" || die
	for file in ${A}; do
		name=${file%.crate}
		[[ ${name} != "${file}" ]] || die "what is ${file}?"
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
	cat > "${ECARGO_HOME}/config.toml" <<-END || die
		[source.crates-io]
		replace-with = "gentoo"
		[source.gentoo]
		directory = "${ECARGO_VENDOR}"
		[net]
		offline = true
	END
	export CARGO_HOME=${ECARGO_HOME} CARGO_TERM_PROGRESS_WHEN=never
}

cargo_src_configure() {
	ECARGO_ARGS=("$@")
}

cargo_target_dir() {
	echo "${CARGO_TARGET_DIR:-target}/$(usex debug debug release)"
}

cargo_src_compile() {
	cargo build $(usex debug '' --release) "${ECARGO_ARGS[@]}" || die "cargo build failed"
}

cargo_src_test() {
	cargo test $(usex debug '' --release) "${ECARGO_ARGS[@]}" "$@" || die "cargo test failed"
}

cargo_src_install() {
	die "the stand-in has no cargo_src_install"
}

EXPORT_FUNCTIONS src_unpack src_configure src_compile src_install src_test
