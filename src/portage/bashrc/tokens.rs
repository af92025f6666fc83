//! bash's words and operators, as far as it takes to know where a command begins and ends.

/// A piece of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A word as it is written, with its quotes; one of `[[ ]]`, `(( ))` and of an array is whole.
    Word { at: usize, text: &'a str },
    /// What ends or joins commands: `;`, `&&`, a line's end, ...
    Operator { at: usize, text: &'a str },
}

/// The operators, longer ones first.
const OPERATORS: [&str; 13] = [
    ";;&", ";;", ";&", "&&", "||", "|&", "|", ";", "&", "(", ")", "\n", "\r",
];

/// What turns input or output somewhere; the word after it belongs to it.
const REDIRECTIONS: [&str; 11] = [
    "<<<", "<<-", "<<", "<>", "<&", "&>>", "&>", ">>", ">&", ">|", "<",
];

/// All tokens of a script, without remarks, redirections and here-documents.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut scanner = Scanner {
        text,
        at: 0,
        documents: Vec::new(),
    };
    let mut found = Vec::new();
    while let Some(token) = scanner.next() {
        found.push(token);
    }
    found
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The ends of here-documents that begin with the next line, and whether tabs are cut off.
    documents: Vec<(String, bool)>,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip_blanks();
            let (at, rest) = (self.at, self.rest());
            let first = rest.chars().next()?;
            if first == '#' {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("((") {
                self.skip_bracketed('(', ')');
                return Some(self.word_from(at));
            } else if let Some(sign) = redirection(rest) {
                self.redirect(sign);
            } else if let Some(text) = OPERATORS.iter().find(|one| rest.starts_with(**one)) {
                self.at += text.len();
                if *text == "\n" {
                    self.skip_documents();
                }
                return Some(Token::Operator { at, text });
            } else {
                self.skip_word();
                let text = &self.text[at..self.at];
                if text == "[[" {
                    self.skip_test();
                }
                // The number of what is redirected.
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                if !(is_number && self.rest().starts_with(['<', '>'])) {
                    return Some(self.word_from(at));
                }
            }
        }
    }

    fn word_from(&self, at: usize) -> Token<'a> {
        let text = &self.text[at..self.at];
        Token::Word { at, text }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let mut left = rest.trim_start_matches([' ', '\t']);
        while let Some(after) = left.strip_prefix("\\\n") {
            left = after.trim_start_matches([' ', '\t']);
        }
        self.at += rest.len() - left.len();
    }

    /// Over a word, whatever is quoted or bracketed in it.
    fn skip_word(&mut self) {
        let begin = self.at;
        while let Some(c) = self.rest().chars().next() {
            let before = &self.text[begin..self.at];
            match c {
                ' ' | '\t' | '\n' | '\r' | ';' | '&' | '|' | ')' => break,
                // An array, or a pattern as `shopt -s extglob` has them.
                '(' if before.ends_with(['=', '@', '!', '?', '*', '+']) => {
                    self.skip_bracketed('(', ')');
                }
                '<' | '>' if self.rest()[1..].starts_with('(') && before.is_empty() => {
                    self.at += 1;
                    self.skip_bracketed('(', ')');
                }
                '(' | '<' | '>' => break,
                _ => self.skip_one(),
            }
        }
    }

    /// Over a character, or all of what begins with it.
    fn skip_one(&mut self) {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else {
            return;
        };
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => self.at += 1 + after.chars().next().map_or(0, char::len_utf8),
            '\'' => self.at += after.find('\'').map_or(rest.len(), |end| end + 2),
            '"' | '`' => {
                self.at += 1;
                while let Some(inner) = self.rest().chars().next() {
                    if inner == c {
                        self.at += 1;
                        break;
                    }
                    match inner {
                        '\'' => self.at += 1,
                        _ => self.skip_one(),
                    }
                }
            }
            '$' if after.starts_with('\'') => {
                self.at += 2;
                while let Some(inner) = self.rest().chars().next() {
                    let step = match inner {
                        '\\' => self.rest().chars().take(2).map(char::len_utf8).sum(),
                        _ => inner.len_utf8(),
                    };
                    self.at += step;
                    if inner == '\'' {
                        break;
                    }
                }
            }
            '$' if after.starts_with(['(', '{']) => {
                self.at += 1;
                match after.starts_with('(') {
                    true => self.skip_bracketed('(', ')'),
                    false => self.skip_bracketed('{', '}'),
                }
            }
            _ => self.at += c.len_utf8(),
        }
    }

    /// From an opening bracket to behind the one that closes it.
    fn skip_bracketed(&mut self, open: char, close: char) {
        let mut depth = 0;
        while let Some(c) = self.rest().chars().next() {
            if c == open || c == close {
                self.at += 1;
                depth += if c == open { 1 } else { -1 };
                if depth == 0 {
                    return;
                }
            } else {
                self.skip_one();
            }
        }
    }

    /// To behind `]]`, with all operators that are in between.
    fn skip_test(&mut self) {
        while !self.rest().is_empty() {
            let begin = self.at;
            self.skip_blanks();
            let (at, was_blank) = (self.at, self.at > begin);
            if self.rest().starts_with("]]") && was_blank {
                self.at += 2;
                return;
            }
            self.skip_word();
            if self.at == at {
                self.skip_one();
            }
        }
    }

    fn redirect(&mut self, sign: &str) {
        self.at += sign.len();
        self.skip_blanks();
        let at = self.at;
        self.skip_word();
        if sign == "<<" || sign == "<<-" {
            let end = self.text[at..self.at].replace(['\'', '"', '\\'], "");
            self.documents.push((end, sign == "<<-"));
        }
    }

    fn skip_documents(&mut self) {
        for (end, has_tabs) in std::mem::take(&mut self.documents) {
            while !self.rest().is_empty() {
                let rest = self.rest();
                let line = rest.split('\n').next().unwrap_or_default();
                self.at += (line.len() + 1).min(rest.len());
                let cut = line.trim_start_matches('\t');
                if end == if has_tabs { cut } else { line } {
                    break;
                }
            }
        }
    }
}

fn redirection(rest: &str) -> Option<&'static str> {
    // A process in a word's place.
    if rest.starts_with("<(") || rest.starts_with(">(") {
        return None;
    }
    let mut signs = REDIRECTIONS.into_iter().chain([">"]);
    signs.find(|sign| rest.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_what_is_no_command_is_left_out() {
        let shown = |text: &str| -> Vec<String> {
            let shown = tokens(text).into_iter().map(|token| match token {
                Token::Word { text, .. } => text.to_owned(),
                Token::Operator { text, .. } => format!("<{text}>"),
            });
            shown.collect()
        };
        assert_eq!(
            shown("a 'b; c' \"$(d \"e)\")\" # f"),
            ["a", "'b; c'", "\"$(d \"e)\")\""]
        );
        assert_eq!(
            shown("[[ a && ( b || c ) ]]&&d"),
            ["[[ a && ( b || c ) ]]", "<&&>", "d"]
        );
        assert_eq!(shown("a=(b ; c) d>e 2>&1 f"), ["a=(b ; c)", "d", "f"]);
        assert_eq!(shown("a <<-'X' b\nc; d\n\tX\ne"), ["a", "b", "<\n>", "e"]);
        assert_eq!(
            shown("f() { (( x )); }"),
            ["f", "<(>", "<)>", "{", "(( x ))", "<;>", "}"]
        );
        assert_eq!(
            shown("a $'b\\'c;' ${d#;} \\\n e"),
            ["a", "$'b\\'c;'", "${d#;}", "e"]
        );
        assert_eq!(shown("a=\"it's\"; b"), ["a=\"it's\"", "<;>", "b"]);
        assert_eq!(shown("a \"unclosed"), ["a", "\"unclosed"]);
    }
}
