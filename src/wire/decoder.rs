//! The tap's decoder: one direction of one connection, from bytes in any pieces to whole [`Item`]s.
//!
//! It is sans-I/O, never fails and never holds more than the limits allow. A whole, uncompressed message of
//! one frame is yielded from where it stands, everything else through [`Unfinished`]. It goes on after every
//! breach that leaves the frames countable, because the next message may still be evidence.

use super::close::CloseCode;
use super::content::Prefix;
use super::deflate::Inflater;
use super::unfinished::Unfinished;
use super::unmask::Mask;
use super::{
    DeflateParams, FrameHeader, Item, MessageLimits, Opcode, ProtocolError, ReservedBits, Scratch, Sender,
};

/// Decodes what one end of one connection sends after the opening handshake.
#[derive(Debug)]
pub struct Decoder {
    sender: Sender,
    limits: MessageLimits,
    inflater: Option<Inflater>,
    stage: Stage,
    message: Option<Unfinished>,
    close_sent: bool,
}

impl Decoder {
    /// A decoder for what `sender` sends; `deflate` is what the handshake agreed on, if it did.
    pub fn new(sender: Sender, deflate: Option<DeflateParams>, limits: MessageLimits) -> Self {
        let inflater = deflate.map(|params| Inflater::new(params.takes_context_over(sender)));
        let stage = Stage::Header(PartialHeader::default());
        Self { sender, limits, inflater, stage, message: None, close_sent: false }
    }

    /// Takes bytes as they came off the socket and gives `sink` every item they complete, in order.
    pub fn feed(&mut self, bytes: &[u8], scratch: &mut Scratch, sink: &mut impl FnMut(Item<'_>)) {
        let mut rest = bytes;
        loop {
            match &mut self.stage {
                Stage::Header(partial) => {
                    let Some((header, used)) = partial.read(rest) else { return };
                    rest = self.begin_frame(header, &rest[used..], scratch, sink);
                }
                Stage::Payload(frame) => {
                    let missing = frame.header.length - frame.got;
                    let here = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
                    let (payload, after) = rest.split_at(here);
                    let mask = Mask::at(frame.header.key, frame.got);
                    frame.got += here as u64;
                    match &mut frame.part {
                        Part::Control(kept) | Part::Skipped(kept, _) => {
                            kept.push(payload, mask, self.limits.undecodable);
                        }
                        Part::Message => {
                            if let Some(message) = &mut self.message {
                                let (inflater, limits) = (&mut self.inflater, &self.limits);
                                message.push(payload, mask, missing, inflater, limits, scratch);
                            }
                        }
                    }
                    if frame.got < frame.header.length {
                        return;
                    }
                    self.end_frame(scratch, sink);
                    rest = after;
                }
                Stage::Lost(kept) => return kept.push(rest, Mask::NONE, self.limits.undecodable),
            }
        }
    }

    /// The stream ended: yields what an unfinished frame or message held.
    pub fn finish(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        let stage = std::mem::replace(&mut self.stage, Stage::Header(PartialHeader::default()));
        if let Some(message) = self.message.take() {
            let why = match &stage {
                Stage::Payload(frame @ Frame { part: Part::Message, .. }) => frame.cut_short(),
                Stage::Header(_) | Stage::Payload(_) | Stage::Lost(_) => ProtocolError::EndedInMessage,
            };
            message.cut(why, &mut self.inflater, &self.limits, sink);
        }
        match &stage {
            Stage::Header(partial) => {
                if !partial.bytes().is_empty() {
                    let bytes = partial.bytes();
                    sink(undecodable(bytes, ProtocolError::EndedInHeader));
                }
            }
            Stage::Payload(frame) => match &frame.part {
                Part::Message => {}
                Part::Control(kept) => sink(kept.undecodable(frame.cut_short())),
                Part::Skipped(kept, why) => sink(kept.undecodable(*why)),
            },
            Stage::Lost(kept) => {
                if kept.size > 0 {
                    sink(kept.undecodable(ProtocolError::Unframed));
                }
            }
        }
    }

    /// Heap this decoder holds now, in bytes. Between two messages it is zero, but for the window of a
    /// compressed direction whose messages refer back to each other.
    pub fn heap_bytes(&self) -> usize {
        let stage = match &self.stage {
            Stage::Header(_) | Stage::Payload(Frame { part: Part::Message, .. }) => 0,
            Stage::Payload(Frame { part: Part::Control(kept) | Part::Skipped(kept, _), .. })
            | Stage::Lost(kept) => kept.kept.capacity(),
        };
        let message = self.message.as_ref().map_or(0, Unfinished::heap_bytes);
        stage + message + self.inflater.as_ref().map_or(0, Inflater::heap_bytes)
    }

    /// Takes a frame at once if all of it is here and nothing stands in the way, else enters its payload.
    /// Returns the bytes after what was taken.
    fn begin_frame<'b>(
        &mut self,
        header: FrameHeader,
        rest: &'b [u8],
        scratch: &mut Scratch,
        sink: &mut impl FnMut(Item<'_>),
    ) -> &'b [u8] {
        if header.length > MAX_LENGTH {
            sink(undecodable(&header.to_bytes(), ProtocolError::LengthTooLarge { length: header.length }));
            self.stage = Stage::Lost(Prefix::default());
            return rest;
        }
        let deflated = self.marks_compression(&header);
        self.report_faults(&header, deflated, sink);
        let keeps = match header.opcode {
            Opcode::Text | Opcode::Binary => header.fin && !deflated && self.message.is_none(),
            Opcode::Close | Opcode::Ping | Opcode::Pong => header.length <= self.limits.undecodable as u64,
            Opcode::Continuation | Opcode::Reserved(_) => false,
        };
        if keeps
            && let Ok(length) = usize::try_from(header.length)
            && length <= self.limits.kept
            && let Some((payload, after)) = rest.split_at_checked(length)
        {
            self.stage = Stage::Header(PartialHeader::default());
            let payload = Mask::at(header.key, 0).plain(payload, &mut scratch.unmasked);
            if header.opcode.is_control() {
                self.control(header.opcode, payload, sink);
            } else {
                let text = header.opcode == Opcode::Text;
                sink(Item::Message { text, payload, frames: &[], deflated: false });
            }
            return after;
        }
        let part = self.part(&header, deflated, scratch, sink);
        self.stage = Stage::Payload(Frame { header, got: 0, part });
        rest
    }

    /// Where the payload of a frame belongs. Begins a message, and ends one that was interrupted.
    fn part(
        &mut self,
        header: &FrameHeader,
        deflated: bool,
        scratch: &mut Scratch,
        sink: &mut impl FnMut(Item<'_>),
    ) -> Part {
        match header.opcode {
            Opcode::Text | Opcode::Binary => {
                if let Some(interrupted) = self.message.take() {
                    let why = ProtocolError::MessageInterrupted(header.opcode);
                    interrupted.cut(why, &mut self.inflater, &self.limits, sink);
                }
                let text = header.opcode == Opcode::Text;
                self.message = Some(match &mut self.inflater {
                    Some(inflater) if deflated => Unfinished::deflated(text, inflater, scratch),
                    Some(_) | None => Unfinished::plain(text, header.length, scratch),
                });
                Part::Message
            }
            Opcode::Continuation if self.message.is_some() => Part::Message,
            Opcode::Continuation => Part::Skipped(Prefix::default(), ProtocolError::NothingToContinue),
            Opcode::Reserved(bits) => Part::Skipped(Prefix::default(), ProtocolError::ReservedOpcode(bits)),
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                if header.length > self.limits.undecodable as u64 {
                    Part::Skipped(Prefix::default(), control_too_long(header))
                } else {
                    Part::Control(Prefix::default())
                }
            }
        }
    }

    /// The payload of the current frame is complete.
    fn end_frame(&mut self, scratch: &mut Scratch, sink: &mut impl FnMut(Item<'_>)) {
        let stage = std::mem::replace(&mut self.stage, Stage::Header(PartialHeader::default()));
        let Stage::Payload(Frame { header, part, .. }) = stage else { return };
        match part {
            Part::Control(payload) => self.control(header.opcode, &payload.kept, sink),
            Part::Skipped(kept, why) => sink(kept.undecodable(why)),
            Part::Message if header.fin => {
                if let Some(message) = self.message.take() {
                    message.finish(header.length, &mut self.inflater, &self.limits, scratch, sink);
                }
            }
            Part::Message => {
                if let Some(message) = &mut self.message {
                    message.end_frame(header.length, &self.limits);
                }
            }
        }
    }

    /// A whole control frame.
    fn control(&mut self, opcode: Opcode, payload: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        match opcode {
            Opcode::Ping => sink(Item::Ping(payload)),
            Opcode::Pong => sink(Item::Pong(payload)),
            Opcode::Close => {
                self.close_sent = true;
                close(payload, sink);
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary | Opcode::Reserved(_) => {}
        }
    }

    /// Whether this frame begins a compressed message (RFC 7692, section 6).
    fn marks_compression(&self, header: &FrameHeader) -> bool {
        self.inflater.is_some()
            && matches!(header.opcode, Opcode::Text | Opcode::Binary)
            && header.reserved.contains(ReservedBits::RSV1)
    }

    /// Yields what is wrong with a header, as far as the frame can be read all the same.
    #[inline]
    fn report_faults(&self, header: &FrameHeader, deflated: bool, sink: &mut impl FnMut(Item<'_>)) {
        let mut report = |why| sink(undecodable(&header.to_bytes(), why));
        match (self.sender, header.key) {
            (Sender::Client, None) => report(ProtocolError::MissingMask),
            (Sender::Server, Some(_)) => report(ProtocolError::UnexpectedMask),
            (Sender::Client, Some(_)) | (Sender::Server, None) => {}
        }
        let meaningful = if deflated { ReservedBits::RSV1 } else { ReservedBits::default() };
        let meaningless = header.reserved.without(meaningful);
        if !meaningless.is_empty() {
            report(ProtocolError::ReservedBitsSet(meaningless));
        }
        if !header.length_is_minimal() {
            report(ProtocolError::LengthNotMinimal { length: header.length });
        }
        if header.opcode.is_control() {
            if !header.fin {
                report(ProtocolError::FragmentedControl(header.opcode));
            }
            if header.length > MAX_CONTROL_LENGTH && header.length <= self.limits.undecodable as u64 {
                report(control_too_long(header));
            }
        } else if self.close_sent {
            report(ProtocolError::DataAfterClose(header.opcode));
        }
    }
}

/// Where in the stream the decoder stands.
#[derive(Debug)]
enum Stage {
    /// Before or in the header of a frame.
    Header(PartialHeader),
    /// In the payload of a frame.
    Payload(Frame),
    /// After a header that leaves no way of telling where the next one is.
    Lost(Prefix),
}

/// A frame whose payload is on its way.
#[derive(Debug)]
struct Frame {
    header: FrameHeader,
    /// Payload bytes that have come.
    got: u64,
    part: Part,
}

impl Frame {
    fn cut_short(&self) -> ProtocolError {
        ProtocolError::EndedInFrame {
            opcode: self.header.opcode,
            missing: self.header.length.saturating_sub(self.got),
        }
    }
}

/// What the payload of a frame is part of.
#[derive(Debug)]
enum Part {
    /// The message under way.
    Message,
    /// A control frame that was cut by the end of a read.
    Control(Prefix),
    /// Nothing that can be read, for this reason.
    Skipped(Prefix, ProtocolError),
}

/// The bytes of a header that was cut by the end of a read.
#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; FrameHeader::MAX_SIZE],
    len: u8,
}

impl PartialHeader {
    /// Reads the header that goes on in `more`; says how many bytes of `more` it took. Keeps them all where
    /// the header is not complete.
    #[inline]
    fn read(&mut self, more: &[u8]) -> Option<(FrameHeader, usize)> {
        if self.len == 0
            && let Some(header) = FrameHeader::parse(more)
        {
            return Some((header, header.size));
        }
        let before = usize::from(self.len);
        let fits = more.len().min(FrameHeader::MAX_SIZE - before);
        self.bytes[before..before + fits].copy_from_slice(&more[..fits]);
        self.len += fits as u8;
        let header = FrameHeader::parse(self.bytes())?;
        Some((header, header.size - before))
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Prefix {
    fn undecodable(&self, why: ProtocolError) -> Item<'_> {
        Item::Undecodable { bytes: &self.kept, size: self.size, why }
    }
}

fn undecodable(bytes: &[u8], why: ProtocolError) -> Item<'_> {
    Item::Undecodable { bytes, size: bytes.len() as u64, why }
}

fn control_too_long(header: &FrameHeader) -> ProtocolError {
    ProtocolError::ControlTooLong { opcode: header.opcode, length: header.length }
}

/// Yields a close frame, after what is wrong with its body (RFC 6455, section 5.5.1).
fn close(body: &[u8], sink: &mut impl FnMut(Item<'_>)) {
    let Some((code, reason)) = body.split_first_chunk() else {
        if !body.is_empty() {
            sink(undecodable(body, ProtocolError::CloseCodeCut));
        }
        return sink(Item::Close { code: None, reason: &[] });
    };
    let code = CloseCode(u16::from_be_bytes(*code));
    if !code.is_sendable() {
        sink(undecodable(body, ProtocolError::CloseCodeNotSendable(code)));
    }
    if let Err(error) = std::str::from_utf8(reason) {
        sink(undecodable(body, ProtocolError::CloseReasonNotUtf8 { at: error.valid_up_to() }));
    }
    sink(Item::Close { code: Some(code.0), reason });
}

/// The largest length RFC 6455 allows (section 5.2): the highest of 64 bits is zero.
const MAX_LENGTH: u64 = u64::MAX >> 1;

/// The largest payload of a control frame (RFC 6455, section 5.5).
const MAX_CONTROL_LENGTH: u64 = 125;
