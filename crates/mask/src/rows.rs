//! Many values in one buffer: one pass over all of it, then a look at the few cells that hold a candidate.
//!
//! Looking into each cell by itself costs more than scanning its bytes. So the buffer is scanned whole, framing included,
//! and what crosses a cell's border is dropped by the check inside the cell. Buffers without candidates never have their
//! cells walked. Columns that cannot hold text (integers, timestamps, uuid) should not be passed at all.

use std::ops::{ControlFlow, Range};

use crate::engine::Engine;
use crate::stream::Stream;
use crate::sweep::{NUMBERS, Shape, sweep};
use crate::text::Text;
use crate::{Detectors, Hits, ValueKind};

/// The state of one result: its hits, and a private key that goes on from value to value.
#[derive(Debug)]
pub struct Rows {
    stream: Stream,
    candidates: Candidates,
}

impl Default for Rows {
    fn default() -> Self {
        Self { stream: Stream::new(ValueKind::Text), candidates: Candidates::default() }
    }
}

impl Rows {
    /// A result of which no row was seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts since they were last taken.
    pub fn hits(&mut self) -> &mut Hits {
        self.stream.hits()
    }

    /// Whether a private key is open, so that the next cells must be looked at whatever they hold.
    pub fn is_open(&self) -> bool {
        self.stream.in_key()
    }

    /// Overwrites the hits in whole cells, given as ranges of the buffer in their order. The cells are not asked for when
    /// the buffer holds nothing of interest.
    pub fn scan<I>(&mut self, detectors: &Detectors, buffer: &mut [u8], cells: I)
    where
        I: IntoIterator<Item = (Range<usize>, ValueKind)>,
    {
        if self.look(detectors, buffer) {
            self.overwrite(detectors, buffer, cells);
        }
    }

    /// The first half of [`Rows::scan`]: looks over the buffer, and says whether any cell is worth a closer look.
    pub fn look(&mut self, detectors: &Detectors, buffer: &[u8]) -> bool {
        self.candidates.collect(detectors, buffer);
        !self.candidates.is_empty() || self.always(detectors)
    }

    /// Whether a row of the buffer last looked over may hold a cell that is worth it. Rows are asked about in their order,
    /// with one `cursor` that begins at 0.
    #[inline]
    pub fn wants_row(&self, detectors: &Detectors, range: &Range<usize>, cursor: &mut usize) -> bool {
        self.candidates.escapes
            || self.always(detectors)
            || self.candidates.is_inside(range, cursor)
            || self.candidates.hides_in(range)
    }

    /// Whether a cell of the buffer last looked over is worth it. Cells are asked about in their order, with one `cursor`
    /// that begins at 0.
    #[inline]
    pub fn wants(&self, detectors: &Detectors, range: &Range<usize>, kind: ValueKind, cursor: &mut usize) -> bool {
        (self.candidates.escapes && kind != ValueKind::Text)
            || self.always(detectors)
            || self.candidates.is_inside(range, cursor)
            || self.candidates.hides_at(range.start)
    }

    /// The second half: overwrites the hits in the cells given; those that are not [wanted](Rows::wants) may be left out.
    pub fn overwrite<I>(&mut self, detectors: &Detectors, buffer: &mut [u8], cells: I)
    where
        I: IntoIterator<Item = (Range<usize>, ValueKind)>,
    {
        for (range, kind) in cells {
            if self.passes(detectors, &range, kind) {
                continue;
            }
            if let Some(cell) = buffer.get_mut(range.clone()) {
                self.cell(detectors, cell, &range, kind);
            }
        }
    }

    /// The short way past most cells: no candidate before their end, and nothing else to look for.
    #[inline]
    fn passes(&self, detectors: &Detectors, range: &Range<usize>, kind: ValueKind) -> bool {
        let plain = kind == ValueKind::Text || !self.candidates.escapes;
        let empty = range.end <= self.candidates.next && !self.candidates.hides_at(range.start);
        plain && empty && !self.always(detectors)
    }

    /// Works on one value that is longer than the buffer, in pieces: as [`Stream::feed`], with this result's state.
    pub fn feed(&mut self, detectors: &Detectors, kind: ValueKind, piece: &mut [u8], end: bool) -> usize {
        self.stream.next_kind(kind);
        self.stream.feed(detectors, piece, end)
    }

    /// Cells must be looked at even where no candidate is.
    #[inline]
    fn always(&self, detectors: &Detectors) -> bool {
        self.stream.in_key() || detectors.has_regexes() || detectors.numbers()
    }

    fn cell(&mut self, detectors: &Detectors, cell: &mut [u8], range: &Range<usize>, kind: ValueKind) {
        let here = self.candidates.within(range);
        let escaped = |cell: &[u8]| here.escapes && memchr::memchr(b'\\', cell).is_some();
        let worth = match kind {
            ValueKind::Number => detectors.numbers(),
            ValueKind::Text => here.any(),
            ValueKind::Json | ValueKind::CopyText => here.any() || escaped(cell),
        };
        if !worth && !self.stream.in_key() && !detectors.has_regexes() {
            return;
        }
        if kind == ValueKind::Text && !self.stream.in_key() {
            self.stream.value(cell, |engine, text| here.check(detectors, engine, text, range.start));
        } else {
            self.stream.next_kind(kind);
            self.stream.feed(detectors, cell, true);
        }
    }
}

/// Places in a buffer where a hit could start, in the order of their positions.
#[derive(Debug, Default)]
struct Candidates {
    shapes: Vec<(usize, Shape)>,
    prefixes: Vec<(usize, usize)>,
    terms: Vec<(usize, usize, usize)>,
    escapes: bool,
    /// Where any of them stands, in order.
    places: Vec<usize>,
    /// Numbers behind what looks like a digit, a bit for each byte: they count where a cell starts, its framing being no
    /// digit. Words after the last that has any are left out.
    hidden: Vec<u64>,
    /// No candidate that is not passed stands before this place.
    next: usize,
    /// How many of each are behind the current cell.
    passed: [usize; 3],
}

impl Candidates {
    fn collect(&mut self, detectors: &Detectors, buffer: &[u8]) {
        self.shapes.clear();
        self.prefixes.clear();
        self.terms.clear();
        self.passed = [0; 3];
        self.escapes = memchr::memchr(b'\\', buffer).is_some();
        self.hidden.clear();
        let hidden = |at: usize, mask| {
            self.hidden.resize(at.wrapping_shr(6), 0);
            self.hidden.push(mask);
            ControlFlow::Continue(())
        };
        let _ = sweep(buffer, (0, buffer.len()), &detectors.wanted, hidden, |at, shape| {
            // In order but for the shapes of one block, which come one kind after another.
            let later = self.shapes.iter().rev().take_while(|c| c.0 > at).count();
            self.shapes.insert(self.shapes.len().saturating_sub(later), (at, shape));
            ControlFlow::Continue(())
        });
        let mut next = 0;
        while let Some((at, prefix)) = detectors.prefixes.as_ref().and_then(|p| p.find(buffer, next)) {
            self.prefixes.push((at, prefix));
            next = at.saturating_add(1);
        }
        for (index, dictionary) in detectors.dictionaries() {
            dictionary.find(buffer, 0, |start, end| self.terms.push((start, end, index)));
        }
        self.terms.sort_unstable();
        self.places.clear();
        self.places.extend(self.shapes.iter().map(|c| c.0));
        if !self.prefixes.is_empty() || !self.terms.is_empty() {
            self.places.extend(self.prefixes.iter().map(|c| c.0).chain(self.terms.iter().map(|c| c.0)));
            self.places.sort_unstable();
        }
        self.next = self.first();
    }

    /// The place of the first candidate that is not passed.
    fn first(&self) -> usize {
        let [shapes, prefixes, terms] = self.passed;
        let shape = self.shapes.get(shapes).map_or(usize::MAX, |c| c.0);
        let prefix = self.prefixes.get(prefixes).map_or(usize::MAX, |c| c.0);
        let term = self.terms.get(terms).map_or(usize::MAX, |c| c.0);
        shape.min(prefix).min(term)
    }

    fn is_empty(&self) -> bool {
        self.shapes.is_empty()
            && self.prefixes.is_empty()
            && self.terms.is_empty()
            && self.hidden.is_empty()
            && !self.escapes
    }

    /// Whether a candidate stands in a range; ranges come in order.
    #[inline]
    fn is_inside(&self, range: &Range<usize>, cursor: &mut usize) -> bool {
        while self.places.get(*cursor).is_some_and(|at| *at < range.start) {
            *cursor = cursor.saturating_add(1);
        }
        self.places.get(*cursor).is_some_and(|at| *at < range.end)
    }

    /// Whether a number starts here behind what looks like a digit.
    #[inline]
    fn hides_at(&self, place: usize) -> bool {
        let word = self.hidden.get(place.wrapping_shr(6)).copied().unwrap_or(0);
        word.wrapping_shr(bit(place)) & 1 == 1
    }

    fn hides_in(&self, range: &Range<usize>) -> bool {
        let (first, last) = (range.start.wrapping_shr(6), range.end.saturating_sub(1).wrapping_shr(6));
        (first..=last).any(|index| {
            let word = self.hidden.get(index).copied().unwrap_or(0);
            let word = if index == first { word & u64::MAX.wrapping_shl(bit(range.start)) } else { word };
            let past = 63u32.saturating_sub(bit(range.end.saturating_sub(1)));
            let word = if index == last { word & u64::MAX.wrapping_shr(past) } else { word };
            word != 0
        })
    }

    /// Those in a cell. Cells come in order, so what lies before this one is never asked for again.
    fn within(&mut self, range: &Range<usize>) -> Within<'_> {
        let [shapes, prefixes, terms] = &mut self.passed;
        let shape = take(&self.shapes, shapes, range, |c| c.0);
        let prefix = take(&self.prefixes, prefixes, range, |c| c.0);
        let term = take(&self.terms, terms, range, |c| c.0);
        self.next = self.first();
        let number = self.hides_at(range.start);
        Within { shapes: shape, prefixes: prefix, terms: term, number, escapes: self.escapes }
    }
}

/// A place in its word.
#[inline]
fn bit(place: usize) -> u32 {
    u32::try_from(place & 63).unwrap_or(0)
}

fn take<'c, T>(all: &'c [T], passed: &mut usize, range: &Range<usize>, at: impl Fn(&T) -> usize) -> &'c [T] {
    let rest = all.get(*passed..).unwrap_or_default();
    let before = rest.iter().take_while(|c| at(c) < range.start).count();
    let rest = rest.get(before..).unwrap_or_default();
    let inside = rest.iter().take_while(|c| at(c) < range.end).count();
    *passed = passed.saturating_add(before).saturating_add(inside);
    rest.get(..inside).unwrap_or_default()
}

/// The candidates of one cell.
struct Within<'c> {
    shapes: &'c [(usize, Shape)],
    prefixes: &'c [(usize, usize)],
    terms: &'c [(usize, usize, usize)],
    /// It may start with a number.
    number: bool,
    escapes: bool,
}

impl Within<'_> {
    fn any(&self) -> bool {
        self.number || !self.shapes.is_empty() || !self.prefixes.is_empty() || !self.terms.is_empty()
    }

    fn check(&self, detectors: &Detectors, engine: &mut Engine, text: &[u8], start: usize) {
        for shape in NUMBERS.into_iter().filter(|_| self.number) {
            engine.shape(detectors, text, 0, shape);
        }
        for (at, shape) in self.shapes {
            engine.shape(detectors, text, at.saturating_sub(start), *shape);
        }
        for (at, prefix) in self.prefixes {
            engine.prefix(detectors, text, at.saturating_sub(start), *prefix);
        }
        for (first, last, index) in self.terms {
            let (first, last) = (first.saturating_sub(start), last.saturating_sub(start));
            let stands = detectors.dictionary(*index).is_some_and(|d| d.stands(Text(text), first, last));
            if stands && last <= text.len() {
                engine.hit(*index, first, last);
            }
        }
        engine.regexes(detectors, text, (0, text.len()));
    }
}
