//! Everything known about one protocol: messages, rules, fields, parameters; loaded from named sources.
