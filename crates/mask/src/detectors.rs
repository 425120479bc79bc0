//! The compiled detectors, shared by all sessions, and which of them are on for one principal.
//!
//! A clone shares everything. Turning classes off makes a bit set and a new search for the prefixes that stay, some
//! kilobytes and microseconds: once per set of revealed classes, not per statement.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::custom::{Dictionary, Regex};
use crate::sweep::{Wanted, sweep};
use crate::tokens::{self, Prefixes};
use crate::{DetectorsBuilder, Hits, Pattern, Stream, ValueKind};

/// Most detectors in one set. LIMIT: a selection is one `u128`.
pub const MAX_DETECTORS: usize = 128;

/// Whether the bytes may hold escapes that hide a hit: JSON or COPY text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Every value is plain.
    None,
    /// Some values are JSON or COPY text, so a backslash may hide a hit.
    Possible,
}

/// Compiled detectors, immutable and cheap to clone.
#[derive(Debug, Clone)]
pub struct Detectors {
    all: Arc<All>,
    on: u128,
    pub(crate) wanted: Wanted,
    pub(crate) prefixes: Option<Arc<Prefixes>>,
    /// Which detector answers for a built-in pattern.
    by_pattern: [Option<u8>; Pattern::ALL.len()],
    reach: usize,
    regexes: bool,
}

#[derive(Debug)]
struct All {
    detectors: Vec<Detector>,
    numbers: bool,
}

#[derive(Debug)]
pub(crate) struct Detector {
    pub name: Box<str>,
    pub class: Arc<str>,
    pub find: Find,
}

#[derive(Debug)]
pub(crate) enum Find {
    Pattern(Pattern),
    Dictionary(Dictionary),
    Regex(Regex),
}

impl Detectors {
    /// Starts an empty set.
    pub fn builder() -> DetectorsBuilder {
        DetectorsBuilder::default()
    }

    pub(crate) fn new(detectors: Vec<Detector>, numbers: bool) -> Self {
        Self::select(Arc::new(All { detectors, numbers }), u128::MAX)
    }

    fn select(all: Arc<All>, on: u128) -> Self {
        let mut by_pattern = [None; Pattern::ALL.len()];
        let (mut reach, mut regexes) = (tokens::REACH, false);
        for (index, detector) in (0u8..).zip(&all.detectors).filter(|(index, _)| bit(*index) & on != 0) {
            match &detector.find {
                Find::Pattern(pattern) => {
                    if let Some(slot) = by_pattern.get_mut(pattern.index()) {
                        slot.get_or_insert(index);
                    }
                }
                Find::Dictionary(dictionary) => reach = reach.max(dictionary.longest().saturating_add(4)),
                Find::Regex(regex) => {
                    reach = reach.max(regex.longest().saturating_add(4));
                    regexes = true;
                }
            }
        }
        let has = |pattern: Pattern| by_pattern.get(pattern.index()).is_some_and(Option::is_some);
        let mask = |pattern| if has(pattern) { u64::MAX } else { 0 };
        let wanted = Wanted {
            card: mask(Pattern::CreditCard),
            ssn: mask(Pattern::UsSsn),
            ssn9: mask(Pattern::UsSsnBare),
            phone: mask(Pattern::Phone),
            iban: mask(Pattern::Iban),
            email: mask(Pattern::Email),
        };
        let prefixes = Prefixes::new(has).map(Arc::new);
        Self { all, on, wanted, prefixes, by_pattern, reach, regexes }
    }

    /// The same without the detectors of some classes: what a principal that may `reveal` them gets.
    #[must_use]
    pub fn without_classes<S: AsRef<str>>(&self, classes: &[S]) -> Self {
        let off = |detector: &Detector| classes.iter().any(|class| class.as_ref() == &*detector.class);
        let keep = (0u8..).zip(&self.all.detectors).filter(|(_, detector)| !off(detector));
        let mask = keep.fold(0, |mask, (index, _)| mask | bit(index));
        let all = self.active().fold(0, |on, (index, _)| u8::try_from(index).map_or(on, |index| on | bit(index)));
        if all & mask == all {
            return self.clone();
        }
        Self::select(Arc::clone(&self.all), self.on & mask)
    }

    /// True when no detector is on, so that nothing need be scanned.
    pub fn is_empty(&self) -> bool {
        self.active().next().is_none()
    }

    /// Whether numbers are looked at.
    pub fn numbers(&self) -> bool {
        self.all.numbers
    }

    /// Name and class of every detector, on or off, in the order of [`Hits::of`].
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.detectors.iter().map(|d| (&*d.name, &*d.class))
    }

    /// Overwrites the hits in one whole value.
    pub fn mask_value(&self, value: &mut [u8], kind: ValueKind) -> Hits {
        let escapes = if kind == ValueKind::Text { Escapes::None } else { Escapes::Possible };
        let worth = kind == ValueKind::Number || self.prefilter(value, escapes);
        let mut stream = Stream::new(kind);
        if worth {
            stream.feed(self, value, true);
        }
        stream.hits().take()
    }

    /// A gate over any number of values with their framing between them: false means that none of them has a hit.
    /// [`ValueKind::Number`] values, and open keys that an earlier value left (see [`crate::Rows`]), are not covered.
    pub fn prefilter(&self, buffer: &[u8], escapes: Escapes) -> bool {
        if escapes == Escapes::Possible && memchr::memchr(b'\\', buffer).is_some() {
            return true;
        }
        let hidden = |_, _| ControlFlow::Break(());
        sweep(buffer, (0, buffer.len()), &self.wanted, hidden, |_, _| ControlFlow::Break(())).is_break()
            || self.prefixes.as_ref().is_some_and(|p| p.find(buffer, 0).is_some())
            || self.has_regexes()
            || self.dictionaries().any(|(_, dictionary)| dictionary.matches(buffer))
    }

    /// No check looks further ahead than this.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// The detector that answers for a pattern, if it is on.
    pub(crate) fn answers(&self, pattern: Pattern) -> Option<usize> {
        self.by_pattern.get(pattern.index()).copied().flatten().map(usize::from)
    }

    #[inline]
    pub(crate) fn has_regexes(&self) -> bool {
        self.regexes
    }

    pub(crate) fn dictionaries(&self) -> impl Iterator<Item = (usize, &Dictionary)> {
        self.active().filter_map(|(index, detector)| match &detector.find {
            Find::Dictionary(dictionary) => Some((index, dictionary)),
            _ => None,
        })
    }

    /// A dictionary by the detector's index.
    pub(crate) fn dictionary(&self, index: usize) -> Option<&Dictionary> {
        self.all.detectors.get(index).and_then(|detector| match &detector.find {
            Find::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        })
    }

    pub(crate) fn regexes(&self) -> impl Iterator<Item = (usize, &Regex)> {
        self.active().filter_map(|(index, detector)| match &detector.find {
            Find::Regex(regex) => Some((index, regex)),
            _ => None,
        })
    }

    fn active(&self) -> impl Iterator<Item = (usize, &Detector)> {
        let on = (0u8..).zip(&self.all.detectors).filter(|(index, _)| bit(*index) & self.on != 0);
        on.map(|(index, detector)| (usize::from(index), detector))
    }
}

fn bit(index: u8) -> u128 {
    1u128.wrapping_shl(u32::from(index))
}
