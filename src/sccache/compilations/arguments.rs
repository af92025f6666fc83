//! Parses a compilation's arguments: its unit, its language, and a hash to compare builds by.

#[cfg(test)]
mod tests;

use super::BuildDirectories;

/// A language as sccache's statistics name it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Language {
    /// C and C++, and Objective-C.
    CFamily,
    /// Assembler.
    Assembler,
    /// CUDA.
    Cuda,
    /// HIP.
    Hip,
    /// Rust.
    Rust,
}

impl Language {
    /// Returns the name in sccache's statistics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CFamily => "C/C++",
            Self::Assembler => "Assembler",
            Self::Cuda => "CUDA",
            Self::Hip => "HIP",
            Self::Rust => "Rust",
        }
    }

    /// Returns the language of a source file's extension, as sccache (`Language::from_file_name`) and GCC
    /// do.
    fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "s" | "S" | "sx" => Some(Self::Assembler),
            "cu" => Some(Self::Cuda),
            "hip" => Some(Self::Hip),
            "rs" => Some(Self::Rust),
            "c" | "i" | "C" | "cc" | "cp" | "cpp" | "CPP" | "cxx" | "c++" | "ii" | "cppm"
            | "ixx" | "m" | "mi" | "M" | "mm" | "mii" => Some(Self::CFamily),
            _ => None,
        }
    }

    /// Returns the language of a value of `-x`.
    fn from_option(value: &str) -> Option<Self> {
        match value {
            "cuda" | "cu" => Some(Self::Cuda),
            "hip" => Some(Self::Hip),
            _ if value.starts_with("assembler") => Some(Self::Assembler),
            _ if value.starts_with('c') || value.starts_with("objective-c") => Some(Self::CFamily),
            _ => None,
        }
    }
}

/// The parsed arguments of one compilation. Its fields are those of [`super::Compilation`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The unit that `-o` names.
    pub output: Option<Box<str>>,
    pub metadata: Option<u64>,
    pub language: Option<Language>,
    pub flags: Option<u64>,
    pub directory_in_key: DirectoryInKey,
}

/// Whether sccache's key of an object contains the build directory.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum DirectoryInKey {
    /// The key is the same in each directory.
    #[default]
    Never,
    /// It depends on the compiler, or on the headers that the source includes.
    Maybe,
    /// Always for Rust. For C and C++, in those servers in which keys contain the paths of sources: see
    /// [`super::c_keys_have_paths`].
    Always,
    /// Always, but not with stable paths: a crate of a registry, whose package can use them.
    AvoidedByStablePaths,
    /// A crate at stable paths: only if the build changed it, or if it depends on the target directory.
    AtStablePaths,
}

/// Options of rustc with a value that sccache leaves out of the key, or that change with each dependency.
const RUST_IGNORED: [&str; 5] = [
    "--extern",
    "-L",
    "--check-cfg",
    "--out-dir",
    "--diagnostic-width",
];
/// Options of C compilers that name an output.
const C_OUTPUTS: [&str; 4] = ["-o", "-MF", "-MT", "-MQ"];
/// Options of C compilers with a value that may look like the name of a source file, and `-x`.
const C_WITH_VALUE: [&str; 8] = [
    "-include", "-imacros", "-I", "-isystem", "-iquote", "-D", "-x", "-arch",
];
/// Beginnings of options of C compilers that aren't part of the key themselves. The key contains the paths of
/// headers that are found in their directories.
const C_HEADERS: [&str; 2] = ["-I", "-i"];
/// Beginnings of what can bring the working directory into the key: with debug information, GCC writes it
/// into preprocessed text.
const C_WORKING_DIRECTORY: [&str; 5] = ["-g", "-fprofile", "-ftest-coverage", "--coverage", "../"];
/// The longest unit in bytes. A longer path loses its start.
pub(super) const MAX_UNIT: usize = 200;

impl Arguments {
    /// Parses arguments that Rust's `Debug` printed.
    pub fn parse(text: &str, directories: &BuildDirectories) -> Self {
        let is_rust = Arguments::list(text)
            .any(|argument| argument == "--crate-name" || argument.starts_with("--crate-name="));
        let mut arguments = Self::default();
        let mut hash = Hash::default();
        if is_rust {
            arguments.language = Some(Language::Rust);
            arguments.read_rust(text, directories, &mut hash);
        } else {
            arguments.read_c(text, directories, &mut hash);
        }
        let has_response_file =
            Arguments::list(text).any(|argument| argument.len() > 1 && argument.starts_with('@'));
        arguments.flags = (!has_response_file).then_some(hash.value);
        arguments
    }

    /// Returns the arguments, as they are between the quotes.
    fn list(text: &str) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let start = rest.find('"')? + 1;
            let bytes = rest.as_bytes();
            let mut end = start;
            while *bytes.get(end)? != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let argument = &rest[start..end];
            rest = &rest[end + 1..];
            Some(argument)
        })
    }

    fn read_rust(&mut self, text: &str, directories: &BuildDirectories, hash: &mut Hash) {
        let mut list = Self::list(text);
        let mut has_capped_lints = false;
        let (mut source, mut out_dir) = ("", "");
        while let Some(argument) = list.next() {
            has_capped_lints |= argument.starts_with("--cap-lints");
            let option = argument.split_once('=').map_or(argument, |(name, _)| name);
            if RUST_IGNORED.contains(&option) {
                let joined = argument[option.len()..].strip_prefix('=');
                let value = joined.or_else(|| list.next()).unwrap_or("");
                if option == "--out-dir" {
                    out_dir = value;
                }
                continue;
            }
            let codegen = match argument {
                "-C" | "--codegen" => list.next().unwrap_or(""),
                _ => argument.strip_prefix("-C").unwrap_or(""),
            };
            if let Some(metadata) = codegen.strip_prefix("metadata=") {
                self.metadata = u64::from_str_radix(metadata, 16).ok();
            } else if !codegen.is_empty() && !codegen.starts_with("extra-filename=") {
                hash.add("-C", directories);
                hash.add(codegen, directories);
            } else if codegen.is_empty() && is_source_file(argument) {
                source = argument;
            } else if codegen.is_empty() {
                hash.add(argument, directories);
            }
        }
        // cargo passes --cap-lints for all crates but the package's own, and build scripts for their probes. RUSTFLAGS
        // may have it for all.
        let is_of_registry = has_capped_lints && !is_own_crate(source, out_dir);
        let is_stable = |path| directories.below_stable(path).is_some();
        // rustc's working directory is the build directory or below it, or the crate's. Probes name their
        // source relative to it.
        self.directory_in_key = if is_stable(source) || is_of_registry && is_stable(out_dir) {
            DirectoryInKey::AtStablePaths
        } else if is_of_registry && directories.can_have_stable_paths {
            DirectoryInKey::AvoidedByStablePaths
        } else {
            DirectoryInKey::Always
        };
    }

    fn read_c(&mut self, text: &str, directories: &BuildDirectories, hash: &mut Hash) {
        let mut list = Self::list(text);
        while let Some(argument) = list.next() {
            if let Some(option) = C_OUTPUTS
                .iter()
                .find(|option| argument.starts_with(**option))
            {
                let value = match &argument[option.len()..] {
                    "" => list.next().unwrap_or(""),
                    joined => joined,
                };
                // -objc-... isn't an output.
                if *option == "-o" && (argument == "-o" || !argument.starts_with("-obj")) {
                    self.output = Some(unit(value, directories));
                    // In C++, it is part of the key in sccache 0.9 and 0.10.
                    if directories.below(value).is_some() {
                        self.add_directory(DirectoryInKey::Maybe);
                    }
                }
                continue;
            }
            if C_WITH_VALUE.contains(&argument) {
                let value = list.next().unwrap_or("");
                if argument == "-x" {
                    self.language = Language::from_option(value);
                }
                hash.add(argument, directories);
                let names_directory = hash.add(value, directories);
                self.add_directory(directory_in_key(argument, names_directory));
            } else if is_source_file(argument) {
                self.language = self.language.or_else(|| language_of(argument));
                // Preprocessed text contains the path of the source.
                let names_directory = directories.position(argument.as_bytes()).is_some();
                self.add_directory(directory_in_key(argument, names_directory));
            } else {
                let names_directory = hash.add(argument, directories);
                self.add_directory(directory_in_key(argument, names_directory));
            }
        }
    }

    fn add_directory(&mut self, found: DirectoryInKey) {
        self.directory_in_key = self.directory_in_key.max(found);
    }
}

/// Returns whether an argument of a C compiler brings the build directory into the key.
fn directory_in_key(argument: &str, names_directory: bool) -> DirectoryInKey {
    let begins_with = |options: &[&str]| options.iter().any(|option| argument.starts_with(option));
    if names_directory && !begins_with(&C_HEADERS) {
        DirectoryInKey::Always
    } else if names_directory || (begins_with(&C_WORKING_DIRECTORY) && argument != "-g0") {
        DirectoryInKey::Maybe
    } else {
        DirectoryInKey::Never
    }
}

/// Whether cargo compiles a crate or build script of the workspace: it names their source relative to that, and
/// those of other crates absolutely. The probes of build scripts have other output directories.
fn is_own_crate(source: &str, out_dir: &str) -> bool {
    let mut parts = out_dir.rsplit('/');
    let is_of_cargo = parts.next() == Some("deps") || parts.next() == Some("build");
    !source.starts_with('/') && is_of_cargo
}

fn language_of(file: &str) -> Option<Language> {
    Language::from_extension(file.rsplit_once('.')?.1)
}

fn is_source_file(argument: &str) -> bool {
    !argument.starts_with('-') && language_of(argument).is_some()
}

/// Returns a name for an object file that stays the same from build to build: without the build
/// directory or stable path, and without the hashes that cargo and the cc crate add to names.
fn unit(path: &str, directories: &BuildDirectories) -> Box<str> {
    let path = path.replace("\\\"", "\"").replace("\\\\", "\\");
    let path = directories
        .below(&path)
        .unwrap_or(&path)
        .trim_start_matches("./");
    let mut unit = String::with_capacity(path.len());
    for (index, component) in path.split('/').enumerate() {
        if index > 0 {
            unit.push('/');
        }
        let bytes = component.as_bytes();
        let at_end = bytes.len().wrapping_sub(17);
        if bytes.get(at_end) == Some(&b'-') && is_hash(&bytes[at_end + 1..]) {
            unit.push_str(&component[..at_end]);
        } else if bytes.get(16) == Some(&b'-') && is_hash(bytes) {
            unit.push_str(&component[17..]);
        } else {
            unit.push_str(component);
        }
    }
    let excess = unit.len().saturating_sub(MAX_UNIT);
    let start = (excess..=unit.len()).find(|index| unit.is_char_boundary(*index));
    unit[start.unwrap_or_default()..].into()
}

/// Whether `bytes` begin with 16 hexadecimal digits, as a hash of cargo has.
fn is_hash(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes
        .get(..16)
        .is_some_and(|hash| hash.iter().all(is_digit))
}

/// Returns the hash of a path, for [`super::Compilations::directory`].
pub fn hash_directory(path: &str) -> u64 {
    hash_text(path)
}

/// Returns the FNV-1a hash (Fowler, Noll, Vo) of a text.
pub(super) fn hash_text(text: &str) -> u64 {
    let mut hash = Hash::default();
    text.bytes().for_each(|byte| hash.byte(byte));
    hash.value
}

/// FNV-1a with 64 bits. Databases contain these hashes, so they must not change.
struct Hash {
    value: u64,
}

impl Default for Hash {
    fn default() -> Self {
        Self {
            value: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Hash {
    fn byte(&mut self, byte: u8) {
        self.value = (self.value ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds an argument, with directories replaced by their index, and without hashes of cargo. Returns
    /// whether it names a directory.
    fn add(&mut self, argument: &str, directories: &BuildDirectories) -> bool {
        let mut names_directory = false;
        let bytes = argument.as_bytes();
        let mut index = 0;
        while let Some(&byte) = bytes.get(index) {
            if byte == b'/'
                && let Some(position) = directories.position(&bytes[index..])
            {
                names_directory = true;
                self.byte(0xfe);
                self.byte(position as u8);
                index += directories.own[position].len();
            } else if byte == b'-' && is_cargo_hash(&bytes[index + 1..]) {
                index += 17;
            } else {
                self.byte(byte);
                index += 1;
            }
        }
        self.byte(0xff);
        names_directory
    }
}

fn is_cargo_hash(bytes: &[u8]) -> bool {
    is_hash(bytes) && !bytes.get(16).is_some_and(u8::is_ascii_alphanumeric)
}
