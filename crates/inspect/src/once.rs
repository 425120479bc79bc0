//! Things in the order in which they came, each once.
//!
//! A hostile text asks for as many different things as analysis lets it; a list that is searched for each would be gone through millions of
//! times on a session's own task.

use std::collections::HashMap;
use std::hash::Hash;

/// What came, with its place.
#[derive(Debug)]
pub(crate) struct Once<T>(HashMap<T, usize>);

impl<T: Eq + Hash> Once<T> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn add(&mut self, new: T) {
        let place = self.0.len();
        self.0.entry(new).or_insert(place);
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        let mut placed: Vec<(T, usize)> = self.0.into_iter().collect();
        placed.sort_unstable_by_key(|(_, place)| *place);
        placed.into_iter().map(|(thing, _)| thing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_keeps_its_first_place() {
        let mut once = Once::new();
        [3, 1, 3, 2, 1].into_iter().for_each(|thing| once.add(thing));
        assert_eq!(once.into_vec(), [3, 1, 2]);
    }
}
