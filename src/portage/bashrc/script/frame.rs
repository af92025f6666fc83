//! What commands stand in.

use super::function::Body;
use super::{Obstacle, Reach};

/// Words that open something, with what closes it.
pub(super) const FRAMES: [(&str, &str); 7] = [
    ("if", "fi"),
    ("while", "done"),
    ("until", "done"),
    ("for", "done"),
    ("select", "done"),
    ("case", "esac"),
    ("{", "}"),
];

/// What stands between two keywords that belong together, or the script itself.
pub(super) struct Frame<'a> {
    /// The word that opened it, and where it stands.
    pub(super) word: &'static str,
    pub(super) at: usize,
    /// How the whole of it is reached.
    pub(super) base: Reach,
    /// How the commands now in it are.
    pub(super) inner: Reach,
    pub(super) obstacle: Option<Obstacle>,
    /// How the next branch of an `if` is reached, after those before.
    pub(super) other: Reach,
    /// What the list of commands came to so far, and how the next in it is reached.
    pub(super) status: Option<bool>,
    pub(super) next: Reach,
    pub(super) is_negated: bool,
    pub(super) in_pipe: bool,
    /// Whether `return` leaves something else than the script.
    pub(super) is_apart: bool,
    /// Where it is a function's body.
    pub(super) body: Option<Body<'a>>,
}

impl Frame<'_> {
    pub(super) fn new(
        word: &'static str,
        at: usize,
        base: Reach,
        obstacle: Option<Obstacle>,
    ) -> Self {
        Self {
            word,
            at,
            base,
            inner: base,
            obstacle,
            other: base,
            status: Some(true),
            next: Reach::Always,
            is_negated: false,
            in_pipe: false,
            is_apart: false,
            body: None,
        }
    }

    /// A new list of commands.
    pub(super) fn begin(&mut self, inner: Reach) {
        self.inner = inner;
        (self.status, self.next) = (Some(true), Reach::Always);
        (self.is_negated, self.in_pipe) = (false, false);
    }

    pub(super) fn take(&mut self, status: Option<bool>) {
        let status = status.map(|status| status != self.is_negated);
        match self.next {
            Reach::Always => self.status = status,
            Reach::Perhaps => self.status = None,
            Reach::Never => {}
        }
        self.is_negated = false;
    }
}
