//! Everything known about one protocol: messages, rules, fields, parameters; loaded from named sources.
//!
//! `format` and `page` are the files as written, `model` and `pattern` what they mean, `resolve` the way
//! from one to the other. `extract` and `test` look at messages. Whether a rule was kept is `rule`'s to say.

mod address;
mod asyncapi;
mod chain;
mod complaint;
mod document;
mod error;
mod exposed;
mod extract;
mod format;
mod graft;
mod habit;
mod lens;
mod lesson;
mod loader;
mod lookalike;
mod model;
mod money;
mod names;
mod notes;
mod outline;
mod page;
mod pattern;
mod picture;
mod profile;
mod resolve;
mod rule_info;
mod schema;
mod sensitive;
mod sources;
mod template;
mod test;
mod trie;
mod value;
mod view;
mod waivable;

pub use address::{AddressError, RuleCode, RuleSelector, is_pack_name};
pub use asyncapi::asyncapi;
pub use error::{PackError, PackErrors, suggestion};
pub use exposed::Exposed;
pub use extract::{Extract, Found, Slot};
pub use format::SelectorDef;
pub use graft::CheckId;
pub use lens::{Lens, LensId, LensSet};
pub use loader::{load, load_through, load_with};
pub use model::{
    Carrier, CarrierSet, Document, Endpoint, EndpointId, GroupScope, Grouping, GroupingId, KeyAt, KeyOwner,
    Kind, KindId, KindSet, Outcome, Pack, Role, Rule, SiteParameter,
};
pub use money::{Charge, Ended, Meaning, Money, MoneyReader, MoneyReading, Moved, Recovery, Reversal, Told};
pub(crate) use outline::Outlines;
pub use page::{Exchange, Expected, Page};
pub use pattern::{
    Agree, Condition, Judges, Learned, Limit, Never, Order, Pattern, Precede, Relation, Respond, Scope,
    Selector, Shape, Span, State, Step, Times, Transition, Unique, Window,
};
pub use picture::{Picture, PictureError};
pub use profile::{Profile, Profiler};
pub use rule_info::{Authority, Impact, Level, RuleInfo};
pub use schema::{Breach, Schema};
pub use sources::Sources;
pub use template::{Fill, Source, Template, TemplateError};
pub use test::{Body, Test};
pub use trie::Trie;
pub use value::{Format, JsonType, Literal, ValueTest};
pub use view::{MaskedSet, View};

pub(crate) use value::list;
