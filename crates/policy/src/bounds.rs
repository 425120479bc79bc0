//! Bounds on policy text, and a stack that is deep enough for what is within them.
//!
//! Cedar's parser and validator recurse over an expression, up to some 40 KB of stack a level in a debug build, and a
//! stack that overflows ends the process. So depth is bounded before Cedar sees the text, by counting what makes depth,
//! and the text is read on a thread of its own, made for its stack and joined at once. Evaluation needs neither: it
//! watches the stack itself, and gives an error, which denies.

use crate::error::Complaint;

/// LIMIT: no policy file is longer; a hundred policies are some 30 KB.
const MAX_BYTES: usize = 1 << 20;
/// LIMIT: brackets inside brackets.
const MAX_NESTING: usize = 64;
/// LIMIT: operators and attribute steps in one policy, because a chain of them is as deep as it is long.
const MAX_STEPS: usize = 400;
/// The stack for reading: four times what the limits need. Pages that are not touched cost nothing.
const STACK: usize = 128 << 20;

/// Runs on a deep stack. None where there is no thread to be had, or the work panicked.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("policy-load".to_owned()).stack_size(STACK);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// Checks text whose comments are blanked out.
pub(crate) fn check(text: &str) -> Result<(), (usize, Complaint)> {
    if text.len() > MAX_BYTES {
        return Err((0, Complaint::new(format!("the file is larger than {MAX_BYTES} bytes"))));
    }
    let mut depth = Depth::default();
    text.char_indices().try_for_each(|(offset, c)| depth.see(c).map_err(|complaint| (offset, complaint)))
}

#[derive(Default)]
struct Depth {
    nesting: usize,
    steps: usize,
    in_string: bool,
    escaped: bool,
    before: [char; 2],
}

impl Depth {
    fn see(&mut self, c: char) -> Result<(), Complaint> {
        if self.in_string {
            self.in_string = self.escaped || c != '"';
            self.escaped = !self.escaped && c == '\\';
            return Ok(());
        }
        match c {
            '"' => self.in_string = true,
            '(' | '[' | '{' => self.nesting = self.nesting.saturating_add(1),
            ')' | ']' | '}' => self.nesting = self.nesting.saturating_sub(1),
            ';' => self.steps = 0,
            _ => {}
        }
        self.steps = self.steps.saturating_add(usize::from(self.is_step(c)));
        self.before = [self.before[1], c];
        if self.nesting > MAX_NESTING {
            return Err(Complaint::new(format!("brackets are nested deeper than {MAX_NESTING}")));
        }
        if self.steps > MAX_STEPS {
            return Err(Complaint::new(format!("more than {MAX_STEPS} operators in one policy"))
                .help("write `[…].contains(…)`, or cut it into several policies"));
        }
        Ok(())
    }

    /// Whether the character ends an operator that makes an expression deeper: `&&` and `||` count once, a clause by its brace, `if` by its
    /// `f` (and so does `f` in any word ending so; the count is an upper bound).
    fn is_step(&self, c: char) -> bool {
        let [_, last] = self.before;
        match c {
            '&' | '|' => last == c,
            '.' | '[' | '{' | '+' | '-' | '*' | '!' => true,
            'f' => last == 'i',
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_depth_passes_and_more_is_refused_where_it_begins() {
        let chain = |n: usize| format!("permit (…) when {{ {} }};", vec!["a"; n].join(" || "));
        assert_eq!(check(&chain(400).repeat(3)), Ok(()));
        assert!(check(&chain(401)).is_err());
        let nested = |n: usize| format!("{}{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(check(&nested(64)), Ok(()));
        assert_eq!(check(&nested(65)).map_err(|(offset, _)| offset), Err(64));
        assert_eq!(check(&format!("\"{}\\\"(\"", "(".repeat(99))), Ok(()));
        assert!(check(&" ".repeat(MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn work_that_panics_gives_nothing() {
        assert_eq!(on_deep_stack(|| 7), Some(7));
        assert_eq!(on_deep_stack(|| panic!("on purpose")), None::<()>);
    }
}
