//! Just enough to use every crate.
use std::hash::Hasher;

bitflags::bitflags! {
    #[derive(Debug, PartialEq)]
    pub struct Letters: u32 {
        const VOWEL = 1;
        const CONSONANT = 2;
    }
}

unsafe extern "C" {
    fn add(a: i32, b: i32) -> i32;
}

pub fn letters(word: &str) -> Letters {
    let vowel = word.bytes().any(|byte| memchr::memchr(byte, b"aeiou").is_some());
    if vowel { Letters::VOWEL } else { Letters::CONSONANT }
}

pub fn summary(word: &str) -> anyhow::Result<String> {
    anyhow::ensure!(!word.is_empty(), "no word");
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(word.as_bytes());
    let numbers: smallvec::SmallVec<[u64; 2]> = [hasher.finish(), unsafe { add(40, 2) } as u64].into_iter().collect();
    let mut buffer = itoa::Buffer::new();
    Ok(numbers.iter().map(|number| buffer.format(*number).to_string()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn summary_ends_with_what_c_added() {
        assert!(super::summary("gentoo").unwrap().ends_with(" 42"));
    }
}
