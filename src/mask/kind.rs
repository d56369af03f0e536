//! What a masked value was: the closed list of words a cassette uses for it.

/// What a masked value was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaskedKind {
    /// A primary account number (PAN).
    CardNumber,
    /// Magnetic-stripe track data.
    TrackData,
    /// A card verification value (CVV2, CVC2, CID).
    VerificationValue,
    /// A PIN block.
    PinBlock,
    /// A credential: authorisation header, token, API key.
    Secret,
    /// A field the pack calls sensitive.
    Sensitive,
}

impl MaskedKind {
    /// Whether it is data of a card, rather than a credential or what a pack calls sensitive.
    pub const fn is_card_data(self) -> bool {
        match self {
            Self::CardNumber | Self::TrackData | Self::VerificationValue | Self::PinBlock => true,
            Self::Secret | Self::Sensitive => false,
        }
    }

    /// Every kind, in the order of the format's page.
    pub const ALL: [Self; 6] = [
        Self::CardNumber,
        Self::TrackData,
        Self::VerificationValue,
        Self::PinBlock,
        Self::Secret,
        Self::Sensitive,
    ];

    /// The word in the cassette: `card-number`, `track-data`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardNumber => "card-number",
            Self::TrackData => "track-data",
            Self::VerificationValue => "verification-value",
            Self::PinBlock => "pin-block",
            Self::Secret => "secret",
            Self::Sensitive => "sensitive",
        }
    }

    /// What people call one: "a card number".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::CardNumber => "a card number",
            Self::TrackData => "track data",
            Self::VerificationValue => "a card verification value",
            Self::PinBlock => "a PIN block",
            Self::Secret => "a secret",
            Self::Sensitive => "a sensitive value",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
