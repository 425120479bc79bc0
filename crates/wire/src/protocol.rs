//! The seam: what a protocol's codec does for the relay, and what it never does.
//!
//! A codec has four duties: `split` a frame off the buffer, `read` it into an event (moving the session's state),
//! `refuse` in the protocol's own error form, and `edit`. It does no I/O and keeps no clock. All calls are static: the
//! relay is compiled once for each protocol.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::error::{Fault, Malformed};
use crate::event::{Answer, Gate, Refusal, Request, Ticket, Transaction};
use crate::frame::Frame;

/// What becomes of an upstream message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It reaches the client as it is.
    Deliver,
    /// The client never asked for it: it ends here.
    Swallow,
    /// These bytes reach the client in its place.
    Replace(Bytes),
}

/// One upstream message, or a run of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How many bytes of the buffer it covers; none for the first meaning of a message that has two.
    pub length: usize,
    /// What it means.
    pub answer: Answer,
    /// The statement it answers, where it answers one.
    pub ticket: Option<Ticket>,
    /// What becomes of it.
    pub delivery: Delivery,
}

/// A piece of a message too long to be held whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes of the buffer it covers; fewer may be consumed, and the rest is offered again.
    pub length: usize,
    /// The column whose value this is a piece of; `None` for structure between values.
    pub column: Option<usize>,
    /// Whether the value ends with this piece.
    pub last: bool,
    /// Bytes inside that are not the value's: the protocol cut the value there.
    pub gap: Option<Range<usize>>,
    /// The statement it answers.
    pub ticket: Option<Ticket>,
}

/// What stands at the front of the upstream's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// Not enough bytes to say; read at least this many more.
    Short(usize),
    /// A whole message, or a run of rows.
    Whole(Reply),
    /// A piece of a long one. Its bytes leave by [`Protocol::consume`].
    Piece(Piece),
}

/// One connection's codec and its session state, between sign-in and the end.
pub trait Protocol: Send + 'static {
    /// The name in metrics, recordings and policy context.
    const NAME: &'static str;

    /// A point to go back to.
    type Mark: Copy;

    /// Where the session stands, before requests are forwarded that may turn out not to leave.
    fn mark(&self) -> Self::Mark;

    /// Goes back to `mark`: what was forwarded since has not left and never will. No answer came in between.
    fn rewind(&mut self, mark: Self::Mark);

    /// Cuts the next client frame off `buffer`, or says that it is not whole yet. Nothing is reserved because a length
    /// claims it.
    ///
    /// # Errors
    /// A frame that is malformed, unknown or over its limit. The session must be closed.
    fn split(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Fault>;

    /// Whether a further request may be cut off now. If not, the client need not be read: [`Protocol::split`] gives nothing
    /// until the upstream answered.
    fn has_room(&self) -> bool;

    /// What a client frame asks for. The frame is whole and `decode → encode` gives the same bytes.
    ///
    /// # Errors
    /// A body that is not a message of this protocol.
    fn read<'f>(&self, frame: &'f Frame) -> Result<Request<'f>, Fault>;

    /// Whether a request's turn has come.
    fn gate(&self, request: &Request<'_>, frame: &Frame) -> Gate;

    /// Ends what the client is sending, because it sent something else instead ([`Gate::Interrupt`]). The bytes go to
    /// the upstream in the place of what it sent, and mean nothing to one that gave up by itself.
    fn interrupt(&mut self, to_upstream: &mut BytesMut);

    /// Whether all that was forwarded has been answered.
    fn is_drained(&self) -> bool;

    /// Notes that `frame` goes to the upstream, so that its answers are expected; `before` receives frames of the
    /// gateway's own that have to go first.
    fn forward(&mut self, request: &Request<'_>, frame: &Frame, ticket: Option<Ticket>, before: &mut BytesMut);

    /// Makes the upstream answer what it has without ending the group; writes nothing where none is needed.
    fn flush(&mut self, to_upstream: &mut BytesMut);

    /// Refuses `request`, which is `frame`, in the protocol's own form. Only called when drained. Bytes for the client go to `to_client`,
    /// bytes that make the upstream's transaction fail alike to `to_upstream`.
    fn refuse(
        &mut self,
        request: &Request<'_>,
        frame: &Frame,
        refusal: &Refusal,
        to_upstream: &mut BytesMut,
        to_client: &mut BytesMut,
    );

    /// Answers a [`Request::Kill`], which is `frame`, with success: the gateway did it itself. Only called when drained.
    fn acknowledge(&mut self, frame: &Frame, to_client: &mut BytesMut);

    /// What stands at the front of the upstream's bytes; a whole message moves the session's state.
    ///
    /// # Errors
    /// Bytes that are not an answer to anything outstanding. The session must be closed.
    fn answer(&mut self, buffer: &[u8]) -> Result<Front, Fault>;

    /// Notes that `bytes`, from the front of the last [`Front::Piece`], leave. Returns whether its message ends with them.
    ///
    /// # Errors
    /// A message whose parts do not add up to its length. The session must be closed.
    fn consume(&mut self, bytes: &[u8]) -> Result<bool, Fault>;

    /// The columns of the rows that the upstream is sending, as far as it described them.
    fn columns(&self) -> Option<std::sync::Arc<[crate::event::Column]>>;

    /// Asks the upstream a question of the gateway's own, whose answer is [`Answer::Told`]. Only when drained, outside
    /// any group of requests, and not in a failed transaction.
    fn ask(&mut self, text: &str, to_upstream: &mut BytesMut);

    /// Whether [`Protocol::ask`] may be called now.
    fn may_ask(&self) -> bool;

    /// Calls `visit` with each value of the run of rows that was answered last, its column and where it stands, but only in
    /// rows that are `worth` it: most can be passed over whole.
    ///
    /// # Errors
    /// A row that is `worth` it and is not made of the values that were described. The session must be closed.
    fn cells(
        &self,
        rows: &[u8],
        worth: &mut dyn FnMut(Range<usize>) -> bool,
        visit: &mut dyn FnMut(usize, Range<usize>),
    ) -> Result<(), Malformed>;

    /// Calls `visit` with where free text stands in an error, a notice or a notification.
    fn remarks(&self, message: &[u8], visit: &mut dyn FnMut(Range<usize>));

    /// Calls `visit` with where text stands in such a message in an encoding in which detectors find nothing.
    fn undecoded(&self, _message: &[u8], _visit: &mut dyn FnMut(Range<usize>)) {}

    /// Where the upstream's transaction stood at the last synchronisation.
    fn transaction(&self) -> Transaction;

    /// The error that ends a session from our side.
    fn farewell(&self, refusal: &Refusal, out: &mut BytesMut);
}
