//! Which commands of a script bash gets to, as far as that can be read from it.

mod command;
mod frame;
mod function;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

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
    /// Whether bash leaves the script here, and all that sourced it.
    pub exits: Reach,
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
        function: None,
        functions: BTreeMap::new(),
        found: Vec::new(),
    };
    for token in tokens(text) {
        match token {
            Token::Word { at, text } => reader.word(at, text),
            Token::Operator { at, text } => reader.operator(at, text),
        }
    }
    reader.finish("\n");
    while reader.frames.len() > 1 {
        reader.close();
    }
    reader.found
}

struct Reader<'a, 'h> {
    /// Where the lines end.
    lines: Vec<usize>,
    holds: &'h dyn Fn(&[&str]) -> Option<bool>,
    words: Vec<(usize, &'a str)>,
    frames: Vec<Frame<'a>>,
    /// How anything is reached after a `return`, and that.
    ended: Reach,
    end: Option<Obstacle>,
    before: usize,
    /// Whether nothing of this line was met yet.
    is_line_new: bool,
    /// Whether `&&`, `||` or `|` came last: a line's end is none then.
    is_joined: bool,
    /// The function whose body comes next.
    function: Option<&'a str>,
    /// Those that leave the script where they are called, and whether they always do.
    functions: BTreeMap<&'a str, Reach>,
    found: Vec<Simple<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn top(&mut self) -> &mut Frame<'a> {
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
            && self.function.is_none()
        {
            self.before = self.line(at);
        }
        self.is_joined = false;
        if let [(_, "function"), (_, name)] = self.words[..] {
            self.words.clear();
            self.function = Some(name);
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
        let in_the_way = self.in_the_way(reach, at);
        let mut frame = match self.function.take() {
            Some(name) => self.begin_function(name, word, at, reach, in_the_way),
            None => Frame::new(word, at, reach, in_the_way),
        };
        frame.is_apart = match frame.body {
            Some(_) => word == "(",
            None => word == "(" || self.top().is_apart || self.top().in_pipe,
        };
        if frame.body.is_none() && ["(", "case"].contains(&word) {
            self.restrict(&mut frame, Reach::Perhaps);
        }
        self.frames.push(frame);
        // What is looped over, or chosen by, is no command: it ends with `do` or the line.
        if ["for", "select", "case"].contains(&word) {
            self.words.push((at, word));
        }
    }

    fn restrict(&self, frame: &mut Frame<'a>, reach: Reach) {
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
            if let Some(body) = self.frames.pop().and_then(|frame| frame.body) {
                self.end_function(body);
            }
            self.top().take(None);
        }
    }

    fn operator(&mut self, at: usize, text: &str) {
        match text {
            "(" if self.words.is_empty() => return self.open("(", at),
            // `name()`: what comes next is its body.
            "(" => {
                self.function = self.words.drain(..).next_back().map(|(_, name)| name);
                return;
            }
            ")" if self.function.is_some() => return,
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
}
