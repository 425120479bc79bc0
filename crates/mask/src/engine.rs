//! The decision: which ranges of a text are hits, window by window.
//!
//! A position is *decided* once all the bytes that any check may look at are at hand: [`LOOK_BEHIND`] before it and
//! [`Detectors::reach`] after it. Decided positions are never looked at again, undecided ones never judged, and every
//! check reads original bytes only; so where the text was cut cannot matter.
//!
//! The engine knows offsets, not bytes to overwrite: those may be escaped, see [`crate::escape`].

use crate::custom::whole_characters;
use crate::sweep::{Shape, sweep};
use crate::text::Text;
use crate::tokens::{self, Onward, Secret};
use crate::{Detectors, Hits, Pattern, digits, email, iban, phone};
use std::ops::ControlFlow;

/// No check looks further back than this: the local part of a mail address and its boundary.
pub(crate) const LOOK_BEHIND: usize = 68;
/// Bytes of a PEM body after which its END line is not waited for. LIMIT: a 16,384-bit RSA key takes 13 KB.
pub(crate) const PEM_BOUND: usize = 16 << 10;

/// Which bytes of a hit are overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// All.
    Whole,
    /// Those that PEM is made of; line ends, quotes and delimiters stay.
    Pem,
}

/// A range to overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
    pub style: Style,
}

/// A kind of secret that goes on: from where, and for how many bytes at most.
#[derive(Debug, Clone, Copy)]
struct Slot {
    at: usize,
    left: usize,
}

/// The state of one text.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    decided: usize,
    pub(crate) spans: Vec<Span>,
    jwt: Option<Slot>,
    token: Option<Slot>,
    pem: Option<Slot>,
    /// Where each regex may match next; its hits do not overlap.
    resume: Vec<usize>,
    pub(crate) hits: Hits,
}

impl Engine {
    /// Starts the next text with nothing decided.
    pub(crate) fn begin(&mut self) {
        self.decided = 0;
        self.spans.clear();
        (self.jwt, self.token, self.pem) = (None, None, None);
        self.resume.clear();
    }

    /// Starts inside a PEM body of which so many bytes may still follow.
    pub(crate) fn begin_in_pem(&mut self, left: usize) {
        self.begin();
        self.pem = Some(Slot { at: 0, left });
    }

    /// What an open PEM body may still take, at the end of a text.
    pub(crate) fn open_pem(&self) -> Option<usize> {
        self.pem.map(|slot| slot.left)
    }

    /// Decides as much as can be. Returns how many bytes from the front no later decision looks at or overwrites.
    pub(crate) fn step(&mut self, detectors: &Detectors, text: &[u8], end: bool) -> usize {
        let to = if end { text.len() } else { text.len().saturating_sub(detectors.reach()) };
        let from = self.decided;
        if to > from {
            // In one text what stands behind a digit is no start of a number.
            let hidden = |_, _| ControlFlow::Continue(());
            let _ = sweep(text, (from, to), &detectors.wanted, hidden, |at, shape| {
                self.shape(detectors, text, at, shape);
                ControlFlow::Continue(())
            });
            self.secrets(detectors, text, (from, to));
            self.custom(detectors, text, (from, to));
            self.settle(text, to);
        }
        if end { text.len() } else { self.decided.saturating_sub(LOOK_BEHIND) }
    }

    /// Checks a candidate of the sweep.
    #[inline]
    pub(crate) fn shape(&mut self, detectors: &Detectors, text: &[u8], at: usize, shape: Shape) {
        let view = Text(text);
        let (pattern, range) = match shape {
            Shape::Card => (Pattern::CreditCard, digits::card(view, at).map(|end| (at, end))),
            Shape::Ssn => (Pattern::UsSsn, digits::ssn(view, at).map(|end| (at, end))),
            Shape::Ssn9 => (Pattern::UsSsnBare, digits::ssn_bare(view, at).map(|end| (at, end))),
            Shape::Phone => (Pattern::Phone, phone::phone(view, at).map(|end| (at, end))),
            Shape::Iban => (Pattern::Iban, iban::iban(view, at).map(|end| (at, end))),
            Shape::Email => (Pattern::Email, email::email(view, at)),
        };
        if let (Some((start, end)), Some(detector)) = (range, detectors.answers(pattern)) {
            self.hit(detector, start, end);
        }
    }

    fn secrets(&mut self, detectors: &Detectors, text: &[u8], (from, to): (usize, usize)) {
        let Some(prefixes) = &detectors.prefixes else { return };
        let mut next = from;
        while let Some((at, prefix)) = prefixes.find(text, next) {
            if at >= to {
                break;
            }
            self.prefix(detectors, text, at, prefix);
            next = at.saturating_add(1);
        }
    }

    /// Checks a prefix. Prefixes must come in the order of their positions.
    pub(crate) fn prefix(&mut self, detectors: &Detectors, text: &[u8], at: usize, prefix: usize) {
        let Some(secret) = tokens::secret(Text(text), at, prefix) else { return };
        if let Some(detector) = detectors.answers(secret.pattern) {
            self.hit(detector, secret.start, secret.end);
            self.go_on(text, at, &secret);
        }
    }

    /// Opens the slot of a secret that goes on, unless the one before it still does at this place.
    fn go_on(&mut self, text: &[u8], at: usize, secret: &Secret) {
        let Some(kind) = secret.onward else { return };
        self.run(text, kind, at);
        let left = if kind == Onward::Pem { PEM_BOUND } else { usize::MAX };
        self.slot(kind).get_or_insert(Slot { at: secret.end, left });
    }

    fn custom(&mut self, detectors: &Detectors, text: &[u8], (from, to): (usize, usize)) {
        for (index, dictionary) in detectors.dictionaries() {
            dictionary.find(text, from, |start, end| {
                if start < to && dictionary.stands(Text(text), start, end) {
                    self.hit(index, start, end);
                }
            });
        }
        self.regexes(detectors, text, (from, to));
    }

    pub(crate) fn regexes(&mut self, detectors: &Detectors, text: &[u8], (from, to): (usize, usize)) {
        for (place, (index, regex)) in detectors.regexes().enumerate() {
            let mut next = self.resume.get(place).copied().unwrap_or(0).max(from);
            while let Some((start, end)) = regex.find(text, next).filter(|(start, _)| *start < to) {
                let (first, last) = whole_characters(Text(text), start, end);
                self.hit(index, first, last);
                next = end;
            }
            if self.resume.len() <= place {
                self.resume.resize(place.saturating_add(1), 0);
            }
            if let Some(resume) = self.resume.get_mut(place) {
                *resume = next;
            }
        }
    }

    /// Counts a hit and marks its range.
    pub(crate) fn hit(&mut self, detector: usize, start: usize, end: usize) {
        self.hits.add(detector, 1);
        self.spans.push(Span { start, end, style: Style::Whole });
    }

    /// Follows what goes on up to a position, which is decided with it.
    pub(crate) fn settle(&mut self, text: &[u8], to: usize) {
        for kind in [Onward::Jwt, Onward::Token, Onward::Pem] {
            self.run(text, kind, to);
        }
        self.decided = to;
    }

    fn slot(&mut self, kind: Onward) -> &mut Option<Slot> {
        match kind {
            Onward::Jwt => &mut self.jwt,
            Onward::Token => &mut self.token,
            Onward::Pem => &mut self.pem,
        }
    }

    fn run(&mut self, text: &[u8], kind: Onward, to: usize) {
        let Some(slot) = *self.slot(kind) else { return };
        if slot.at >= to {
            return;
        }
        let limit = slot.at.saturating_add(slot.left).min(to);
        let end = follow(text, kind, slot.at, limit);
        let style = if kind == Onward::Pem { Style::Pem } else { Style::Whole };
        self.spans.push(Span { start: slot.at, end: end.unwrap_or(limit), style });
        let left = slot.left.saturating_sub(limit.saturating_sub(slot.at));
        *self.slot(kind) = (end.is_none() && left > 0).then_some(Slot { at: limit, left });
    }

    /// Forgets bytes at the front; what of the marked ranges lies behind them is kept.
    pub(crate) fn shift(&mut self, n: usize) {
        self.decided = self.decided.saturating_sub(n);
        self.spans.retain_mut(|span| {
            (span.start, span.end) = (span.start.saturating_sub(n), span.end.saturating_sub(n));
            span.end > 0
        });
        for slot in [&mut self.jwt, &mut self.token, &mut self.pem].into_iter().flatten() {
            slot.at = slot.at.saturating_sub(n);
        }
        self.resume.iter_mut().for_each(|at| *at = at.saturating_sub(n));
        self.coalesce();
    }

    /// LIMIT: what is kept between windows is at most one range per byte held back, however many terms overlap there.
    fn coalesce(&mut self) {
        self.spans.sort_unstable_by_key(|span| (span.style == Style::Pem, span.start));
        self.spans.dedup_by(|next, kept| {
            let joined = next.style == kept.style && next.start <= kept.end;
            if joined {
                kept.end = kept.end.max(next.end);
            }
            joined
        });
    }
}

/// Where a secret that goes on ends, if it does before the limit.
fn follow(text: &[u8], kind: Onward, from: usize, limit: usize) -> Option<usize> {
    let view = Text(text);
    let most = limit.saturating_sub(from);
    let length = match kind {
        Onward::Jwt => view.run(from, most, |b| crate::text::base64url(b) || b == b'.'),
        Onward::Token => view.run(from, most, crate::text::base64url),
        Onward::Pem => return tokens::pem_end(view, from, limit),
    };
    (length < most).then(|| from.saturating_add(length))
}
