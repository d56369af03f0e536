//! Reads a cassette compressed with zstd (RFC 8878) while it is decompressed: any number of frames.
//!
//! A compressed file that ends in the middle gives what could be decompressed and then ends, as a
//! recording that was cut does.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompresses what it reads from `R`.
pub(super) struct Zst<R> {
    source: BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> Zst<R> {
    /// What a compressed file starts with.
    pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

    /// Reads `start`, already taken from the source, and then the rest of it.
    pub(super) fn new(start: Vec<u8>, source: R) -> Self {
        let source = Counted { source: Cursor::new(start).chain(source), bytes: 0 };
        let source = BufReader::with_capacity(64 << 10, source);
        Self { source, decoder: FrameDecoder::new(), in_frame: false }
    }

    /// How many bytes were taken from the source.
    pub(super) fn bytes_read(&self) -> u64 {
        self.source.get_ref().bytes
    }

    /// Goes to the next frame; `false` at the end of the source.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.source).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) if is_cut(&error) => return Ok(false),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for Zst<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                match self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
                    Ok(_) => {}
                    Err(error) if is_cut(&error) => return Ok(0),
                    Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
                }
            }
            let taken = self.decoder.read(space)?;
            if taken > 0 || space.is_empty() {
                return Ok(taken);
            }
            self.in_frame = !self.decoder.is_finished();
        }
    }
}

/// Counts what goes through it.
struct Counted<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let taken = self.source.read(space)?;
        self.bytes += taken as u64;
        Ok(taken)
    }
}

/// Whether the decoder failed because the source ended.
fn is_cut(error: &FrameDecoderError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::UnexpectedEof;
        }
        cause = error.source();
    }
    false
}
