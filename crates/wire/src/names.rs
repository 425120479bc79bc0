//! Names of statements and portals, and what they stand for.
//!
//! Most requests use the unnamed one, so it stands apart: nothing is hashed, compared or allocated for it.

use std::collections::HashMap;

/// Whether two names are the same. Two empty ones are not handed to memcmp: its masked load of a slice that points
/// nowhere costs hundreds of cycles (a profile had an eighth of the gateway's own time there).
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

/// What names stand for.
#[derive(Debug)]
pub struct ByName<V> {
    unnamed: Option<V>,
    named: HashMap<Box<[u8]>, V>,
}

impl<V> Default for ByName<V> {
    fn default() -> Self {
        Self { unnamed: None, named: HashMap::new() }
    }
}

impl<V> ByName<V> {
    /// What `name` stands for.
    pub fn get(&self, name: &[u8]) -> Option<&V> {
        if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) }
    }

    /// What `name` stands for.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut V> {
        if name.is_empty() { self.unnamed.as_mut() } else { self.named.get_mut(name) }
    }

    /// Whether `name` stands for anything.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// Makes `name` stand for `value`; returns what it stood for.
    pub fn insert(&mut self, name: &[u8], value: V) -> Option<V> {
        if name.is_empty() { self.unnamed.replace(value) } else { self.named.insert(name.into(), value) }
    }

    /// Makes `name` stand for nothing; returns what it stood for.
    pub fn remove(&mut self, name: &[u8]) -> Option<V> {
        if name.is_empty() { self.unnamed.take() } else { self.named.remove(name) }
    }

    /// Keeps the names of which `keeps` holds.
    pub fn retain(&mut self, mut keeps: impl FnMut(&[u8], &mut V) -> bool) {
        self.unnamed = self.unnamed.take().and_then(|mut value| keeps(b"", &mut value).then_some(value));
        self.named.retain(|name, value| keeps(name, value));
    }

    /// How many names stand for something.
    pub fn len(&self) -> usize {
        self.named.len().saturating_add(usize::from(self.unnamed.is_some()))
    }

    /// Whether no name stands for anything.
    pub fn is_empty(&self) -> bool {
        self.unnamed.is_none() && !self.has_named()
    }

    /// Whether any name but the empty one stands for something.
    pub fn has_named(&self) -> bool {
        !self.named.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }

    /// Forgets the names for which `keep` says no; the unnamed one stays.
    pub fn retain_named(&mut self, mut keep: impl FnMut(&[u8], &V) -> bool) {
        self.named.retain(|name, value| keep(name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unnamed_one_is_a_name_like_others() {
        let mut names = ByName::default();
        assert_eq!((names.insert(b"", 1), names.insert(b"a", 2), names.len()), (None, None, 2));
        assert_eq!(
            (names.insert(b"", 3), names.get(b""), names.get(b"a"), names.get(b"b")),
            (Some(1), Some(&3), Some(&2), None)
        );
        names.retain_named(|_, _| false);
        assert_eq!((names.len(), names.has_named(), names.contains(b"")), (1, false, true));
        assert_eq!((names.remove(b""), names.remove(b""), names.is_empty()), (Some(3), None, true));
    }
}
