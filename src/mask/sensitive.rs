//! The type of a value that must not be shown: whoever prints it prints a placeholder.

use std::fmt;

/// A value whose `Debug` and `Display` are masked; [`Sensitive::expose`] is the one way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value that must not be shown.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[masked]")
    }
}

impl<T> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("[masked]")
    }
}

#[cfg(test)]
mod tests {
    use super::Sensitive;

    #[test]
    fn neither_debug_nor_display_shows_the_value() {
        let number = Sensitive::new("4111111111111111");
        assert_eq!(format!("{number:?} {number} {number:>10}"), "[masked] [masked]   [masked]");
        assert_eq!(*number.expose(), "4111111111111111");
    }
}
