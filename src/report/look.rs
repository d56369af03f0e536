//! How a text is drawn: width, colour, characters. Decided by whoever knows the screen, given as a value.

/// How a text is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns to fill; lines that can be broken are.
    pub width: usize,
    /// Whether to write colour codes.
    pub colour: Colour,
    /// Which characters to draw with.
    pub glyphs: Glyphs,
}

impl Look {
    /// For files and pipes: 100 columns, no colours, all of Unicode. The same on every machine.
    pub const PLAIN: Self = Self { width: 100, colour: Colour::Never, glyphs: Glyphs::Unicode };
}

/// Whether to write colour codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI escape codes.
    Always,
}

/// Which characters to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks, arrows and ellipses.
    Unicode,
    /// ASCII only; what peers sent is escaped where it is not.
    Ascii,
}
