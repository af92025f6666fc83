//! A command that has come to its end.

use super::{Reach, Reader, Simple};

impl Reader<'_, '_> {
    /// The end of a command, and what ended it.
    pub(super) fn finish(&mut self, by: &str) {
        let mut words = std::mem::take(&mut self.words);
        // What only stands before a command: `A=1 source x`.
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begin = words.iter().position(|(_, word)| {
            let assigned = word.trim_start_matches(is_name).trim_start_matches('+');
            !assigned.starts_with('=') && !["builtin", "command"].contains(word)
        });
        words.drain(..begin.unwrap_or(0));
        let Some(&(at, first)) = words.first() else {
            return;
        };
        if let ("function", Some((_, name))) = (first, words.get(1)) {
            self.function = Some(name);
            return;
        }
        let is_parallel = ["|", "|&", "&"].contains(&by);
        let limit = if is_parallel {
            Reach::Perhaps
        } else {
            Reach::Always
        };
        let reach = self.reach().min(limit);
        let obstacle = self.in_the_way(reach, at);
        let texts: Vec<&str> = words.iter().map(|&(_, text)| text).collect();
        let status = (self.holds)(&texts);
        let is_apart = self.top().is_apart || self.top().in_pipe || is_parallel;
        let exits = match first {
            _ if is_apart => Reach::Never,
            "exit" => Reach::Always,
            "exec" if texts.len() > 1 => Reach::Always,
            _ => *self.functions.get(first).unwrap_or(&Reach::Never),
        };
        let ends = match first {
            "return" if !is_apart => Reach::Always,
            _ => exits,
        };
        // One `return` that perhaps is met, and this one for when it isn't: nothing comes after.
        let met = self.top().inner.min(self.top().next);
        self.end_by(first, at, ends.min(met));
        let around = self.around();
        self.found.push(Simple {
            words,
            reach,
            obstacle,
            around,
            exits: exits.min(reach),
        });
        self.top().take(status);
    }

    /// What comes after it is met no more, or perhaps.
    fn end_by(&mut self, word: &str, at: usize, reach: Reach) {
        let after = match reach {
            Reach::Always => Reach::Never,
            Reach::Perhaps => Reach::Perhaps,
            Reach::Never => return,
        };
        if after < self.ended {
            let mut end = self.obstacle(word, at);
            // Only what stands before the first that may end it is met in any case.
            end.before = self.end.as_ref().map_or(end.before, |first| first.before);
            (self.ended, self.end) = (after, Some(end));
        }
    }
}
