//! Building detectors from configuration: every mistake is found here, at load.

use std::sync::Arc;

use crate::custom::{Dictionary, Regex};
use crate::detectors::{Detector, Find, MAX_DETECTORS};
use crate::{ConfigError, Detectors, Pattern, Why};

/// How the terms of a dictionary match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DictionaryOptions {
    /// `ALICE` is a hit of the term `alice`. ASCII letters only.
    pub ignore_ascii_case: bool,
    /// A hit has no ASCII letter or digit on either side.
    pub whole_words: bool,
}

/// Collects detectors; the first mistake is kept and reported by [`DetectorsBuilder::build`].
#[derive(Debug, Default)]
pub struct DetectorsBuilder {
    detectors: Vec<Detector>,
    numbers: bool,
    wrong: Option<ConfigError>,
}

impl DetectorsBuilder {
    /// Adds a built-in detector.
    #[must_use]
    pub fn pattern(self, pattern: Pattern, class: &str) -> Self {
        self.add(pattern.name(), class, Ok(Find::Pattern(pattern)))
    }

    /// Adds a built-in detector by its configured name.
    #[must_use]
    pub fn pattern_named(mut self, name: &str, class: &str) -> Self {
        match name.parse() {
            Ok(pattern) => self.pattern(pattern, class),
            Err(wrong) => {
                self.wrong.get_or_insert(wrong);
                self
            }
        }
    }

    /// Adds literal terms, matched as they are anywhere in a value.
    #[must_use]
    pub fn dictionary<T: AsRef<[u8]>>(self, name: &str, terms: impl IntoIterator<Item = T>, class: &str) -> Self {
        self.dictionary_with(name, terms, class, DictionaryOptions::default())
    }

    /// Adds literal terms, matched as the options say.
    #[must_use]
    pub fn dictionary_with<T: AsRef<[u8]>>(
        self,
        name: &str,
        terms: impl IntoIterator<Item = T>,
        class: &str,
        options: DictionaryOptions,
    ) -> Self {
        let terms: Vec<T> = terms.into_iter().collect();
        let bytes: Vec<&[u8]> = terms.iter().map(AsRef::as_ref).collect();
        self.add(name, class, Dictionary::new(&bytes, options).map(Find::Dictionary))
    }

    /// Adds a regex, which must have a greatest length.
    #[must_use]
    pub fn regex(self, name: &str, text: &str, class: &str) -> Self {
        self.add(name, class, Regex::new(text).map(Find::Regex))
    }

    /// Whether numbers (numeric columns, JSON number tokens) are looked at.
    #[must_use]
    pub fn numbers(mut self, on: bool) -> Self {
        self.numbers = on;
        self
    }

    /// The detectors, or the first mistake.
    pub fn build(self) -> Result<Detectors, ConfigError> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(Detectors::new(self.detectors, self.numbers)),
        }
    }

    fn add(mut self, name: &str, class: &str, find: Result<Find, Why>) -> Self {
        let full = if self.detectors.len() < MAX_DETECTORS { find } else { Err(Why::TooMany(MAX_DETECTORS)) };
        match full {
            Ok(find) => self.detectors.push(Detector { name: name.into(), class: Arc::from(class), find }),
            Err(why) => drop(self.wrong.get_or_insert(ConfigError { which: name.into(), why })),
        }
        self
    }
}
