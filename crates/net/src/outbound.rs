//! Bytes on their way to a peer: a queue of slices with a known length.
//!
//! The relay stops reading from one side while the other side's queue is over [`FULL`], so that a slow reader slows only
//! its own session and nothing grows without a bound.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Over this many queued bytes the opposite side is not read. Larger than any one read, so that reading and writing overlap.
pub const FULL: usize = 256 << 10;

/// A queue of slices.
#[derive(Debug, Default)]
pub struct Outbound {
    slices: VecDeque<Bytes>,
    length: usize,
}

impl Outbound {
    /// Adds `bytes` behind what is queued.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.length = self.length.saturating_add(bytes.len());
            self.slices.push_back(bytes);
        }
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// How many bytes are queued.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the opposite side has to wait.
    pub fn is_full(&self) -> bool {
        self.length >= FULL
    }

    /// Puts the first queued slices into `into`, and says how many.
    pub fn slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let count = into.len().min(self.slices.len());
        for (slot, bytes) in into.iter_mut().zip(&self.slices) {
            *slot = IoSlice::new(bytes);
        }
        count
    }

    /// Forgets the first `count` bytes: they have left.
    pub fn advance(&mut self, mut count: usize) {
        self.length = self.length.saturating_sub(count);
        while let Some(front) = self.slices.front_mut() {
            if front.len() > count {
                front.advance(count);
                return;
            }
            count = count.saturating_sub(front.len());
            self.slices.pop_front();
        }
        if self.slices.capacity() > 64 {
            self.slices = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_writes_leave_the_rest_in_order() {
        let mut queue = Outbound::default();
        for part in ["abc", "", "de", "f"] {
            queue.push(Bytes::from_static(part.as_bytes()));
        }
        assert_eq!(queue.len(), 6);
        queue.advance(4);
        let mut slices = [IoSlice::new(&[]); 4];
        let count = queue.slices(&mut slices);
        assert_eq!(slices[..count].iter().map(|s| s.to_vec()).collect::<Vec<_>>(), [b"e".to_vec(), b"f".to_vec()]);
        queue.advance(2);
        assert!(queue.is_empty());
        assert_eq!(queue.len(), 0);
    }
}
