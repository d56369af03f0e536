//! The byte tunnel of one opened connection: forward first, decode after, change nothing.
//!
//! Both directions run in one task over the thread's one read buffer. Only what a slow peer leaves over is
//! kept for the connection, at most one read's worth each way; until it is gone, its sender is not read.
//! The end of a stream is passed on for its direction alone, a reset for the whole connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::station::Station;
use super::tap::{Tap, Way};
use crate::conversation::ConnectionId;
use crate::net::link::Link;

/// Two links and the tap between them.
pub(super) struct Tunnel {
    station: Rc<Station>,
    client: Link,
    upstream: Link,
    up: Flow,
    down: Flow,
    tap: Tap,
}

/// One direction.
#[derive(Debug, Default)]
struct Flow {
    stage: Stage,
    /// What the receiver has not taken yet, from `sent` on.
    kept: Vec<u8>,
    sent: usize,
    unflushed: bool,
    /// Something moved since the idle timer looked.
    moved: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Running,
    /// The sender ended its stream; the receiver is to learn it after what is kept.
    Ending,
    /// The receiver has learnt it.
    Ended,
    /// The receiver is gone; what its sender still says has nowhere to go.
    Broken,
}

/// How a whole tunnel ends.
enum Outcome {
    /// Both directions ended.
    Ended,
    /// One side reset the connection, or is gone for good.
    Reset,
    /// Nothing moved for too long.
    Idle,
}

impl Tunnel {
    pub(super) fn new(station: Rc<Station>, client: Link, upstream: Link, tap: Tap) -> Self {
        Self { station, client, upstream, up: Flow::default(), down: Flow::default(), tap }
    }

    /// The client had already ended its stream during the handshake, and the upstream knows.
    pub(super) fn client_ended(&mut self) {
        self.up.stage = Stage::Ended;
        self.tap.ended(Way::Up, false);
    }

    /// Carries bytes until the connection is over.
    pub(super) async fn run(mut self, connection: ConnectionId) {
        let outcome = match self.station.limits.idle {
            None => poll_fn(|cx| self.poll(cx)).await,
            Some(limit) => loop {
                let deadline = sleep_until(Instant::now() + limit);
                tokio::select! {
                    outcome = poll_fn(|cx| self.poll(cx)) => break outcome,
                    () = deadline => {}
                }
                let moved = [&mut self.up, &mut self.down].map(|flow| std::mem::take(&mut flow.moved));
                if moved == [false, false] {
                    break Outcome::Idle;
                }
            },
        };
        match outcome {
            Outcome::Ended => {}
            Outcome::Reset => {
                self.client.reset_on_close();
                self.upstream.reset_on_close();
            }
            Outcome::Idle => {
                tracing::warn!("{connection} is closed: nothing moved for longer than the idle limit");
                self.tap.cut();
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Self { station, client, upstream, up, down, tap } = self;
        let up_done = up.carry(cx, client, upstream, |sight| tap.saw(Way::Up, sight), station);
        let down_done = down.carry(cx, upstream, client, |sight| tap.saw(Way::Down, sight), station);
        match (up_done, down_done) {
            (Poll::Ready(Err(Reset)), _) | (_, Poll::Ready(Err(Reset))) => Poll::Ready(Outcome::Reset),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                let broken = up.stage == Stage::Broken || down.stage == Stage::Broken;
                Poll::Ready(if broken { Outcome::Reset } else { Outcome::Ended })
            }
            _ => Poll::Pending,
        }
    }
}

/// The sender of a direction reset the connection.
struct Reset;

/// What the tap is shown.
pub(super) enum Sight<'a> {
    Bytes(&'a [u8]),
    End,
    Reset,
}

impl Flow {
    /// Moves what can be moved now. Ready once this direction is over.
    fn carry(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        to: &mut Link,
        mut show: impl FnMut(Sight<'_>),
        station: &Station,
    ) -> Poll<Result<(), Reset>> {
        loop {
            match self.stage {
                Stage::Ended | Stage::Broken => return Poll::Ready(Ok(())),
                Stage::Running | Stage::Ending => {}
            }
            if ready!(self.send_kept(cx, to)).is_err() {
                self.stage = Stage::Broken;
                continue;
            }
            if self.stage == Stage::Ending {
                // An error here means that the receiver has gone by itself.
                let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                self.stage = Stage::Ended;
                continue;
            }
            let mut buffer = station.buffer.borrow_mut();
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut *from).poll_read(cx, &mut read)) {
                Err(_) => {
                    show(Sight::Reset);
                    return Poll::Ready(Err(Reset));
                }
                Ok(()) if read.filled().is_empty() => {
                    self.stage = Stage::Ending;
                    show(Sight::End);
                }
                Ok(()) => {
                    self.moved = true;
                    if self.forward(cx, to, read.filled()).is_err() {
                        self.stage = Stage::Broken;
                    }
                    show(Sight::Bytes(read.filled()));
                }
            }
        }
    }

    /// Writes at once what the receiver takes, and keeps the rest.
    fn forward(&mut self, cx: &mut Context<'_>, to: &mut Link, mut bytes: &[u8]) -> io::Result<()> {
        self.unflushed = true;
        while !bytes.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, bytes) {
                Poll::Ready(Ok(taken)) => bytes = &bytes[taken..],
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.kept.extend_from_slice(bytes);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn send_kept(&mut self, cx: &mut Context<'_>, to: &mut Link) -> Poll<io::Result<()>> {
        while self.sent < self.kept.len() {
            self.sent += ready!(Pin::new(&mut *to).poll_write(cx, &self.kept[self.sent..]))?;
            self.moved = true;
        }
        if self.sent > 0 {
            (self.kept, self.sent) = (Vec::new(), 0);
        }
        if self.unflushed {
            ready!(Pin::new(&mut *to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
