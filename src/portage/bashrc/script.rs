//! Which commands of a script bash gets to, as far as that can be read from it.

mod frame;
#[cfg(test)]
mod tests;

use super::tokens::{Token, tokens};
use frame::{FRAMES, Frame};

/// Whether bash gets to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// What stands before or around it keeps bash out, always.
    Never,
    /// That hangs on what is so only while a package is built.
    Perhaps,
    /// Each time that the script is read.
    Always,
}

/// What may keep bash from a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The word: `return`, `if`.
    pub word: String,
    /// The number of its line, from 1.
    pub line: usize,
    /// The last line up to there, from 1, that begins with a command in none of `if`, `{` and so on:
    /// what is put before it is met first.
    pub before: usize,
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Simple<'a> {
    /// Where each word begins, and the word as it is written.
    pub words: Vec<(usize, &'a str)>,
    pub reach: Reach,
    /// What is in the way, where it isn't reached always.
    pub obstacle: Option<Obstacle>,
    /// The same, but for `&&` and `||` before it.
    pub around: Reach,
}

/// All commands of a script in their order. `holds` tells what a command comes to that is only asked
/// whether it succeeds, such as `[[ -e / ]]`, where that is known.
pub(super) fn commands<'a>(
    text: &'a str,
    holds: &dyn Fn(&[&str]) -> Option<bool>,
) -> Vec<Simple<'a>> {
    let mut reader = Reader {
        holds,
        lines: text.match_indices('\n').map(|(at, _)| at).collect(),
        words: Vec::new(),
        frames: vec![Frame::new("", 0, Reach::Always, None)],
        ended: Reach::Always,
        end: None,
        before: 1,
        is_line_new: true,
        is_joined: false,
        is_function: false,
        found: Vec::new(),
    };
    for token in tokens(text) {
        match token {
            Token::Word { at, text } => reader.word(at, text),
            Token::Operator { at, text } => reader.operator(at, text),
        }
    }
    reader.finish("\n");
    reader.found
}

struct Reader<'a, 'h> {
    /// Where the lines end.
    lines: Vec<usize>,
    holds: &'h dyn Fn(&[&str]) -> Option<bool>,
    words: Vec<(usize, &'a str)>,
    frames: Vec<Frame>,
    /// How anything is reached after a `return`, and that.
    ended: Reach,
    end: Option<Obstacle>,
    before: usize,
    /// Whether nothing of this line was met yet.
    is_line_new: bool,
    /// Whether `&&`, `||` or `|` came last: a line's end is none then.
    is_joined: bool,
    /// Whether what comes next is a function's body.
    is_function: bool,
    found: Vec<Simple<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the script itself stays")
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|&end| end < at) + 1
    }

    /// How a command here is reached, without `&&` and `||`.
    fn around(&mut self) -> Reach {
        self.top().inner.min(self.ended)
    }

    fn reach(&mut self) -> Reach {
        let around = self.around();
        let top = self.top();
        let piped = match top.in_pipe {
            true => Reach::Perhaps,
            false => Reach::Always,
        };
        around.min(top.next).min(piped)
    }

    fn obstacle(&self, word: &str, at: usize) -> Obstacle {
        Obstacle {
            word: word.to_owned(),
            line: self.line(at),
            before: self.before,
        }
    }

    /// What is in the way of a command at `at` that is reached so.
    fn in_the_way(&mut self, reach: Reach, at: usize) -> Option<Obstacle> {
        if reach == Reach::Always {
            return None;
        }
        let end = self.end.clone().filter(|_| self.ended < Reach::Always);
        let outer = end.or_else(|| self.top().obstacle.clone());
        outer.or_else(|| Some(self.obstacle("&&, || or |", at)))
    }

    fn word(&mut self, at: usize, text: &'a str) {
        let is_outermost = self.frames.len() == 1 && self.words.is_empty();
        if std::mem::take(&mut self.is_line_new)
            && is_outermost
            && !self.is_joined
            && !self.is_function
        {
            self.before = self.line(at);
        }
        self.is_joined = false;
        if let [(_, "function"), _] = self.words[..] {
            self.words.clear();
            self.is_function = true;
        }
        if !self.words.is_empty() || !self.keyword(at, text) {
            self.words.push((at, text));
        }
    }

    /// Whether it is one that shapes the script.
    fn keyword(&mut self, at: usize, text: &'a str) -> bool {
        if let Some((word, _)) = FRAMES.iter().find(|(word, _)| *word == text) {
            self.open(word, at);
            return true;
        }
        let is_end = FRAMES.iter().any(|(_, end)| *end == text);
        match text {
            "!" => self.top().is_negated ^= true,
            "then" | "do" | "elif" | "else" => self.branch(text),
            "time" | "coproc" => {}
            _ if is_end => self.close(),
            _ => return false,
        }
        true
    }

    fn open(&mut self, word: &'static str, at: usize) {
        let reach = self.reach();
        let mut frame = Frame::new(word, at, reach, self.in_the_way(reach, at));
        frame.is_apart = self.top().is_apart || self.top().in_pipe;
        let is_function = std::mem::take(&mut self.is_function);
        if is_function || word == "(" {
            frame.word = if is_function { "function" } else { word };
            frame.is_apart = true;
        }
        if ["function", "(", "case"].contains(&frame.word) {
            self.restrict(&mut frame, Reach::Perhaps);
        }
        self.frames.push(frame);
        // What is looped over, or chosen by, is no command: it ends with `do` or the line.
        if ["for", "select", "case"].contains(&word) {
            self.words.push((at, word));
        }
    }

    fn restrict(&self, frame: &mut Frame, reach: Reach) {
        let inner = frame.inner.min(reach);
        if inner < frame.inner && frame.obstacle.is_none() {
            frame.obstacle = Some(self.obstacle(frame.word, frame.at));
        }
        frame.begin(inner);
    }

    /// From what is asked to what is done, and to what is done else.
    fn branch(&mut self, text: &str) {
        if self.frames.len() == 1 {
            return;
        }
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        let asked = frame.status;
        frame.inner = frame.base.min(self.ended);
        match text {
            "then" => {
                let (then, other) = match asked {
                    Some(true) => (Reach::Always, Reach::Never),
                    Some(false) => (Reach::Never, Reach::Always),
                    None => (Reach::Perhaps, Reach::Perhaps),
                };
                let then = then.min(frame.other);
                frame.other = other.min(frame.other);
                self.restrict(&mut frame, then);
            }
            "do" => self.restrict(&mut frame, Reach::Perhaps),
            _ => {
                let other = frame.other;
                self.restrict(&mut frame, other);
            }
        }
        self.frames.push(frame);
    }

    fn close(&mut self) {
        if self.frames.len() > 1 {
            self.frames.pop();
            self.top().take(None);
        }
    }

    fn operator(&mut self, at: usize, text: &str) {
        match text {
            "(" if self.words.is_empty() => return self.open("(", at),
            // `name()`: what comes next is its body.
            "(" => {
                self.words.clear();
                self.is_function = true;
                return;
            }
            ")" if self.is_function => return,
            "\n" => {
                self.is_line_new = true;
                if self.is_joined && self.words.is_empty() {
                    return;
                }
            }
            _ => {}
        }
        self.finish(text);
        self.is_joined = ["&&", "||", "|", "|&"].contains(&text);
        let top = self.top();
        match text {
            ")" if top.word == "(" => self.close(),
            "&&" | "||" => {
                top.next = match (top.status, text) {
                    (Some(true), "&&") | (Some(false), "||") => Reach::Always,
                    (Some(_), _) => Reach::Never,
                    (None, _) => Reach::Perhaps,
                };
                top.in_pipe = false;
            }
            "|" | "|&" => top.in_pipe = true,
            _ => (top.next, top.in_pipe, top.is_negated) = (Reach::Always, false, false),
        }
    }

    /// The end of a command, and what ended it.
    fn finish(&mut self, by: &str) {
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
        if first == "function" {
            self.is_function = true;
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
        let ends = ["return", "exit"].contains(&first) || (first == "exec" && texts.len() > 1);
        if ends && !(self.top().is_apart || self.top().in_pipe || is_parallel) {
            // One `return` that perhaps is met, and this one for when it isn't: nothing comes after.
            let top = self.top();
            let reach = top.inner.min(top.next);
            self.end_by(first, at, reach);
        }
        let around = self.around();
        self.found.push(Simple {
            words,
            reach,
            obstacle,
            around,
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
