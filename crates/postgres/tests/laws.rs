//! The laws of the codec, for every message of both directions: any cutting gives the same frames; bytes in are bytes in
//! frames and the rest; no field leaves its frame; leftovers are refused; decoding never panics; decode → encode gives the
//! same bytes.

use bytes::BytesMut;
use portcullis_postgres::backend::{self, DataRow};
use portcullis_postgres::frame::{HEADER, Walk, header, split_backend, split_frontend};
use portcullis_postgres::frontend::{self, Bind, PasswordMessage, SaslInitialResponse, SaslResponse};
use portcullis_postgres::startup::{self, FirstPacket};
use portcullis_postgres::{BackendTag, FrameLimits, FrontendTag};
use proptest::collection::vec;
use proptest::prelude::*;

/// A body, and the places in it where a length or a count stands: the parts worth getting wrong.
type Body = Vec<u8>;

fn text() -> impl Strategy<Value = Body> {
    vec(1..=255_u8, 0..12).prop_map(|mut text| {
        text.push(0);
        text
    })
}

fn letter(of: &'static [u8]) -> impl Strategy<Value = Body> {
    proptest::sample::select(of).prop_map(|byte| vec![byte])
}

fn bytes(count: usize) -> impl Strategy<Value = Body> {
    vec(any::<u8>(), count)
}

fn value() -> impl Strategy<Value = Body> {
    prop_oneof![
        1 => Just((-1_i32).to_be_bytes().to_vec()),
        4 => vec(any::<u8>(), 0..20).prop_map(|v| [&(v.len() as u32).to_be_bytes()[..], &v].concat()),
    ]
}

fn counted(item: impl Strategy<Value = Body>) -> impl Strategy<Value = Body> {
    vec(item, 0..6).prop_map(|items| [&(items.len() as u16).to_be_bytes()[..], &items.concat()].concat())
}

fn all(parts: Vec<BoxedStrategy<Body>>) -> BoxedStrategy<Body> {
    parts.prop_map(|parts| parts.concat()).boxed()
}

fn report() -> BoxedStrategy<Body> {
    let field = (letter(b"SVCMDHPpqWstcdnFLR"), text()).prop_map(|(letter, text)| [letter, text].concat());
    vec(field, 0..6).prop_map(|fields| [fields.concat(), vec![0]].concat()).boxed()
}

fn frontend_body(tag: FrontendTag) -> BoxedStrategy<Body> {
    match tag {
        FrontendTag::Bind => all(vec![
            text().boxed(),
            text().boxed(),
            counted(bytes(2)).boxed(),
            counted(value()).boxed(),
            counted(bytes(2)).boxed(),
        ]),
        FrontendTag::Close | FrontendTag::Describe => all(vec![letter(b"SP").boxed(), text().boxed()]),
        FrontendTag::CopyData | FrontendTag::Password => vec(any::<u8>(), 0..40).boxed(),
        FrontendTag::CopyFail | FrontendTag::Query => text().boxed(),
        FrontendTag::Execute => all(vec![text().boxed(), bytes(4).boxed()]),
        FrontendTag::FunctionCall => {
            all(vec![bytes(4).boxed(), counted(bytes(2)).boxed(), counted(value()).boxed(), bytes(2).boxed()])
        }
        FrontendTag::Parse => all(vec![text().boxed(), text().boxed(), counted(bytes(4)).boxed()]),
        FrontendTag::CopyDone | FrontendTag::Flush | FrontendTag::Sync | FrontendTag::Terminate => {
            Just(Vec::new()).boxed()
        }
    }
}

fn authentication() -> BoxedStrategy<Body> {
    let kind = |kind: u32| Just(kind.to_be_bytes().to_vec()).boxed();
    let name = vec(1..=255_u8, 1..8).prop_map(|name| [name, vec![0]].concat());
    prop_oneof![
        kind(0),
        kind(3),
        all(vec![kind(5), bytes(4).boxed()]),
        all(vec![kind(10), vec(name, 0..4).prop_map(|names| names.concat()).boxed(), Just(vec![0]).boxed()]),
        all(vec![kind(11), vec(any::<u8>(), 0..30).boxed()]),
        all(vec![kind(12), vec(any::<u8>(), 0..30).boxed()]),
    ]
    .boxed()
}

fn negotiation() -> BoxedStrategy<Body> {
    (letter(&[0, 2, 9]), vec(text(), 0..4))
        .prop_map(|(minor, options)| {
            [&[0, 3, 0], &minor[..], &(options.len() as u32).to_be_bytes(), &options.concat()].concat()
        })
        .boxed()
}

/// (A flat table.)
fn backend_body(tag: BackendTag) -> BoxedStrategy<Body> {
    match tag {
        BackendTag::Authentication => authentication(),
        BackendTag::BackendKeyData => vec(any::<u8>(), 8..=260).boxed(),
        BackendTag::CommandComplete => text().boxed(),
        BackendTag::CopyBothResponse | BackendTag::CopyInResponse | BackendTag::CopyOutResponse => {
            all(vec![letter(&[0, 1]).boxed(), counted(bytes(2)).boxed()])
        }
        BackendTag::CopyData => vec(any::<u8>(), 0..40).boxed(),
        BackendTag::DataRow => counted(value()).boxed(),
        BackendTag::ErrorResponse | BackendTag::NoticeResponse => report(),
        BackendTag::FunctionCallResponse => value().boxed(),
        BackendTag::NegotiateProtocolVersion => negotiation(),
        BackendTag::NotificationResponse => all(vec![bytes(4).boxed(), text().boxed(), text().boxed()]),
        BackendTag::ParameterDescription => counted(bytes(4)).boxed(),
        BackendTag::ParameterStatus => all(vec![text().boxed(), text().boxed()]),
        BackendTag::ReadyForQuery => letter(b"ITE").boxed(),
        BackendTag::RowDescription => {
            counted((text(), bytes(18)).prop_map(|(name, rest)| [name, rest].concat())).boxed()
        }
        BackendTag::BindComplete
        | BackendTag::CloseComplete
        | BackendTag::CopyDone
        | BackendTag::EmptyQueryResponse
        | BackendTag::NoData
        | BackendTag::ParseComplete
        | BackendTag::PortalSuspended => Just(Vec::new()).boxed(),
    }
}

fn frontend() -> impl Strategy<Value = (FrontendTag, Body)> {
    proptest::sample::select(FrontendTag::ALL).prop_flat_map(|tag| (Just(tag), frontend_body(tag)))
}

fn backend() -> impl Strategy<Value = (BackendTag, Body)> {
    proptest::sample::select(BackendTag::ALL).prop_flat_map(|tag| (Just(tag), backend_body(tag)))
}

fn framed(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

fn again_frontend(tag: FrontendTag, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    frontend::Message::decode(tag, body).ok()?.encode(&mut out);
    Some(out.to_vec())
}

fn again_backend(tag: BackendTag, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    backend::Message::decode(tag, body).ok()?.encode(&mut out);
    Some(out.to_vec())
}

/// Whether a body of this type is data to its end, so that a longer or shorter one is as good.
fn open_ended_frontend(tag: FrontendTag) -> bool {
    matches!(tag, FrontendTag::CopyData | FrontendTag::Password)
}

fn open_ended_backend(tag: BackendTag, body: &[u8]) -> bool {
    match tag {
        BackendTag::CopyData | BackendTag::BackendKeyData => true,
        BackendTag::Authentication => matches!(body.get(3), Some(11 | 12)),
        _ => false,
    }
}

fn within(frame: &[u8], field: &[u8]) -> bool {
    let (frame, field) = (frame.as_ptr_range(), field.as_ptr_range());
    frame.start <= field.start && field.end <= frame.end
}

/// Every frame that `split` gives when the stream arrives in pieces of these sizes, and the rest.
fn cut<T>(stream: &[u8], sizes: &[usize], mut split: impl FnMut(&mut BytesMut) -> Option<T>) -> (Vec<T>, Vec<u8>) {
    let (mut buf, mut frames, mut at) = (BytesMut::new(), Vec::new(), 0);
    for size in sizes.iter().copied().chain([stream.len()]) {
        let end = stream.len().min(at + size);
        buf.extend_from_slice(&stream[at..end]);
        at = end;
        while let Some(frame) = split(&mut buf) {
            frames.push(frame);
        }
    }
    (frames, buf.to_vec())
}

proptest! {
    #[test]
    fn a_clients_message_comes_out_as_it_went_in((tag, body) in frontend()) {
        prop_assert_eq!(again_frontend(tag, &body), Some(framed(tag.byte(), &body)));
    }

    #[test]
    fn a_servers_message_comes_out_as_it_went_in((tag, body) in backend()) {
        prop_assert_eq!(again_backend(tag, &body), Some(framed(tag.byte(), &body)));
    }

    #[test]
    fn a_clients_message_that_is_cut_or_longer_is_refused((tag, body) in frontend(), extra in any::<u8>()) {
        prop_assume!(!open_ended_frontend(tag));
        prop_assert_eq!(again_frontend(tag, &[&body[..], &[extra]].concat()), None);
        for end in 0..body.len() {
            prop_assert_eq!(again_frontend(tag, &body[..end]), None);
        }
    }

    #[test]
    fn a_servers_message_that_is_cut_or_longer_is_refused((tag, body) in backend(), extra in any::<u8>()) {
        prop_assume!(!open_ended_backend(tag, &body));
        prop_assert_eq!(again_backend(tag, &[&body[..], &[extra]].concat()), None);
        for end in 0..body.len() {
            prop_assert_eq!(again_backend(tag, &body[..end]), None);
        }
    }

    /// Hostile bytes: near-misses of real messages. Decoding must not panic, and what decodes must be canonical.
    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        (client, client_body) in frontend(),
        (server, server_body) in backend(),
        flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        noise in vec(any::<u8>(), 0..64),
    ) {
        let flip = |mut body: Vec<u8>| {
            for (index, byte) in &flips {
                if !body.is_empty() {
                    let at = index.index(body.len());
                    body[at] = *byte;
                }
            }
            body
        };
        for body in [flip(client_body), noise.clone()] {
            if let Some(again) = again_frontend(client, &body) {
                prop_assert_eq!(again, framed(client.byte(), &body));
            }
        }
        for body in [flip(server_body), noise] {
            if let Some(again) = again_backend(server, &body) {
                prop_assert_eq!(again, framed(server.byte(), &body));
            }
        }
    }

    #[test]
    fn any_cutting_of_a_clients_stream_gives_the_same_frames(
        messages in vec(frontend(), 0..8),
        tail in vec(any::<u8>(), 0..5),
        sizes in vec(0..30_usize, 0..60),
    ) {
        let mut stream: Vec<u8> = messages.iter().flat_map(|(tag, body)| framed(tag.byte(), body)).collect();
        // The start of a frame that never comes whole.
        stream.extend([b'Q', 0, 0, 1, 0].iter().zip(&tail).map(|(byte, _)| byte));
        let limits = FrameLimits::default();
        let (frames, rest) = cut(&stream, &sizes, |buf| split_frontend(buf, &limits).unwrap());
        prop_assert_eq!(frames.len(), messages.len());
        let mut joined: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        for (frame, (tag, body)) in frames.iter().zip(&messages) {
            prop_assert_eq!((frame.tag, frame.body()), (*tag, &body[..]));
        }
        joined.extend(rest);
        prop_assert_eq!(joined, stream);
    }

    #[test]
    fn any_cutting_of_a_servers_stream_gives_the_same_frames(
        messages in vec(backend(), 0..8),
        sizes in vec(0..30_usize, 0..60),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|(tag, body)| framed(tag.byte(), body)).collect();
        let (frames, rest) = cut(&stream, &sizes, |buf| split_backend(buf, 1 << 16).unwrap());
        prop_assert!(rest.is_empty());
        let got: Vec<_> = frames.iter().map(|frame| (frame.tag, frame.body().to_vec())).collect();
        prop_assert_eq!(&got, &messages);
        let (mut walk, mut walked) = (Walk::new(&stream), Vec::new());
        while let Some((header, frame)) = walk.next_frame().unwrap() {
            walked.push((BackendTag::try_from(header.tag).unwrap(), frame[HEADER..].to_vec()));
        }
        prop_assert_eq!(walked, messages);
        prop_assert_eq!(walk.consumed(), stream.len());
    }

    #[test]
    fn splitting_noise_never_panics(noise in vec(any::<u8>(), 0..64)) {
        let _ = header(&noise);
        let _ = split_frontend(&mut BytesMut::from(&noise[..]), &FrameLimits::default());
        let _ = split_backend(&mut BytesMut::from(&noise[..]), 1 << 16);
        let _ = startup::split(&mut BytesMut::from(&noise[..]));
        let _ = FirstPacket::decode(&noise);
        let _ = PasswordMessage::decode(&noise);
        let _ = SaslInitialResponse::decode(&noise);
    }

    #[test]
    fn no_parameter_leaves_its_frame(body in frontend_body(FrontendTag::Bind)) {
        let bind = Bind::decode(&body).unwrap();
        prop_assert!(within(&body, bind.portal) && within(&body, bind.statement));
        prop_assert_eq!(bind.parameters.iter().count(), bind.parameters.len());
        for parameter in bind.parameters.iter().flatten() {
            prop_assert!(within(&body, parameter));
        }
    }

    #[test]
    fn no_cell_leaves_its_frame(body in backend_body(BackendTag::DataRow)) {
        let frame = framed(b'D', &body);
        let row = DataRow::decode(&frame[HEADER..]).unwrap();
        let cells: Vec<_> = row.cells().collect();
        let values: Vec<_> = row.values().collect();
        prop_assert_eq!(cells.len(), row.len());
        for (cell, value) in cells.into_iter().zip(values) {
            let of_range = cell.map(|cell| &frame[cell.start as usize..cell.end as usize]);
            prop_assert_eq!(of_range, value);
        }
    }

    #[test]
    fn no_field_of_a_report_or_row_description_leaves_its_frame(
        errors in report(),
        columns in backend_body(BackendTag::RowDescription),
    ) {
        for (_, value) in backend::Report::decode(&errors).unwrap().fields() {
            prop_assert!(within(&errors, value));
        }
        let description = backend::RowDescription::decode(&columns).unwrap();
        prop_assert_eq!(description.fields().count(), description.len());
        for field in description.fields() {
            prop_assert!(within(&columns, field.name));
        }
    }

    #[test]
    fn credentials_come_out_as_they_went_in(name in text(), data in value(), password in text()) {
        let body = [&name[..], &data].concat();
        let mut out = BytesMut::new();
        SaslInitialResponse::decode(&body).unwrap().encode(&mut out);
        prop_assert_eq!(&out[..], framed(b'p', &body));
        out.clear();
        PasswordMessage::decode(&password).unwrap().encode(&mut out);
        prop_assert_eq!(&out[..], framed(b'p', &password));
        out.clear();
        SaslResponse::decode(&data).unwrap().encode(&mut out);
        prop_assert_eq!(&out[..], framed(b'p', &data));
    }

    #[test]
    fn a_first_packet_comes_out_as_it_went_in(
        minor in any::<u16>(),
        pairs in proptest::collection::btree_map(vec(1..=255_u8, 1..8), vec(1..=255_u8, 0..8), 0..8),
        process in any::<u32>(),
        secret in vec(any::<u8>(), 4..=256),
        flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut start = BytesMut::new();
        startup::Startup::put(&mut start, minor, pairs.iter().map(|(name, value)| (&name[..], &value[..])));
        let mut cancel = BytesMut::new();
        FirstPacket::Cancel(startup::Cancel { process, secret: &secret }).encode(&mut cancel);
        prop_assert!(FirstPacket::decode(&start).is_ok() && FirstPacket::decode(&cancel).is_ok());
        for mut packet in [start, cancel] {
            for (index, byte) in &flips {
                let at = index.index(packet.len());
                packet[at] = *byte;
            }
            let mut again = BytesMut::new();
            if let Ok(first) = FirstPacket::decode(&packet) {
                first.encode(&mut again);
                prop_assert_eq!(&again, &packet);
            }
        }
    }
}
