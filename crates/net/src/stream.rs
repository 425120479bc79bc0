//! One peer's byte stream: a TCP socket, in clear or under TLS, read and written without blocking.
//!
//! Reading asks for readiness before it asks for memory, so an idle session holds only its smallest buffer; a read that
//! fills its room is followed by another into more. Writing takes a queue of slices and hands the kernel as many as it takes in one call. It
//! knows nothing of messages.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

use crate::outbound::Outbound;

/// The buffer that an idle direction keeps, in bytes.
pub const SMALL: usize = 2 << 10;

/// The largest buffer that a busy direction grows to by itself, in bytes. Larger reads gain nothing (measured with the
/// relay of 64 KiB and 256 KiB); a message that must be whole may still make it grow.
pub const LARGE: usize = 64 << 10;

/// The room that a database gets for what it sends, in bytes: an answer of a hundred rows leaves in one piece.
pub const MIDDLE: usize = 16 << 10;

/// How many slices one write hands to the kernel.
const SLICES: usize = 16;

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// TLS, where we are the server.
    Accepted(Box<server::TlsStream<TcpStream>>),
    /// TLS, where we are the client.
    Dialled(Box<client::TlsStream<TcpStream>>),
}

/// Sets what every session's socket needs: no delay for small writes, and a sign of life on idle connections so that a
/// vanished peer is noticed within minutes.
///
/// # Errors
/// What the kernel says.
pub fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(std::time::Duration::from_secs(60))
        .with_interval(std::time::Duration::from_secs(15))
        .with_retries(4);
    socket2::SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

impl Stream {
    /// Whether the peer is spoken to under TLS.
    pub fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// The socket underneath.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Accepted(tls) => tls.get_ref().0,
            Self::Dialled(tls) => tls.get_ref().0,
        }
    }

    /// Reads what there is, up to [`LARGE`] bytes, into the end of `buffer`, which gets room for `room` bytes at first;
    /// 0 is the peer's end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut, room: usize) -> Poll<io::Result<usize>> {
        let mut first = room;
        if let Self::Plain(socket) = self {
            ready!(socket.poll_read_ready(cx))?;
        } else {
            // The layer of TLS is asked for readiness by reading.
            first = SMALL;
        }
        if buffer.capacity().saturating_sub(buffer.len()) < first / 2 {
            buffer.reserve(first);
        }
        let mut total = 0usize;
        loop {
            let spare = buffer.capacity().saturating_sub(buffer.len());
            match self.poll_read_into(cx, buffer) {
                Poll::Ready(Ok(read)) => {
                    total = total.saturating_add(read);
                    let more = LARGE.saturating_sub(total);
                    if read < spare || more == 0 {
                        return Poll::Ready(Ok(total));
                    }
                    buffer.reserve(more.min(total.saturating_mul(3)));
                }
                // What went wrong after bytes had come is heard of at the next reading.
                Poll::Pending | Poll::Ready(Err(_)) if total > 0 => return Poll::Ready(Ok(total)),
                other => return other,
            }
        }
    }

    /// One read into the spare room of `buffer`.
    fn poll_read_into(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let before = buffer.len();
        let mut into = ReadBuf::uninit(buffer.spare_capacity_mut());
        ready!(Pin::new(self).poll_read(cx, &mut into))?;
        let read = into.filled().len();
        // SAFETY: `poll_read` initialised the `read` bytes that it reports as filled, right behind `before`.
        #[expect(unsafe_code, reason = "reading straight into the buffer's spare room saves clearing it first")]
        unsafe {
            buffer.set_len(before.saturating_add(read));
        }
        Poll::Ready(Ok(read))
    }

    /// Writes as much of `queue` as the kernel takes; ready when all of it has left.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, queue: &mut Outbound) -> Poll<io::Result<()>> {
        while !queue.is_empty() {
            let written = {
                let mut slices = [IoSlice::new(&[]); SLICES];
                match queue.slices(&mut slices) {
                    // The kernel takes one slice with less ado than a vector of one.
                    1 => ready!(Pin::new(&mut *self).poll_write(cx, &slices[0]))?,
                    count => ready!(Pin::new(&mut *self).poll_write_vectored(cx, &slices[..count]))?,
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            queue.advance(written);
        }
        if self.is_tls() {
            ready!(Pin::new(self).poll_flush(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads at least one byte more into `buffer`; 0 is the peer's end.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn fill(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(cx, buffer, SMALL)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        let mut queue = Outbound::default();
        queue.push(bytes);
        std::future::poll_fn(|cx| self.poll_drain(cx, &mut queue)).await
    }

    /// Says goodbye: TLS's own, then the socket's.
    pub async fn shut(&mut self) {
        let _ = tokio::io::AsyncWriteExt::shutdown(self).await;
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, into),
            Self::Accepted(tls) => Pin::new(tls).poll_read(cx, into),
            Self::Dialled(tls) => Pin::new(tls).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Accepted(tls) => Pin::new(tls).poll_write(cx, bytes),
            Self::Dialled(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Accepted(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
            Self::Dialled(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Accepted(tls) => Pin::new(tls).poll_flush(cx),
            Self::Dialled(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Accepted(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Dialled(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// Gives back what a busy moment made a buffer grow to.
pub fn shrink(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.capacity() > SMALL {
        *buffer = BytesMut::new();
    } else if !buffer.has_remaining() {
        buffer.clear();
    }
}
