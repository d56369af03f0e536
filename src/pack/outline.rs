//! Messages by their outline: the text of a message without its strings and numbers, learnt from messages before.
//!
//! A protocol has few outlines, and its messages come in one of them again and again. What stands between two
//! values is then compared as a whole, keys, brackets and white space together; only the values themselves are
//! read. A text of an outline that is not known, or that is no JSON, is scanned by the [`Trie`]: what is
//! noted of a message is the same on either way.
//!
//! Values may be known as well, and are then compared with what stands around them: words that the pack's tests
//! name, and in a narrow outline whatever was the same in many messages of a wider one. A narrow outline
//! that does not fit leaves the text to the wider ones.

use super::extract::{Extract, NONE};
use super::habit::{Habit, Settled};
use super::lesson::{self, Learnt, Lesson, Value};
use super::model::Pack;
use super::notes::Notes;
use super::trie::Trie;
use crate::text::json::{JsonError, Kind};
use crate::text::scan;

/// The outlines known so far, as a tree: messages that begin alike share what they begin with.
#[derive(Debug)]
pub(crate) struct Outlines {
    steps: Vec<Step>,
    /// The first of the steps that may begin a message.
    first: u32,
    /// What stands between values, one after the other.
    between: Vec<u8>,
    /// By step: what is known of the messages it ends.
    ends: Vec<Option<Box<End>>>,
    /// Bytes of what is noted of all of them.
    noted: usize,
    /// How many of them are watched.
    watched: usize,
}

/// An outline, by the step that ends it.
#[derive(Debug)]
struct End {
    /// `None` while it is lent.
    notes: Option<Box<Notes>>,
    /// What its messages have in common besides.
    habit: Option<Box<Habit>>,
}

/// From behind one value to the next, and over that.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// What stands before the value, up to the quote of a string and with it: how long it is, and where it is in
    /// `between`.
    length: u32,
    start: u32,
    /// Its first bytes, and which bits of them count.
    head: [u64; HEAD / 8],
    mask: [u64; HEAD / 8],
    value: Value,
    /// Whether no wide outline has it.
    narrow: bool,
    /// Where in the trie the value is, if a schema has more to say of it than its type.
    node: u32,
    /// The first of the steps that may follow.
    next: u32,
    /// Another step instead of this one; the longer ones come first.
    other: u32,
}

/// Which outlines a text is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// All of them.
    Any,
    /// Those in which no value is known but words of the pack.
    Wide,
}

/// Bytes of what stands between two values that are compared at once.
const HEAD: usize = 32;

/// Steps that are learnt at most.
const MOST_STEPS: usize = 8_192;

/// Steps that may follow one, or begin a message: they are tried one after the other.
const MOST_OTHERS: usize = 128;

/// Bytes of a message that is learnt.
const LONGEST: usize = 16 << 10;

/// Bytes between values that are kept at most, of all outlines.
const MOST_BYTES: usize = 1 << 20;

/// Bytes of what is noted of messages of all outlines.
const MOST_NOTED: usize = 4 << 20;

/// Outlines whose messages are watched at the same time, each of which keeps one.
const MOST_WATCHED: usize = 256;

impl Default for Outlines {
    fn default() -> Self {
        Self { steps: Vec::new(), first: NONE, between: Vec::new(), ends: Vec::new(), noted: 0, watched: 0 }
    }
}

impl Outlines {
    /// As [`Trie::scan`]. Always of the same pack, and with the same extract.
    pub(crate) fn scan(&mut self, pack: &Pack, text: &str, out: &mut Extract) -> Result<(), JsonError> {
        let trie = &pack.trie;
        let known = self.follow(trie, text, out, Width::Any);
        if let Some(end) = known.or_else(|| self.follow(trie, text, out, Width::Wide))
            && self.lend(end, out)
        {
            // What a schema complains of has to be read each time.
            if self.habit(end).is_some_and(|habit| habit.is_some()) && out.doubts == trie.grafted.left_out() {
                self.watch(end, pack, text);
            }
            return Ok(());
        }
        trie.scan(text, out)?;
        if text.len() <= LONGEST && out.duplicate().is_none() && out.doubts == trie.grafted.left_out() {
            let lesson = lesson::take(trie, text, |scalar| pack.profiler.names(&scalar));
            let end = lesson.and_then(|lesson| self.learn(pack, &lesson, text, Width::Wide));
            if let Some(end) = end.filter(|_| self.watched < MOST_WATCHED)
                && let Some(habit @ None) = self.habit(end)
            {
                *habit = Some(Box::default());
                self.watched += 1;
            }
        }
        Ok(())
    }

    /// Lends what is noted of messages of an outline, and takes back what was lent before; `false` where it is
    /// not there.
    #[inline]
    fn lend(&mut self, end: u32, out: &mut Extract) -> bool {
        if out.lent.as_ref().is_none_or(|(of, _)| *of != end) {
            let Some(notes) = self.notes(end).and_then(Option::take) else { return false };
            if let Some((of, before)) = out.lent.replace((end, notes))
                && let Some(place) = self.notes(of)
            {
                *place = Some(before);
            }
        }
        out.outline = Some(end);
        true
    }

    #[inline]
    fn notes(&mut self, end: u32) -> Option<&mut Option<Box<Notes>>> {
        let end = self.ends.get_mut(end as usize)?.as_mut()?;
        Some(&mut end.notes)
    }

    /// What messages of an outline have in common.
    #[inline]
    fn habit(&mut self, end: u32) -> Option<&mut Option<Box<Habit>>> {
        let end = self.ends.get_mut(end as usize)?.as_mut()?;
        Some(&mut end.habit)
    }

    /// Watches what messages of an outline have in common, and learns a narrow one where that is sure enough.
    #[cold]
    fn watch(&mut self, end: u32, pack: &Pack, text: &str) {
        let Some(mut watched) = self.habit(end).and_then(Option::take) else { return };
        let goes_on = match watched.see(&pack.trie, text) {
            Settled::NotYet => true,
            Settled::Nothing => false,
            Settled::Same(same) => {
                let is_known = |scalar: lesson::Scalar<'_>| same.get(scalar.index).is_some_and(|&same| same);
                let lesson = lesson::take(&pack.trie, text, is_known);
                let narrow = lesson.and_then(|lesson| self.learn(pack, &lesson, text, Width::Any));
                narrow.is_some_and(|narrow| narrow != end) && watched.begin_anew()
            }
        };
        match self.habit(end).filter(|_| goes_on) {
            Some(habit) => *habit = Some(watched),
            None => self.watched -= 1,
        }
    }

    /// Reads a text of an outline that is known; gives the step that ends it, or `None` where it is of none.
    fn follow(&self, trie: &Trie, text: &str, out: &mut Extract, width: Width) -> Option<u32> {
        out.clear(trie.len());
        out.doubts = trie.grafted.left_out();
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut next = self.first;
        let mut count = 0_u8;
        loop {
            let step = self.steps.get(next as usize)?;
            if !step.begins(&self.between, bytes, at) || step.narrow && width == Width::Wide {
                next = step.other;
                continue;
            }
            out.starts.0[usize::from(count)] = at as u32;
            count = count.wrapping_add(1);
            let start = at + step.length as usize;
            let (from, kind) = match step.value {
                Value::String => {
                    at = scan::string(bytes, start).ok()?.at + 1;
                    (start - 1, Kind::String)
                }
                Value::Number => {
                    at = scan::number(bytes, start).ok()?;
                    (start, Kind::Number)
                }
                Value::End => return Some(next),
            };
            if step.node != NONE {
                trie.see_at(step.node, text, kind, (from, at), out);
            }
            next = step.next;
        }
    }

    /// Learns the outline of a message; gives the step that ends it, where there is room for all of it.
    #[cold]
    fn learn(&mut self, pack: &Pack, lesson: &Lesson, text: &str, width: Width) -> Option<u32> {
        let Lesson { steps, places } = lesson;
        let is_full =
            self.steps.len() >= MOST_STEPS || self.between.len() >= MOST_BYTES || self.noted >= MOST_NOTED;
        if is_full {
            return None;
        }
        let is_narrow = width == Width::Any;
        let mut before: Option<usize> = None;
        for learnt in steps {
            let first = before.map_or(self.first, |before| self.steps[before].next);
            let index = match self.known(first, learnt, text) {
                Some(known) => known,
                None if self.others(first).count() >= MOST_OTHERS => return None,
                None => self.add(before, learnt, text),
            };
            self.steps[index].narrow &= is_narrow;
            before = Some(index);
        }
        let end = before?;
        self.ends.resize_with(self.steps.len(), || None);
        if self.ends[end].is_none() {
            let notes = Notes::new(places, pack.trie.len(), |slot| pack.profiler.asks(slot));
            self.noted += notes.size();
            self.ends[end] = Some(Box::new(End { notes: Some(Box::new(notes)), habit: None }));
        }
        Some(end as u32)
    }

    /// The step among these siblings that is the one learnt.
    fn known(&self, first: u32, learnt: &Learnt, text: &str) -> Option<usize> {
        let between = &text.as_bytes()[learnt.start..learnt.end];
        self.others(first).find(|&index| {
            let step = &self.steps[index];
            step.text(&self.between) == between && step.value == learnt.value
        })
    }

    /// This step and those that are tried after it.
    fn others(&self, first: u32) -> impl Iterator<Item = usize> {
        let there = |index: u32| Some(index as usize).filter(|&index| index < self.steps.len());
        std::iter::successors(there(first), move |&index| there(self.steps[index].other))
    }

    /// Adds what was learnt behind a step, or as another beginning; narrow, until a wide outline has it too.
    fn add(&mut self, before: Option<usize>, learnt: &Learnt, text: &str) -> usize {
        let index = self.steps.len();
        let start = self.between.len() as u32;
        let between = &text.as_bytes()[learnt.start..learnt.end];
        self.between.extend(between);
        let (mut head, mut mask) = ([0; HEAD], [0; HEAD]);
        let count = between.len().min(HEAD);
        head[..count].copy_from_slice(&between[..count]);
        mask[..count].fill(u8::MAX);
        let length = between.len() as u32;
        let first = before.map_or(self.first, |before| self.steps[before].next);
        // What says more is tried before what says less.
        let longer = self.others(first).take_while(|&other| self.steps[other].length > length).last();
        let place = match (longer, before) {
            (Some(longer), _) => &mut self.steps[longer].other,
            (None, Some(before)) => &mut self.steps[before].next,
            (None, None) => &mut self.first,
        };
        let other = std::mem::replace(place, index as u32);
        self.steps.push(Step {
            start,
            length,
            head: words(&head),
            mask: words(&mask),
            value: learnt.value,
            narrow: true,
            node: learnt.node,
            next: NONE,
            other,
        });
        index
    }
}

impl Step {
    /// Whether what stands before the value stands in `bytes` at `at`, and such a value may follow.
    #[inline(always)]
    fn begins(&self, between: &[u8], bytes: &[u8], at: usize) -> bool {
        let length = self.length as usize;
        let Some(rest) = bytes.get(at..) else { return false };
        match rest.first_chunk::<HEAD>() {
            Some(head) => {
                let head = words(head);
                let differs = |index: usize| (head[index] ^ self.head[index]) & self.mask[index];
                if differs(0) | differs(1) | differs(2) | differs(3) != 0 {
                    return false;
                }
                if length > HEAD && !self.goes_on(between, rest) {
                    return false;
                }
            }
            None if !rest.starts_with(self.text(between)) => return false,
            None => {}
        }
        match self.value {
            Value::String => true,
            Value::Number => matches!(rest.get(length), Some(b'-' | b'0'..=b'9')),
            Value::End => length == rest.len(),
        }
    }

    #[inline(never)]
    fn goes_on(&self, between: &[u8], rest: &[u8]) -> bool {
        rest.starts_with(self.text(between))
    }

    /// What stands before the value.
    fn text<'b>(&self, between: &'b [u8]) -> &'b [u8] {
        &between[self.start as usize..][..self.length as usize]
    }
}

#[inline(always)]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |index: usize| u64::from_le_bytes(words[index]);
    [word(0), word(1), word(2), word(3)]
}

#[cfg(test)]
mod tests {
    use super::super::extract::{Found, Slot};
    use super::super::notes::Starts;
    use super::super::{Sources, load};
    use super::*;

    const TEXTS: [&str; 9] = [
        r#"{"request":{"flow_id":"a1","resource":{"type":"sale","amount":1250,"tender_type":"credit"}}}"#,
        r#"{"response":{"flow_id":"a1","resource":{"status":"started"}}}"#,
        r#"{"event":{"flow_id":"a1","resource":{"status":"completed","results":[{"type":"sale","status":"approved","total_amount":"1250","reference_no":"7","card":{"account_no":"************1117"}}]}}}"#,
        r#"{"event":{"flow_id":"a1","resource":{"status":"completed","results":[{"type":"sale"},{"type":"void","x":[1,[true],null]}]}}}"#,
        "{ \"event_ack\" : {\n\t\"flow_id\":\"a1\", \"resource\":{\"status\":\"ok\"} } } ",
        r#"{"request":{"flow_id":-1.5e3,"resource":{"type":"sa\u006ce","amount":null,"amount2":false,"x":{},"y":[]}}}"#,
        r#"{"flow_id":"a1","flow_id":"a2","\u0061":1}"#,
        r#"[{"a":1},"request",true,0]"#,
        r#""started""#,
    ];

    fn values(extract: &Extract) -> Vec<Found> {
        (0..extract.count() as u32).filter_map(|index| extract.noted(index)).collect()
    }

    /// Scans with and without outlines; both note the same, or find the same fault.
    fn compare(pack: &Pack, (outlines, learnt): (&mut Outlines, &mut Extract), text: &str) {
        let mut plain = Extract::default();
        let scanned = pack.trie.scan(text, &mut plain);
        assert_eq!(outlines.scan(pack, text, learnt), scanned, "{text}");
        if scanned.is_ok() {
            assert_eq!(values(learnt), values(&plain), "{text}");
            for slot in (0..pack.trie.len() as u16).map(Slot) {
                assert_eq!(learnt.first(slot), plain.first(slot), "{text}");
            }
            assert_eq!((learnt.doubts, learnt.duplicate()), (plain.doubts, plain.duplicate()), "{text}");
        }
    }

    #[test]
    fn what_is_noted_is_the_same_whether_an_outline_is_known_or_not() {
        for pack in ["bluechip-tsi", "gochip"] {
            let pack = load(&Sources::embedded(), pack).unwrap();
            let (mut outlines, mut out, mut followed) = (Outlines::default(), Extract::default(), 0);
            let mut state = 0x9e37_79b9_7f4a_7c15_u64;
            let mut random = |below: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as usize % below
            };
            for round in 0..30_000 {
                let mut bytes = TEXTS[random(TEXTS.len())].as_bytes().to_vec();
                for _ in 0..round % 4 {
                    let at = random(bytes.len().max(2) - 1);
                    match random(4) {
                        0 => bytes[at] = br#"{}[]",:\ 0tn-"#[random(13)],
                        1 if bytes.len() > 2 => drop(bytes.remove(at)),
                        2 => bytes.insert(at, bytes[random(bytes.len())]),
                        _ => bytes.truncate(at.max(1)),
                    }
                }
                if let Ok(text) = str::from_utf8(&bytes) {
                    compare(&pack, (&mut outlines, &mut out), text);
                    followed += usize::from(out.outline.is_some());
                }
            }
            assert!(outlines.steps.len() > 100 && followed > 5_000);
        }
    }

    fn is_known(outlines: &Outlines, pack: &Pack, text: &str, width: Width) -> bool {
        outlines.follow(&pack.trie, text, &mut Extract::default(), width).is_some()
    }

    #[test]
    fn a_known_outline_is_followed_and_another_is_not() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        for text in &TEXTS[..5] {
            assert!(!is_known(&outlines, &pack, text, Width::Any), "{text}");
            outlines.scan(&pack, text, &mut out).unwrap();
            assert!(is_known(&outlines, &pack, text, Width::Wide), "{text}");
            assert!(is_known(&outlines, &pack, &text.replace("a1", "another"), Width::Wide), "{text}");
            assert!(!is_known(&outlines, &pack, &text[..text.len() - 1], Width::Wide), "{text}");
            assert!(!is_known(&outlines, &pack, &format!("{text},"), Width::Wide), "{text}");
        }
        // A word that tests name is a part of it.
        let other = TEXTS[1].replace("started", "busy");
        assert!(!is_known(&outlines, &pack, &other, Width::Any), "{other}");
        // A key that stands there twice, or a value of a type that the schema does not allow, is never learnt.
        let steps = outlines.steps.len();
        outlines.scan(&pack, TEXTS[6], &mut out).unwrap();
        assert_eq!(outlines.steps.len(), steps);
    }

    #[test]
    fn what_many_messages_have_in_common_becomes_a_narrow_outline_beside_the_wide_one() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        let text = |number: usize, clerk: &str, tail: &str| {
            format!(
                r#"{{"request":{{"flow_id":"f{number}","resource":{{"type":"sale","amount":{number},"clerk_id":"{clerk}","invoice_no":"A-{number}"{tail}}}}}}}"#
            )
        };
        let mut ends = |number, clerk, tail| {
            let text = text(number, clerk, tail);
            let mut plain = Extract::default();
            outlines.scan(&pack, &text, &mut out).unwrap();
            pack.trie.scan(&text, &mut plain).unwrap();
            assert_eq!(values(&out), values(&plain), "{text}");
            out.outline
        };
        assert_eq!(ends(0, "7", ""), None, "the first one is learnt");
        let wide = ends(1, "7", "");
        for number in 2..17 {
            assert_eq!(ends(number, "7", ""), wide, "{number}");
        }
        let narrow = ends(17, "7", "");
        assert_ne!(narrow, wide);
        assert_eq!(ends(1_000, "7", ""), narrow);
        assert_eq!(ends(18, "8", ""), wide, "what is another after all is read as before");
        // Where the narrow one leads nowhere in the end, the wide ones are still tried.
        assert_eq!(ends(19, "8", r#","tip_amount":1"#), None);
        let longer = ends(20, "8", r#","tip_amount":2"#);
        assert!(longer.is_some());
        assert_eq!(ends(21, "7", r#","tip_amount":3"#), longer);
        // Another habit of the same outline takes twice as many messages.
        for number in 0..31 {
            assert_eq!(ends(number, "8", ""), wide, "{number}");
        }
        let other = ends(31, "8", "");
        assert!(other != wide && other != narrow);
        assert_eq!(ends(32, "7", ""), narrow);
    }

    #[test]
    fn what_a_schema_complains_of_is_never_taken_for_known() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        let text = |brand: &str| {
            format!(
                r#"{{"request":{{"flow_id":"f","resource":{{"type":"sale","token_card_brand_value":"{brand}"}}}}}}"#
            )
        };
        outlines.scan(&pack, &text("1"), &mut out).unwrap();
        assert_eq!(out.doubts, pack.trie.grafted.left_out());
        for _ in 0..100 {
            outlines.scan(&pack, &text("99"), &mut out).unwrap();
            assert!(out.outline.is_some());
            assert_ne!(out.doubts, pack.trie.grafted.left_out(), "there are 14 brands");
        }
    }

    #[test]
    fn what_is_learnt_is_bounded() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        for number in 0..20_000 {
            outlines.scan(&pack, &format!("{{\"x{number}\":1}}"), &mut out).unwrap();
        }
        // Whoever sends ever other messages makes no message cost more than these few looks.
        assert_eq!(outlines.others(outlines.first).count(), MOST_OTHERS);
        let mut outlines = Outlines::default();
        for number in 0..20_000 {
            let (a, b, c) = (number % 50, number / 50 % 50, number / 2_500);
            outlines.scan(&pack, &format!("[1,{{\"a{a}\":1,\"b{b}\":1,\"c{c}\":1}}]"), &mut out).unwrap();
        }
        assert!((MOST_STEPS..MOST_STEPS + Starts::MOST).contains(&outlines.steps.len()));
        let many = format!("[{}]", vec!["1"; 1_000].join(","));
        outlines.scan(&pack, &many, &mut out).unwrap();
        let mut outlines = Outlines::default();
        for number in 0..300 {
            let (spaces, a) = (" ".repeat(8 << 10), number % 50);
            let text = format!("{{\"a{a}\":1,{spaces}\"y{number}\":1}}");
            outlines.scan(&pack, &text, &mut out).unwrap();
        }
        assert!((MOST_BYTES..MOST_BYTES + LONGEST).contains(&outlines.between.len()));
    }
}
