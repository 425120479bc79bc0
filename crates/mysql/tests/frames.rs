//! The laws of framing: any cutting of a stream gives the same frames; bytes in are bytes in frames and the rest; payloads
//! of 2^24-2, 2^24-1, 2^24 bytes and multiples are joined and split alike.

use bytes::BytesMut;
use portcullis_mysql::packet::{CommandLimits, Frame, HEADER, MAX, Walk, put, split, split_command};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMIT: usize = 1 << 26;

/// Every frame of a stream that arrives in pieces which end at these places, and the rest.
fn cut(stream: &[u8], ends: &[usize], sequence: u8) -> (Vec<Frame>, Vec<u8>) {
    let (mut buf, mut frames, mut at) = (BytesMut::new(), Vec::<Frame>::new(), 0);
    for end in ends.iter().copied().chain([stream.len()]) {
        let end = end.clamp(at, stream.len());
        buf.extend_from_slice(&stream[at..end]);
        at = end;
        loop {
            let expected = frames.last().map_or(sequence, Frame::next_sequence);
            match split(&mut buf, expected, LIMIT).unwrap() {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
    }
    (frames, buf.to_vec())
}

/// A payload in which every byte says where it stands.
fn payload(length: usize) -> Vec<u8> {
    let round: Vec<u8> = (0..251).collect();
    let mut payload = round.repeat(length / round.len() + 1);
    payload.truncate(length);
    payload
}

#[test]
fn payloads_around_the_longest_packet_are_joined() {
    for (length, packets) in [(MAX - 1, 1), (MAX, 2), (MAX + 1, 2), (2 * MAX - 1, 2), (2 * MAX, 3), (2 * MAX + 1, 3)] {
        let (whole, mut stream) = (payload(length), BytesMut::new());
        let next = put(&mut stream, 254, &whole);
        put(&mut stream, next, b"next");
        assert_eq!(stream.len(), length + packets * HEADER + 4 + HEADER, "{length}");
        let first_end = HEADER + MAX;
        let edges = [1, 3, 4, 5, first_end - 1, first_end, first_end + 1, first_end + 3, first_end + 4, first_end + 5];
        let end = length + packets * HEADER;
        for ends in [&edges[..], &[], &[end - 1, end, end + 1], &[first_end + 2, end + 3]] {
            let (frames, rest) = cut(&stream, ends, 254);
            assert!(rest.is_empty());
            let [frame, after] = &frames[..] else { panic!("two frames of {length}, not {}", frames.len()) };
            assert!(frame.body() == whole, "{length}");
            assert_eq!((frame.next_sequence(), after.body()), (next, &b"next"[..]));
            let mut again = BytesMut::new();
            frames.iter().for_each(|frame| frame.encode(&mut again));
            assert!(again == stream, "{length}");
        }
        let mut walk = Walk::new(&stream, 254);
        let mut walked = Vec::new();
        while let Some((header, packet)) = walk.next_packet().unwrap() {
            assert_eq!(packet.len(), header.len + HEADER);
            walked.extend_from_slice(&packet[HEADER..]);
        }
        assert!(walked == [&whole[..], b"next"].concat() && walk.consumed() == stream.len());
    }
}

#[test]
fn a_command_of_many_packets_is_one_command() {
    let mut text = payload(MAX + 10);
    text[0] = 0x17;
    let mut stream = BytesMut::new();
    put(&mut stream, 0, &text);
    let frame = split_command(&mut stream, &CommandLimits::default()).unwrap().unwrap();
    assert!(frame.body() == text && stream.is_empty());
    // The same as a query is over the limit of a statement, which the first header already says.
    text[0] = 0x03;
    put(&mut stream, 0, &text);
    stream.truncate(HEADER + 1);
    assert!(split_command(&mut stream, &CommandLimits::default()).is_err());
}

proptest! {
    #[test]
    fn any_cutting_of_a_stream_gives_the_same_frames(
        payloads in vec(vec(any::<u8>(), 0..40), 0..8),
        tail in vec(any::<u8>(), 0..3),
        sizes in vec(0..30_usize, 0..60),
        sequence in any::<u8>(),
    ) {
        let (mut stream, mut next) = (BytesMut::new(), sequence);
        for payload in &payloads {
            next = put(&mut stream, next, payload);
        }
        stream.extend_from_slice(&tail);
        let ends: Vec<_> = sizes.iter().scan(0, |at, size| { *at += size; Some(*at) }).collect();
        let (frames, rest) = cut(&stream, &ends, sequence);
        let got: Vec<_> = frames.iter().map(|frame| frame.body().to_vec()).collect();
        prop_assert_eq!(got, payloads);
        let mut joined = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut joined));
        joined.extend_from_slice(&rest);
        prop_assert_eq!(joined, stream);
    }

    #[test]
    fn splitting_noise_never_panics(noise in vec(any::<u8>(), 0..64), sequence in any::<u8>(), limit in 0..100_usize) {
        let _ = split(&mut BytesMut::from(&noise[..]), sequence, limit);
        let _ = split_command(&mut BytesMut::from(&noise[..]), &CommandLimits::default());
        let mut walk = Walk::new(&noise, sequence);
        while let Ok(Some(_)) = walk.next_packet() {}
        prop_assert!(walk.consumed() + walk.rest().len() == noise.len());
    }
}
