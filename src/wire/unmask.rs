//! Removes the mask of a client's payload (RFC 6455, section 5.3).

/// Removes the mask `key` from `payload`, whose first byte stands `offset` bytes after the start of its
/// frame's payload. Applying it twice gives back the input.
#[inline]
pub fn unmask(payload: &mut [u8], key: [u8; 4], offset: u64) {
    let [a, b, c, d] = u32::from_le_bytes(key).rotate_right((offset % 4) as u32 * 8).to_le_bytes();
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip([a, b, c, d].into_iter().cycle()) {
        *byte ^= key;
    }
}

/// The mask of a piece of payload, or none.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    key: Option<[u8; 4]>,
    offset: u64,
}

impl Mask {
    pub(super) const NONE: Self = Self { key: None, offset: 0 };

    /// The mask of what stands `offset` bytes after the start of its frame's payload.
    pub(super) fn at(key: Option<[u8; 4]>, offset: u64) -> Self {
        Self { key, offset }
    }

    /// Removes the mask in place.
    #[inline]
    pub(super) fn remove(self, bytes: &mut [u8]) {
        if let Some(key) = self.key {
            unmask(bytes, key, self.offset);
        }
    }

    /// `bytes` without the mask: themselves, or in `buffer`, whose content is replaced.
    #[inline]
    pub(super) fn plain<'a>(self, bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
        if self.key.is_none() {
            return bytes;
        }
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.remove(buffer);
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_goes_on_wherever_the_payload_was_cut() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..=99).collect();
        let masked: Vec<u8> = plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for cut in 0..=plain.len() {
            let mut bytes = masked.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            unmask(head, key, 0);
            unmask(tail, key, cut as u64);
            assert_eq!(bytes, plain);
        }
    }
}
