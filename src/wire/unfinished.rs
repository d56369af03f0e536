//! A message that is under way: begun by a text or binary frame, complete with the frame that has FIN.

use super::content::{Content, Prefix};
use super::deflate::Inflater;
use super::unmask::Mask;
use super::{Item, MessageLimits, ProtocolError, Scratch};

/// A message of which the last frame is not complete.
#[derive(Debug)]
pub(super) struct Unfinished {
    text: bool,
    /// Payload sizes of the frames that are complete.
    frames: Vec<u64>,
    content: Content,
    deflated: Option<Deflated>,
}

/// What is kept of a compressed message besides its content.
#[derive(Debug, Default)]
struct Deflated {
    /// Its first bytes before inflation, in case they turn out to be no DEFLATE data.
    wire: Prefix,
    broken: Option<ProtocolError>,
}

impl Unfinished {
    /// A message that is not compressed, with a first frame of `length` bytes.
    pub(super) fn plain(text: bool, length: u64, scratch: &mut Scratch) -> Self {
        Self { text, frames: Vec::new(), content: Content::Kept(scratch.take_buffer(length)), deflated: None }
    }

    /// A compressed message.
    pub(super) fn deflated(text: bool, inflater: &mut Inflater, scratch: &mut Scratch) -> Self {
        let broken = inflater.begin(&mut scratch.inflater).err();
        let deflated = Some(Deflated { wire: Prefix::default(), broken });
        Self { text, frames: Vec::new(), content: Content::Kept(Vec::new()), deflated }
    }

    /// Adds payload of the current frame, of which `expected` bytes are still to come, these included.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mask: Mask,
        expected: u64,
        inflater: &mut Option<Inflater>,
        limits: &MessageLimits,
        scratch: &mut Scratch,
    ) {
        let Some(Deflated { wire, broken }) = &mut self.deflated else {
            return self.content.push(bytes, mask, expected, limits, &mut scratch.unmasked);
        };
        let plain = mask.plain(bytes, &mut scratch.unmasked);
        wire.push(plain, Mask::NONE, limits.undecodable);
        if let (None, Some(inflater)) = (&broken, inflater) {
            let out = &mut keep(&mut self.content, limits);
            if let Err(why) = inflater.push(plain, limits.inflated, &mut scratch.inflated, out) {
                inflater.give_up();
                *broken = Some(why);
            }
        }
    }

    /// A frame of `length` bytes is complete, and more are to come.
    pub(super) fn end_frame(&mut self, length: u64, limits: &MessageLimits) {
        if self.frames.len() < limits.frames {
            self.frames.push(length);
        } else {
            self.content.stop_keeping(limits);
        }
    }

    /// The last frame, of `length` bytes, is complete.
    pub(super) fn finish(
        mut self,
        length: u64,
        inflater: &mut Option<Inflater>,
        limits: &MessageLimits,
        scratch: &mut Scratch,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        if !self.frames.is_empty() {
            self.end_frame(length, limits);
        }
        if let (Some(Deflated { broken: broken @ None, .. }), Some(inflater)) = (&mut self.deflated, inflater)
        {
            let out = &mut keep(&mut self.content, limits);
            let Scratch { inflated, inflater: spare, .. } = scratch;
            if let Err(why) = inflater.end(limits.inflated, inflated, spare, out) {
                inflater.give_up();
                *broken = Some(why);
            }
        }
        if let Some(Deflated { wire, broken: Some(why) }) = &self.deflated {
            return sink(Item::Undecodable { bytes: &wire.kept, size: wire.size, why: *why });
        }
        let Self { text, frames, content, deflated } = self;
        let deflated = deflated.is_some();
        match content {
            Content::Kept(payload) => {
                sink(Item::Message { text, payload: &payload, frames: &frames, deflated });
                scratch.give_back(payload);
            }
            Content::Hashed(hashed) => {
                let (size, sha256) = hashed.finish();
                sink(Item::Oversized { text, size, sha256, frames: &frames, deflated });
            }
        }
    }

    /// The message will never be complete.
    pub(super) fn cut(
        self,
        why: ProtocolError,
        inflater: &mut Option<Inflater>,
        limits: &MessageLimits,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        let (bytes, size) = match &self.deflated {
            Some(Deflated { wire, .. }) => (&wire.kept[..], wire.size),
            None => self.content.first(limits),
        };
        sink(Item::Undecodable { bytes, size, why });
        if let (Some(_), Some(inflater)) = (&self.deflated, inflater) {
            inflater.give_up();
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let wire = self.deflated.as_ref().map_or(0, |deflated| deflated.wire.kept.capacity());
        self.frames.capacity() * size_of::<u64>() + self.content.heap_bytes() + wire
    }
}

/// Adds inflated bytes to `content`.
fn keep(content: &mut Content, limits: &MessageLimits) -> impl FnMut(&[u8]) {
    move |bytes| content.push(bytes, Mask::NONE, bytes.len() as u64, limits, &mut Vec::new())
}
