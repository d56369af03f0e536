//! The sheet that texts for people are written on: styled pieces, wrapped at words, with hanging indents.
//!
//! Whatever a peer sent is made printable here, so that a message can neither move the cursor nor
//! reverse the reading order of a terminal.

use std::ops::Range;

use anstyle::{AnsiColor, Style};

use super::{Colour, Glyphs, Look, printable};

/// What a piece of text is; how that looks is decided in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    /// Names and headings.
    Strong,
    /// Side remarks.
    Faint,
    Good,
    Bad,
    Unsure,
    /// The offending part of a message.
    Marked,
}

impl Ink {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => colour(AnsiColor::Green).bold(),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Unsure => colour(AnsiColor::Yellow).bold(),
            Self::Marked => colour(AnsiColor::Red).bold().underline(),
        }
    }
}

/// A piece of a line.
pub(super) type Piece = (Ink, String);

/// A line in the making: words of one ink stand together.
struct Line {
    indent: usize,
    column: usize,
    pieces: Vec<Piece>,
    has_words: bool,
}

impl Line {
    fn new(indent: usize) -> Self {
        Self { indent, column: indent, pieces: Vec::new(), has_words: false }
    }

    fn push(&mut self, ink: Ink, text: &str) {
        self.column += text.chars().count();
        match self.pieces.last_mut() {
            Some((last, line)) if *last == ink => line.push_str(text),
            Some(_) | None => self.pieces.push((ink, text.to_owned())),
        }
    }
}

pub(super) struct Sheet {
    out: String,
    look: Look,
}

impl Sheet {
    pub(super) fn new(look: Look) -> Self {
        Self { out: String::new(), look: Look { width: look.width.clamp(60, 140), ..look } }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn look(&self) -> Look {
        self.look
    }

    /// The first of these where Unicode may be drawn, else the second.
    pub(super) fn glyph(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.look.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    /// An empty line, but never two of them.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A paragraph: wrapped at spaces; lines after the first start at column `hang`.
    pub(super) fn flow(&mut self, indent: usize, hang: usize, pieces: &[Piece]) {
        let mut line = Line::new(indent);
        for (ink, text) in pieces {
            let text = printable(text, self.look.glyphs);
            for (index, word) in text.split(' ').enumerate() {
                if index > 0 && line.has_words && line.column + 1 + word.chars().count() > self.look.width {
                    self.end(std::mem::replace(&mut line, Line::new(hang)));
                } else if index > 0 {
                    line.push(*ink, " ");
                }
                line.push(*ink, word);
                line.has_words |= !word.is_empty();
            }
        }
        self.end(line);
    }

    fn end(&mut self, line: Line) {
        let mut pieces = line.pieces;
        while let Some((_, text)) = pieces.last_mut() {
            text.truncate(text.trim_end().len());
            if !text.is_empty() {
                break;
            }
            pieces.pop();
        }
        if !pieces.is_empty() {
            self.pad(line.indent);
        }
        for (ink, text) in &pieces {
            self.paint(*ink, text);
        }
        self.out.push('\n');
    }

    /// A line as it is, however long: what people copy.
    pub(super) fn verbatim(&mut self, indent: usize, ink: Ink, text: &str) {
        if !text.trim().is_empty() {
            self.pad(indent);
            let text = printable(text.trim_end(), self.look.glyphs);
            self.paint(ink, &text);
        }
        self.out.push('\n');
    }

    /// A quotation on one line, cut to the width around its marked part, with carets below that part.
    pub(super) fn quote(&mut self, indent: usize, text: &str, marked: Option<Range<usize>>) {
        let text = text.trim_end();
        let marked = marked.filter(|range| text.get(range.clone()).is_some_and(|part| !part.is_empty()));
        let range = marked.unwrap_or(0..0);
        let mut before = printable(&text[..range.start], self.look.glyphs);
        let mut part = printable(&text[range.clone()], self.look.glyphs);
        let mut after = printable(&text[range.end..], self.look.glyphs);
        let dots = self.glyph("…", "...");
        let room = self.look.width.saturating_sub(indent);
        let total = |parts: [&str; 3]| parts.iter().map(|part| part.chars().count()).sum::<usize>();
        if total([&before, &part, &after]) > room {
            let dot = dots.chars().count();
            part = cut_end(&part, room.saturating_sub(HEAD + 2 * dot), dots);
            // What follows the mark keeps a little room, what leads up to it gets the rest.
            let tail = after.chars().count().min(TAIL);
            before = cut_middle(&before, room.saturating_sub(part.chars().count() + tail), dots);
            after = cut_end(&after, room.saturating_sub(total([&before, &part, ""])), dots);
        }
        self.pad(indent);
        self.paint(Ink::Plain, &before);
        self.paint(Ink::Marked, &part);
        self.paint(Ink::Plain, &after);
        self.out.push('\n');
        if !part.is_empty() {
            self.pad(indent + before.chars().count());
            let carets = "^".repeat(part.chars().count());
            self.paint(Ink::Bad, &carets);
            self.out.push('\n');
        }
    }

    fn pad(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn paint(&mut self, ink: Ink, text: &str) {
        let text = &text.replace('\u{a0}', " ");
        if text.is_empty() || ink == Ink::Plain || self.look.colour == Colour::Never {
            self.out.push_str(text);
            return;
        }
        let style = ink.style();
        self.out.push_str(&format!("{style}{text}{style:#}"));
    }
}

fn cut_end(text: &str, room: usize, dots: &str) -> String {
    if text.chars().count() <= room {
        return text.into();
    }
    let keep = room.saturating_sub(dots.chars().count());
    text.chars().take(keep).chain(dots.chars()).collect()
}

/// Keeps the beginning, which tells what message it is, and what stands right before the end.
fn cut_middle(text: &str, room: usize, dots: &str) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.into();
    }
    let keep = room.saturating_sub(dots.chars().count());
    let head = keep.min(HEAD);
    let tail = length - (keep - head);
    text.chars().take(head).chain(dots.chars()).chain(text.chars().skip(tail)).collect()
}

/// Columns of a quotation's beginning that are kept where its middle is cut.
const HEAD: usize = 24;

/// Columns kept after its marked part.
const TAIL: usize = 16;
