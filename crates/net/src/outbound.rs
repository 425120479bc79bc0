//! Bytes on their way to a peer: a queue of slices with a known length.
//!
//! The relay stops reading from one side while the other side's queue is over [`FULL`], so that a slow reader slows only
//! its own session and nothing grows without a bound. Large slices are passed on as they came; small ones are put
//! together, since a copy of some hundred bytes costs less than one slice more in the kernel's hands.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Over this many queued bytes the opposite side is not read. Larger than any one read, so that reading and writing overlap.
pub const FULL: usize = 256 << 10;

/// Up to this many bytes are put together.
const SMALL: usize = 512;

/// Up to this many bytes of a reading buffer are copied: a slice keeps all of the buffer it was cut from.
const CUT: usize = 4 << 10;

/// A queue of slices.
#[derive(Debug, Default)]
pub struct Outbound {
    slices: VecDeque<Bytes>,
    /// Small ones, behind all slices.
    tail: BytesMut,
    length: usize,
}

impl Outbound {
    /// Adds `bytes` behind what is queued.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() <= SMALL {
            self.put(&bytes);
        } else {
            self.append(bytes);
        }
    }

    /// Adds the first `count` bytes of `buffer`, which lose them.
    pub fn take(&mut self, buffer: &mut BytesMut, count: usize) {
        let count = count.min(buffer.len());
        if count <= CUT {
            self.put(buffer.get(..count).unwrap_or_default());
            buffer.advance(count);
        } else {
            self.append(buffer.split_to(count).freeze());
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        self.tail.extend_from_slice(bytes);
    }

    fn append(&mut self, bytes: Bytes) {
        if !self.tail.is_empty() {
            self.slices.push_back(std::mem::take(&mut self.tail).freeze());
        }
        self.length = self.length.saturating_add(bytes.len());
        self.slices.push_back(bytes);
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.length == 0
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
        let tail = (!self.tail.is_empty()).then_some(&*self.tail);
        let mut count = 0usize;
        for (slot, bytes) in into.iter_mut().zip(self.slices.iter().map(|slice| &**slice).chain(tail)) {
            *slot = IoSlice::new(bytes);
            count = count.saturating_add(1);
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
        if count < self.tail.len() {
            self.tail.advance(count);
        } else {
            // An idle session keeps nothing here.
            self.tail = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_writes_leave_the_rest_in_order() {
        let mut queue = Outbound::default();
        let (large, mut read) = (vec![b'x'; SMALL + 1], BytesMut::from("ghi"));
        for part in ["abc", "", "de"] {
            queue.push(Bytes::from_static(part.as_bytes()));
        }
        queue.push(Bytes::from(large.clone()));
        queue.push(Bytes::from_static(b"f"));
        queue.take(&mut read, 2);
        assert_eq!((queue.len(), &*read), (5 + large.len() + 3, b"i".as_slice()));
        let mut left = Vec::new();
        for step in [4, 1, 3, large.len(), 1] {
            let mut slices = [IoSlice::new(&[]); 4];
            let count = queue.slices(&mut slices);
            let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            assert_eq!(all.len(), queue.len());
            left.extend_from_slice(&all[..step.min(all.len())]);
            queue.advance(step);
        }
        let expected = [b"abcde".as_slice(), &large, b"fgh"].concat();
        assert_eq!((left, queue.len()), (expected, 0));
        assert!(queue.is_empty());
    }

    #[test]
    fn only_long_cuts_keep_the_buffer_that_they_came_from() {
        let mut queue = Outbound::default();
        let mut read = BytesMut::from(&[b'x'; 3 * CUT][..]);
        queue.take(&mut read, CUT);
        assert_eq!((queue.slices.len(), queue.len(), read.len()), (0, CUT, 2 * CUT));
        queue.take(&mut read, CUT + 1);
        assert_eq!((queue.slices.len(), queue.len(), read.len()), (2, 2 * CUT + 1, CUT - 1));
    }
}
