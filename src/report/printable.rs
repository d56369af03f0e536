//! Text from outside made safe to print: it can neither move a cursor nor reverse the reading order.

use super::Glyphs;

/// `text` without anything that steers a terminal; in ASCII, without anything beyond it. Spaces that do
/// not break stay: they become plain ones when they are written.
pub fn printable(text: &str, glyphs: Glyphs) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if steers || (glyphs == Glyphs::Ascii && !c.is_ascii() && c != '\u{a0}') {
            out.extend(match (glyphs, c) {
                (Glyphs::Ascii, 'µ') => 'u'.escape_default(),
                _ => c.escape_default(),
            });
        } else {
            out.push(c);
        }
    }
    out
}
