//! What is wrong with a pack, shown where it stands: file, line, column, the line itself and a next step.

use std::fmt;
use std::ops::Range;

/// One mistake in a file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PackError {
    /// Path of the file below the specifications.
    pub file: String,
    /// Line, counted from 1; 0 where the mistake is the whole file's.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong: expected before got.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
    excerpt: String,
    width: usize,
}

/// Every mistake found in a pack, in the order of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct PackErrors(pub Vec<PackError>);

impl PackError {
    /// A mistake of a whole file, or of what is not there.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            message: message.into(),
            help: None,
            excerpt: String::new(),
            width: 0,
        }
    }

    /// A mistake at a byte range of the file's text.
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = floor(text, span.end).clamp(start, line_end);
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            excerpt: text[line_start..line_end].trim_end().to_owned(),
            width: text[start..end].chars().count().max(1),
            ..Self::of_file(file, message)
        }
    }

    /// What the TOML parser says of a text that starts at byte `offset` of the file's; a misspelt key gets a
    /// suggestion.
    pub fn of_toml(file: &str, text: &str, offset: usize, error: &toml::de::Error) -> Self {
        // Of a table with one key for what it is there are two, one of them misspelt.
        let message = match error.message() {
            told if told.starts_with("wanted exactly 1 element") => SEVERAL,
            told => told,
        };
        let span = error.span().unwrap_or(0..0);
        let span = span.start + offset..span.end + offset;
        let built =
            Self::at(file, text, span, message.replace('\n', "; ").replace("unknown field", "unknown key"));
        let mut quoted = message.split('`').skip(1).step_by(2);
        let unknown = message.starts_with("unknown").then(|| quoted.next()).flatten();
        match unknown.and_then(|word| suggestion(word, quoted)) {
            Some(help) => built.help(help),
            None => built,
        }
    }

    /// The line it stands in, and how many characters of it are wrong from the column on.
    pub fn excerpt(&self) -> Option<(&str, usize)> {
        (self.line > 0).then_some((self.excerpt.as_str(), self.width))
    }

    /// Adds the next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if self.line > 0 {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let before: String = self
                .excerpt
                .chars()
                .take(self.column - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            write!(f, "\n{gutter} |\n{number} | {}", self.excerpt)?;
            write!(f, "\n{gutter} | {before}{}", "^".repeat(self.width))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PackErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl From<PackError> for PackErrors {
    fn from(error: PackError) -> Self {
        Self(vec![error])
    }
}

const SEVERAL: &str = "expected one pattern, got tables of several: `[pattern.NAME]` and all that begin with it name \
                       one of `shape`, `never`, `unique`, `respond`, `precede`, `order`, `agree`, `limit`";

/// "did you mean `x`?", where one of the known words is near enough.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|&(likeness, _)| likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!("did you mean `{}`?", near.1))
}

fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
