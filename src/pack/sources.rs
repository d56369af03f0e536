//! Packs as named texts: paths below `specs/` and what stands there, from the binary or from a folder.
//!
//! Reading a folder is the command line's business; here a pack is a map, so that loading is a function.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The files of one or more packs: `bluechip-tsi/pack.toml` → its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    files: BTreeMap<String, Cow<'static, str>>,
}

impl Sources {
    /// The packs this program was built with.
    pub fn embedded() -> Self {
        const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/specs.rs"));
        Self { files: EMBEDDED.iter().map(|&(path, text)| (path.to_owned(), Cow::Borrowed(text))).collect() }
    }

    /// Adds a file, or replaces the one of that path. Separators in `path` are `/`.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.insert(path.into(), Cow::Owned(text.into()));
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(AsRef::as_ref)
    }

    /// Every file's path and text.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Cow<'static, str>)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text))
    }

    /// A file's path and text, with the life of the sources.
    pub(super) fn get(&self, path: &str) -> Option<(&str, &str)> {
        self.files.get_key_value(path).map(|(path, text)| (path.as_str(), text.as_ref()))
    }

    /// Names of the packs: the folders that hold a `pack.toml`.
    pub fn packs(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .filter_map(|path| path.strip_suffix("/pack.toml"))
            .filter(|name| !name.contains('/'))
    }

    /// Paths and texts of the files below `folder` with that extension, in the order of their paths.
    pub fn below<'a>(
        &'a self,
        folder: &'a str,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            rest.strip_suffix(extension)?.strip_suffix('.')?;
            Some((path.as_str(), text.as_ref()))
        })
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Sources {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let mut sources = Self::default();
        for (path, text) in files {
            sources.insert(path, text);
        }
        sources
    }
}
