//! Everything known about one protocol: messages, rules, fields, parameters; loaded from named sources.

mod address;
mod rule_info;

pub use address::{AddressError, RuleCode, RuleSelector, is_pack_name};
pub use rule_info::{Authority, Impact, Level, RuleInfo};
