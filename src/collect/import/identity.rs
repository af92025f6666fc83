//! One id for one text, in whatever pieces it is read.

use std::io::{self, Read};

use uuid::Uuid;

/// Each piece of this size goes into the id with that of all before. Changed, the logs that were
/// imported before would be other ones.
const PIECE: usize = 64 * 1024;

/// Reads on, and makes the id of all that was read.
pub struct Identified<R> {
    pub from: R,
    piece: Option<Vec<u8>>,
    id: Uuid,
}

impl<R: Read> Identified<R> {
    /// The id is only made if it is `wanted`: it takes longer than all else.
    pub fn new(from: R, wanted: bool) -> Self {
        Self {
            from,
            piece: wanted.then(Vec::new),
            id: Uuid::NAMESPACE_OID,
        }
    }

    /// Of the text until here.
    pub fn id(&self) -> Uuid {
        Uuid::new_v5(&self.id, self.piece.as_deref().unwrap_or_default())
    }
}

impl<R: Read> Read for Identified<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        let Some(piece) = &mut self.piece else {
            return Ok(count);
        };
        let mut rest = &into[..count];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PIECE - piece.len()));
            piece.extend_from_slice(now);
            rest = later;
            if piece.len() == PIECE {
                self.id = Uuid::new_v5(&self.id, piece);
                piece.clear();
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_in_which_it_is_read_change_nothing() {
        let text = vec![b'x'; 3 * PIECE + 5];
        let id = |text: &[u8], step: usize| {
            let mut reader = Identified::new(text, true);
            let mut buffer = vec![0; step];
            while reader.read(&mut buffer).unwrap() > 0 {}
            reader.id()
        };
        let whole = id(&text, 4 * PIECE);
        assert_eq!(id(&text, 1000), whole);
        assert_ne!(id(&text[1..], 1000), whole);
        // As earlier versions made it.
        assert_eq!(id(b"", 1), Uuid::new_v5(&Uuid::NAMESPACE_OID, b""));
    }
}
