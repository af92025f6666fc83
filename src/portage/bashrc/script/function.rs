//! Functions: a body is read as a script of its own, and what it does is done where it is called.

use super::frame::Frame;
use super::{Obstacle, Reach, Reader};

/// What waits until the body of a function is read.
pub(super) struct Body<'a> {
    name: &'a str,
    /// How many commands were found before it.
    first: usize,
    /// How its definition is reached, and what stands before its commands.
    reach: Reach,
    obstacle: Option<Obstacle>,
    /// What was ended outside.
    ended: Reach,
    end: Option<Obstacle>,
}

impl<'a> Reader<'a, '_> {
    /// The body opens with `word`, and its definition is reached so.
    pub(super) fn begin_function(
        &mut self,
        name: &'a str,
        word: &'static str,
        at: usize,
        reach: Reach,
        in_the_way: Option<Obstacle>,
    ) -> Frame<'a> {
        let mut frame = Frame::new(word, at, Reach::Always, None);
        frame.body = Some(Body {
            name,
            first: self.found.len(),
            reach,
            obstacle: in_the_way.or_else(|| Some(self.obstacle("function", at))),
            ended: std::mem::replace(&mut self.ended, Reach::Always),
            end: self.end.take(),
        });
        frame
    }

    pub(super) fn end_function(&mut self, body: Body<'a>) {
        (self.ended, self.end) = (body.ended, body.end);
        // Who calls it is not asked.
        let reach = body.reach.min(Reach::Perhaps);
        let mut exits = Reach::Never;
        for one in &mut self.found[body.first..] {
            exits = exits.max(std::mem::replace(&mut one.exits, Reach::Never));
            if one.reach > Reach::Never {
                one.obstacle.clone_from(&body.obstacle);
            }
            one.reach = one.reach.min(reach);
            one.around = one.around.min(reach);
        }
        // Whether there is such a function, or which of two, may hang on what is not known.
        let is_in_another = self.frames.iter().any(|frame| frame.body.is_some());
        let before = *self.functions.get(body.name).unwrap_or(&Reach::Never);
        let after = match body.reach {
            Reach::Never => before,
            Reach::Always if !is_in_another => exits,
            _ if before == exits && before == Reach::Always => before,
            _ => before.max(exits).min(Reach::Perhaps),
        };
        self.functions.insert(body.name, after);
    }
}
