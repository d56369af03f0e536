//! What a pack wants masked besides card data, as the masker takes it.

use super::Pack;
use crate::mask::{MaskedKind, Policy};
use crate::text::Pointer;

impl Pack {
    /// The policy by which recordings of this protocol are masked: the standard, and what the pack calls
    /// sensitive, by name or by place.
    pub fn masking(&self) -> Policy {
        self.sensitive.iter().fold(Policy::standard(), |policy, place| match place.parse::<Pointer>() {
            Ok(pointer) if !pointer.is_root() => policy.with_pointer(pointer, MaskedKind::Sensitive),
            Ok(_) | Err(_) => policy.with_field(place, MaskedKind::Sensitive),
        })
    }
}
