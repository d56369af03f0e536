//! Which edition of JSON Schema a document is written in, as far as that changes what it means.

/// An edition of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pack) enum Dialect {
    /// Draft 06 and 07: `items` may be a list, `$ref` stands alone, `dependencies`.
    Seven,
    /// 2019-09: `items` may be a list.
    Nineteen,
    /// 2020-12.
    Twenty,
}

impl Dialect {
    /// The edition a `$schema` names; `None` where it is not supported.
    pub(super) fn named(uri: &str) -> Option<Self> {
        let name = uri.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
        match name.strip_prefix("json-schema.org/")? {
            "draft-06/schema" | "draft-07/schema" => Some(Self::Seven),
            "draft/2019-09/schema" => Some(Self::Nineteen),
            "draft/2020-12/schema" => Some(Self::Twenty),
            _ => None,
        }
    }

    /// Whether `items` may be a list, and `additionalItems` says what comes behind it.
    pub(super) const fn lists_items(self) -> bool {
        matches!(self, Self::Seven | Self::Nineteen)
    }

    /// Whether what stands beside a `$ref` counts.
    pub(super) const fn reads_beside_ref(self) -> bool {
        !matches!(self, Self::Seven)
    }
}
