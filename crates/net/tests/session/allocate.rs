//! Rows that hold no secret pass without an allocation of their own: as many rows as one likes cost what one costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};
use portcullis_mysql::{Capabilities, packet};
use portcullis_postgres::session::Session;
use portcullis_wire::protocol::Front;
use portcullis_wire::{Frame, Protocol};

use crate::bench::*;

/// The system's allocator, counting what each thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn put(tag: u8, body: &[u8], out: &mut BytesMut) {
    out.put_u8(tag);
    out.put_u32(body.len() as u32 + 4);
    out.put_slice(body);
}

/// How often anything was allocated while an answer of so many rows passed, behind a statement that asked for it.
fn allocations<P: Protocol>(mut codec: P, frame: Frame, mut answer: BytesMut, rows: usize) -> u64 {
    let world = world(1, NO_SECRET, secrets(), Default::default());
    let stage = Stage::of(world.clone());
    let mut inspector = inspector(world, "ana");
    ask_in(&mut codec, &mut inspector, &stage, frame);
    let (before, mut seen) = (ASKED.get(), 0);
    while let Front::Whole(reply) = codec.answer(&answer).unwrap() {
        seen += reply.length;
        inspector.handle_reply(&codec, &reply, &mut answer[..reply.length], 2).unwrap();
        answer.advance(reply.length);
    }
    assert!(seen > rows * 12 && answer.is_empty(), "the rows did not pass");
    ASKED.get() - before
}

fn postgres(rows: usize) -> u64 {
    let mut answer = BytesMut::new();
    put(b'T', b"\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", &mut answer);
    for _ in 0..rows {
        put(b'D', b"\0\x01\0\0\0\x0ca plain text", &mut answer);
    }
    allocations(Session::new(4 << 20, 42), Frame::new(query("SELECT x FROM orders").into()), answer, rows)
}

fn mysql(rows: usize) -> u64 {
    let agreed = Capabilities::PROTOCOL_41 | Capabilities::DEPRECATE_EOF;
    let mut frame = BytesMut::new();
    packet::write(&mut frame, 0, |out| out.put_slice(b"\x03SELECT x FROM orders"));
    let (mut answer, mut sequence) = (BytesMut::new(), 1);
    let mut put = |body: &[u8]| sequence = packet::write(&mut answer, sequence, |out| out.put_slice(body));
    put(b"\x01");
    // A column of VAR_STRING in utf8mb4, named x.
    put(b"\x03def\0\0\0\x01x\0\x0c\xff\0\x50\0\0\0\xfd\0\0\0\0\0");
    for _ in 0..rows {
        put(b"\x0ca plain text");
    }
    allocations(portcullis_mysql::session::Session::new(agreed, 4 << 20), Frame::new(frame.freeze()), answer, rows)
}

#[test]
fn rows_without_a_secret_allocate_nothing() {
    for passed in [postgres, mysql] {
        // Enough that what is recorded of a result is full in both.
        let (few, many) = (passed(4_000), passed(40_000));
        assert!(few > 0 && many <= few + 8, "{few} allocations for 4,000 rows, {many} for 40,000");
    }
}

#[test]
fn the_counter_counts() {
    let before = ASKED.get();
    let map: HashMap<u32, Arc<str>> = [(1, "x".into())].into();
    assert!(ASKED.get() > before && map.len() == 1);
}
