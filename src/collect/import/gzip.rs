//! A log's text, whether or not it is packed, as far as it can be unpacked.

use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;

/// What a gzip file begins with (RFC 1952, 2.3.1).
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads the text. Where the gzip is broken the text ends: Portage packs a log while the
/// build runs, and where the machine crashed its end is missing.
pub enum Text<R> {
    Plain(R),
    Packed(Box<MultiGzDecoder<BufReader<R>>>, Option<String>),
}

impl<R: Read> Text<R> {
    pub fn new(file: R, packed: bool) -> Self {
        match packed {
            false => Self::Plain(file),
            true => Self::Packed(Box::new(MultiGzDecoder::new(BufReader::new(file))), None),
        }
    }

    /// Why the text ended before the file did.
    pub fn broken(self) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            Self::Packed(_, why) => why,
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (decoder, broken) = match self {
            Self::Plain(file) => return file.read(into),
            Self::Packed(_, Some(_)) => return Ok(0),
            Self::Packed(decoder, broken) => (decoder, broken),
        };
        let why = match decoder.read(into) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "cut off".to_owned(),
            // What the decoder says of the bytes; an error of the disk has another kind.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => error.to_string(),
            other => return other,
        };
        *broken = Some(format!("broken gzip: {why}"));
        Ok(0)
    }
}
